//! Token counts in Anthropic's words: cached tokens stand beside `input_tokens`, thinking inside `output_tokens`.
//!
//! A stream reports twice, in `message_start` and, cumulatively, in `message_delta`: see [`Counts::merge`].

use serde::{Deserialize, Deserializer};

use crate::{
    json::{Json, Object, object},
    usage::Usage,
};

/// A `usage` object. A field that is missing, `null` or no count says nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    /// Of these, with a lifetime of five minutes and of one hour.
    by_lifetime: Option<(u64, u64)>,
    thinking: Option<u64>,
    searches: Option<u64>,
    pub service_tier: Option<String>,
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Json::deserialize(deserializer).map(|usage| Self::from(&usage))
    }
}

impl From<&Json<'_>> for Counts {
    fn from(usage: &Json<'_>) -> Self {
        /// Far above every real count, far below every overflow.
        const MOST: u64 = 1 << 40;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such casts saturate")]
        let whole = |value: &Json<'_>| value.as_u64().or_else(|| value.as_f64().map(|count| count as u64));
        let count = |value: Option<&Json<'_>>| value.and_then(whole).map(|count| count.min(MOST));
        let lifetimes = usage.get("cache_creation").and_then(Json::as_object).map(|written| {
            let of = |name: &str| count(written.get(name)).unwrap_or(0);
            (of("ephemeral_5m_input_tokens"), of("ephemeral_1h_input_tokens"))
        });
        let within = |owner: &str, name: &str| count(usage.get(owner).and_then(|owner| owner.get(name)));
        Self {
            input: count(usage.get("input_tokens")),
            output: count(usage.get("output_tokens")),
            cache_read: count(usage.get("cache_read_input_tokens")),
            cache_write: count(usage.get("cache_creation_input_tokens")),
            by_lifetime: lifetimes,
            thinking: within("output_tokens_details", "thinking_tokens"),
            searches: within("server_tool_use", "web_search_requests"),
            service_tier: tier(usage).map(str::to_owned),
        }
    }
}

/// The lane that served the call: the fast one is priced as a tier, and stands in a field of its own.
///
/// <https://platform.claude.com/docs/en/build-with-claude/fast-mode>
fn tier<'j>(usage: &'j Json<'_>) -> Option<&'j str> {
    let text = |name: &str| usage.get(name).and_then(Json::as_str);
    text("speed").filter(|speed| *speed == "fast").or_else(|| text("service_tier"))
}

impl Counts {
    /// Takes over a later report of the same answer.
    ///
    /// Input counts only grow: servers that send zeros in one of the two reports do not undo the other. The output of
    /// `message_start` is a placeholder (1) that the later count replaces.
    pub fn merge(&mut self, later: Self) {
        self.input = self.input.max(later.input);
        self.cache_read = self.cache_read.max(later.cache_read);
        self.cache_write = self.cache_write.max(later.cache_write);
        self.by_lifetime = later.by_lifetime.or(self.by_lifetime);
        self.output = later.output.or(self.output);
        self.thinking = later.thinking.or(self.thinking);
        self.searches = self.searches.max(later.searches);
        if later.service_tier.is_some() {
            self.service_tier = later.service_tier;
        }
    }

    /// Every token in its class.
    pub fn usage(&self) -> Usage {
        let (short, long) = self.by_lifetime.unwrap_or_default();
        // What the lifetimes do not explain has the default one.
        let rest = self.cache_write.unwrap_or(0).saturating_sub(short.saturating_add(long));
        Usage {
            input: self.input.unwrap_or(0),
            cache_read: self.cache_read.unwrap_or(0),
            cache_write: short.saturating_add(rest),
            cache_write_1h: long,
            output: self.output.unwrap_or(0),
            reasoning: self.thinking.unwrap_or(0),
            web_searches: self.searches.unwrap_or(0),
            ..Usage::default()
        }
    }
}

/// The `usage` object of an answer.
pub(super) fn write<'u>(usage: &Usage, service_tier: Option<&'u str>) -> Json<'u> {
    let by_lifetime = object! {
        "ephemeral_5m_input_tokens": usage.cache_write,
        "ephemeral_1h_input_tokens": usage.cache_write_1h,
    };
    let mut counts = Object::of([
        ("input_tokens", usage.uncached().into()),
        ("cache_creation_input_tokens", usage.cache_written().into()),
        ("cache_read_input_tokens", usage.cache_read.into()),
        ("cache_creation", by_lifetime),
        ("output_tokens", usage.output.into()),
    ]);
    if usage.reasoning > 0 {
        counts.set("output_tokens_details", object! {"thinking_tokens": usage.reasoning});
    }
    if usage.web_searches > 0 {
        counts.set("server_tool_use", object! {"web_search_requests": usage.web_searches});
    }
    if let Some(tier) = service_tier {
        counts.set("service_tier", tier);
    }
    counts.into()
}
