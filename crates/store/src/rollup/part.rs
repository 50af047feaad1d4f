//! What a record adds to which sums.

use gateway::observe::{Attempt, Record};
use govern::{
    Money, Principal,
    chargeback::{Figures, Place, place::Basis},
    principal::DEFAULT_ORGANIZATION,
};

use super::Rollup;

/// The place of a sum, borrowed from a record: [`Place`] without a copy of its texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Spot<'a> {
    /// In the order of [`govern::chargeback::place::DIMENSIONS`].
    pub texts: [&'a str; govern::chargeback::place::DIMENSIONS.len()],
    pub tags: Vec<(&'a str, &'a str)>,
    pub tier: Option<&'a str>,
    pub words: &'a [String],
    pub region: Option<&'a str>,
    pub long_from: u64,
    pub discount: u32,
    pub margin: u32,
}

impl Spot<'_> {
    pub fn to_place(&self) -> Place {
        let mut place = Place {
            tags: self.tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            basis: Basis {
                tier: self.tier.map(str::to_owned),
                words: self.words.to_vec(),
                region: self.region.map(str::to_owned),
                long_from: self.long_from,
                discount: self.discount,
                margin: self.margin,
            },
            ..Place::default()
        };
        for (name, text) in govern::chargeback::place::DIMENSIONS.iter().zip(self.texts) {
            if let Some(held) = place.text_mut(name) {
                text.clone_into(held);
            }
        }
        place
    }
}

/// Tells `add` of every sum that a record belongs to.
///
/// The request itself is counted where its answer came from. A try that used something is counted where it was made, so
/// that a failed one is on the account that was paid for it.
pub(super) fn parts<'a>(
    record: &'a Record,
    tags: &'a [String],
    rollup: &Rollup,
    mut add: impl FnMut(Spot<'a>, Figures),
) {
    let used = || record.attempts.iter().filter(|attempt| !attempt.usage.is_empty());
    let main = used().rfind(|attempt| Some(&attempt.target) == record.target.as_ref()).or_else(|| used().next_back());
    let spot = |target: Option<&'a str>, attempt: Option<&'a Attempt>| {
        let is_main = match (attempt, main) {
            (Some(one), Some(main)) => std::ptr::eq(one, main),
            (None, None) => true,
            _ => false,
        };
        whose(record, tags, target, is_main, attempt.map(|attempt| (attempt, rollup)))
    };
    let request = Figures {
        requests: 1,
        unpriced: i64::from(record.unpriced),
        estimated: i64::from(record.estimated),
        ..Figures::default()
    };
    let Some(main) = main else {
        // Nothing was used, or what was used is known of the whole alone.
        let mut figures = Figures { cost: record.cost.unwrap_or_default(), ..request };
        figures.tries = i64::from(!record.usage.is_empty());
        figures.add_usage(&record.usage);
        let last = record.attempts.last().filter(|_| !record.usage.is_empty()).map(|attempt| attempt.target.as_str());
        return add(spot(record.target.as_deref().or(last), None), figures);
    };
    let known: Money = used().filter_map(|attempt| attempt.cost).sum();
    for attempt in used() {
        let is_main = std::ptr::eq(attempt, main);
        let mut figures = if is_main { request } else { Figures::default() };
        figures.tries = 1;
        figures.cost = attempt.cost.unwrap_or_default();
        if let Some(cost) = record.cost.filter(|_| is_main) {
            // What the record says is what counts.
            figures.cost += cost - known;
        }
        figures.add_usage(&attempt.usage);
        add(spot(Some(&attempt.target), Some(attempt)), figures);
    }
}

/// The place of a record's request, or of one of its tries.
fn whose<'a>(
    record: &'a Record,
    tags: &'a [String],
    target: Option<&'a str>,
    is_main: bool,
    attempt: Option<(&'a Attempt, &Rollup)>,
) -> Spot<'a> {
    let (account, target_model) = target.map_or(("", ""), |target| target.split_once('/').unwrap_or((target, "")));
    let text = |text: &'a Option<String>| text.as_deref().unwrap_or_default();
    // A name that only the caller made up would be a place of its own each time.
    let model = if target.is_some() { text(&record.model) } else { "" };
    let served_model = if is_main { text(&record.served_model) } else { "" };
    let outcome = if is_main { record.outcome.as_str() } else { "failed" };
    let price = attempt.and_then(|(attempt, _)| attempt.price.as_deref()).unwrap_or_default();
    let principal = record.principal.as_deref();
    let level = |of: fn(&Principal) -> Option<&std::sync::Arc<str>>| principal.and_then(of).map_or("", |id| &**id);
    let texts = [
        principal.map_or(DEFAULT_ORGANIZATION, |principal| &*principal.organization),
        level(|principal| principal.division.as_ref()),
        level(|principal| principal.team.as_ref()),
        level(|principal| principal.project.as_ref()),
        level(|principal| principal.user.as_ref()),
        level(|principal| principal.virtual_account.as_ref()),
        text(&record.key_id),
        model,
        account,
        target_model,
        served_model,
        outcome,
        price,
    ];
    let tags = tags.iter().filter_map(|name| Some((name.as_str(), cut(record.tags.get(name)?)))).collect();
    match attempt {
        None => Spot { texts, tags, ..Spot::default() },
        Some((attempt, rollup)) => Spot {
            texts,
            tags,
            tier: attempt.basis.tier.as_deref(),
            words: &attempt.basis.words,
            region: attempt.basis.region.as_deref(),
            long_from: rollup.step(attempt),
            discount: attempt.basis.terms.discount,
            margin: attempt.basis.terms.margin,
        },
    }
}

/// The longest value of a tag that spend is kept by, in bytes.
const LONGEST_TAG: usize = 128;

fn cut(value: &str) -> &str {
    let end = (0..=LONGEST_TAG.min(value.len())).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0);
    value.get(..end).unwrap_or(value)
}
