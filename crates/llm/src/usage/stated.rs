//! What a provider says that an answer cost, in its own words.

use serde_json::Value;

use crate::price::{Money, parse_decimal};

/// The cost in a `usage` object, if it states one.
///
/// OpenRouter: `cost`, in credits, which are dollars (<https://openrouter.ai/docs/use-cases/usage-accounting>). Perplexity:
/// `cost.total_cost`. xAI: `cost_in_usd_ticks`, 10^10 of them to the dollar
/// (<https://docs.x.ai/developers/cost-tracking>). What is no amount of money says nothing.
#[must_use]
pub fn stated(usage: &Value) -> Option<Money> {
    usage.get("cost_in_usd_ticks").and_then(ticks).or_else(|| usage.get("cost").and_then(cost))
}

fn ticks(ticks: &Value) -> Option<Money> {
    money(ticks, -1)
}

fn cost(cost: &Value) -> Option<Money> {
    money(cost.get("total_cost").unwrap_or(cost), 9)
}

/// A number times ten to a power, as nano-dollars.
fn money(number: &Value, scale: i32) -> Option<Money> {
    let Value::Number(number) = number else { return None };
    let nano = parse_decimal(&number.to_string(), scale).ok()?.value;
    i64::try_from(nano).ok().filter(|nano| *nano >= 0).map(Money)
}

/// The same, gathered from fields that are read one by one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Statement {
    ticks: Option<Money>,
    cost: Option<Money>,
}

impl Statement {
    /// Takes in the field with this name; most say nothing.
    pub fn take(&mut self, name: &[u8], value: &[u8]) {
        let read = || serde_json::from_slice::<Value>(value).unwrap_or_default();
        match name {
            b"cost_in_usd_ticks" => self.ticks = ticks(&read()),
            b"cost" => self.cost = cost(&read()),
            _ => {}
        }
    }

    pub fn money(self) -> Option<Money> {
        self.ticks.or(self.cost)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn costs_are_read_in_the_words_of_those_who_state_them() {
        for (usage, nano) in [
            (json!({"cost": 0.00014}), Some(140_000)),
            (json!({"cost": 0}), Some(0)),
            (json!({"cost": 1.5e-7}), Some(150)),
            (json!({"cost": {"input_tokens_cost": 0.1, "total_cost": 0.006}}), Some(6_000_000)),
            (json!({"cost_in_usd_ticks": 37_756_000}), Some(3_775_600)),
            (json!({"cost_in_usd_ticks": 200_000_000, "cost": 9}), Some(20_000_000)),
            (json!({"cost": -1}), None),
            (json!({"cost": "1"}), None),
            (json!({"cost": 1e300}), None),
            (json!({"cost": null}), None),
            (json!({}), None),
            (json!("usage"), None),
        ] {
            assert_eq!(stated(&usage), nano.map(Money), "{usage}");
        }
    }
}
