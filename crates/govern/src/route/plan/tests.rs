use super::*;
use crate::testing::{known, target, target_with};

fn names(plan: &Plan) -> Vec<&str> {
    plan.targets.iter().map(|target| &*target.name).collect()
}

fn ready(_: &Target) -> Standing {
    Standing::Ready
}

fn ask(seed: u64) -> Ask<'static> {
    Ask { prompt_tokens: None, seed, standing: &ready }
}

#[test]
fn priority_comes_first_whatever_the_seed() {
    let targets = [target_with("b/2", 2, 9), target_with("a/1", 1, 1), target_with("c/3", 3, 100)];
    for seed in 0..100 {
        let plan = plan(Strategy::Priority, &targets, &ask(seed)).unwrap();
        assert_eq!(names(&plan), ["a/1", "b/2", "c/3"]);
    }
}

#[test]
fn weights_share_the_load_within_a_priority() {
    let targets = [target_with("a/1", 1, 3), target_with("b/1", 1, 1), target_with("z/1", 1, 0)];
    for strategy in [Strategy::Priority, Strategy::Weighted] {
        let first =
            (0..10_000).filter(|&seed| names(&plan(strategy, &targets, &ask(seed)).unwrap())[0] == "a/1").count();
        assert!((7_200..7_800).contains(&first), "{first} of 10000 instead of about 7500");
        for seed in 0..100 {
            assert_eq!(names(&plan(strategy, &targets, &ask(seed)).unwrap())[2], "z/1", "weight 0 is a fallback only");
        }
    }
}

#[test]
fn every_strategy_keeps_every_target_and_follows_its_seed() {
    let targets: Vec<_> = (0..7).map(|at| target_with(&format!("a/{at}"), at % 3, at)).collect();
    for &strategy in Strategy::ALL {
        for seed in 0..50 {
            let once = plan(strategy, &targets, &ask(seed)).unwrap();
            assert_eq!(names(&once), names(&plan(strategy, &targets, &ask(seed)).unwrap()));
            let mut all = names(&once);
            all.sort_unstable();
            assert_eq!(all, ["a/0", "a/1", "a/2", "a/3", "a/4", "a/5", "a/6"]);
        }
        assert_eq!(Strategy::find(strategy.as_str()), Some(strategy));
    }
}

#[test]
fn a_target_that_cools_down_goes_last_and_does_not_vanish() {
    let targets = [target_with("a/1", 1, 1), target_with("b/2", 2, 1)];
    let cool = |target: &Target| if &*target.name == "a/1" { Standing::CoolingDown } else { Standing::Ready };
    let ask = Ask { prompt_tokens: None, seed: 1, standing: &cool };
    assert_eq!(names(&plan(Strategy::Priority, &targets, &ask).unwrap()), ["b/2", "a/1"]);
    assert_eq!(names(&plan(Strategy::Priority, &targets[..1], &ask).unwrap()), ["a/1"]);
}

#[test]
fn case_091_a_target_whose_context_is_too_small_is_skipped() {
    let large = known(target("a/large"), 100_000, 1_000_000);
    let small = known(target("b/small"), 8_000, 8_192);
    let unknown = target("c/unknown");
    let ask = |prompt_tokens| Ask { prompt_tokens, seed: 1, standing: &ready };
    let all = [Arc::clone(&small), Arc::clone(&large), Arc::clone(&unknown)];
    let mut fitting = names(&plan(Strategy::Priority, &all, &ask(Some(50_000))).unwrap()).join(" ");
    assert!(!fitting.contains("small"), "{fitting}");
    assert!(fitting.contains("large") && fitting.contains("unknown"), "{fitting}");
    fitting = names(&plan(Strategy::Priority, &all, &ask(None)).unwrap()).join(" ");
    assert!(fitting.contains("small"), "without a count nothing is skipped");
    assert!(plan(Strategy::Priority, &[Arc::clone(&small)], &ask(Some(9_000))).is_ok(), "the estimate may err");

    let error = plan(Strategy::Priority, &[small, large], &ask(Some(10_000_000))).unwrap_err();
    assert_eq!(error.code, Code::ContextWindow);
    assert!(error.message.contains("10000000"), "{}", error.message);
}
