//! Keys: what is made comes back, and every change is noticed by other processes.

use gateway::keys::KeySource;
use govern::key::{Env, KeyHash, KeyId, KeyRule, Origin};
use store::{NewKey, Store};

use super::START;

fn key(id: &str) -> NewKey {
    NewKey {
        id: KeyId(id.into()),
        env: Env::Live,
        name: format!("key {id}"),
        hash: KeyHash([1; 32]),
        models: vec!["*".into()],
        expires_at: None,
        parallel: None,
        created_at: START,
    }
}

async fn rule(store: &Store, id: &str) -> KeyRule {
    store.key(id).await.unwrap().unwrap().rule
}

pub async fn a_key_comes_back_as_it_was(store: &Store, another: &Store) {
    let full = NewKey {
        env: Env::Test,
        name: "Zoë's \"key\" <b>".into(),
        models: vec!["chat".into(), "openai/*".into()],
        expires_at: Some(START + 1),
        parallel: Some(u32::MAX),
        created_at: START + 1,
        ..key("b")
    };
    store.create_key(&full).await.unwrap();
    store.create_key(&key("a")).await.unwrap();
    let keys = another.keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.rule.id.0.as_str()).collect::<Vec<_>>(), ["a", "b"], "by time of creation");
    assert_eq!((keys[1].created_at, keys[1].env), (START + 1, Env::Test));
    assert_eq!(
        keys[1].rule,
        KeyRule {
            id: full.id,
            name: full.name,
            hash: full.hash,
            previous: None,
            models: full.models,
            expires_at: full.expires_at,
            disabled: false,
            parallel: full.parallel,
            origin: Origin::Store,
        }
    );
}

pub async fn an_id_is_taken_once(store: &Store, another: &Store) {
    store.create_key(&key("a")).await.unwrap();
    let before = another.version().await.unwrap();
    let error = another.create_key(&NewKey { name: "usurper".into(), ..key("a") }).await.unwrap_err();
    assert!(matches!(error, store::Error::KeyExists(id) if id == "a"));
    assert_eq!(rule(store, "a").await.name, "key a");
    assert_eq!(store.version().await.unwrap(), before, "nothing changed");
}

pub async fn a_rotated_key_keeps_its_old_hash_for_a_while(store: &Store, another: &Store) {
    store.create_key(&key("a")).await.unwrap();
    assert!(store.rotate_key("a", KeyHash([2; 32]), START + 5).await.unwrap());
    let rotated = rule(another, "a").await;
    assert_eq!((rotated.hash, rotated.previous), (KeyHash([2; 32]), Some((KeyHash([1; 32]), START + 5))));
    assert!(store.rotate_key("a", KeyHash([3; 32]), START + 9).await.unwrap());
    assert_eq!(rule(another, "a").await.previous, Some((KeyHash([2; 32]), START + 9)));
    assert!(!store.rotate_key("b", KeyHash([2; 32]), START).await.unwrap());
}

pub async fn a_disabled_key_can_be_enabled(store: &Store, another: &Store) {
    store.create_key(&key("a")).await.unwrap();
    assert!(store.disable_key("a", true).await.unwrap());
    assert!(rule(another, "a").await.disabled);
    assert!(store.disable_key("a", false).await.unwrap());
    assert!(!rule(another, "a").await.disabled);
    assert!(!store.disable_key("b", true).await.unwrap());
}

pub async fn a_deleted_key_is_gone(store: &Store, another: &Store) {
    store.create_key(&key("a")).await.unwrap();
    assert!(store.delete_key("a").await.unwrap());
    assert!(another.key("a").await.unwrap().is_none());
    assert!(!store.delete_key("a").await.unwrap());
}

pub async fn a_change_is_seen_by_other_handles(store: &Store, another: &Store) {
    let mut seen = another.version().await.unwrap();
    store.create_key(&key("a")).await.unwrap();
    for change in ["create", "rotate", "disable", "delete"] {
        match change {
            "rotate" => store.rotate_key("a", KeyHash([2; 32]), START).await.map(drop).unwrap(),
            "disable" => store.disable_key("a", true).await.map(drop).unwrap(),
            "delete" => store.delete_key("a").await.map(drop).unwrap(),
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
    store.create_key(&key("a")).await.unwrap();
    assert_eq!(*another.find("a").await.unwrap().unwrap(), rule(store, "a").await);
    assert!(another.find("b").await.unwrap().is_none());
    assert!(another.find("' OR 1=1--").await.unwrap().is_none());
}

pub async fn a_closed_store_is_down_not_empty(store: &Store, another: &Store) {
    store.create_key(&key("a")).await.unwrap();
    another.close().await;
    assert!(another.find("a").await.is_err());
    assert!(another.version().await.is_err());
}
