//! Calls on the other side of midnight: a report whose days begin at another hour, or that counts a call on the day on which
//! it ended.

use super::{
    CLASSES, Finding, Kind, Ours, Report,
    cells::{Cell, Sheet, Side},
};
use crate::Money;

/// Hours by which the days of a report may be off: all of the world's zones.
const OFFSETS: std::ops::RangeInclusive<i64> = -12..=14;

/// Finds the hour at which the report's days begin, and puts ours into those days. UTC stands unless another hour makes
/// more cells agree, and most of them.
pub(super) fn whole_zone(sheet: &mut Sheet, ours: &[Ours], report: &Report) -> Vec<Finding> {
    let mut best = (0, agreeing(sheet));
    // Of several that fit, the nearest.
    let mut offsets: Vec<i64> = OFFSETS.filter(|offset| *offset != 0).collect();
    offsets.sort_by_key(|offset| (offset.abs(), *offset));
    for offset in offsets {
        sheet.place(ours, report, offset);
        let agree = agreeing(sheet);
        if agree > best.1 {
            best = (offset, agree);
        }
    }
    sheet.place(ours, report, 0);
    let cells = sheet.cells.len();
    let (offset, agree) = best;
    if offset == 0 || agree < 2 || agree * 2 <= cells {
        return Vec::new();
    }
    let before = sheet.cells.clone();
    sheet.place(ours, report, offset);
    let mut keys: Vec<_> = before.keys().chain(sheet.cells.keys()).cloned().collect();
    keys.sort();
    keys.dedup();
    let mut findings = Vec::new();
    for key in keys {
        let side = |cell: Option<&Cell>, class: usize| {
            cell.and_then(|cell| cell.ours.as_ref()?.all.get(class).copied()).unwrap_or_default()
        };
        for (class, name) in CLASSES.iter().enumerate() {
            let (old, new) = (side(before.get(&key), class), side(sheet.cells.get(&key), class));
            let because = format!("the report's days begin {} of UTC's", hours(offset));
            findings.extend(moved(&key, Some(name), new.tokens - old.tokens, new.cost - old.cost, &because));
        }
    }
    let costs = sheet.states_costs();
    for finding in &mut findings {
        if !costs {
            finding.cost = Money::ZERO;
        }
    }
    findings
}

fn hours(offset: i64) -> String {
    let (count, side) = (offset.abs(), if offset > 0 { "ahead" } else { "behind" });
    format!("{count} hour{} {side}", if count == 1 { "" } else { "s" })
}

fn agreeing(sheet: &Sheet) -> usize {
    sheet.cells.values().filter(|cell| cell.theirs.is_some() && cell.difference() == [0; CLASSES.len()]).count()
}

fn moved(key: &(String, i64), class: Option<&'static str>, tokens: i64, cost: Money, because: &str) -> Option<Finding> {
    (tokens != 0 || cost != Money::ZERO).then(|| Finding {
        kind: Kind::TimeZoneShift,
        day: key.1,
        model: key.0.clone(),
        class,
        tokens,
        cost,
        because: because.to_owned(),
    })
}

/// Finds calls that the report counts on the next day or on the day before: what is missing on one side of a midnight is
/// there on the other, in every class, and no more than came in the hour beside it. A row of such midnights must come out
/// even at its end.
pub(super) fn midnights(sheet: &mut Sheet) -> Vec<Finding> {
    let mut findings = Vec::new();
    let keys: Vec<(String, i64)> = sheet.cells.keys().cloned().collect();
    for key in keys {
        for forward in [true, false] {
            if let Some(moves) = chain(sheet, &key, forward) {
                for (from, amounts) in moves {
                    findings.extend(shift(sheet, &from, amounts, forward));
                }
            }
        }
    }
    findings
}

/// Tokens of each class that were moved over the midnight after this day, of this model.
type Move = ((String, i64), [i64; CLASSES.len()]);

/// The midnights, by the day before each, over which calls were moved, and how many tokens of each class.
fn chain(sheet: &Sheet, key: &(String, i64), forward: bool) -> Option<Vec<Move>> {
    let cell =
        |day: i64| sheet.cells.get(&(key.0.clone(), day)).filter(|cell| cell.theirs.is_some() && cell.ours.is_some());
    let mut carried = [0; CLASSES.len()];
    let mut moves = Vec::new();
    let mut day = key.1;
    loop {
        let own = cell(day)?;
        let off = own.difference();
        let open: [i64; CLASSES.len()] = std::array::from_fn(|class| at(&off, class) - at(&carried, class));
        if open == [0; CLASSES.len()] {
            return (!moves.is_empty()).then_some(moves);
        }
        // Forward, a day lacks what the next one has too much of; backward, it has what belongs to the next.
        let amounts: [i64; CLASSES.len()] = open.map(|open| if forward { -open } else { open });
        let beside = if forward {
            own.ours.as_ref().map(|own| own.last_hour)
        } else {
            cell(day + 1).and_then(|next| next.ours.as_ref()).map(|own| own.first_hour)
        }?;
        let fits = |class: usize| (0..=beside.get(class).map_or(0, |side| side.tokens)).contains(&at(&amounts, class));
        if !(0..CLASSES.len()).all(fits) {
            return None;
        }
        moves.push(((key.0.clone(), day), amounts));
        carried = if forward { amounts } else { amounts.map(|amount| -amount) };
        day += 1;
    }
}

fn at(amounts: &[i64; CLASSES.len()], class: usize) -> i64 {
    amounts.get(class).copied().unwrap_or(0)
}

/// Moves tokens over the midnight at the end of a day, with what they cost.
fn shift(sheet: &mut Sheet, key: &(String, i64), amounts: [i64; CLASSES.len()], forward: bool) -> Vec<Finding> {
    let next = (key.0.clone(), key.1 + 1);
    let costs = sheet.states_costs();
    let mut findings = Vec::new();
    for (class, name) in CLASSES.iter().enumerate() {
        let tokens = at(&amounts, class);
        if tokens == 0 {
            continue;
        }
        let (from, to) = if forward { (key, &next) } else { (&next, key) };
        let beside = sheet
            .cells
            .get(from)
            .and_then(|cell| cell.ours.as_ref())
            .map(|own| if forward { own.last_hour } else { own.first_hour });
        let cost = beside.and_then(|sides| sides.get(class).copied()).map_or(Money::ZERO, |side| part(side, tokens));
        let because = if forward { "counted on the day after" } else { "counted on the day before" };
        for (key, sign) in [(from, -1), (to, 1)] {
            let moved_cost = Money(cost.0 * sign);
            if let Some(side) = sheet.cells.get_mut(key).and_then(|cell| cell.ours.as_mut()?.all.get_mut(class)) {
                side.tokens += tokens * sign;
                side.cost += moved_cost;
            }
            let shown = if costs { moved_cost } else { Money::ZERO };
            findings.extend(moved(key, Some(name), tokens * sign, shown, because));
        }
    }
    findings
}

/// What so many of these tokens cost.
pub(super) fn part(side: Side, tokens: i64) -> Money {
    if side.tokens == 0 {
        return Money::ZERO;
    }
    let product = i128::from(side.cost.0) * i128::from(tokens);
    let (whole, half) = (i128::from(side.tokens), i128::from(side.tokens) / 2);
    Money(i64::try_from((product + half * product.signum()) / whole).unwrap_or(i64::MAX))
}
