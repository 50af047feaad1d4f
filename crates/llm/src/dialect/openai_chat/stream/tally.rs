//! Counting what a choice delivers without decoding it.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::super::stop;
use crate::{envelope::scan::Scan, failure::Failure};

/// How much was delivered, reckoned from JSON text as it stands: escapes only make it larger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Pieces that hold content.
    pub pieces: u64,
    ascii: u64,
    wide: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.pieces += other.pieces;
        self.ascii += other.ascii;
        self.wide += other.wide;
    }

    /// The larger of one token a piece and what [`estimate_tokens`](crate::usage::estimate_tokens) says of the text.
    pub fn tokens(&self) -> u64 {
        self.pieces.max(self.wide + self.ascii.div_ceil(4))
    }

    /// Counts a string, or a list of content parts, given as raw JSON; whether it held anything.
    fn text(&mut self, raw: Option<&RawValue>) -> bool {
        let Some(raw) = raw.map(RawValue::get) else { return false };
        if raw.len() <= 2 || raw == "null" {
            return false;
        }
        for byte in raw.bytes().skip(1).take(raw.len() - 2) {
            self.ascii += u64::from(byte < 0x80);
            self.wide += u64::from(byte >= 0xC0);
        }
        true
    }
}

/// What the `choices` of a chunk or of a whole answer tell.
#[derive(Debug, Default)]
pub struct Choices {
    pub count: usize,
    /// A finish reason was given.
    pub stopped: bool,
    pub tally: Tally,
    failed: Option<&'static str>,
}

impl Choices {
    /// The failure that a finish reason stands for, if one does.
    pub fn fault(&self) -> Option<Failure> {
        self.failed.and_then(stop::failure)
    }

    /// Reads a list of choices; `null` is none.
    pub fn read(json: &[u8]) -> serde_json::Result<Option<Self>> {
        serde_json::from_slice(json)
    }

    /// Passes a list of choices. Reads how many there are and how they end, and skips what they say: every one counts as
    /// content. `None` if it is no list of choices.
    pub fn pass(scan: &mut Scan<'_>) -> Option<Self> {
        let mut choices = Self::default();
        scan.list(|scan| {
            let mut reason = None;
            scan.object(|scan, key| {
                let (key, value) = (scan.key(key), scan.raw()?);
                if key == b"finish_reason" {
                    reason = Some(value).filter(|reason| *reason != b"null");
                }
                Some(())
            })?;
            choices.end(reason);
            choices.tally.pieces += 1;
            Some(())
        })?;
        Some(choices)
    }

    /// Takes in how a choice ends.
    fn end(&mut self, reason: Option<&[u8]>) {
        self.count += 1;
        // Some servers write an empty reason where others write null.
        if let Some(reason) = reason.filter(|reason| *reason != b"\"\"") {
            self.failed = match reason {
                b"\"error\"" => Some("error"),
                b"\"network_error\"" => Some("network_error"),
                _ => self.failed,
            };
            self.stopped |= self.failed.is_none();
        }
    }

    fn take(&mut self, choice: &Choice<'_>) {
        self.end(choice.finish_reason.map(|reason| reason.get().as_bytes()));
        self.tally.pieces += u64::from(self.tally.text(choice.text));
        for said in [&choice.delta, &choice.message].into_iter().flatten() {
            let texts = [said.content, said.reasoning_content, said.reasoning, said.refusal];
            // Sound and signatures are content, too, though not text.
            let mut any = said.audio.is_some() || said.thinking_blocks.is_some();
            for text in texts {
                any |= self.tally.text(text);
            }
            for function in [&said.tool_calls.0, &said.function_call].into_iter().flatten() {
                any |= function.tally.pieces > 0;
                self.tally.ascii += function.tally.ascii;
                self.tally.wide += function.tally.wide;
            }
            self.tally.pieces += u64::from(any);
        }
    }
}

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> de::Visitor<'de> for Each {
            type Value = Choices;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of choices")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Choices, A::Error> {
                let mut choices = Choices::default();
                while let Some(choice) = items.next_element::<Choice<'de>>()? {
                    choices.take(&choice);
                }
                Ok(choices)
            }
        }
        deserializer.deserialize_seq(Each)
    }
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Said<'a>>,
    #[serde(borrow, default)]
    message: Option<Said<'a>>,
    /// Legacy completions.
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    audio: Option<&'a RawValue>,
    #[serde(borrow, default)]
    thinking_blocks: Option<&'a RawValue>,
    #[serde(default)]
    tool_calls: Calls,
    #[serde(default)]
    function_call: Option<Called>,
}

/// All calls of a message, added up; `None` if there are none.
#[derive(Default)]
struct Calls(Option<Called>);

impl<'de> Deserialize<'de> for Calls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> de::Visitor<'de> for Each {
            type Value = Calls;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of tool calls")
            }

            fn visit_unit<E>(self) -> Result<Calls, E> {
                Ok(Calls(None))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Calls, A::Error> {
                let mut all: Option<Called> = None;
                while let Some(call) = items.next_element::<Call>()? {
                    for called in [call.function, call.custom].into_iter().flatten() {
                        all.get_or_insert_default().tally.add(&called.tally);
                    }
                }
                Ok(Calls(all))
            }
        }
        deserializer.deserialize_any(Each)
    }
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    function: Option<Called>,
    #[serde(default)]
    custom: Option<Called>,
}

/// Name and arguments of a call, or of a fragment of one.
#[derive(Default)]
struct Called {
    tally: Tally,
}

impl<'de> Deserialize<'de> for Called {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw<'a> {
            #[serde(borrow, default)]
            name: Option<&'a RawValue>,
            #[serde(borrow, default)]
            arguments: Option<&'a RawValue>,
            #[serde(borrow, default)]
            input: Option<&'a RawValue>,
        }
        let raw = Raw::deserialize(deserializer)?;
        let mut tally = Tally::default();
        for text in [raw.name, raw.arguments, raw.input] {
            tally.pieces |= u64::from(tally.text(text));
        }
        Ok(Self { tally })
    }
}
