//! A month that is made up at run time, with differences planted in it: all of them are found, and none is invented.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;

const FIRST: i64 = 20_758;
const BIG: &str = "gpt-4o-2024-08-06";
const SMALL: &str = "gpt-4o-mini-2024-07-18";

/// Nano-dollars by class.
fn rates(model: &str) -> [i64; 5] {
    if model == SMALL { [150, 75, 0, 0, 600] } else { [2_500, 1_250, 0, 0, 10_000] }
}

/// A call that really happened.
#[derive(Clone)]
struct Call {
    hour: i64,
    model: &'static str,
    tokens: [i64; 5],
    incomplete: bool,
}

/// Draws that are the same on every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: u64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((self.0 >> 33) % most).unwrap()
    }
}

/// A month of calls of two models, at every hour of the day.
fn month(seed: u64) -> Vec<Call> {
    let mut draw = Draw(seed);
    let mut calls = Vec::new();
    for hour in FIRST * 24..(FIRST + 30) * 24 {
        for model in [BIG, SMALL] {
            for _ in 0..1 + draw.below(3) {
                let tokens = [100 + draw.below(5_000), draw.below(2_000), 0, 0, 1 + draw.below(900)];
                calls.push(Call { hour, model, tokens, incomplete: false });
            }
        }
    }
    calls
}

fn ours(calls: &[Call]) -> Vec<Ours> {
    let rows = |call: &Call| {
        let call = call.clone();
        (0..5)
            .filter(move |class| call.tokens[*class] > 0)
            .map({
                let call = call.clone();
                move |class| Ours {
                    hour: call.hour,
                    target_model: call.model.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned(),
                    // What failed does not say what would have answered.
                    served_model: if call.incomplete { String::new() } else { call.model.to_owned() },
                    class,
                    tokens: call.tokens[class],
                    cost: Money(call.tokens[class] * rates(call.model)[class]),
                    tries: i64::from(class == 0),
                    incomplete: call.incomplete,
                    unpriced: false,
                }
            })
            .collect::<Vec<_>>()
    };
    calls.iter().flat_map(rows).collect()
}

/// What a provider reports of these calls, with days that begin so many hours before UTC's.
fn reported(calls: &[Call], offset: i64) -> BTreeMap<(i64, &'static str), Theirs> {
    let mut lines: BTreeMap<(i64, &'static str), Theirs> = BTreeMap::new();
    for call in calls {
        let day = (call.hour + offset).div_euclid(24);
        let line = lines.entry((day, call.model)).or_insert_with(|| Theirs {
            tokens: [Some(0), Some(0), None, None, Some(0)],
            costs: [Some(Money(0)), Some(Money(0)), None, None, Some(Money(0))],
            requests: Some(0),
            ..Theirs::empty(day, call.model)
        });
        for class in [0, 1, 4] {
            *line.tokens[class].as_mut().unwrap() += call.tokens[class];
            line.costs[class].as_mut().unwrap().0 += call.tokens[class] * rates(call.model)[class];
        }
        *line.requests.as_mut().unwrap() += 1;
    }
    lines
}

fn report(lines: BTreeMap<(i64, &'static str), Theirs>) -> Report {
    Report { lines: lines.into_values().collect(), first_day: FIRST, last_day: FIRST + 29, last_digit: Money(1) }
}

/// What every comparison owes: the findings sum to the difference of the totals.
fn check(found: &Reconciliation) {
    let tokens: i64 = found.findings.iter().map(|finding| finding.tokens).sum();
    let cost: Money = found.findings.iter().map(|finding| finding.cost).sum();
    assert_eq!(tokens, found.theirs.tokens - found.ours.tokens, "tokens: {:#?}", found.findings);
    assert_eq!(cost, found.theirs.cost - found.ours.cost, "cost: {:#?}", found.findings);
}

fn kinds(found: &Reconciliation) -> BTreeSet<(i64, &str, Kind)> {
    found.findings.iter().map(|finding| (finding.day - FIRST, finding.model.as_str(), finding.kind)).collect()
}

#[test]
fn where_both_sides_agree_nothing_is_said() {
    for seed in 0..5 {
        let calls = month(seed);
        let found = compare(&ours(&calls), &report(reported(&calls, 0)));
        check(&found);
        assert_eq!(found.findings, []);
        assert_eq!((found.compared, found.agreeing), (180, 180));
        assert!(found.ours == found.theirs && found.ours.tokens > 1_000_000);
    }
}

#[test]
fn every_planted_difference_is_found_and_none_is_invented() {
    for seed in 0..20 {
        let calls = month(seed);
        let mut lines = reported(&calls, 0);
        let mut own = ours(&calls);
        let line = |lines: &mut BTreeMap<(i64, &'static str), Theirs>,
                    day: i64,
                    model: &'static str,
                    change: &dyn Fn(&mut Theirs)| {
            change(lines.get_mut(&(FIRST + day, model)).unwrap());
        };
        // Five calls that went past the gateway.
        line(&mut lines, 3, BIG, &|theirs| {
            for (class, tokens) in [(0, 5_000), (4, 70)] {
                *theirs.tokens[class].as_mut().unwrap() += tokens;
                theirs.costs[class].as_mut().unwrap().0 += tokens * rates(BIG)[class];
            }
            *theirs.requests.as_mut().unwrap() += 5;
        });
        // A day that is not in the report.
        lines.remove(&(FIRST + 5, SMALL));
        // Other counts for the same calls.
        line(&mut lines, 7, BIG, &|theirs| {
            *theirs.tokens[4].as_mut().unwrap() += 123;
            theirs.costs[4].as_mut().unwrap().0 += 123 * rates(BIG)[4];
        });
        // Another price for cached tokens.
        line(&mut lines, 9, SMALL, &|theirs| theirs.costs[1].as_mut().unwrap().0 *= 2);
        // The last digit.
        line(&mut lines, 11, BIG, &|theirs| theirs.costs[0].as_mut().unwrap().0 += 1);
        // A call of the last hour that is counted on the next day.
        let late = calls.iter().find(|call| call.hour == (FIRST + 14) * 24 - 1 && call.model == BIG).unwrap();
        for (day, sign) in [(13, -1), (14, 1)] {
            line(&mut lines, day, BIG, &|theirs| {
                for class in [0, 1, 4] {
                    *theirs.tokens[class].as_mut().unwrap() += sign * late.tokens[class];
                    theirs.costs[class].as_mut().unwrap().0 += sign * late.tokens[class] * rates(BIG)[class];
                }
                *theirs.requests.as_mut().unwrap() += sign;
            });
        }
        // Calls that were cut here and are not charged there.
        let cut = Call { hour: (FIRST + 17) * 24 + 9, model: BIG, tokens: [400, 0, 0, 0, 33], incomplete: true };
        own.extend(ours(&[cut.clone(), cut]));
        // Calls whose price is not known here.
        for row in own.iter_mut().filter(|row| row.hour.div_euclid(24) == FIRST + 19 && row.served_model == SMALL) {
            (row.cost, row.unpriced) = (Money(0), true);
        }
        // A model that nobody here asked for.
        let stray = Theirs {
            tokens: [Some(9), None, None, None, None],
            costs: [Some(Money(90)), None, None, None, None],
            requests: Some(1),
            ..Theirs::empty(FIRST + 21, "o3")
        };
        lines.insert((FIRST + 21, "o3"), stray);
        // Two calls that are not reported.
        line(&mut lines, 23, SMALL, &|theirs| {
            *theirs.tokens[0].as_mut().unwrap() -= 150;
            theirs.costs[0].as_mut().unwrap().0 -= 150 * rates(SMALL)[0];
            *theirs.requests.as_mut().unwrap() -= 2;
        });
        let found = compare(&own, &report(lines));
        check(&found);
        let planted = BTreeSet::from([
            (3, BIG, Kind::MissingHere),
            (5, SMALL, Kind::MissingThere),
            (7, BIG, Kind::TokenDifference),
            (9, SMALL, Kind::PriceDifference),
            (11, BIG, Kind::Rounding),
            (13, BIG, Kind::TimeZoneShift),
            (14, BIG, Kind::TimeZoneShift),
            (17, BIG, Kind::FailedOrCancelled),
            (19, SMALL, Kind::Unpriced),
            (21, "o3", Kind::MissingHere),
            (23, SMALL, Kind::MissingThere),
        ]);
        assert_eq!(kinds(&found), planted, "seed {seed}");
        let of = |kind| found.sum(kind);
        assert_eq!((of(Kind::TokenDifference).1, of(Kind::TokenDifference).2), (123, Money(1_230_000)));
        assert_eq!((of(Kind::FailedOrCancelled).1, of(Kind::Rounding).2), (-866, Money(1)));
        assert_eq!((of(Kind::TimeZoneShift).1, of(Kind::TimeZoneShift).2), (0, Money(0)));
        assert_eq!(of(Kind::MissingHere).1, 5_000 + 70 + 9);
    }
}

#[test]
fn a_report_of_another_time_zone_is_known_by_its_figures() {
    for (seed, offset) in [(1, -5), (2, 9), (3, -8), (4, 1)] {
        let calls = month(seed);
        // Ours reach beyond the days of the report, as theirs do.
        let around: Vec<Call> = calls
            .iter()
            .map(|call| Call { hour: call.hour - 30 * 24, ..call.clone() })
            .chain(calls.clone())
            .chain(calls.iter().map(|call| Call { hour: call.hour + 30 * 24, ..call.clone() }))
            .collect();
        let mut lines = reported(&around, offset);
        lines.retain(|(day, _), _| (FIRST..FIRST + 30).contains(day));
        lines.get_mut(&(FIRST + 4, BIG)).unwrap().tokens[0].as_mut().unwrap().add_assign(77);
        let found = compare(&ours(&around), &report(lines));
        check(&found);
        let others: Vec<_> = found.findings.iter().filter(|finding| finding.kind != Kind::TimeZoneShift).collect();
        let tokens: Vec<_> = others.iter().map(|finding| (finding.day - FIRST, finding.kind, finding.tokens)).collect();
        assert_eq!(tokens[0], (4, Kind::TokenDifference, 77), "{others:#?}");
        assert!(others.iter().all(|finding| finding.day == FIRST + 4), "{others:#?}");
        assert!(found.findings.iter().any(|finding| finding.because.contains("hour")));
    }
}

use std::ops::AddAssign as _;

fn read(files: &[&Value]) -> Result<Report, BadReport> {
    let files: Vec<_> = files.iter().map(|file| ("report.json".to_owned(), file.to_string())).collect();
    report::read(&files, &BTreeMap::new())
}

#[test]
fn openai_s_usage_and_costs_are_read_and_joined() {
    let start = FIRST * 86_400;
    let usage = json!({ "object": "page", "has_more": false, "next_page": null, "data": [
        { "object": "bucket", "start_time": start, "end_time": start + 86_400, "results": [{
            "object": "organization.usage.completions.result", "input_tokens": 1000, "output_tokens": 500,
            "input_cached_tokens": 800, "num_model_requests": 5, "project_id": null, "model": BIG, "batch": null }] },
        { "object": "bucket", "start_time": start + 86_400, "end_time": start + 172_800, "results": [] }] });
    let cost = |value: f64, item: &str| {
        json!({ "object": "organization.costs.result",
        "amount": { "value": value, "currency": "usd" }, "line_item": item })
    };
    let costs = json!({ "object": "page", "has_more": false, "data": [{ "object": "bucket", "start_time": start, "results": [
        cost(0.0005, "gpt-4o-2024-08-06, input"), cost(0.001, "gpt-4o-2024-08-06, cached input"),
        cost(0.005, "gpt-4o-2024-08-06, output"), cost(0.25, "web search tool calls")] }] });
    let report = read(&[&usage, &costs]).unwrap();
    assert_eq!((report.first_day, report.last_day), (FIRST, FIRST + 1), "a day on which nothing was used is covered");
    let line = &report.lines[0];
    assert_eq!((line.tokens, line.requests), ([Some(200), Some(800), None, None, Some(500)], Some(5)));
    let costs = [Some(500_000), Some(1_000_000), None, None, Some(5_000_000)];
    assert_eq!(line.costs, costs.map(|cost| cost.map(Money)));
    assert_eq!(
        (report.lines[1].model.as_str(), report.lines[1].whole_cost),
        ("web search tool calls", Some(Money(250_000_000)))
    );

    let mut more = usage.clone();
    more["has_more"] = json!(true);
    assert!(read(&[&more]).unwrap_err().to_string().contains("next_page"));
    let mut ungrouped = usage.clone();
    ungrouped["data"][0]["results"][0]["model"] = Value::Null;
    let error = read(&[&ungrouped]).unwrap_err().to_string();
    assert!(error.contains("data[0].results[0]") && error.contains("grouped by model"), "{error}");
    let mut wrong = usage;
    wrong["data"][0]["results"][0]["output_tokens"] = json!(-3);
    assert!(read(&[&wrong]).unwrap_err().to_string().contains("output_tokens"));
    assert!(read(&[&json!({})]).unwrap_err().to_string().contains("`data`"));
}

#[test]
fn anthropic_s_usage_and_costs_are_read_and_joined() {
    let usage = json!({ "has_more": false, "data": [{ "starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-02T00:00:00Z",
        "results": [{ "model": "claude-sonnet-4", "uncached_input_tokens": 1500, "cache_read_input_tokens": 200,
            "cache_creation": { "ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500 }, "output_tokens": 50,
            "server_tool_use": { "web_search_requests": 10 } }] }] });
    let cost = |amount: &str, class: &str| {
        json!({ "amount": amount, "currency": "USD", "cost_type": "tokens",
        "model": "claude-sonnet-4", "token_type": class })
    };
    let costs = json!({ "data": [{ "starting_at": "2026-11-01T00:00:00Z", "results": [
        cost("0.45", "uncached_input_tokens"), cost("0.006", "cache_read_input_tokens"),
        cost("0.6", "cache_creation.ephemeral_1h_input_tokens"), cost("0.075", "output_tokens")] }] });
    let report = read(&[&usage, &costs]).unwrap();
    let line = &report.lines[0];
    assert_eq!(line.tokens, [1_500, 200, 500, 1_000, 50].map(Some));
    let costs = [Some(4_500_000), Some(60_000), None, Some(6_000_000), Some(750_000)];
    assert_eq!(line.costs, costs.map(|cost| cost.map(Money)), "amounts are cents");
}

#[test]
fn tables_are_read_by_their_own_names_or_by_those_that_are_told() {
    let table = |text: &str, told: &[(&str, &str)]| {
        let told = told.iter().map(|(ours, theirs)| ((*ours).to_owned(), (*theirs).to_owned())).collect();
        report::read(&[("x.csv".to_owned(), text.to_owned())], &told)
    };
    let activity = table(
        "start_time_iso,model,input_tokens,input_cached_tokens,output_tokens,num_model_requests\r\n\
        2026-11-01T00:00:00+00:00,gpt-4o,\"1,000\",800,500,5\r\n2026-11-02T00:00:00+00:00,,,,,\r\n",
        &[],
    )
    .unwrap();
    assert_eq!(activity.lines[0].tokens, [Some(200), Some(800), None, None, Some(500)]);
    assert_eq!((activity.lines.len(), activity.last_day), (1, FIRST + 1));
    let costs =
        table("start_time_iso,amount_value,amount_currency,line_item\n2026-11-01,0.25,usd,\"gpt-4o, output\"\n", &[])
            .unwrap();
    assert_eq!(costs.lines[0].costs[4], Some(Money(250_000_000)));
    let own = table(
        "Tag,Modell,Art,Anzahl,Preis\n2026-11-01,m,cached input,7,$0.10\n2026-11-01,m,Output,3,0.20\n",
        &[("day", "Tag"), ("model", "Modell"), ("class", "Art"), ("tokens", "Anzahl"), ("cost", "Preis")],
    )
    .unwrap();
    assert_eq!((own.lines[0].tokens[1], own.lines[0].costs[4]), (Some(7), Some(Money(200_000_000))));
    assert_eq!(own.last_digit, Money(5_000_001), "cents");
    for (text, told, problem) in [
        ("a,b\n1,2\n", &[][..], "column for the day"),
        ("day,model,cost\nsoon,m,1\n", &[], "row 2: `soon` is no day"),
        ("day,model,cost\n2026-11-01,m,dear\n", &[], "`dear` is no amount"),
        ("day,model,input\n2026-11-01,m,-5\n", &[], "no whole number"),
        ("day,model,cost,currency\n2026-11-01,m,1,EUR\n", &[], "`EUR`"),
        ("day,model,cost\n", &[("price", "cost")], "no column `price` to tell"),
        ("day,model,cost\n", &[("cost", "Preis")], "no column `Preis`"),
        ("day,model,cost\n", &[], "nothing in the report"),
        ("\"day,model", &[], "never closed"),
    ] {
        let error = table(text, told).unwrap_err().to_string();
        assert!(error.contains(problem), "{text:?}: {error}");
    }
}
