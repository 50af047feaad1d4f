//! The sum of one attempt.

use serde::{Deserialize, Serialize};

use super::{Money, Price};
use crate::usage::{Role, Unit, Usage};

/// How an attempt was served, as far as that moves its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Served<'a> {
    /// The service tier that really served it (`flex`, `priority`, `batch`, `fast`).
    pub tier: Option<&'a str>,
    /// Where it ran: the region of the account.
    pub region: Option<&'a str>,
    /// What was asked for, in the provider's words: `1024x1024`, `hd`, `720p`.
    pub words: &'a [&'a str],
}

/// What an account pays of a list price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// Hundredths of a percent off the list price.
    #[serde(skip_serializing_if = "super::is_default")]
    pub discount: u32,
    /// Hundredths of a percent on what remains.
    #[serde(skip_serializing_if = "super::is_default")]
    pub margin: u32,
}

/// What an attempt costs by a price list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// Pico-dollars, for what has a rate.
    pub(super) pico: i128,
    /// Something that was used has no rate.
    pub unpriced: bool,
    pub(super) known: bool,
}

impl Price {
    /// The charge for one attempt.
    #[must_use]
    pub fn charge(&self, usage: &Usage, served: &Served<'_>) -> Charge {
        let lists = self.lists(usage.prompt(), served);
        let uplift = i128::from(self.uplift(served.region));
        let (mut pico, mut seen) = (0_i128, Seen::default());
        // Pico-dollars for the tokens of the question and of the answer. Tokens come first among the units.
        let mut tokens = [0_i128; 2];
        for (unit, count) in usage.counted() {
            let count = self.billed(unit, own(usage, unit, count));
            let paid = |side: usize| tokens.get(side).is_some_and(|sum| *sum > 0);
            if count == 0 || in_tokens(unit, usage).is_some_and(paid) {
                continue;
            }
            let rate = super::rates::find(&lists, unit).or_else(|| self.dearest(unit));
            seen.note(unit, rate.is_some());
            let sum = i128::from(count).saturating_mul(i128::from(rate.unwrap_or(0)));
            let sum = if unit.is_token() && uplift != 1000 { sum.saturating_mul(uplift) / 1000 } else { sum };
            pico = pico.saturating_add(sum);
            if let Some(side) = side(unit).and_then(|side| tokens.get_mut(side)) {
                *side = side.saturating_add(sum);
            }
        }
        if !usage.is_empty() {
            pico = pico.saturating_add(i128::from(self.request));
        }
        let unpriced = seen.leaves_out(self.request > 0);
        Charge { pico, unpriced, known: !unpriced || seen.priced || self.request > 0 }
    }

    /// The cost of one attempt; `None` if something that it used has no rate.
    #[must_use]
    pub fn cost(&self, usage: &Usage, served: &Served<'_>) -> Option<Money> {
        let charge = self.charge(usage, served);
        (!charge.unpriced).then(|| charge.money(&Terms::default()))
    }

    fn billed(&self, unit: Unit, count: u64) -> u64 {
        if unit == Unit::WebSearches && self.search_per_prompt { count.min(1) } else { count }
    }
}

/// Of which kinds the units were that have a rate, and those that have none.
#[derive(Default)]
struct Seen {
    priced: bool,
    /// Something that is sold by the piece: neither tokens nor what comes on top.
    priced_piece: bool,
    missing_extra: bool,
    missing_token: bool,
    missing_piece: bool,
}

impl Seen {
    fn note(&mut self, unit: Unit, priced: bool) {
        let is_extra = is_extra(unit);
        let is_piece = !is_extra && !unit.is_token();
        self.priced |= priced;
        self.priced_piece |= priced && is_piece;
        self.missing_extra |= !priced && is_extra;
        self.missing_token |= !priced && unit.is_token();
        self.missing_piece |= !priced && is_piece;
    }

    /// Whether something was used that no price contains. What has no rate is contained in what has one: the pictures of a
    /// model that is sold by the token, the tokens of one that is sold by the minute. Searches and their like are sold on
    /// top of everything.
    fn leaves_out(&self, by_request: bool) -> bool {
        let by_piece = by_request || self.priced_piece;
        self.missing_extra || !by_piece && (self.missing_token || self.missing_piece && !self.priced)
    }
}

impl Charge {
    /// What a provider states.
    #[must_use]
    pub fn stated(cost: Money) -> Self {
        Self { pico: i128::from(cost.0).saturating_mul(1000), unpriced: false, known: true }
    }

    /// Whether anything that was used has a rate, or nothing was used.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// What is paid, rounded to the nano-dollar once.
    #[must_use]
    pub fn money(&self, terms: &Terms) -> Money {
        const WHOLE: i128 = 10_000;
        let after = WHOLE - i128::from(terms.discount).min(WHOLE);
        let factor = after * (WHOLE + i128::from(terms.margin));
        match self.pico.checked_mul(factor) {
            Some(scaled) => Money::from_pico(scaled / (WHOLE * WHOLE)),
            None => Money::from_pico(self.pico),
        }
    }
}

/// The count of a unit without the parts of it that have a count, and a rate, of their own. Parts larger than the whole
/// are not believed: the whole bounds them.
pub(super) fn own(usage: &Usage, unit: Unit, count: u64) -> u64 {
    let sum = |parts: &mut dyn Iterator<Item = Unit>| parts.map(|part| usage.get(part)).fold(0, u64::saturating_add);
    match unit.role() {
        Role::PartOf(whole) => {
            let before = sum(&mut whole.parts().take_while(|part| *part != unit));
            count.min(usage.get(whole).saturating_sub(before))
        }
        _ => count.saturating_sub(sum(&mut unit.parts())),
    }
}

/// 0 for tokens of the question, 1 for those of the answer.
pub(super) fn side(unit: Unit) -> Option<usize> {
    match unit.role() {
        Role::Prompt => Some(0),
        Role::Output => Some(1),
        Role::PartOf(whole) if unit.is_token() => side(whole),
        Role::PartOf(_) | Role::Beside => None,
    }
}

/// The side whose tokens say the same in other words: price lists that have both mean one or the other, by what the answer
/// reports. Film and sound are heard and seen beside the text, unless they are counted in tokens too.
pub(super) fn in_tokens(unit: Unit, usage: &Usage) -> Option<usize> {
    match unit {
        Unit::SoundInMs => (usage.input_audio > 0).then_some(0),
        Unit::VideoInMs => (usage.input_video > 0).then_some(0),
        Unit::CharactersIn => Some(0),
        Unit::ImagesOut | Unit::SoundOutMs | Unit::VideoOutMs | Unit::CharactersOut => Some(1),
        _ => None,
    }
}

/// What is sold on top of an answer: it is never a part of another price.
pub(super) fn is_extra(unit: Unit) -> bool {
    matches!(unit, Unit::WebSearches | Unit::MapSearches | Unit::CodeSessions)
}
