use proptest::prelude::*;

use super::*;
use crate::chargeback::plan::{Margin, Measure, Months};

const NOVEMBER: i64 = 682;

fn team(id: &str) -> Owner {
    Owner { level: "team", id: id.into() }
}

fn months(from: i64, until: Option<i64>) -> Months {
    Months { from, until }
}

fn figures(cost: i64, input: i64, requests: i64) -> Figures {
    let mut figures = Figures { cost: Money(cost), requests, tries: requests, ..Figures::default() };
    figures.set_unit(llm::usage::Unit::Input, input);
    figures
}

fn spend(costs: &[(i64, i64)]) -> Spend {
    let own = costs
        .iter()
        .map(|(month, cost)| (*month, BTreeMap::from([(("openai".into(), "gpt".into()), figures(*cost, 10, 1))])));
    Spend { own: own.collect(), all: BTreeMap::new() }
}

fn credit(name: &str, amount: i64, months: Months) -> Credit {
    Credit { name: name.into(), owner: team("a"), amount: Money(amount), months }
}

#[test]
fn credits_are_drawn_down_month_by_month_and_end() {
    let plan = Chargeback {
        credits: vec![
            credit("later", 1_000, months(NOVEMBER - 1, None)),
            credit("first", 100, months(NOVEMBER - 1, Some(NOVEMBER + 1))),
            Credit { owner: team("b"), ..credit("other", 5_000, months(0, None)) },
        ],
        ..Chargeback::default()
    };
    let spend = spend(&[(NOVEMBER - 1, 60), (NOVEMBER, 90), (NOVEMBER + 1, 20)]);
    let drawn = |month| {
        let statement = statement(&plan, &team("a"), month, &spend);
        let credits: Vec<_> =
            statement.credits.iter().map(|drawn| (drawn.name.clone(), drawn.amount.0, drawn.left.0)).collect();
        (credits, statement.due.0)
    };
    assert_eq!(drawn(NOVEMBER - 1), (vec![("first".into(), 60, 40), ("later".into(), 0, 1_000)], 0));
    assert_eq!(drawn(NOVEMBER), (vec![("first".into(), 40, 0), ("later".into(), 50, 950)], 0));
    assert_eq!(drawn(NOVEMBER + 1), (vec![("later".into(), 20, 930)], 0));
    assert_eq!(first_month(&plan, &team("a"), NOVEMBER), NOVEMBER - 1);
    assert_eq!(drawn(NOVEMBER + 2), (vec![("later".into(), 0, 930)], 0));
}

#[test]
fn margins_and_shared_costs_come_on_top() {
    let cost = SharedCost {
        name: "gpu".into(),
        monthly: Money(1_000),
        months: months(NOVEMBER, Some(NOVEMBER + 1)),
        among: "team",
        by: Key::Usage { measure: Measure::Tokens, account: Some("vllm".into()) },
    };
    let plan = Chargeback {
        margins: vec![Margin { owner: team("a"), hundredths: 1_250 }],
        shared_costs: vec![
            cost.clone(),
            SharedCost { name: "rent".into(), by: Key::Shares(vec![("a".into(), 60), ("b".into(), 40)]), ..cost },
        ],
        ..Chargeback::default()
    };
    let mut spend = spend(&[(NOVEMBER, 800)]);
    let used = |account: &str, id: &str, input| ((account.to_owned(), id.to_owned()), figures(5, input, 1));
    spend.all.insert(
        (NOVEMBER, "team"),
        BTreeMap::from([used("vllm", "a", 1), used("vllm", "b", 2), used("openai", "a", 99)]),
    );
    let statement = statement(&plan, &team("a"), NOVEMBER, &spend);
    let shares: Vec<_> = statement.shared_costs.iter().map(|share| (share.name.as_str(), share.amount.0)).collect();
    assert_eq!((statement.usage.0, statement.margin.0, shares), (800, 100, vec![("gpu", 333), ("rent", 600)]));
    assert_eq!((statement.gross, statement.due), (Money(1_833), Money(1_833)));
    let unused = shares_of_nobody(&plan, NOVEMBER);
    assert_eq!(unused, [(String::new(), Money(1_000))]);
    assert_eq!(super::statement(&plan, &team("a"), NOVEMBER + 1, &spend).gross, Money(0));
}

fn shares_of_nobody(plan: &Chargeback, month: i64) -> Vec<(String, Money)> {
    shares(&plan.shared_costs[0], month, &Spend::default())
}

proptest! {
    #[test]
    fn shares_of_all_sum_to_the_cost(used in prop::collection::vec((0..1_000_000_i64, 0..9_u8), 0..30), monthly in 0..i64::MAX) {
        let cost = SharedCost {
            name: "x".into(), monthly: Money(monthly), months: months(0, None), among: "team",
            by: Key::Usage { measure: Measure::Spend, account: None },
        };
        let mut all = BTreeMap::new();
        for (cost, id) in used {
            all.entry(("a".to_owned(), id.to_string())).or_insert_with(Figures::default).add(&figures(cost, 1, 1));
        }
        let spend = Spend { all: BTreeMap::from([((3, "team"), all)]), ..Spend::default() };
        let sum: i64 = shares(&cost, 3, &spend).iter().map(|(_, part)| part.0).sum();
        prop_assert_eq!(sum, monthly);
    }
}
