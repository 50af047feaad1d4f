//! What limits mean: which calls they meet, for whom they count, and what a counter remembers.

use std::{collections::BTreeMap, sync::Arc};

use jiff::tz::TimeZone;
use llm::provider::Operation;
use proptest::prelude::*;

use super::*;
use crate::{
    Principal,
    config::{Checked, check},
    key::{KeyId, KeyRule, Pepper},
    testing::{key, target},
};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
const START: i64 = 1_800_000_000 * SECOND;

fn now(micros: i64) -> Now {
    Now { wall: START + micros, steady: START + micros }
}

fn checked(limits: &str) -> Checked {
    let text = format!(
        "providers:\n  openai: {{ base_url: 'http://127.0.0.1:1/v1', api_key: ${{KEY}} }}\n  echo: {{}}\nmodels:\n  small: {{ targets: [openai/gpt-4o-mini] }}\nlimits:\n{limits}"
    );
    let lookup = |name: &str| (name == "KEY").then(|| "0".repeat(20));
    check(&text, &lookup, &|_| Ok(()), 0)
}

fn limits(text: &str) -> Vec<Arc<Limit>> {
    let checked = checked(text);
    let Some(draft) = checked.draft else { panic!("{:#?}", checked.problems) };
    draft.into_rules(&Pepper::new(&[0; 32]), 1).limits
}

fn problems(text: &str) -> Vec<String> {
    checked(text).problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
}

struct Caller {
    principal: Principal,
    key: KeyRule,
}

fn caller(user: Option<&str>, team: Option<&str>, project: Option<&str>) -> Caller {
    let id = |name: Option<&str>| name.map(Arc::from);
    let principal = Principal { user: id(user), team: id(team), project: id(project), ..Principal::default() };
    let principal_of_key = Arc::new(principal.clone());
    let key = KeyRule { id: KeyId("0123456789ab".into()), name: "ci".into(), principal: principal_of_key, ..key() };
    Caller { principal, key }
}

/// The names of the counters that a call has.
fn counters(
    limits: &[Arc<Limit>],
    caller: &Caller,
    model: &str,
    words: (Option<&str>, &[(&str, &str)]),
) -> Vec<String> {
    let target = target(model);
    let tags: BTreeMap<String, String> =
        words.1.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let subject = Subject {
        principal: &caller.principal,
        key: &caller.key,
        route: model,
        target: &target,
        operation: Operation::Chat,
        end_user: words.0,
        tags: &tags,
    };
    let met = limits.iter().filter(|limit| limit.meets(&subject));
    met.flat_map(|limit| limit.caps.iter().map(|cap| limit.counter(cap, &limit.entity(&subject))).collect::<Vec<_>>())
        .collect()
}

const NO_WORDS: (Option<&str>, &[(&str, &str)]) = (None, &[]);

#[test]
fn the_example_of_the_promise_works_as_written() {
    let limits = limits(
        "  gpt-4-per-user:\n    when: { models: ['gpt-4*'] }\n    per: [user]\n    caps: [{ requests: 1000, window: day }]\n  \
         research:\n    when: { teams: [research] }\n    caps: [{ tokens: 2000000, window: day }]\n  \
         project-x:\n    when: { projects: [x] }\n    caps: [{ spend: 500, window: month }]\n    steps:\n      \
         - { at: 80%, do: warn }\n      - { at: 95%, do: downgrade, to: small }\n",
    );
    let alice = caller(Some("alice"), Some("research"), Some("x"));
    assert_eq!(
        counters(&limits, &alice, "openai/gpt-4o", NO_WORDS),
        ["gpt-4-per-user/requests/day@UTC/user=alice", "project-x/spend/month@UTC", "research/tokens/day@UTC"]
    );
    assert_eq!(counters(&limits, &caller(None, None, Some("y")), "openai/gpt-4o", NO_WORDS), Vec::<String>::new());
    let project = limits.iter().find(|limit| &*limit.id == "project-x").unwrap();
    assert_eq!(project.caps[0].most, 500_000_000_000);
    let steps = [(80, Action::Warn), (95, Action::Downgrade { to: "small".into() })];
    assert_eq!(project.steps, steps.map(|(at, action)| Step { at, action }));
    assert_eq!((project.refuses_at(), project.mode, project.reserve), (100, Mode::Enforce, Reserve::Strict));
}

#[test]
fn whoever_leaves_a_name_out_shares_a_counter_and_escapes_nothing() {
    let limits = limits("  each: { per: [end_user, metadata.tenant], caps: [{ requests: 5, window: minute }] }\n");
    let nobody = caller(None, None, None);
    let named = |words| counters(&limits, &nobody, "openai/m", words).remove(0);
    assert_eq!(named((None, &[])), "each/requests/1m/end_user,metadata.tenant");
    assert_eq!(named((Some("bob"), &[("tenant", "a")])), "each/requests/1m/end_user=bob,metadata.tenant=a");
    // No two people have one counter, whatever they call themselves.
    assert_ne!(named((Some("a,metadata.tenant=b"), &[])), named((Some("a"), &[("tenant", "b")])));
    assert_eq!(named((Some("a/b=%"), &[])), "each/requests/1m/end_user=a%2Fb%3D%25,metadata.tenant");
}

#[test]
fn conditions_hold_all_together_and_exceptions_one_by_one() {
    let limits = limits(
        "  one:\n    when: { teams: [a, b], models: ['openai/*'], metadata: { env: [prod] } }\n    \
         unless: { users: [root], end_users: [test], keys: [ci-2] }\n    caps: [{ tokens: 5, window: 1h }]\n",
    );
    let met =
        |user, team, model: &str, words| !counters(&limits, &caller(user, Some(team), None), model, words).is_empty();
    let prod: (Option<&str>, &[(&str, &str)]) = (None, &[("env", "prod")]);
    assert!(met(None, "a", "openai/gpt-4o", prod) && met(Some("u"), "b", "openai/x", prod));
    assert!(!met(None, "c", "openai/gpt-4o", prod));
    assert!(!met(None, "a", "anthropic/claude", prod));
    assert!(!met(None, "a", "openai/gpt-4o", NO_WORDS) && !met(None, "a", "openai/gpt-4o", (None, &[("env", "dev")])));
    assert!(!met(Some("root"), "a", "openai/gpt-4o", prod));
    assert!(!met(None, "a", "openai/gpt-4o", (Some("test"), &[("env", "prod")])));
}

#[test]
fn case_044_counting_tokens_is_free_unless_it_is_named() {
    let limits = limits(
        "  all: { caps: [{ requests: 5, window: day }] }\n  counting: { when: { operations: [count_tokens] }, caps: [{ requests: 5, window: day }] }\n",
    );
    let nobody = caller(None, None, None);
    let (target, tags) = (target("openai/m"), BTreeMap::new());
    let subject = |operation| Subject {
        principal: &nobody.principal,
        key: &nobody.key,
        route: "m",
        target: &target,
        operation,
        end_user: None,
        tags: &tags,
    };
    let met = |operation| {
        limits.iter().filter(|limit| limit.meets(&subject(operation))).map(|limit| &*limit.id).collect::<Vec<_>>()
    };
    assert_eq!(met(Operation::CountTokens), ["counting"]);
    assert_eq!(met(Operation::Chat), ["all"]);
}

#[test]
fn named_entities_may_have_other_amounts() {
    let limits = limits(
        "  each:\n    per: [user]\n    caps: [{ requests: 5, window: day }, { spend: 1.5, window: month }]\n    overrides:\n      \
         - { for: { user: alice }, caps: [{ requests: 50, window: day }] }\n",
    );
    let entity = |user| {
        let (caller, target, tags) = (caller(Some(user), None, None), target("openai/m"), BTreeMap::new());
        limits[0].entity(&Subject {
            principal: &caller.principal,
            key: &caller.key,
            route: "m",
            target: &target,
            operation: Operation::Chat,
            end_user: None,
            tags: &tags,
        })
    };
    let most = |user| [0, 1].map(|place| limits[0].most(place, &entity(user)));
    assert_eq!((most("alice"), most("bob")), ([50, 1_500_000_000], [5, 1_500_000_000]));
}

#[test]
fn case_080_what_is_no_limit_is_refused_by_name() {
    for (limit, words) in [
        ("{ caps: [{ spend: .nan, window: day }] }", "must be a number"),
        ("{ caps: [{ spend: .inf, window: day }] }", "must be a number"),
        ("{ caps: [{ spend: -1, window: day }] }", "no amount to stop at"),
        ("{ caps: [{ spend: 0.0000000001, window: day }] }", "no amount to stop at"),
        ("{ caps: [{ requests: -1, window: day }] }", "must be a whole number"),
        ("{ caps: [{ requests: 1.5, window: day }] }", "must be a whole number"),
        ("{ caps: [{ tokens: 1e300, window: day }] }", "must be a whole number"),
        ("{ caps: [{ requests: 1, spend: 2, window: day }] }", "one too many"),
        ("{ caps: [{ requests: 1 }] }", "no `window`"),
        ("{ caps: [{ window: day }] }", "no amount"),
        ("{ caps: [{ requests: 1, window: fortnight }] }", "no window"),
        ("{ caps: [{ requests: 1, window: 10ms }] }", "no window"),
        ("{ caps: [{ requests: 1, window: 31d }] }", "no window"),
        ("{ caps: [{ concurrency: 1, window: day }] }", "in no window"),
        ("{ caps: [{ requests: 1, window: day }, { requests: 2, window: day }] }", "capped twice"),
        ("{ caps: [] }", "the list is empty"),
        ("{ per: [usr], caps: [{ requests: 1, window: day }] }", "nothing is counted per `usr`"),
        ("{ per: [user, user], caps: [{ requests: 1, window: day }] }", "stands twice"),
        ("{ zone: Europe/Berlinn, caps: [{ requests: 1, window: day }] }", "no time zone"),
        ("{ zone: Europe/Berlin, caps: [{ requests: 1, window: 1h }] }", "calendar window"),
        ("{ when: { models: ['a*b*'] }, caps: [{ requests: 1, window: day }] }", "names no model"),
        ("{ when: { providers: [opnai] }, caps: [{ requests: 1, window: day }] }", "never holds"),
        ("{ when: { team: [a] }, caps: [{ requests: 1, window: day }] }", "no setting `team`"),
        ("{ caps: [{ requests: 1, window: day }], steps: [{ at: 180%, do: warn }] }", "no share"),
        ("{ caps: [{ requests: 1, window: day }], steps: [{ at: 80%, do: downgrade }] }", "needs the model"),
        ("{ caps: [{ requests: 1, window: day }], steps: [{ at: 80%, do: downgrade, to: smal }] }", "no model `smal`"),
        ("{ caps: [{ requests: 1, window: day }], steps: [{ at: 80%, do: warn, to: small }] }", "means nothing here"),
        (
            "{ caps: [{ requests: 1, window: day }], steps: [{ at: 80%, do: refuse }, { at: 90%, do: downgrade, to: small }] }",
            "never reached",
        ),
        (
            "{ per: [user], caps: [{ requests: 1, window: day }], overrides: [{ for: { team: a }, caps: [{ requests: 2, window: day }] }] }",
            "no counter for each `team`",
        ),
        (
            "{ per: [user], caps: [{ requests: 1, window: day }], overrides: [{ for: { user: a }, caps: [{ requests: 2, window: month }] }] }",
            "nothing to override",
        ),
    ] {
        let found = problems(&format!("  it: {limit}\n"));
        assert!(
            found.iter().any(|problem| problem.contains(words) && problem.starts_with("limits.it")),
            "{limit}: {found:#?}"
        );
    }
    let bad = problems("  'a b': { caps: [{ requests: 1, window: day }] }\n");
    assert!(bad.iter().any(|problem| problem.contains("no name for a limit")), "{bad:#?}");
}

#[test]
fn case_080_a_changed_window_has_a_counter_of_its_own() {
    let name = |limit: &str| counters(&limits(limit), &caller(None, None, None), "openai/m", NO_WORDS).remove(0);
    let month = name("  it: { caps: [{ spend: 100, window: month }] }\n");
    let day = name("  it: { caps: [{ spend: 100, window: day }] }\n");
    let more = name("  it: { caps: [{ spend: 900, window: month }] }\n");
    assert_ne!(month, day, "nobody is over a budget for what was spent in another window");
    assert_eq!(month, more, "another amount counts on");
}

#[test]
fn a_sliding_window_forgets_by_and_by_and_says_when() {
    let window = Window::Sliding(60 * SECOND);
    let mut tally = Tally::new(&window);
    for second in [0, 10, 20] {
        tally.roll(&window, now(second * SECOND));
        let slot = tally.slot(&window, now(second * SECOND));
        tally.book(&window, slot, 10);
    }
    assert_eq!(tally.used(), 30);
    let wait = tally.wait(&window, now(20 * SECOND), 15, 40).unwrap();
    assert!((40 * SECOND..=41 * SECOND).contains(&wait), "the first ten are gone a minute after they came: {wait}");
    assert_eq!(tally.wait(&window, now(20 * SECOND), 10, 40), Some(0));
    assert_eq!(tally.wait(&window, now(20 * SECOND), 41, 40), None, "more than the whole");
    tally.roll(&window, now(59 * SECOND));
    assert_eq!(tally.used(), 30);
    tally.roll(&window, now(61 * SECOND));
    assert_eq!(tally.used(), 20);
    tally.roll(&window, now(81 * SECOND));
    assert!(tally.is_empty());
}

#[test]
fn what_was_begun_before_midnight_is_of_the_day_before() {
    let window = Window::Calendar(Period::Day, TimeZone::UTC);
    let mut tally = Tally::new(&window);
    let midnight = (START / DAY + 1) * DAY;
    let at = |wall| Now { wall, steady: START };
    tally.roll(&window, at(midnight - SECOND));
    let slot = tally.slot(&window, at(midnight - SECOND));
    tally.hold(10);
    tally.roll(&window, at(midnight + SECOND));
    assert_eq!(tally.taken(), 10, "what is in flight is still held");
    tally.release(10);
    tally.book(&window, slot, 7);
    assert_eq!(tally.taken(), 0);
}

#[test]
fn fault_019_a_clock_that_jumps_gives_no_budget_twice() {
    let window = Window::Calendar(Period::Day, TimeZone::UTC);
    let mut tally = Tally::new(&window);
    let noon = (START / DAY) * DAY + DAY / 2;
    let mut used_at = |wall: i64, amount| {
        let now = Now { wall, steady: START };
        tally.roll(&window, now);
        let slot = tally.slot(&window, now);
        tally.book(&window, slot, amount);
        assert!(tally.resets(&window, now).is_some_and(|resets| resets >= 0));
        tally.used()
    };
    assert_eq!(used_at(noon, 5), 5);
    for jump in [-3_600, 3_600, -86_400, 3 * 3_600] {
        assert_eq!(used_at(noon + jump * SECOND, 0), 5, "{jump}");
    }
    assert_eq!(used_at(noon + DAY, 1), 1, "the next day");
    assert_eq!(used_at(noon, 2), 3, "set back: the day before does not come again");
    assert_eq!(used_at(noon + DAY - SECOND, 0), 3, "nor does the next begin again");
    assert_eq!(used_at(noon + 2 * DAY, 0), 0);

    // Sliding windows go by the steady clock.
    let window = Window::Sliding(60 * SECOND);
    let mut tally = Tally::new(&window);
    for wall in [START, START - DAY, START + DAY, START] {
        let now = Now { wall, steady: START };
        tally.roll(&window, now);
        let slot = tally.slot(&window, now);
        tally.book(&window, slot, 1);
    }
    assert_eq!(tally.used(), 4);
}

proptest! {
    /// In no window of its length is more than the cap, and whoever asks often enough gets nearly all of it.
    #[test]
    fn no_window_holds_more_than_the_cap_and_nearly_all_of_it_can_be_used(
        width in 1_000_000_i64..3_600_000_000,
        most in 1_u64..300,
        pauses in proptest::collection::vec(1_i64..1000, 100..600),
    ) {
        let window = Window::Sliding(width);
        let mut tally = Tally::new(&window);
        let (mut at, mut admitted) = (0, Vec::new());
        for pause in pauses {
            at += width / most as i64 * pause / 1000;
            tally.roll(&window, now(at));
            if tally.taken() < most {
                let slot = tally.slot(&window, now(at));
                tally.book(&window, slot, 1);
                admitted.push(at);
            }
        }
        for (place, end) in admitted.iter().enumerate() {
            let inside = admitted[..=place].iter().filter(|begin| end - *begin < width).count();
            prop_assert!(inside as u64 <= most, "{} in one window", inside);
        }
    }

    #[test]
    fn booked_late_or_early_the_sum_is_right(books in proptest::collection::vec((0_i64..120, 1_u64..9), 1..80)) {
        let window = Window::Sliding(60 * SECOND);
        let mut tally = Tally::new(&window);
        tally.roll(&window, now(120 * SECOND));
        let mut sum = 0;
        for (second, amount) in books {
            let slot = tally.slot(&window, now(second * SECOND));
            tally.book(&window, slot, amount);
            tally.roll(&window, now(120 * SECOND));
            sum += if second >= 61 { amount } else if second < 59 { 0 } else { u64::MAX / 1000 };
        }
        prop_assert!(sum >= u64::MAX / 1000 || tally.used() == sum);
    }
}

#[test]
fn ninety_nine_percent_of_a_sliding_window_can_be_used() {
    for width in [30 * SECOND, 60 * SECOND, 3_600 * SECOND, 30 * DAY] {
        let (window, most) = (Window::Sliding(width), 10_000_u64);
        let mut tally = Tally::new(&window);
        let mut admitted = 0_u64;
        let steps = 40_000;
        // Four windows long, twice as many ask as may.
        for step in 0..steps {
            let moment = now(width * 4 / steps * step);
            tally.roll(&window, moment);
            for _ in 0..2 {
                if tally.taken() < most {
                    let slot = tally.slot(&window, moment);
                    tally.book(&window, slot, 1);
                    admitted += 1;
                }
            }
        }
        assert!(admitted >= most * 4 * 99 / 100, "{width}: {admitted}");
    }
}
