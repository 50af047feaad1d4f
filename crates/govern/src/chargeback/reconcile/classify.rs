//! What is left when days agree: the cause of each difference of a cell.

use super::{
    CLASSES, Finding, Kind,
    cells::{Cell, Own, Sheet, Side},
    edges::part,
    report::Theirs,
};
use crate::Money;

/// A class of a cell, both sides, with what the report says nothing of left out.
struct Pair {
    class: usize,
    ours: Side,
    incomplete: Side,
    unpriced: i64,
    theirs: i64,
    /// `None`: the report states no cost for it.
    cost: Option<Money>,
}

/// The findings of all cells.
pub(super) fn all(sheet: &Sheet) -> Vec<Finding> {
    sheet.cells.iter().flat_map(|((model, day), cell)| of_cell(sheet, model, *day, cell)).collect()
}

fn of_cell(sheet: &Sheet, model: &str, day: i64, cell: &Cell) -> Vec<Finding> {
    let none = Own::default();
    let own = cell.ours.as_ref().unwrap_or(&none);
    let pairs: Vec<Pair> = (0..CLASSES.len()).map(|class| pair(sheet, cell, own, class)).collect();
    let (kind, because) = cause(cell, own, &pairs);
    let mut findings = Vec::new();
    let mut rest = Vec::new();
    for pair in &pairs {
        let tokens = pair.theirs - pair.ours.tokens;
        let valued = if tokens == 0 { Money::ZERO } else { value(pair, tokens, kind) };
        if tokens != 0 {
            let cost = pair.cost.map_or(Money::ZERO, |_| valued);
            findings.push(Finding {
                kind,
                day,
                model: model.to_owned(),
                class: CLASSES.get(pair.class).copied(),
                tokens,
                cost,
                because: because.clone(),
            });
        }
        if let Some(cost) = pair.cost {
            rest.push((pair, cost - pair.ours.cost - valued));
        }
    }
    let whole = cell.theirs.as_ref().and_then(|theirs| theirs.whole_cost);
    if let Some(cost) = whole {
        // One cost for all classes: the difference is that of the model.
        let ours: Money = pairs.iter().map(|pair| pair.ours.cost).sum();
        let valued: Money = pairs.iter().map(|pair| value(pair, pair.theirs - pair.ours.tokens, kind)).sum();
        for (finding, pair) in findings.iter_mut().zip(pairs.iter().filter(|pair| pair.theirs != pair.ours.tokens)) {
            finding.cost = value(pair, finding.tokens, kind);
        }
        let unpriced = pairs.iter().map(|pair| pair.unpriced).sum();
        let left = cost - ours - valued;
        let tokens: i64 = pairs.iter().map(|pair| pair.theirs).sum();
        findings.extend(price_finding(sheet, own, left, unpriced).map(|(kind, because)| Finding {
            kind: if cell.ours.is_none() { Kind::MissingHere } else { kind },
            day,
            model: model.to_owned(),
            class: None,
            tokens: 0,
            cost: left,
            because: if kind == Kind::PriceDifference { rates(ours + valued, cost, tokens) } else { because },
        }));
        return findings;
    }
    for (pair, left) in rest {
        let found = price_finding(sheet, own, left, pair.unpriced);
        // A cell of one side has no price to differ from.
        let one_sided = cell.ours.is_none() || cell.theirs.is_none();
        findings.extend(found.map(|(found, text)| Finding {
            kind: if one_sided { kind } else { found },
            day,
            model: model.to_owned(),
            class: CLASSES.get(pair.class).copied(),
            tokens: 0,
            cost: left,
            because: match found {
                _ if one_sided => because.clone(),
                Kind::PriceDifference => {
                    let theirs = pair.cost.unwrap_or_default();
                    rates(theirs - left, theirs, pair.theirs)
                }
                _ => text,
            },
        }));
    }
    findings
}

fn pair(sheet: &Sheet, cell: &Cell, own: &Own, class: usize) -> Pair {
    let get = |sides: &[Side; CLASSES.len()]| sides.get(class).copied().unwrap_or_default();
    let ours = get(&own.all);
    let theirs = match &cell.theirs {
        Some(theirs) => theirs.tokens(class).unwrap_or(ours.tokens),
        None => 0,
    };
    let cost = match &cell.theirs {
        Some(theirs) if theirs.whole_cost.is_some() => None,
        Some(theirs) => theirs.cost(class).or_else(|| sheet.is_costed(cell, class).then_some(Money::ZERO)),
        None => sheet.states_costs().then_some(Money::ZERO),
    };
    let unpriced = own.unpriced.get(class).copied().unwrap_or(0);
    Pair { class, ours, incomplete: get(&own.incomplete), unpriced, theirs, cost }
}

/// Why the counts of a cell differ. Said of all its classes: a call that is missing is missing in each.
fn cause(cell: &Cell, own: &Own, pairs: &[Pair]) -> (Kind, String) {
    let open = || pairs.iter().filter(|pair| pair.theirs != pair.ours.tokens);
    let less = |pair: &Pair| pair.theirs < pair.ours.tokens;
    let calls = |count: i64| format!("{count} call{}", if count == 1 { "" } else { "s" });
    let incomplete = calls(own.incomplete_tries);
    match (&cell.ours, &cell.theirs) {
        (None, _) => return (Kind::MissingHere, "nothing of this model was recorded here on this day".to_owned()),
        (Some(own), None) if own.incomplete_tries == own.tries => {
            return (Kind::FailedOrCancelled, format!("{incomplete} failed or cancelled, not reported there"));
        }
        (_, None) => return (Kind::MissingThere, "nothing of this model is reported there on this day".to_owned()),
        _ => {}
    }
    let all_incomplete = pairs.iter().all(|pair| pair.theirs == pair.ours.tokens - pair.incomplete.tokens);
    if own.incomplete_tries > 0 && all_incomplete {
        return (Kind::FailedOrCancelled, format!("{incomplete} failed or cancelled, not charged there"));
    }
    let reported = cell.theirs.as_ref().and_then(|theirs: &Theirs| theirs.requests);
    if let Some(more) = reported.map(|reported| reported - own.tries).filter(|more| *more != 0) {
        if more > 0 && !open().any(less) {
            return (Kind::MissingHere, format!("{} more are reported there", calls(more)));
        }
        if more < 0 && open().all(less) {
            return (Kind::MissingThere, format!("{} fewer are reported there", calls(-more)));
        }
    }
    let output_alone = open().all(|pair| pair.class == CLASSES.len() - 1);
    if own.incomplete_tries > 0 && output_alone {
        let because =
            format!("the answers of {incomplete} were cut, and counted there otherwise than what was delivered");
        return (Kind::FailedOrCancelled, because);
    }
    (Kind::TokenDifference, "counted otherwise there".to_owned())
}

/// What so many tokens more or fewer come to: at our price, as far as there is one.
fn value(pair: &Pair, tokens: i64, kind: Kind) -> Money {
    if pair.ours.tokens == 0 {
        return pair.cost.unwrap_or_default();
    }
    if kind == Kind::FailedOrCancelled && tokens == -pair.incomplete.tokens {
        return Money(-pair.incomplete.cost.0);
    }
    part(pair.ours, tokens)
}

/// Why the cost differs where the counts do not, or beyond what they explain.
fn price_finding(sheet: &Sheet, own: &Own, left: Money, unpriced: i64) -> Option<(Kind, String)> {
    if left == Money::ZERO {
        return None;
    }
    // Each try is rounded to the nano-dollar here, and once more where a margin is taken off.
    let each = own.tries.max(1).saturating_mul(2);
    if left.0.abs() <= sheet.last_digit.0.saturating_add(each) {
        return Some((Kind::Rounding, "rounded".to_owned()));
    }
    if unpriced > 0 {
        return Some((Kind::Unpriced, format!("the price of {unpriced} tokens is not known here")));
    }
    Some((Kind::PriceDifference, String::new()))
}

/// Both prices by the million tokens.
fn rates(ours: Money, theirs: Money, tokens: i64) -> String {
    let million = |cost: Money| part(Side { tokens: tokens.max(1), cost }, 1_000_000);
    format!("${} per million tokens here, ${} there", million(ours), million(theirs))
}
