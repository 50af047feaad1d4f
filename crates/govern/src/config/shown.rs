//! Prices as people read them: in dollars, by the names under which the configuration takes them.

use llm::{
    price::{Price, Rates, Terms},
    usage::Unit,
};
use serde_json::{Map, Value, json};

use super::price::RawRates;

/// A price as the configuration writes it, in US dollars, after the account's discount and margin.
#[must_use]
pub fn in_dollars(price: &Price, terms: &Terms) -> Value {
    let mut fields = rates(&price.base, terms);
    fields.insert("currency".into(), "usd".into());
    fields.insert("version".into(), price.version.as_deref().into());
    let long = |all: &[llm::price::Long]| -> Vec<Value> {
        all.iter().map(|long| json!({ "from": long.from, "rates": rates(&long.rates, terms) })).collect()
    };
    if !price.long.is_empty() {
        fields.insert("long".into(), long(&price.long).into());
    }
    if !price.tiers.is_empty() {
        let tiers = price.tiers.iter().map(|tier| {
            let tier_rates = json!({ "rates": rates(&tier.rates, terms), "long": long(&tier.long) });
            (tier.name.clone(), tier_rates)
        });
        fields.insert("tiers".into(), Value::Object(tiers.collect()));
    }
    if !price.variants.is_empty() {
        let variants = price.variants.iter();
        let variants = variants.map(|one| json!({ "when": one.words, "rates": rates(&one.rates, terms) }));
        fields.insert("variants".into(), variants.collect());
    }
    if !price.uplifts.is_empty() {
        #[expect(clippy::cast_lossless, reason = "a u32")]
        let factors = price.uplifts.iter().map(|uplift| (uplift.region.clone(), json!(uplift.per_mille as f64 / 1e3)));
        fields.insert("regions".into(), Value::Object(factors.collect()));
    }
    if price.request > 0 {
        fields.insert("request".into(), json!(dollars(price.request, 12, terms)));
    }
    if price.search_per_prompt {
        fields.insert("search_per_prompt".into(), true.into());
    }
    Value::Object(fields)
}

fn rates(rates: &Rates, terms: &Terms) -> Map<String, Value> {
    let listed = RawRates::SETTINGS.iter().filter_map(|(name, unit, scale): &(&str, Unit, i32)| {
        Some(((*name).to_owned(), json!(dollars(rates.get(*unit)?, *scale, terms))))
    });
    listed.collect()
}

fn dollars(pico: u64, scale: i32, terms: &Terms) -> f64 {
    let paid = (1.0 - f64::from(terms.discount) / 1e4) * (1.0 + f64::from(terms.margin) / 1e4);
    #[expect(clippy::cast_precision_loss, reason = "for people, not for accounts")]
    let dollars = pico as f64 * paid / 10_f64.powi(scale);
    // Nano-dollars are as fine as any price list.
    (dollars * 1e9).round() / 1e9
}

#[cfg(test)]
mod tests {
    use llm::price::{Long, Tier, Uplift, Variant};

    use super::*;

    #[test]
    fn prices_are_shown_in_dollars_after_the_terms_of_the_account() {
        let price = Price {
            base: [(Unit::Input, 2_500_000), (Unit::SoundInMs, 100_000), (Unit::ImagesOut, 40_000_000_000)]
                .into_iter()
                .collect(),
            long: vec![Long { from: 200_001, rates: [(Unit::Input, 5_000_000)].into_iter().collect() }],
            tiers: vec![Tier {
                name: "batch".into(),
                rates: [(Unit::Input, 1_250_000)].into_iter().collect(),
                long: vec![],
            }],
            variants: vec![Variant {
                words: vec!["hd".into()],
                rates: [(Unit::ImagesOut, 80_000_000_000)].into_iter().collect(),
            }],
            uplifts: vec![Uplift { region: "eu".into(), per_mille: 1100 }],
            request: 1_000_000_000,
            search_per_prompt: true,
            ..Price::default()
        };
        let shown = in_dollars(&price, &Terms::default());
        assert_eq!(
            shown,
            json!({
                "input": 2.5, "sound_in": 0.0001, "images_out": 0.04, "currency": "usd", "version": null,
                "long": [{ "from": 200_001, "rates": { "input": 5.0 } }],
                "tiers": { "batch": { "rates": { "input": 1.25 }, "long": [] } },
                "variants": [{ "when": ["hd"], "rates": { "images_out": 0.08 } }],
                "regions": { "eu": 1.1 }, "request": 0.001, "search_per_prompt": true,
            })
        );
        // A tenth off, then a fifth on.
        assert_eq!(in_dollars(&price, &Terms { discount: 1000, margin: 2000 })["input"], json!(2.7));
    }
}
