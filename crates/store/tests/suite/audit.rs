//! The audit log: whatever changes leaves one entry, in one chain, whoever writes it.

use govern::{
    audit::{Author, Deed, Verifier},
    key::Env,
};
use serde_json::json;
use store::{AuditFilter, NewKey, Store};

use super::{START, author, keys};

/// The chain as it is verified.
async fn verified(store: &Store) -> i64 {
    let mut verifier = Verifier::new(vec![]);
    let mut after = 0;
    while let Some(lines) = store.audit_lines(after).await.unwrap() {
        verifier.take(&lines.text).unwrap();
        after = lines.next;
    }
    let (count, head) = store.audit_head().await.unwrap();
    let verified = verifier.finish(Some(count)).unwrap();
    assert_eq!((verified.entries, &verified.head), (count, &head));
    assert_eq!(store.audit_party_fault().await.unwrap(), None);
    verified.entries
}

async fn actions(store: &Store, filter: &AuditFilter) -> Vec<String> {
    let entries = store.audit(filter, None, 100).await.unwrap();
    entries.into_iter().map(|shown| shown.entry.action).collect()
}

pub async fn every_change_of_a_key_leaves_an_entry(store: &Store, another: &Store) {
    let new = NewKey { env: Env::Live, ..keys::key("a") };
    let id = store.create_key(&author(), &keys::pepper(), &new).await.unwrap().id.0;
    store.disable_key(&author(), &id, true).await.unwrap();
    another.disable_key(&author(), &id, false).await.unwrap();
    store.rotate_key(&author(), &keys::pepper(), &id, START).await.unwrap();
    another.delete_key(&author(), &id).await.unwrap();
    assert_eq!(
        actions(store, &AuditFilter::default()).await,
        ["keys.delete", "keys.rotate", "keys.enable", "keys.disable", "keys.create"]
    );
    let entries = store.audit_after(&AuditFilter::default(), 0, 100).await.unwrap();
    for (shown, fields) in entries.iter().zip(["", "disabled", "disabled", "hash,previous", ""]) {
        assert_eq!((shown.actor(), shown.target()), ("cli:tester", format!("key/{id}")));
        assert_eq!((shown.entry.at, shown.entry.fields.as_str()), (START, fields));
    }
    for pair in entries.windows(2) {
        assert_eq!(pair[0].entry.after_hash, pair[1].entry.before_hash, "each begins where the one before ended");
    }
    assert_eq!((entries[0].entry.before_hash.as_str(), entries[4].entry.after_hash.as_str()), ("", ""));
    assert_eq!(verified(another).await, 5);
}

pub async fn what_changes_nothing_leaves_none(store: &Store, another: &Store) {
    assert!(!store.disable_key(&author(), "none", true).await.unwrap());
    assert!(!store.delete_key(&author(), "none").await.unwrap());
    assert!(store.rotate_key(&author(), &keys::pepper(), "none", START).await.unwrap().is_none());
    assert!(!store.erase_party(&author(), "user:nobody").await.unwrap());
    assert_eq!(verified(another).await, 0);
}

pub async fn appenders_share_one_chain(store: &Store, another: &Store) {
    let append = async |store: &Store, name: &str| {
        for _ in 0..25 {
            let author = Author::new(format!("user:{name}"), START);
            store.note(&author, &Deed::new("requests.content.view", "request", "1")).await.unwrap();
        }
    };
    tokio::join!(append(store, "a"), append(another, "b"), append(store, "a"), append(another, "c"));
    assert_eq!(verified(store).await, 100);
    let of = |name: &str| AuditFilter { actor: Some(format!("user:{name}")), ..AuditFilter::default() };
    assert_eq!(store.audit(&of("a"), None, 1_000).await.unwrap().len(), 50);
}

pub async fn entries_are_found_by_what_they_say(store: &Store, _: &Store) {
    for (at, tenant, action, kind, id) in [
        (1, "acme", "keys.create", "key", "1"),
        (2, "acme", "users.disable", "user", "bob"),
        (3, "other", "keys.create", "key", "2"),
        (4, "other", "keysmith.create", "keysmith", "_"),
    ] {
        let author = Author { tenant: tenant.into(), ..Author::new("user:alice", at) };
        store.note(&author, &Deed::new(action, kind, id)).await.unwrap();
    }
    let found = async |filter: AuditFilter| {
        let entries = store.audit(&filter, None, 100).await.unwrap();
        entries.iter().map(|shown| shown.entry.seq).collect::<Vec<_>>()
    };
    let any = AuditFilter::default;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(AuditFilter { tenant: text("acme"), ..any() }).await, [2, 1]);
    assert_eq!(found(AuditFilter { action: text("keys."), ..any() }).await, [3, 1]);
    assert_eq!(found(AuditFilter { action: text("keys.create"), ..any() }).await, [3, 1]);
    assert_eq!(found(AuditFilter { action: text("%"), ..any() }).await, [0; 0]);
    assert_eq!(found(AuditFilter { target: text("user/bob"), ..any() }).await, [2]);
    assert_eq!(found(AuditFilter { target: text("user/carol"), ..any() }).await, [0; 0]);
    assert_eq!(found(AuditFilter { actor: text("user:alice' OR 1=1--"), ..any() }).await, [0; 0]);
    assert_eq!(found(AuditFilter { since: Some(2), until: Some(4), ..any() }).await, [3, 2]);
    assert_eq!(store.audit(&any(), Some(3), 1).await.unwrap()[0].entry.seq, 2);
}

pub async fn a_person_is_erased_and_the_chain_holds(store: &Store, another: &Store) {
    let ip = "192.0.2.99".parse().unwrap();
    let alice = Author { ip: Some(ip), ..Author::new("user:alice-wonderland", START) };
    let state = |email: &str| json!({ "email": email });
    let to_alice = Deed::new("users.create", "user", "alice-wonderland").after(state("alice@example.com"));
    store.note(&author(), &to_alice).await.unwrap();
    store.note(&alice, &Deed::new("keys.create", "key", "1")).await.unwrap();
    let shown = another.audit(&AuditFilter::default(), None, 10).await.unwrap();
    assert_eq!((shown[0].actor(), shown[0].ip()), ("user:alice-wonderland", Some(ip)));
    assert_eq!(shown[1].target(), "user/alice-wonderland");
    let lines = String::from_utf8(another.audit_lines(0).await.unwrap().unwrap().text).unwrap();
    assert!(!lines.contains("alice") && !lines.contains("192.0.2"), "the chain holds no name: {lines}");

    assert!(store.erase_party(&author(), "user:alice-wonderland").await.unwrap());
    assert_eq!(verified(another).await, 3);
    let shown = another.audit(&AuditFilter::default(), None, 10).await.unwrap();
    assert_eq!((shown[1].actor(), shown[1].ip()), ("(erased)", None));
    let all: String = shown.iter().map(|shown| shown.json(true).to_string()).collect();
    assert!(!all.contains("wonderland") && !all.contains("192.0.2"), "{all}");
    assert_eq!(shown[0].entry.action, "users.erase");

    // Somebody of that name who comes later is somebody else.
    store.note(&alice, &Deed::new("keys.create", "key", "2")).await.unwrap();
    let shown = another.audit(&AuditFilter::default(), None, 10).await.unwrap();
    assert_eq!((shown[0].actor(), shown[2].actor()), ("user:alice-wonderland", "(erased)"));
    assert_eq!(verified(another).await, 4);
}

pub async fn a_deed_without_a_change_is_noted(store: &Store, another: &Store) {
    let deeds = [Deed::new("records.content.view", "request", "1"), Deed::new("audit.export", "audit", "all")];
    store.note_all(&author(), &deeds).await.unwrap();
    assert_eq!(actions(another, &AuditFilter::default()).await, ["audit.export", "records.content.view"]);
    assert_eq!(verified(another).await, 2);
}
