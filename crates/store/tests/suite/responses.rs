//! Answers that a later question goes on from: found by their owner alone, by every handle, and forgotten when asked.

use gateway::responses::{KeptResponse, KeptTurn, ResponseStore, Seals};
use store::Store;

use super::START;

fn kept(id: &str, previous: Option<&str>, turn: Option<&str>) -> KeptResponse {
    KeptResponse {
        id: id.into(),
        owner: "key_a".into(),
        account: "openai".into(),
        target: "openai/gpt-5".into(),
        previous: previous.map(str::to_owned),
        turn: turn.map(|text| KeptTurn { input: format!("[\"{text}\"]"), response: format!("{{\"id\":\"{id}\"}}") }),
        created_at: START,
    }
}

pub async fn an_answer_is_found_by_its_owner_alone(store: &Store, another: &Store) {
    let whole = kept("resp_1", None, Some("' OR 1=1 -- \u{1F984}"));
    store.keep_response(&whole).await.unwrap();
    assert_eq!(another.find("key_a", "resp_1").await.unwrap(), Some(whole.clone()));
    assert_eq!(another.find("key_b", "resp_1").await.unwrap(), None);
    assert_eq!(another.chain("key_b", "resp_1").await.unwrap(), []);
    assert!(!another.forget("key_b", "resp_1").await.unwrap());
    assert!(another.forget("key_a", "resp_1").await.unwrap());
    assert_eq!(store.find("key_a", "resp_1").await.unwrap(), None);
}

pub async fn a_chain_comes_oldest_first(store: &Store, another: &Store) {
    let turns = [
        kept("resp_1", None, Some("one")),
        kept("resp_2", Some("resp_1"), Some("two")),
        kept("resp_3", Some("resp_2"), Some("three")),
        kept("resp_other", Some("resp_1"), Some("branch")),
        kept("resp_native", None, None),
    ];
    for turn in &turns {
        store.keep_response(turn).await.unwrap();
    }
    assert_eq!(another.chain("key_a", "resp_3").await.unwrap(), turns[..3]);
    assert_eq!(another.chain("key_a", "resp_native").await.unwrap(), turns[4..]);
    // A turn that was deleted is missing, and the one behind it says so.
    store.forget("key_a", "resp_1").await.unwrap();
    assert_eq!(another.chain("key_a", "resp_3").await.unwrap(), turns[1..3]);
    // One that goes round ends all the same.
    store.keep_response(&kept("resp_loop", Some("resp_loop"), Some("x"))).await.unwrap();
    assert!(!another.chain("key_a", "resp_loop").await.unwrap().is_empty());
}

pub async fn seals_lead_to_the_account_that_made_them(store: &Store, another: &Store) {
    let digests = vec!["d1".to_owned(), "d2".to_owned()];
    let seals = Seals { owner: "key_a".into(), account: "openai-2".into(), digests, created_at: START };
    store.note_seals(&seals).await.unwrap();
    store.note_seals(&seals).await.unwrap();
    assert_eq!(another.sealed_by("key_a", "d2").await.unwrap().as_deref(), Some("openai-2"));
    assert_eq!(another.sealed_by("key_b", "d2").await.unwrap(), None);
    assert_eq!(another.sealed_by("key_a", "d3").await.unwrap(), None);
}

pub async fn old_answers_are_forgotten(store: &Store, another: &Store) {
    let young = KeptResponse { created_at: START + 10, ..kept("resp_2", None, Some("b")) };
    store.keep_response(&kept("resp_1", None, Some("a"))).await.unwrap();
    store.keep_response(&young).await.unwrap();
    let seals = Seals { owner: "key_a".into(), account: "openai".into(), digests: vec!["d".into()], created_at: START };
    store.note_seals(&seals).await.unwrap();
    assert_eq!(store.forget_responses_before(START + 5).await.unwrap(), 2);
    assert_eq!(another.find("key_a", "resp_1").await.unwrap(), None);
    assert_eq!(another.find("key_a", "resp_2").await.unwrap(), Some(young));
}
