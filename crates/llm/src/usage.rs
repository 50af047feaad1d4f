//! Tokens of one attempt, normalised: every input token stands in exactly one class.
//!
//! OpenAI and Gemini count cached tokens inside the prompt, Anthropic and Bedrock beside it; some vendors count
//! reasoning outside the completion. The dialects' readers bring all of them into this one form, so that a price is
//! a plain sum of products.

use serde::{Deserialize, Serialize};

/// Token counts by class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Text (and image) input tokens neither read from nor written to a cache.
    #[serde(skip_serializing_if = "is_default")]
    pub input: u64,
    /// Audio input tokens, not contained in `input`.
    #[serde(skip_serializing_if = "is_default")]
    pub input_audio: u64,
    /// Input tokens read from the provider's prompt cache.
    #[serde(skip_serializing_if = "is_default")]
    pub cache_read: u64,
    /// Input tokens written to a cache with the default (five-minute) lifetime.
    #[serde(skip_serializing_if = "is_default")]
    pub cache_write: u64,
    /// Input tokens written to a cache with a lifetime of one hour.
    #[serde(skip_serializing_if = "is_default")]
    pub cache_write_1h: u64,
    /// All output tokens; `reasoning` and `output_audio` are parts of it.
    #[serde(skip_serializing_if = "is_default")]
    pub output: u64,
    /// Output tokens spent on thought. Part of `output`.
    #[serde(skip_serializing_if = "is_default")]
    pub reasoning: u64,
    /// Output tokens that are sound. Part of `output`.
    #[serde(skip_serializing_if = "is_default")]
    pub output_audio: u64,
    /// Whether the provider said so or we reckoned.
    #[serde(skip_serializing_if = "is_default")]
    pub source: Source,
}

/// Where a count comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The provider reported it.
    #[default]
    Reported,
    /// Reckoned by the gateway: the provider reported nothing, or the stream was cut.
    Estimated,
}

impl Usage {
    /// All input tokens, cached ones included (OpenAI's `prompt_tokens`).
    #[must_use]
    pub fn prompt(&self) -> u64 {
        [self.input, self.input_audio, self.cache_read, self.cache_write, self.cache_write_1h]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// Input and output together (OpenAI's `total_tokens`).
    #[must_use]
    pub fn total(&self) -> u64 {
        self.prompt().saturating_add(self.output)
    }

    /// Adds the counts of another attempt. A sum with a reckoned part is reckoned.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in [
            (&mut self.input, other.input),
            (&mut self.input_audio, other.input_audio),
            (&mut self.cache_read, other.cache_read),
            (&mut self.cache_write, other.cache_write),
            (&mut self.cache_write_1h, other.cache_write_1h),
            (&mut self.output, other.output),
            (&mut self.reasoning, other.reasoning),
            (&mut self.output_audio, other.output_audio),
        ] {
            *sum = sum.saturating_add(count);
        }
        if other.source == Source::Estimated {
            self.source = Source::Estimated;
        }
    }

    /// True if no token is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }
}

/// Reckons the tokens of a text without its tokenizer: four ASCII bytes or one other character make a token.
///
/// Errs upwards on prose, so that a cut stream is not billed below what was delivered.
#[must_use]
pub fn estimate_tokens(text: &str) -> u64 {
    let wide = text.chars().filter(|c| !c.is_ascii()).count() as u64;
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    wide + ascii.div_ceil(4)
}

/// Counts what was delivered of a stream, for an answer that is cut before it reports its usage. Never too low: a piece
/// that a provider sends is at least a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivered {
    pieces: u64,
    ascii: u64,
    wide: u64,
}

impl Delivered {
    /// Counts one piece of content.
    pub fn add(&mut self, text: &str) {
        let ascii = text.bytes().filter(u8::is_ascii).count();
        self.pieces += 1;
        self.ascii += ascii as u64;
        if ascii < text.len() {
            self.wide += text.chars().filter(|c| !c.is_ascii()).count() as u64;
        }
    }

    /// Tokens so far.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.pieces.max(self.wide + self.ascii.div_ceil(4))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
