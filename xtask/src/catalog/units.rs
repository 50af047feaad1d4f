//! What the source means by a unit in each kind of model.
//!
//! "Per second" is sound for a transcription, film for a video and machine time for a picture; "per image of input" is what
//! a made picture costs where no other price of it is given.

use anyhow::Result;
use llm::{
    catalog::{Mode, entry::Entry},
    price::{Price, Rates, parse_decimal},
    usage::Unit,
};

use super::{
    name,
    report::Report,
    row::{Prices, one},
};

/// Brings the units of a price to what they mean for such a model.
///
/// Input for more than 300 dollars per million tokens, 10 for an embedding, is a slip by a power of ten: twice what the
/// dearest models cost. No price is better than that one.
pub fn settle(prices: &mut Prices<'_>, entry: &Entry<'_>, words: &[String], report: &mut Report) -> Result<()> {
    let mode = entry.mode;
    for rates in prices.listed.values_mut() {
        *rates = rates.iter().map(|(unit, rate)| (meaning(mode, unit), rate)).collect();
    }
    for variant in &mut prices.variants {
        variant.price = variant.price.iter().map(|(unit, rate)| (meaning(mode, unit), rate)).collect();
    }
    if let Some(text) = prices.pixel {
        pixel(prices, text, words, report)?;
    }
    prices.listed.values_mut().for_each(|rates| within(mode, rates));
    prices.listed.retain(|_, rates| !rates.is_empty());
    let base = prices.listed.entry((None, None)).or_default();
    if matches!(mode, Mode::Image | Mode::ImageEdit) && base.get(Unit::ImagesOut).is_none() {
        // Nobody pays for reading a picture that is not made.
        if let (Some(rate), None) = (base.get(Unit::ImagesIn), base.get(Unit::Output).filter(|rate| *rate > 0)) {
            base.remove(Unit::ImagesIn);
            base.set(Unit::ImagesOut, rate);
        }
    }
    // A price of nothing for a size is a gap in the source, not a gift.
    if !words.is_empty() && base.iter().all(|(_, rate)| rate == 0) {
        *base = Rates::default();
    }
    let most = if mode == Mode::Embedding { 10_000_000 } else { 300_000_000 };
    if let Some(rate) = base.get(Unit::Input).filter(|rate| *rate > most) {
        report.implausible(entry.provider, entry.id, rate);
        *base = Rates::default();
    }
    // What costs as much as what it stands for follows it, into every tier and length.
    for unit in Unit::ALL {
        if let (Some(rate), Some(other)) = (base.get(*unit), llm::price::follows(*unit))
            && Price::flat(base.clone()).rate(other) == Some(rate)
        {
            base.remove(*unit);
        }
    }
    if mode == Mode::Embedding && base.get(Unit::Input).is_some() && base.get(Unit::Output).is_none() {
        base.set(Unit::Output, 0);
    }
    halve_long_writes(prices, entry);
    Ok(())
}

/// A batch costs half of everything at Anthropic; the source leaves out the writes that live for an hour.
///
/// <https://platform.claude.com/docs/en/about-claude/pricing#batch-processing>
fn halve_long_writes(prices: &mut Prices<'_>, entry: &Entry<'_>) {
    let base = prices.listed.get(&(None, None)).and_then(|base| base.get(Unit::CacheWrite1h));
    let batch = prices.listed.get_mut(&(Some("batch"), None)).filter(|_| entry.id.contains("claude"));
    if let (Some(rate), Some(batch)) = (base, batch)
        && batch.get(Unit::CacheWrite1h).is_none()
    {
        batch.set(Unit::CacheWrite1h, rate / 2);
    }
}

fn meaning(mode: Mode, unit: Unit) -> Unit {
    match (mode, unit) {
        (Mode::Video, Unit::SoundOutMs) => Unit::VideoOutMs,
        (Mode::Video, Unit::SoundInMs) => Unit::VideoInMs,
        (Mode::Image | Mode::ImageEdit, Unit::SoundInMs | Unit::SoundOutMs) => Unit::ComputeMs,
        _ => unit,
    }
}

/// Takes off what says the same twice.
fn within(mode: Mode, rates: &mut Rates) {
    let paid = |unit: Unit, rates: &Rates| rates.get(unit).is_some_and(|rate| rate > 0);
    if mode == Mode::Transcription {
        // Sound is paid for once, whichever side the source writes it on.
        if let Some(rate) = rates.get(Unit::SoundOutMs) {
            rates.remove(Unit::SoundOutMs);
            if !paid(Unit::SoundInMs, rates) {
                rates.set(Unit::SoundInMs, rate);
            }
        }
    }
    if mode.converses() {
        // The price of a rented machine, by the second that it stands there.
        rates.remove(Unit::SoundInMs);
        rates.remove(Unit::SoundOutMs);
    }
    if mode != Mode::Embedding && paid(Unit::Input, rates) {
        // The tokens of the picture in other words.
        rates.remove(Unit::ImagesIn);
    }
}

/// A picture by its pixels: the price list prints it to a tenth of a cent at most, the rest is the source's division.
fn pixel(prices: &mut Prices<'_>, text: &str, words: &[String], report: &mut Report) -> Result<()> {
    const PICO_PER_MICRO: u64 = 1_000_000;
    let pieces = prices.listed.values().any(|rates| rates.get(Unit::ImagesIn).or(rates.get(Unit::ImagesOut)).is_some());
    let size = words.iter().find_map(|word| name::size(word));
    match size {
        Some((width, height)) if !pieces => {
            let each = u64::try_from(parse_decimal(text, 18)?.value)?;
            let pico = (u128::from(each) * u128::from(width) * u128::from(height)) / 1_000_000;
            let micro = (u64::try_from(pico)? + PICO_PER_MICRO / 2) / PICO_PER_MICRO;
            let listed = prices.listed.entry((None, None)).or_default();
            if micro > 0 {
                *listed = listed.iter().chain(one(Unit::ImagesOut, micro * PICO_PER_MICRO).iter()).collect();
            }
        }
        Some(_) => {}
        None => report.left("input_cost_per_pixel", text),
    }
    Ok(())
}
