//! Token counts in Anthropic's words: cached tokens stand beside `input_tokens`, thinking inside `output_tokens`.
//!
//! A stream reports twice, in `message_start` and, cumulatively, in `message_delta`: see [`Counts::merge`].

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::{
    envelope::scan::Scan,
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
    by_lifetime: Option<[Option<u64>; 2]>,
    thinking: Option<u64>,
    searches: Option<u64>,
    /// The lane that served the call.
    pub service_tier: Option<String>,
}

impl<'de> Deserialize<'de> for Counts {
    /// From text that is borrowed.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self::pass(&mut Scan::of(raw.get().as_bytes())).unwrap_or_default())
    }
}

impl From<&Json<'_>> for Counts {
    fn from(usage: &Json<'_>) -> Self {
        Self::pass(&mut Scan::of(&usage.to_bytes())).unwrap_or_default()
    }
}

impl Counts {
    /// Passes a `usage` object; `None` if it is none.
    pub fn pass(scan: &mut Scan<'_>) -> Option<Self> {
        let (mut counts, mut is_fast) = (Self::default(), false);
        scan.object(|scan, key| {
            let count = match scan.key(key) {
                b"input_tokens" => &mut counts.input,
                b"output_tokens" => &mut counts.output,
                b"cache_read_input_tokens" => &mut counts.cache_read,
                b"cache_creation_input_tokens" => &mut counts.cache_write,
                b"cache_creation" => {
                    let lifetimes = ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"];
                    counts.by_lifetime = scan.maybe(|scan| scan.counts(lifetimes))?;
                    return Some(());
                }
                b"output_tokens_details" => {
                    [counts.thinking] = scan.counts(["thinking_tokens"])?;
                    return Some(());
                }
                b"server_tool_use" => {
                    [counts.searches] = scan.counts(["web_search_requests"])?;
                    return Some(());
                }
                // The fast lane is priced as a tier, and stands in a field of its own:
                // <https://platform.claude.com/docs/en/build-with-claude/fast-mode>
                b"speed" => {
                    is_fast = scan.raw()? == b"\"fast\"";
                    return Some(());
                }
                b"service_tier" => {
                    counts.service_tier = scan.text()?.map(Cow::into_owned);
                    return Some(());
                }
                _ => return scan.value(),
            };
            *count = scan.count()?;
            Some(())
        })?;
        if is_fast {
            counts.service_tier = Some("fast".to_owned());
        }
        Some(counts)
    }

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
        let [short, long] = self.by_lifetime.unwrap_or_default().map(Option::unwrap_or_default);
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
