//! The prices and terms of an account.

use std::{collections::HashMap, sync::Arc};

use llm::{
    price::{Long, Price, Rates, Terms, Tier, Uplift, Variant},
    usage::Unit,
};

use super::{At, Checking, Fault};
use crate::config::{
    price::{RawCosts, RawLongPrice, RawPrice, RawRates, pico},
    raw::{Items, RawProvider},
    shape::join,
    snapshot::Costs,
};

impl Checking<'_> {
    pub(super) fn prices(&mut self, raw: &RawProvider, path: &str) -> HashMap<String, Arc<Price>> {
        let mut good = HashMap::new();
        for (model, raw) in &raw.prices {
            let path = join(&format!("{path}.prices"), model);
            let price = self.price(raw, &path);
            good.insert(model.clone(), Arc::new(price.versioned("config")));
        }
        good
    }

    pub(super) fn costs(&mut self, raw: &RawProvider, path: &str) -> Costs {
        let mut percent = |name: &str, percent: Option<f64>, most: f64| {
            let percent = percent.unwrap_or(0.0);
            if !(0.0..=most).contains(&percent) {
                let message = format!("{percent} is no share in percent");
                let fix = format!("write a number from 0 to {most}");
                self.report.error(Fault::OutOfRange, At::Value(&format!("{path}.{name}")), message, fix);
                return 0;
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just now")]
            let hundredths = (percent * 100.0).round() as u32;
            hundredths
        };
        Costs {
            terms: Terms {
                discount: percent("discount_percent", raw.discount_percent, 100.0),
                margin: percent("margin_percent", raw.margin_percent, 1000.0),
            },
            stated_first: matches!(raw.costs, Some(RawCosts::Provider)),
        }
    }

    pub(super) fn price(&mut self, raw: &RawPrice, path: &str) -> Price {
        let base = self.rates(&raw.rates(), path);
        // The price of a conversation that lacks a half would make that half free of charge.
        for (there, absent) in [(Unit::Input, Unit::Output), (Unit::Output, Unit::Input)] {
            let missing = base.get(there).is_some() && base.get(absent).is_none();
            if missing && !self.report.stands_in_file(&format!("{path}.{}", absent.name())) {
                let message = format!("`{}` is missing", absent.name());
                let fix = format!("add `{}: ...`, 0 if such tokens are free or there are none", absent.name());
                self.report.error(Fault::MissingField, At::Value(path), message, fix);
            }
        }
        let request = raw.request.and_then(|dollars| self.dollars("request", dollars, 12, path));
        let tiers = raw.tiers.iter().map(|(name, raw)| {
            let path = join(&format!("{path}.tiers"), name);
            let rates = self.rates(&raw.rates, &format!("{path}.rates"));
            Tier { name: name.clone(), rates, long: self.long(&raw.long, &path) }
        });
        let tiers = tiers.collect();
        let variants = raw.variants.iter().enumerate().filter_map(|(at, raw)| {
            let raw = raw.as_ref()?;
            let rates = self.rates(&raw.rates, &format!("{path}.variants[{at}].rates"));
            Some(Variant { words: raw.when.iter().flatten().cloned().collect(), rates })
        });
        let variants = variants.collect();
        let price = Price {
            base,
            long: self.long(&raw.long, path),
            tiers,
            variants,
            uplifts: self.regions(raw, path),
            request: request.unwrap_or(0),
            search_per_prompt: raw.search_per_prompt.unwrap_or(false),
            version: None,
        };
        if price.is_empty() {
            self.report.error(Fault::MissingField, At::Value(path), "the price is empty", "add `input` and `output`");
        }
        price
    }

    fn rates(&mut self, raw: &RawRates, path: &str) -> Rates {
        let written = raw.written();
        let rates = written.iter().filter_map(|rate| {
            let pico = self.dollars(rate.name, rate.dollars?, rate.scale, path)?;
            Some((rate.unit, pico))
        });
        rates.collect()
    }

    fn dollars(&mut self, name: &str, dollars: f64, scale: i32, path: &str) -> Option<u64> {
        let rate = pico(dollars, scale);
        if rate.is_none() {
            let message = format!("{dollars} is no price in dollars");
            let fix = "write a number from 0 to 1000000";
            self.report.error(Fault::OutOfRange, At::Value(&format!("{path}.{name}")), message, fix);
        }
        rate
    }

    fn long(&mut self, raw: &Items<RawLongPrice>, path: &str) -> Vec<Long> {
        let all = raw.iter().enumerate().filter_map(|(at, raw)| {
            let raw = raw.as_ref()?;
            let rates = self.rates(&raw.rates, &format!("{path}.long[{at}].rates"));
            Some(Long { from: u64::from(raw.from), rates })
        });
        let mut all: Vec<Long> = all.collect();
        all.sort_by_key(|long| long.from);
        all
    }

    fn regions(&mut self, raw: &RawPrice, path: &str) -> Vec<Uplift> {
        let factors = raw.regions.iter().filter_map(|(region, factor)| {
            let per_mille = pico(*factor, 3).and_then(|factor| u32::try_from(factor).ok());
            if per_mille.is_none() {
                let message = format!("{factor} is no factor");
                let at = join(&format!("{path}.regions"), region);
                self.report.error(Fault::OutOfRange, At::Value(&at), message, "write `1.1` for a tenth more");
            }
            Some(Uplift { region: region.clone(), per_mille: per_mille? })
        });
        factors.collect()
    }
}

#[cfg(test)]
mod tests {
    use llm::{Usage, price::Money, provider::Operation};

    use crate::{
        config::{Asked, Bill, check},
        key::Pepper,
    };

    fn file(settings: &str) -> String {
        format!(
            "providers: {{ a: {{ kind: vllm, base_url: 'http://127.0.0.1:1/v1', region: eu-west-1, {settings} }} }}\n"
        )
    }

    fn problems(settings: &str) -> Vec<String> {
        let checked = check(&file(settings), &|_| None, &|_| Ok(()), 0);
        checked.problems.iter().map(|problem| format!("{} {}", problem.path, problem.message)).collect()
    }

    fn bill(settings: &str, usage: Usage, tier: Option<&str>, words: &[&str]) -> Bill {
        let checked = check(&file(settings), &|_| None, &|_| Ok(()), 0);
        let rules =
            checked.draft.unwrap_or_else(|| panic!("{:?}", problems(settings))).into_rules(&Pepper::new(&[0; 32]), 1);
        rules.resolve("a/m").unwrap().route.targets[0].bill(&usage, &Asked { operation: Operation::Chat, tier, words })
    }

    fn dollars(text: &str) -> Option<Money> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn every_dimension_of_a_price_can_be_configured() {
        let million = Usage { input: 1_000_000, ..Usage::default() };
        let long = "prices: { m: { input: 1, output: 2, long: [{ from: 200001, rates: { input: 3 } }] } }";
        assert_eq!(bill(long, million, None, &[]).cost, dollars("3"));
        let tier = "prices: { m: { input: 1, output: 2, tiers: { batch: { rates: { input: 0.5 } } } } }";
        assert_eq!(bill(tier, million, Some("batch"), &[]).cost, dollars("0.5"));
        let region = "prices: { m: { input: 1, output: 2, regions: { eu: 1.1 } } }";
        assert_eq!(bill(region, million, None, &[]).cost, dollars("1.1"));
        let picture = Usage { images_out: 2, ..Usage::default() };
        let sizes =
            "prices: { m: { images_out: 0.04, variants: [{ when: [1024x1024, hd], rates: { images_out: 0.08 } }] } }";
        assert_eq!(bill(sizes, picture, None, &[]).cost, dollars("0.08"));
        assert_eq!(bill(sizes, picture, None, &["hd", "1024x1024"]).cost, dollars("0.16"));
        let minute = Usage { sound_in_ms: 60_000, ..Usage::default() };
        assert_eq!(bill("prices: { m: { sound_in: 0.0001 } }", minute, None, &[]).cost, dollars("0.006"));
        let searched = Usage { web_searches: 3, ..Usage::default() };
        let by_prompt = "prices: { m: { web_searches: 0.035, search_per_prompt: true, request: 0.001 } }";
        assert_eq!(bill(by_prompt, searched, None, &[]).cost, dollars("0.036"));
    }

    #[test]
    fn terms_of_the_account_move_what_is_paid() {
        let usage = Usage { input: 1_000_000, ..Usage::default() };
        let price = "prices: { m: { input: 1, output: 2 } }";
        let terms = format!("discount_percent: 12.5, margin_percent: 20, {price}");
        assert_eq!(bill(&terms, usage, None, &[]).cost, dollars("1.05"));
        // The provider knows of its discounts: a dollar, and a fifth on top.
        let stated = Usage { stated: dollars("1"), ..usage };
        let trusting = format!("costs: provider, {terms}");
        let trusted = bill(&trusting, stated, None, &[]);
        assert_eq!((trusted.cost, trusted.version.as_deref()), (dollars("1.2"), Some("stated")));
        let listed = bill(&terms, stated, None, &[]);
        assert_eq!(listed.cost, dollars("1.05"));
        assert!(listed.version.unwrap().starts_with("config/"));
        let unknown = bill("costs: prices", stated, None, &[]);
        assert_eq!((unknown.cost, unknown.unpriced), (dollars("1"), false), "better than nothing");
        let nothing = bill("costs: prices", usage, None, &[]);
        assert_eq!((nothing.cost, nothing.unpriced, nothing.version), (None, true, None));
    }

    #[test]
    fn what_is_no_price_is_named() {
        for (settings, problem) in [
            ("prices: { m: {} }", "providers.a.prices.m the price is empty"),
            ("prices: { m: { input: 1 } }", "providers.a.prices.m `output` is missing"),
            ("prices: { m: { pages: -1 } }", "providers.a.prices.m.pages -1 is no price in dollars"),
            (
                "prices: { m: { input: 1, output: 1, regions: { eu: -2 } } }",
                "providers.a.prices.m.regions.eu -2 is no factor",
            ),
            ("discount_percent: 101", "providers.a.discount_percent 101 is no share in percent"),
            ("margin_percent: -1", "providers.a.margin_percent -1 is no share in percent"),
        ] {
            assert!(problems(settings).contains(&problem.to_owned()), "{settings}: {:?}", problems(settings));
        }
    }
}
