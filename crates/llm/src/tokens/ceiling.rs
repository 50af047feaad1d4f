//! The most tokens that a prompt can be, by its bytes: for limits that must never be passed.
//!
//! It counts what tokenizers count at worst: a token for every two letters of what can be pronounced, for every other
//! letter, every digit, sign and break, and every byte beyond ASCII. Prose comes out at about twice of what it is; what a call did not use goes back
//! to the limit when it ends.

use std::ops::Range;

use crate::envelope::Envelope;

/// The most that is counted for a picture or document that is named and not sent.
const MOST_REFERENCE: u64 = 8_000;

/// Strings that are longer and have no blank are files in base64.
const LONGEST_WORD: usize = 4_096;

/// Base64 of a file per token, at worst: sound of 32 tokens a second at the lowest rate, pages dense with text.
const FILE_BYTES_PER_TOKEN: u64 = 8;

/// What a template puts around a question.
const TEMPLATE: u64 = 3;

/// Fields of a body that no model reads.
const UNREAD: &[&str] = &[
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "temperature",
    "top_p",
    "top_k",
    "n",
    "seed",
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "parallel_tool_calls",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "stop",
    "stop_sequences",
    "encoding_format",
    "dimensions",
    "disable_fallbacks",
    "fallbacks",
    "generationConfig",
    "inferenceConfig",
    "reasoning_effort",
    "size",
    "quality",
    "voice",
    "response_format",
];

/// Words of the format itself. In a message they stand for a sign or two of the template.
const WORDS: &[&[u8]] = &[
    b"role",
    b"content",
    b"type",
    b"text",
    b"user",
    b"assistant",
    b"system",
    b"developer",
    b"tool",
    b"parts",
    b"model",
    b"input_text",
    b"message",
    b"function",
    b"name",
    b"id",
];

/// The most tokens that the prompt in this body can be.
#[must_use]
pub fn ceiling(envelope: &Envelope) -> u64 {
    let mut tokens = TEMPLATE;
    for (name, value) in envelope.values().filter(|(name, _)| !UNREAD.contains(name)) {
        // An answer's schema and its tools are put before the model as they stand.
        let whole = matches!(name, "tools" | "functions" | "toolConfig" | "text");
        tokens = tokens.saturating_add(in_json(value, whole));
    }
    if envelope.raw("response_format").is_some_and(|format| format.len() > 64) {
        tokens = tokens.saturating_add(envelope.raw("response_format").map_or(0, |format| in_json(format, true)));
    }
    tokens
}

/// The most tokens that a JSON text can be; its signs count only if it is shown as it stands.
fn in_json(text: &[u8], whole: bool) -> u64 {
    let (mut tokens, mut at) = (0_u64, 0);
    while let Some(quote) = text.get(at..).and_then(|rest| memchr::memchr(b'"', rest)) {
        let start = at + quote + 1;
        tokens = tokens.saturating_add(between(text, at..start - 1, whole));
        let end = closing(text, start);
        tokens = tokens.saturating_add(text.get(start..end).map_or(0, string));
        at = end + 1;
    }
    tokens.saturating_add(between(text, at..text.len(), whole))
}

/// What stands outside of texts: a brace begins a message or a part of one.
fn between(text: &[u8], range: Range<usize>, whole: bool) -> u64 {
    let signs = text.get(range).unwrap_or_default();
    let counts = |sign: &&u8| match sign {
        b'{' => true,
        b'0'..=b'9' => true,
        b',' | b':' | b'}' | b'[' | b']' => whole,
        b'a'..=b'z' => whole,
        _ => false,
    };
    signs.iter().filter(counts).count() as u64
}

/// Where the text that begins at `start` ends.
fn closing(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if text.get(at) == Some(&b'"') {
            return at;
        }
        at += 2;
    }
    text.len()
}

fn string(text: &[u8]) -> u64 {
    if WORDS.contains(&text) {
        return 1;
    }
    if text.len() > LONGEST_WORD && !text.contains(&b' ') {
        return (text.len() as u64 / FILE_BYTES_PER_TOKEN).max(MOST_REFERENCE);
    }
    if is_reference(text) {
        return MOST_REFERENCE;
    }
    of_text(text)
}

/// Whether it names something that a provider fetches: what that is, nobody knows here.
fn is_reference(text: &[u8]) -> bool {
    let begins = |with: &[u8]| text.starts_with(with);
    let short = text.len() < 2_048 && !text.contains(&b' ');
    short && (begins(b"https://") || begins(b"http://") || begins(b"gs://") || begins(b"s3://") || begins(b"file-"))
        || begins(b"data:")
}

/// The most tokens that a text can be. Escapes are longer than what they stand for.
#[must_use]
pub fn of_text(text: &[u8]) -> u64 {
    let mut tokens = 0;
    let mut word = Word::default();
    let mut before = 0;
    for byte in text {
        if byte.is_ascii_alphabetic() {
            word.add(*byte, before);
        } else {
            tokens += std::mem::take(&mut word).tokens();
            // A blank goes with the word behind it, unless another stands before it.
            tokens += u64::from(*byte != b' ' || before == b' ');
        }
        before = *byte;
    }
    tokens + word.tokens()
}

/// A run of letters.
#[derive(Default)]
struct Word {
    letters: u64,
    vowels: u64,
    /// Capitals behind small letters: where `camelCase` and base64 come apart.
    humps: u64,
}

impl Word {
    fn add(&mut self, letter: u8, before: u8) {
        self.letters += 1;
        self.vowels += u64::from(matches!(letter | 0x20, b'a' | b'e' | b'i' | b'o' | b'u' | b'y'));
        self.humps += u64::from(letter.is_ascii_uppercase() && before.is_ascii_lowercase());
    }

    /// Two letters make a token at least, in what people can pronounce; else one.
    fn tokens(self) -> u64 {
        if self.vowels * 4 < self.letters { self.letters } else { self.letters.div_ceil(2) + self.humps }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::tokens::Encoding;

    fn of(body: &str) -> u64 {
        ceiling(&Envelope::open(Bytes::copy_from_slice(body.as_bytes()), None).unwrap())
    }

    #[test]
    fn a_short_question_is_a_handful_of_tokens() {
        for (question, most) in [("hi", 15), ("Hello!", 18), ("Hello, how are you?", 25)] {
            let body = format!(
                r#"{{"model":"gpt-4o","max_tokens":80,"stream":true,"messages":[{{"role":"user","content":"{question}"}}]}}"#
            );
            let tokens = of(&body);
            assert!((8..=most).contains(&tokens), "{question}: {tokens}");
        }
    }

    #[test]
    fn it_is_never_below_what_a_tokenizer_counts() {
        let texts = [
            "The quick brown fox jumps over the lazy dog.",
            "xqzjvkwpfhgbtmnrlcds qwrtzpsdfghjklyxcvbnm",
            "antidisestablishmentarianism floccinaucinihilipilification",
            "9876543210 3.14159265358979 0x7fff_ffff 1e-9",
            "fn main() { println!(\"{}\", x[0] as f64 * 2.5e3); }\n\t\treturn;\n\n\n",
            "お誕生日おめでとう。今日は何をしますか",
            "Ελληνικά, русский, עברית, العربية, हिन्दी",
            "🙂🙃😀👩‍👩‍👧‍👦🏳️‍🌈",
            "a    b        c     d",
            "!@#$%^&*()_+-=[]{}|;':,./<>?`~",
            "UPPER lower MiXeD CamelCaseIdentifier snake_case_name",
        ];
        for text in texts {
            for encoding in [Encoding::Cl100k, Encoding::O200k] {
                let (real, most) = (encoding.count(text), of_text(text.as_bytes()));
                assert!(most >= real, "{text}: {most} < {real}");
            }
        }
    }

    #[test]
    fn files_and_references_count_as_what_they_may_hold() {
        let url = of(
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}]}]}"#,
        );
        assert!((8_000..9_000).contains(&url), "{url}");
        let file = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#, "A".repeat(800_000));
        assert!((100_000..100_100).contains(&of(&file)), "{}", of(&file));
    }
}
