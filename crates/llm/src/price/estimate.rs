//! What a model may cost whose price nobody has stated: never less than it will turn out to be, as far as anything is known.
//!
//! An estimate guards budgets. So it is the sum of the dearest, and it takes nothing for a part of something else, as a
//! price does that is known.

use super::{
    Charge, Price, Rates, Served,
    charge::{is_extra, own},
};
use crate::usage::{Unit, Usage};

impl Price {
    /// A flat price that is at least as high as each of these in whatever way they are paid: by long prompts, by tier, by what
    /// was asked for, in the dearest region. `None` if there are none.
    #[must_use]
    pub fn ceiling<'a>(prices: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut prices = prices.into_iter().peekable();
        prices.peek()?;
        let mut dearest: Vec<(Unit, Option<u64>)> = Unit::ALL.iter().map(|unit| (*unit, None)).collect();
        let mut request = 0;
        for price in prices {
            request = price.request.max(request);
            for (unit, most) in &mut dearest {
                *most = (*most).max(price.most(*unit));
            }
        }
        let base: Rates = dearest.into_iter().filter_map(|(unit, rate)| Some((unit, rate?))).collect();
        Some(Self { request, ..Self::flat(base) })
    }

    /// The charge for one attempt of which `known` prices a part at most: by this price for the rest.
    ///
    /// What neither has a rate for leaves the charge `unpriced`.
    #[must_use]
    pub fn estimate(&self, known: Option<&Self>, usage: &Usage, served: &Served<'_>) -> Charge {
        let charged = known.map(|known| known.charge(usage, served));
        let has_rate = |unit: &Unit| known.is_some_and(|known| known.rate_for(*unit, usage.prompt(), served).is_some());
        let request = if usage.is_empty() { 0 } else { i128::from(self.request) };
        let mut pico = charged.map_or(request, |charge| charge.pico);
        let (mut missing, mut any) = (Vec::new(), charged.is_some_and(|charge| charge.known));
        for (unit, count) in usage.counted().filter(|(unit, _)| !has_rate(unit)) {
            match self.rate(unit) {
                Some(rate) => {
                    any = true;
                    let sum = i128::from(own(usage, unit, count)).saturating_mul(i128::from(rate));
                    pico = pico.saturating_add(sum);
                }
                None => missing.push(unit),
            }
        }
        let contained = |unit: &Unit| any && !unit.is_token() && !is_extra(*unit);
        let unpriced = !missing.iter().all(contained);
        Charge { pico, unpriced, known: any || !unpriced }
    }

    /// The most that a unit can cost.
    fn most(&self, unit: Unit) -> Option<u64> {
        let long = self.long.iter().map(|long| &long.rates);
        let tiers = self
            .tiers
            .iter()
            .flat_map(|tier| std::iter::once(&tier.rates).chain(tier.long.iter().map(|long| &long.rates)));
        let variants = self.variants.iter().map(|variant| &variant.rates);
        let lists = std::iter::once(&self.base).chain(long).chain(tiers).chain(variants);
        let most = lists.filter_map(|list| super::rates::find(&[Some(list), Some(&self.base)], unit)).max()?;
        let uplift = self.uplifts.iter().map(|uplift| uplift.per_mille).max().unwrap_or(1000).max(1000);
        let uplift = if unit.is_token() { u64::from(uplift) } else { 1000 };
        Some(most.saturating_mul(uplift).div_ceil(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog,
        price::{Long, Money, Tier, Uplift, Variant},
    };

    fn rates<const N: usize>(rates: [(Unit, u64); N]) -> Rates {
        rates.into_iter().collect()
    }

    fn dear() -> Price {
        Price {
            long: vec![Long { from: 200_001, rates: rates([(Unit::Input, 5)]) }],
            tiers: vec![Tier {
                name: "priority".into(),
                rates: rates([(Unit::Output, 30)]),
                long: vec![Long { from: 1, rates: rates([(Unit::Output, 40)]) }],
            }],
            variants: vec![Variant { words: vec!["hd".into()], rates: rates([(Unit::ImagesOut, 80)]) }],
            uplifts: vec![Uplift { region: "eu".into(), per_mille: 1100 }],
            request: 7,
            ..Price::flat(rates([(Unit::Input, 2), (Unit::Output, 10), (Unit::ImagesOut, 20)]))
        }
    }

    #[test]
    fn the_dearest_is_as_high_as_each_in_every_way_of_paying() {
        let other = Price::flat(rates([(Unit::Input, 3), (Unit::CacheWrite, 9), (Unit::Output, 1)]));
        let dearest = Price::ceiling([&dear(), &other]).unwrap();
        // 5 and a tenth, rounded up; 40 and a tenth; pictures are not sold by the token.
        let expected =
            [(Unit::Input, 6), (Unit::CacheRead, 6), (Unit::CacheWrite, 9), (Unit::Output, 44), (Unit::Reasoning, 44)];
        for (unit, rate) in expected {
            assert_eq!(dearest.rate(unit), Some(rate), "{unit:?}");
        }
        assert_eq!((dearest.rate(Unit::ImagesOut), dearest.request), (Some(80), 7));
        assert_eq!(dearest.rate(Unit::Pages), None);
        assert_eq!(Price::ceiling([]), None);
    }

    #[test]
    fn an_estimate_is_never_below_what_any_model_of_the_catalogue_charges() {
        let usages = [
            Usage { input: 1000, output: 500, ..Usage::default() },
            Usage { input: 300_000, cache_read: 100_000, output: 5, reasoning: 2, ..Usage::default() },
            Usage { input: 9, cache_write: 5000, cache_write_1h: 700, output: 50, web_searches: 2, ..Usage::default() },
            Usage { input: 40, output: 4000, output_image: 4000, images_out: 2, ..Usage::default() },
        ];
        let priced = || {
            catalog::all().iter().filter(|model| model.provider == "openai").filter_map(|model| model.price.as_deref())
        };
        let dearest = Price::ceiling(priced()).unwrap();
        let mut compared = 0;
        for price in priced() {
            for usage in &usages {
                for tier in [None, Some("flex"), Some("priority"), Some("batch")] {
                    let served = Served { tier, region: Some("eu-west-1"), words: &["high", "1024x1024"] };
                    let estimate = dearest.estimate(None, usage, &served);
                    assert!(estimate.pico >= price.charge(usage, &served).pico, "{price:?} {usage:?} {tier:?}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 1000, "{compared}");
    }

    #[test]
    fn what_a_price_knows_is_charged_by_it_and_the_rest_estimated() {
        let known = Price::flat(rates([(Unit::Input, 1000), (Unit::Output, 2000)]));
        let spare = Price::flat(rates([(Unit::Input, 1_000_000), (Unit::WebSearches, 5_000_000)]));
        let usage = Usage { input: 10, output: 1, web_searches: 2, ..Usage::default() };
        let served = Served::default();
        assert!(known.charge(&usage, &served).unpriced);
        let charge = spare.estimate(Some(&known), &usage, &served);
        // 10 x 1000 + 1 x 2000 + 2 x 5000000 pico-dollars.
        assert_eq!((charge.money(&Default::default()), charge.unpriced), (Money(10_012), false));
        let nothing = Price::flat(rates([(Unit::Pages, 1)])).estimate(None, &usage, &served);
        assert_eq!((nothing.unpriced, nothing.is_known()), (true, false));
    }

    #[test]
    fn a_price_comes_back_from_json_as_it_was() {
        let price = dear().versioned("config");
        let text = serde_json::to_string(&price).unwrap();
        let back: Price = serde_json::from_str(&text).unwrap();
        assert_eq!(back.versioned("config"), price);
        let flat = serde_json::to_string(&Price::flat(rates([(Unit::Input, 2)]))).unwrap();
        assert_eq!(flat, r#"{"base":{"input":2}}"#);
        for model in catalog::all().iter().filter_map(|model| model.price.as_deref()) {
            let back: Price = serde_json::from_str(&serde_json::to_string(model).unwrap()).unwrap();
            assert_eq!(back, Price { version: None, ..model.clone() });
        }
    }
}
