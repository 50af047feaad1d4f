//! Keys: what is made comes back, admits its holder, and every change is noticed by other processes.

use gateway::keys::KeySource;
use govern::{
    directory::Owner,
    key::{Denied, Env, KeyRule, Minted, Origin, Parsed, Pepper},
};
use store::{NewKey, Store};

use super::{START, author};

pub fn pepper() -> Pepper {
    Pepper::new(&[7; 32])
}

pub fn key(name: &str) -> NewKey {
    NewKey {
        env: Env::Live,
        name: name.into(),
        owner: Owner::default(),
        models: vec!["*".into()],
        expires_at: None,
        parallel: None,
        created_at: START,
    }
}

async fn create(store: &Store) -> Minted {
    store.create_key(&author(), &pepper(), &key("a")).await.unwrap()
}

async fn rule(store: &Store, id: &str) -> KeyRule {
    store.key(id).await.unwrap().unwrap().rule
}

/// Whether the store would let the holder of this key in.
async fn admits(store: &Store, minted: &Minted, now: i64) -> Result<(), Denied> {
    let shown = Parsed::parse(minted.text.expose()).unwrap();
    rule(store, shown.id).await.admits(&pepper(), &shown, now)
}

pub async fn a_key_comes_back_as_it_was(store: &Store, another: &Store) {
    let full = NewKey {
        env: Env::Test,
        owner: Owner { user: Some("ada".into()), project: Some("x".into()), ..Owner::default() },
        models: vec!["chat".into(), "openai/*".into()],
        expires_at: Some(START + 10),
        parallel: Some(u32::MAX),
        created_at: START + 1,
        ..key("Zoë's \"key\" <b>")
    };
    let minted = store.create_key(&author(), &pepper(), &full).await.unwrap();
    create(store).await;
    let keys = another.keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| &key.rule.name).collect::<Vec<_>>(), ["a", &full.name], "by time of creation");
    assert_eq!((keys[1].created_at, keys[1].env), (START + 1, Env::Test));
    assert_eq!(
        keys[1].rule,
        KeyRule {
            hash: minted.hash(&pepper()),
            id: minted.id.clone(),
            name: full.name,
            owner: full.owner,
            principal: Default::default(),
            previous: None,
            models: full.models,
            access: Default::default(),
            bounds: Default::default(),
            expires_at: full.expires_at,
            disabled: false,
            parallel: full.parallel,
            origin: Origin::Store,
        }
    );
    assert!(minted.text.expose().starts_with("tg_test_"));
    assert_eq!(admits(another, &minted, START).await, Ok(()));
    assert_eq!(admits(another, &minted, START + 10).await, Err(Denied::Expired));
}

pub async fn a_rotated_key_keeps_its_old_secret_for_a_while(store: &Store, another: &Store) {
    let first = create(store).await;
    let second = store.rotate_key(&author(), &pepper(), &first.id.0, START + 5).await.unwrap().unwrap();
    assert_eq!(second.id, first.id);
    assert_eq!(admits(another, &second, START).await, Ok(()));
    assert_eq!(admits(another, &first, START + 4).await, Ok(()));
    assert_eq!(admits(another, &first, START + 5).await, Err(Denied::WrongSecret));
    let third = store.rotate_key(&author(), &pepper(), &first.id.0, START + 9).await.unwrap().unwrap();
    assert_eq!(admits(another, &third, START).await, Ok(()));
    assert_eq!(admits(another, &second, START + 8).await, Ok(()));
    assert_eq!(admits(another, &first, START).await, Err(Denied::WrongSecret), "one overlap at a time");
    assert!(store.rotate_key(&author(), &pepper(), "none", START).await.unwrap().is_none());
}

pub async fn a_disabled_key_can_be_enabled(store: &Store, another: &Store) {
    let minted = create(store).await;
    assert!(store.disable_key(&author(), &minted.id.0, true).await.unwrap());
    assert_eq!(admits(another, &minted, START).await, Err(Denied::Disabled));
    assert!(store.disable_key(&author(), &minted.id.0, false).await.unwrap());
    assert_eq!(admits(another, &minted, START).await, Ok(()));
    assert!(!store.disable_key(&author(), "none", true).await.unwrap());
}

pub async fn a_deleted_key_is_gone(store: &Store, another: &Store) {
    let id = create(store).await.id.0;
    assert!(store.delete_key(&author(), &id).await.unwrap());
    assert!(another.key(&id).await.unwrap().is_none());
    assert!(!store.delete_key(&author(), &id).await.unwrap());
}

pub async fn no_secret_is_kept(store: &Store, another: &Store) {
    let minted = create(store).await;
    let shown = Parsed::parse(minted.text.expose()).unwrap();
    let secret = minted.text.expose().split('_').nth(3).unwrap();
    assert_eq!(secret.len(), 43);
    let kept = format!("{:?} {}", another.key(shown.id).await.unwrap().unwrap(), rule(store, shown.id).await.hash);
    assert!(!kept.contains(secret));
    store.close().await;
    for file in std::fs::read_dir(another.dir()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()));
    }
}

pub async fn a_change_is_seen_by_other_handles(store: &Store, another: &Store) {
    let mut seen = another.version().await.unwrap();
    let id = create(store).await.id.0;
    for change in ["create", "rotate", "disable", "delete"] {
        match change {
            "rotate" => store.rotate_key(&author(), &pepper(), &id, START).await.map(drop).unwrap(),
            "disable" => store.disable_key(&author(), &id, true).await.map(drop).unwrap(),
            "delete" => store.delete_key(&author(), &id).await.map(drop).unwrap(),
            _ => {}
        }
        let now = another.version().await.unwrap();
        assert!(now > seen, "{change}");
        seen = now;
    }
    store.keep(&[super::record(1)]).await.unwrap();
    assert_eq!(another.version().await.unwrap(), seen, "records are no change of keys");
}

pub async fn finds_for_the_request_path(store: &Store, another: &Store) {
    let id = create(store).await.id.0;
    assert_eq!(*another.find(&id).await.unwrap().unwrap(), rule(store, &id).await);
    assert!(another.find("none").await.unwrap().is_none());
    assert!(another.find("' OR 1=1--").await.unwrap().is_none());
}

pub async fn a_closed_store_is_down_not_empty(store: &Store, another: &Store) {
    let id = create(store).await.id.0;
    another.close().await;
    assert!(another.find(&id).await.is_err());
    assert!(another.version().await.is_err());
}
