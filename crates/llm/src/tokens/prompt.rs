//! The tokens of a call, part by part.

use super::{Confidence, Count, Encoding};
use crate::{
    Call,
    call::{Part, Source, Thinking, Tool},
    usage::estimate_tokens,
};

/// What a picture costs at most in common models, whatever its size.
const IMAGE_TOKENS: u64 = 1_600;

/// A page of a PDF is about 3 KiB of text in 75 KiB of file.
const DOCUMENT_BYTES_PER_TOKEN: u64 = 100;

/// Separators around a message, and before the answer; a role is one token more, a name too.
///
/// <https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb>
const TURN_TOKENS: u64 = 3;

/// Text that a tokenizer reads at most: some twenty milliseconds of work.
const MOST_EXACT: usize = 256 << 10;

/// Counts the tokens of a prompt, exactly if the tokenizer is given and everything is text.
///
/// Pictures, files and tools are reckoned: how they are put before a model is not public.
#[must_use]
pub fn prompt(call: &Call, encoding: Option<Encoding>) -> Count {
    let mut counter = Counter { encoding, exact: encoding.is_some(), left: MOST_EXACT };
    let mut tokens = TURN_TOKENS;
    for turn in &call.turns {
        let name = turn.name.as_deref().map_or(0, |name| counter.text(name) + 1);
        tokens = tokens.saturating_add(TURN_TOKENS + 1 + name).saturating_add(counter.parts(&turn.parts));
    }
    for tool in &call.tools {
        tokens = tokens.saturating_add(counter.tool(tool));
    }
    Count { tokens, confidence: if counter.exact { Confidence::Exact } else { Confidence::Estimated } }
}

struct Counter {
    encoding: Option<Encoding>,
    /// Nothing was reckoned so far.
    exact: bool,
    /// Bytes that a tokenizer may still read.
    left: usize,
}

impl Counter {
    fn text(&mut self, text: &str) -> u64 {
        match (self.encoding, self.left.checked_sub(text.len())) {
            (Some(encoding), Some(left)) => {
                self.left = left;
                encoding.count(text)
            }
            _ => self.reckoned(estimate_tokens(text)),
        }
    }

    fn reckoned(&mut self, tokens: u64) -> u64 {
        self.exact = false;
        tokens
    }

    fn parts(&mut self, all: &[Part]) -> u64 {
        all.iter().fold(0, |sum, part| sum.saturating_add(self.part(part)))
    }

    fn part(&mut self, part: &Part) -> u64 {
        match part {
            Part::Text(text) => self.text(&text.text),
            Part::Refusal(text) => self.text(text),
            Part::Image(_) => self.reckoned(IMAGE_TOKENS),
            Part::Audio(audio) => self.file(&audio.data),
            Part::Video(video) => self.source(&video.source),
            Part::Document(document) => self.source(&document.source),
            Part::ToolUse(tool) => {
                let tokens = self.text(&tool.name) + self.text(&tool.arguments);
                self.reckoned(tokens)
            }
            Part::ToolResult(result) => {
                let tokens = self.parts(&result.parts);
                self.reckoned(tokens)
            }
            Part::Thinking(Thinking::Text { text, .. }) => {
                let tokens = self.text(text);
                self.reckoned(tokens)
            }
            Part::Thinking(Thinking::Redacted { data }) => self.reckoned(data.len() as u64 / 4),
            Part::Native { raw, .. } => self.reckoned(estimate_tokens(&raw.to_string())),
        }
    }

    fn source(&mut self, source: &Source) -> u64 {
        match source {
            Source::Text(text) => {
                let tokens = self.text(text);
                self.reckoned(tokens)
            }
            Source::Content(all) => {
                let tokens = self.parts(all);
                self.reckoned(tokens)
            }
            Source::Base64 { data, .. } => self.file(data),
            Source::Url(_) | Source::File(_) => self.reckoned(IMAGE_TOKENS),
        }
    }

    fn file(&mut self, data: &str) -> u64 {
        self.reckoned(data.len() as u64 / DOCUMENT_BYTES_PER_TOKEN)
    }

    fn tool(&mut self, tool: &Tool) -> u64 {
        let tokens = match tool {
            Tool::Native { raw, .. } => estimate_tokens(&raw.to_string()),
            Tool::Function(function) => {
                let described = function.description.as_deref().map_or(0, |text| self.text(text));
                let shaped = function.parameters.as_ref().map_or(0, |schema| self.text(&schema.to_string()));
                self.text(&function.name) + described + shaped + TURN_TOKENS + 1
            }
        };
        self.reckoned(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;

    fn count(messages: &str, encoding: Option<Encoding>) -> Count {
        let body = format!(r#"{{"model": "m", "messages": {messages}}}"#);
        prompt(&Dialect::OpenAiChat.read_call(body.as_bytes()).unwrap(), encoding)
    }

    #[test]
    fn messages_of_text_are_counted_as_the_provider_counts_them() {
        // 3 before the answer, and for each message 3, its role and its words:
        // 3 + (3 + 1 + 2) + (3 + 1 + 2)
        let two = r#"[{"role": "system", "content": "hello world"}, {"role": "user", "content": "hello world"}]"#;
        assert_eq!(count(two, Some(Encoding::O200k)), Count { tokens: 15, confidence: Confidence::Exact });
        // A name: one token and its separator.
        let named = r#"[{"role": "user", "content": "hello world", "name": "bob"}]"#;
        assert_eq!(count(named, Some(Encoding::O200k)).tokens, 3 + 3 + 1 + 2 + 2);
        assert_eq!(count(two, None).confidence, Confidence::Estimated);
    }

    #[test]
    fn what_is_not_text_is_reckoned_and_said_to_be() {
        let picture = r#"[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]}]"#;
        let count_ = count(picture, Some(Encoding::O200k));
        assert_eq!((count_.tokens, count_.confidence), (IMAGE_TOKENS + 7, Confidence::Estimated));
        let long = format!(r#"[{{"role": "user", "content": "{}"}}]"#, "word ".repeat(60_000));
        let count_ = count(&long, Some(Encoding::O200k));
        assert_eq!((count_.tokens, count_.confidence), (75_007, Confidence::Estimated));
    }
}
