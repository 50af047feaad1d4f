//! The canonical embedding request and answer.

use serde_json::{Map, Value};

use super::{Format, Vector};
use crate::{Loss, usage::Usage};

/// What is to be embedded, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedCall {
    /// The model as the caller named it; empty where the path says it.
    pub model: String,
    /// In the order in which the vectors are wanted.
    pub inputs: Vec<Input>,
    /// How many numbers a vector is to have.
    pub dimensions: Option<u64>,
    /// In which forms the caller wants the vectors.
    pub forms: Forms,
    /// What the numbers are, where that is not `float`: `int8`, `uint8`, `binary`, `ubinary`.
    pub number: Option<String>,
    /// What the vectors are for.
    pub purpose: Option<Purpose>,
    /// What becomes of an input that is too long.
    pub truncate: Option<Truncate>,
    /// The end user on whose behalf the call is made.
    pub user: Option<String>,
    /// Fields without a canonical place, for the format that they came in.
    pub extra: (Format, Map<String, Value>),
}

/// One thing to embed.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    Text(String),
    /// Text as tokens of OpenAI's tokenizers.
    Tokens(Vec<u32>),
    /// A picture: an http(s) URL, or `data:<media type>;base64,<data>`.
    Image(String),
    /// Text and pictures that make one vector.
    Mixed(Vec<Input>),
}

/// The forms in which vectors are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forms {
    /// Lists of numbers.
    pub numbers: bool,
    /// Base64 of little-endian 32-bit floats.
    pub base64: bool,
}

impl Forms {
    pub const NUMBERS: Self = Self { numbers: true, base64: false };
    pub const BASE64: Self = Self { numbers: false, base64: true };
}

/// What a vector is for: models put different words before a question and before what may answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Query,
    Document,
    Similarity,
    Classification,
    Clustering,
    CodeQuery,
    CodeDocument,
    Question,
    FactCheck,
}

/// What becomes of an input that is longer than the model's context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truncate {
    /// It is an error.
    Never,
    /// Its beginning is left out.
    Start,
    /// Its end is left out.
    End,
}

/// The vectors.
#[derive(Debug, Clone, Default)]
pub struct EmbedReply {
    /// Empty where the format has none.
    pub id: String,
    /// Empty where the format does not say it.
    pub model: String,
    /// One for each input, in the order of the inputs.
    pub vectors: Vec<Vector>,
    /// `None`: the provider did not say.
    pub usage: Option<Usage>,
}

/// Writes the fields without a canonical place, if the call came in this very format.
pub(super) fn write_extra(call: &EmbedCall, format: Format, body: &mut Map<String, Value>, loss: &mut Loss) {
    let (own, fields) = &call.extra;
    for (name, value) in fields {
        if *own == format {
            body.insert(name.clone(), value.clone());
        } else {
            loss.note(format!("extra.{name}"), format!("{} has no such field", format.as_str()));
        }
    }
}
