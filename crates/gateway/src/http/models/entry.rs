//! A model as its callers see it: how much it takes, what it can, what it costs.

use govern::config::{price::RawRates, snapshot::Target};
use llm::{
    Dialect,
    catalog::{Ability, Mode, Model},
    price::{Price, Rates, Terms},
    usage::Unit,
};
use serde_json::{Map, Value, json};

/// The entry of a model in the words of the caller's SDK, with what we know besides.
///
/// <https://platform.openai.com/docs/api-reference/models/object>, <https://platform.claude.com/docs/en/api/models-list>,
/// <https://ai.google.dev/api/models#Model>
pub(super) fn entry(dialect: Dialect, name: &str, target: Option<&Target>) -> Value {
    let owner = target.map_or("tollgate", |target| target.account.provider.id());
    let known = target.and_then(|target| target.known);
    let (context, output) =
        (known.and_then(|model| model.max_input_tokens), known.and_then(|model| model.max_output_tokens));
    let mut entry = match dialect {
        Dialect::Anthropic => json!({
            "type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z",
            "lifecycle": "active", "max_input_tokens": context, "max_tokens": output,
        }),
        Dialect::Gemini => json!({
            "name": format!("models/{name}"), "displayName": name, "description": format!("of {owner}"), "version": "1",
            "inputTokenLimit": context, "outputTokenLimit": output,
            "supportedGenerationMethods": methods(known),
            "thinking": known.is_some_and(|model| model.can(Ability::Reasoning)),
        }),
        _ => json!({
            "id": name, "object": "model", "created": 0, "owned_by": owner,
            "context_window": context, "max_output_tokens": output,
        }),
    };
    if let Some(fields) = entry.as_object_mut() {
        describe(fields, target, known);
    }
    entry
}

/// What no SDK has a name for.
fn describe(fields: &mut Map<String, Value>, target: Option<&Target>, known: Option<&Model>) {
    if let Some(model) = known {
        fields.insert("mode".into(), model.mode.as_str().into());
        let abilities: Vec<&str> = model.abilities().map(Ability::as_str).collect();
        fields.insert("abilities".into(), abilities.into());
        let more =
            [("deprecated", model.deprecated.map(Value::from)), ("dimensions", model.dimensions.map(Value::from))];
        fields.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    if let Some((target, price)) = target.and_then(|target| Some((target, target.price.as_deref()?))) {
        fields.insert("price".into(), priced(price, &target.account.costs.terms));
    }
}

/// A price as the configuration writes it, in US dollars, after the account's discount and margin.
fn priced(price: &Price, terms: &Terms) -> Value {
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
    Value::Object(fields)
}

fn rates(rates: &Rates, terms: &Terms) -> Map<String, Value> {
    let paid = (1.0 - f64::from(terms.discount) / 1e4) * (1.0 + f64::from(terms.margin) / 1e4);
    let listed = RawRates::SETTINGS.iter().filter_map(|(name, unit, scale): &(&str, Unit, i32)| {
        let pico = rates.get(*unit)?;
        #[expect(clippy::cast_precision_loss, reason = "for people, not for accounts")]
        let dollars = pico as f64 * paid / 10_f64.powi(*scale);
        // Nano-dollars are as fine as any price list.
        Some(((*name).to_owned(), json!((dollars * 1e9).round() / 1e9)))
    });
    listed.collect()
}

fn methods(known: Option<&Model>) -> &'static [&'static str] {
    match known.map(|model| model.mode) {
        Some(Mode::Embedding) => &["embedContent"],
        Some(Mode::Chat | Mode::Responses | Mode::Completion) | None => {
            &["generateContent", "streamGenerateContent", "countTokens"]
        }
        Some(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use llm::price::{Long, Tier, Variant};

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
            ..Price::default()
        };
        let shown = priced(&price, &Terms::default());
        assert_eq!(
            shown,
            json!({
                "input": 2.5, "sound_in": 0.0001, "images_out": 0.04, "currency": "usd", "version": null,
                "long": [{ "from": 200_001, "rates": { "input": 5.0 } }],
                "tiers": { "batch": { "rates": { "input": 1.25 }, "long": [] } },
                "variants": [{ "when": ["hd"], "rates": { "images_out": 0.08 } }],
            })
        );
        // A tenth off, then a fifth on.
        assert_eq!(priced(&price, &Terms { discount: 1000, margin: 2000 })["input"], json!(2.7));
    }
}
