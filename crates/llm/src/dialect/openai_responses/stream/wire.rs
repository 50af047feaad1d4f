//! The events as they stand on the wire, for the reader and the watcher alike.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A piece of something, or its end.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Piece<'a> {
    pub output_index: Option<u64>,
    pub content_index: u64,
    pub summary_index: u64,
    #[serde(borrow)]
    pub item_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub delta: Option<Cow<'a, str>>,
    /// The whole, in a `.done` event of a text.
    #[serde(borrow)]
    pub text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub refusal: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub arguments: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub input: Option<Cow<'a, str>>,
}

/// An item that begins or ends.
#[derive(Debug, Deserialize)]
pub(super) struct ItemEvent<'a> {
    #[serde(default)]
    pub output_index: Option<u64>,
    #[serde(borrow)]
    pub item: &'a RawValue,
}

/// The answer as a whole, at its beginning or end.
#[derive(Debug, Deserialize)]
pub(super) struct AnswerEvent<'a> {
    #[serde(borrow)]
    pub response: &'a RawValue,
}

/// What an event is: what its data say, or else its name.
pub(super) fn kind<'a>(event: Option<&'a str>, data: &'a [u8]) -> Option<Cow<'a, str>> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
    }
    match event {
        Some(event) if event != "message" => Some(Cow::Borrowed(event)),
        _ => serde_json::from_slice::<Head<'_>>(data).ok().map(|head| head.kind),
    }
}
