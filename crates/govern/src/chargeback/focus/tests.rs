//! The table against the rules of the specification, on spend of every kind.

use std::collections::{BTreeMap, HashMap};

use llm::{
    Usage,
    price::{Long, Rates, Tier},
    usage::Unit,
};

use super::*;
use crate::{
    Money,
    chargeback::{calendar::DAY, place::Basis},
};

fn price() -> Arc<Price> {
    let rates = |input, cached, output| {
        Rates::from_iter([(Unit::Input, input), (Unit::CacheRead, cached), (Unit::Output, output)])
    };
    Arc::new(Price {
        base: rates(2_500_000, 1_250_000, 10_000_000),
        long: vec![Long { from: 200_001, rates: rates(5_000_000, 2_500_000, 15_000_000) }],
        tiers: vec![Tier { name: "flex".into(), rates: rates(1_250_001, 625_000, 5_000_000), long: Vec::new() }],
        request: 7_000,
        ..Price::default()
    })
}

fn place() -> Place {
    Place {
        organization: "acme".into(),
        team: "research".into(),
        key: "k1".into(),
        account: "openai".into(),
        target_model: "gpt-4o".into(),
        served_model: "gpt-4o-2024-08-06".into(),
        outcome: "success".into(),
        price: "2026-11/ab".into(),
        ..Place::default()
    }
}

fn daily(day: i64, place: Place, usage: Usage, cost: i64) -> Daily {
    let mut figures = Figures { requests: 3, tries: 3, cost: Money(cost), ..Figures::default() };
    figures.add_usage(&usage);
    Daily { day, place, figures }
}

fn tokens() -> Usage {
    Usage { input: 1_001, cache_read: 333, output: 77, reasoning: 13, ..Usage::default() }
}

/// Spend of every kind, hostile names among it.
fn spend() -> Vec<Daily> {
    let basis = |basis: Basis| Place { basis, ..place() };
    let hostile = Place {
        team: "=cmd|' /C calc'!A0".into(),
        target_model: "@SUM(A1),\"x\"\n".into(),
        tags: BTreeMap::from([("feature".into(), "=1+1".into()), ("quote\"".into(), "a,b".into())]),
        ..place()
    };
    vec![
        daily(20_780, place(), tokens(), 5_999_999),
        daily(20_780, Place { outcome: "failed".into(), served_model: String::new(), ..place() }, tokens(), 1),
        daily(
            20_780,
            basis(Basis { tier: Some("flex".into()), discount: 1_250, margin: 2_000, ..Basis::default() }),
            tokens(),
            777,
        ),
        daily(
            20_781,
            basis(Basis { long_from: 200_001, region: Some("eu-west-1".into()), ..Basis::default() }),
            tokens(),
            11,
        ),
        daily(20_781, Place { price: "stated".into(), ..place() }, tokens(), 1_000_000),
        daily(20_781, Place { price: "config/1+estimate/2".into(), ..place() }, tokens(), 123_456_789),
        daily(20_781, Place { price: String::new(), ..place() }, Usage { sound_in_ms: 1_500, pages: 2, ..tokens() }, 0),
        daily(
            20_789,
            Place { team: String::new(), key: String::new(), organization: String::new(), ..place() },
            tokens(),
            42,
        ),
        daily(20_790, hostile, tokens(), 99),
        daily(20_790, Place { account: String::new(), ..Place::default() }, Usage::default(), 5),
        daily(20_790, Place { outcome: "refused".into(), ..Place::default() }, Usage::default(), 0),
    ]
}

fn books<'a>() -> Books<'a> {
    Books {
        issuer: "Tollgate",
        provider: &|account| (account == "openai").then(|| "openai".to_owned()),
        price: &|version| (version == "2026-11/ab").then(price),
    }
}

fn rows(text: &str) -> Vec<HashMap<String, String>> {
    let mut table = csv::read(text).unwrap().into_iter();
    let head = table.next().unwrap();
    table
        .map(|row| {
            assert_eq!(row.len(), head.len());
            head.iter().cloned().zip(row).collect()
        })
        .collect()
}

/// A decimal number with this many digits behind the point, exactly.
fn scaled(text: &str, scale: i32) -> i128 {
    let decimal = llm::price::parse_decimal(text, scale).unwrap_or_else(|_| panic!("{text:?} is no number"));
    assert!(decimal.exact, "{text}");
    decimal.value
}

/// What the specification demands of every cost and usage dataset of a provider with price lists, negotiated prices, tags
/// and sub-accounts.
const DEMANDED: [&str; 38] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
    "RegionId",
];

#[test]
fn every_cell_follows_the_rules_of_its_column() {
    let text = table(spend(), &books());
    let rows = rows(&text);
    for name in DEMANDED {
        assert!(rows[0].contains_key(name), "{name}");
    }
    for row in &rows {
        for column in &COLUMNS {
            let cell = &row[column.name];
            if cell.is_empty() {
                assert!(column.nullable, "{} is empty: {row:?}", column.name);
                continue;
            }
            assert!(column.allowed.is_empty() || column.allowed.contains(&cell.as_str()), "{}: {cell}", column.name);
            match column.kind {
                Kind::Text => assert!(!cell.trim().is_empty()),
                Kind::Decimal => {
                    assert!(!cell.contains([',', '+', 'e', 'E', '$', ' ']), "{cell}");
                    assert!(scaled(cell, 30) >= 0, "{}: {cell}", column.name);
                }
                Kind::Time => assert!(cell.len() == 20 && cell.parse::<jiff::Timestamp>().is_ok(), "{cell}"),
                Kind::Pairs => {
                    let pairs: serde_json::Value = serde_json::from_str(cell).unwrap();
                    assert!(pairs.as_object().unwrap().values().all(|value| !value.is_object() && !value.is_array()));
                }
            }
        }
        for (price, cost) in [("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")] {
            let product = scaled(&row[price], 16) * scaled(&row["PricingQuantity"], 3);
            assert_eq!(product, scaled(&row[cost], 19), "{cost}: {row:?}");
        }
        let time = |name: &str| row[name].parse::<jiff::Timestamp>().unwrap().as_microsecond();
        assert_eq!(time("ChargePeriodEnd") - time("ChargePeriodStart"), DAY);
        assert!(
            time("BillingPeriodStart") <= time("ChargePeriodStart")
                && time("ChargePeriodEnd") <= time("BillingPeriodEnd")
        );
        let sub = ["SubAccountId", "SubAccountName", "SubAccountType"].map(|name| row[name].is_empty());
        assert!(sub == [true; 3] || sub == [false; 3]);
        assert!(row["EffectiveCost"] == row["BilledCost"] && row["BillingCurrency"] == "USD");
    }
}

#[test]
fn the_billed_costs_sum_to_the_spend() {
    let billed = rows(&table(spend(), &books()));
    let sum: i128 = billed.iter().map(|row| scaled(&row["BilledCost"], 9)).sum();
    assert_eq!(sum, spend().iter().map(|daily| i128::from(daily.figures.cost.0)).sum::<i128>());
}

#[test]
fn a_class_of_tokens_is_a_row_with_the_price_that_was_paid() {
    let terms = Basis { discount: 1_250, margin: 2_000, ..Basis::default() };
    let cost = 3 * 7 * 875 * 12 / 10;
    let usage = Usage { input: 1_000, output: 10, reasoning: 4, ..Usage::default() };
    let rows = rows(&table([daily(20_780, Place { basis: terms, ..place() }, usage, cost)], &books()));
    let cell = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(cell("SkuMeter"), ["Input tokens", "Output tokens", "Reasoning tokens", "Requests"]);
    assert_eq!(cell("PricingQuantity"), ["1000", "6", "4", "3"], "a part is not counted in its whole again");
    assert_eq!(cell("ListUnitPrice"), ["0.0000025", "0.00001", "0.00001", "0.000000007"]);
    assert_eq!(cell("ListCost"), ["0.0025", "0.00006", "0.00004", "0.000000021"]);
    assert_eq!(cell("ContractedUnitPrice")[0], "0.0000021875");
    assert_eq!(cell("SkuId")[0], "openai/gpt-4o/input");
    assert_eq!(cell("SkuPriceId")[0], "2026-11/ab/input");
}

#[test]
fn sec_024_names_of_callers_are_no_formulas_in_the_export() {
    let text = table(spend(), &books());
    for cell in csv::read(&text).unwrap().into_iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '@', '\t', '\n', '\r']), "{cell:?}");
        assert!(!cell.starts_with('-') || llm::price::parse_decimal(&cell, 0).is_ok(), "{cell:?}");
    }
    let rows = rows(&text);
    let tags = &rows.iter().find(|row| !row["Tags"].is_empty()).unwrap()["Tags"];
    assert_eq!(serde_json::from_str::<serde_json::Value>(tags).unwrap()["quote\""], "a,b");
}
