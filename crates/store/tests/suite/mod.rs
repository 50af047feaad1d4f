//! What every database must do, written once. A database's own test file names its fixture: `store_suite!(Fixture)`.

pub mod audit;
pub mod keys;
pub mod prices;
pub mod requests;
pub mod responses;
pub mod spend;
pub mod tree;

use gateway::observe::{Attempt, Lane, Outcome, Record};
use govern::{Money, Principal, audit::Author};
use llm::usage::Usage;
use uuid::Uuid;

/// One test per function of the suite. The fixture has `new()` (`None`: the database is
/// not installed here), `store` and `another()` (a second handle on the data).
#[macro_export]
macro_rules! store_suite {
    ($fixture:ident) => {
        $crate::store_suite!($fixture, requests: [
            keeps_a_record_whole, keeps_a_record_once, keeps_batches_of_any_size, pages_newest_first, filters,
            lists_by_the_callers_place, caps_the_rows_of_a_page, treats_hostile_text_as_text, tails_in_the_order_of_writing,
            forgets_what_is_old
        ]);
        $crate::store_suite!($fixture, audit: [
            every_change_of_a_key_leaves_an_entry, what_changes_nothing_leaves_none, appenders_share_one_chain,
            entries_are_found_by_what_they_say, a_person_is_erased_and_the_chain_holds,
            a_deed_without_a_change_is_noted
        ]);
        $crate::store_suite!($fixture, keys: [
            a_key_comes_back_as_it_was, a_rotated_key_keeps_its_old_secret_for_a_while, a_disabled_key_can_be_enabled,
            a_deleted_key_is_gone, no_secret_is_kept, a_change_is_seen_by_other_handles, finds_for_the_request_path,
            a_closed_store_is_down_not_empty
        ]);
        $crate::store_suite!($fixture, prices: [
            a_price_is_kept_once_and_comes_back, what_has_no_price_is_priced_later_and_once,
            a_dry_run_changes_nothing, prices_in_bounded_steps, a_record_that_changed_meanwhile_is_left,
            what_was_priced_before_is_forgotten_with_its_record
        ]);
        $crate::store_suite!($fixture, spend: [
            case_072_sums_equal_the_records, case_072_ten_thousand_tiny_costs_sum_exactly,
            spend_is_told_apart_by_anything, pages_of_spend_follow_each_other, case_068_a_repricing_moves_its_sums,
            sums_outlive_their_records
        ]);
        $crate::store_suite!($fixture, tree: [
            a_tree_comes_back_and_others_notice_its_changes, a_change_that_is_refused_leaves_nothing_behind,
            changes_are_made_one_after_the_other
        ]);
        $crate::store_suite!($fixture, responses: [
            an_answer_is_found_by_its_owner_alone, a_chain_comes_oldest_first,
            seals_lead_to_the_account_that_made_them, old_answers_are_forgotten
        ]);
    };
    ($fixture:ident, $part:ident: [$($name:ident),+]) => {
        // Threads: a test may wait for one handle inside the work of the other.
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let Some(fixture) = $fixture::new().await else { return };
            let another = fixture.another().await;
            suite::$part::$name(&fixture.store, &another).await;
        })+
    };
}

/// Microseconds since 1970 at which the suite's time begins.
pub const START: i64 = 1_760_000_000_000_000;

/// Whoever changes something in these tests.
pub fn author() -> Author {
    Author::new("cli:tester", START)
}

/// A plain record that arrived `second` seconds after the start.
pub fn record(second: u64) -> Record {
    let at = START + i64::try_from(second).unwrap() * 1_000_000;
    let millis = u128::try_from(at / 1000).unwrap();
    let id = Uuid::from_u128(millis << 80 | 0x7 << 76 | 0x8 << 60 | u128::from(second));
    Record {
        id,
        at,
        surface: "chat_completions".into(),
        outcome: Outcome::Success,
        status: 200,
        latency: 1_000,
        generation: 1,
        ..Record::default()
    }
}

/// A record with every field set, as a busy gateway writes it.
pub fn realistic(n: u64) -> Record {
    let usage = Usage { input: 812, output: 190 + n % 50, cache_read: 512, reasoning: 40, ..Usage::default() };
    let attempt = |target: &str, status, failure: Option<&str>| Attempt {
        target: target.into(),
        started: 310,
        latency: 1_430_221,
        status: Some(status),
        failure: failure.map(Into::into),
        upstream_id: Some(format!("req_{n:024x}")),
        usage,
        cost: Some(Money(2_210_000)),
        price: Some("2026-11/9f86d081".into()),
        ..Attempt::default()
    };
    let mut attempts = vec![attempt("openai/gpt-5-mini", 200, None)];
    if n.is_multiple_of(20) {
        attempts.insert(0, attempt("azure/gpt-5-mini", 429, Some("rate_limited")));
    }
    let failed = n.is_multiple_of(50);
    Record {
        id: Uuid::now_v7(),
        key_id: Some(format!("{:012}", n % 40)),
        key_name: Some(format!("team-{}", n % 40)),
        principal: Some(Principal { team: Some(format!("team-{}", n % 4).into()), ..Principal::default() }.into()),
        model: Some(["chat", "gpt-5-mini", "claude-sonnet"][n as usize % 3].into()),
        target: Some("openai/gpt-5-mini".into()),
        served_model: Some("gpt-5-mini-2025-08-07".into()),
        lane: Some(Lane::Relay),
        stream: !n.is_multiple_of(3),
        outcome: if failed { Outcome::Failed } else { Outcome::Success },
        status: if failed { 502 } else { 200 },
        error: failed.then(|| "provider_error".into()),
        usage,
        cost: Some(Money(2_210_000)),
        time_to_first_token: Some(401_002),
        overhead: Some(310),
        attempts,
        loss: vec!["messages[1].content[0].cache_control".into()],
        tags: [("team".into(), "search".into())].into(),
        user: Some("user-77".into()),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
        ..record(n)
    }
}
