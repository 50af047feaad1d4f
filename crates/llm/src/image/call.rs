//! The canonical request for pictures, and the answer.

use serde_json::{Map, Value};

use crate::{dialect::Malformed, usage::Usage};

/// What is to be made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageCall {
    /// The model as the caller named it.
    pub model: String,
    pub prompt: String,
    /// How many pictures.
    pub count: Option<u64>,
    pub size: Option<Size>,
    /// `low`, `medium`, `high`, ..., as OpenAI names it.
    pub quality: Option<String>,
    /// `png`, `jpeg`, `webp`, ...
    pub format: Option<String>,
    /// From 0 to 100.
    pub compression: Option<u64>,
    /// `transparent`, `opaque`.
    pub background: Option<String>,
    /// The pictures to be changed.
    pub pictures: Vec<Picture>,
    /// A mask says which part of the first picture may change.
    pub mask: Option<Picture>,
    pub stream: bool,
    pub user: Option<String>,
    /// Fields without a canonical place, in OpenAI's words.
    pub extra: Map<String, Value>,
}

/// How large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: u64,
    pub height: u64,
}

/// A picture that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// `image/png`
    pub media_type: String,
    /// Standard base64.
    pub data: String,
}

/// The pictures that were made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageReply {
    /// Empty where the format does not say it.
    pub model: String,
    pub made: Vec<Made>,
    /// `None`: the provider did not say.
    pub usage: Option<Usage>,
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub place: Place,
    /// `image/png`; `None` where the format does not say it.
    pub media_type: Option<String>,
    /// What the provider made of the prompt.
    pub revised_prompt: Option<String>,
}

/// Where a picture is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Standard base64.
    Base64(String),
    Url(String),
}

/// Aspect ratios that Google's models know: <https://ai.google.dev/gemini-api/docs/image-generation#aspect_ratios>
const RATIOS: &[(&str, f64)] = &[
    ("1:1", 1.0),
    ("2:3", 2.0 / 3.0),
    ("3:2", 3.0 / 2.0),
    ("3:4", 3.0 / 4.0),
    ("4:3", 4.0 / 3.0),
    ("4:5", 4.0 / 5.0),
    ("5:4", 5.0 / 4.0),
    ("9:16", 9.0 / 16.0),
    ("16:9", 16.0 / 9.0),
    ("21:9", 21.0 / 9.0),
];

impl Size {
    /// The ratio among `known` that comes nearest, and whether it is the very ratio.
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
    pub(super) fn ratio(self, known: &[&str]) -> (&'static str, bool) {
        let wanted = self.width as f64 / self.height.max(1) as f64;
        let distance = |ratio: f64| (ratio / wanted).ln().abs();
        let candidates = RATIOS.iter().filter(|(name, _)| known.contains(name));
        let nearest = candidates.min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        nearest.map_or(("1:1", false), |(name, ratio)| (name, distance(*ratio) < 0.01))
    }

    /// Google's name of a resolution: by the longer side.
    pub(super) fn resolution(self) -> &'static str {
        match self.width.max(self.height) {
            0..=1536 => "1K",
            1537..=2560 => "2K",
            _ => "4K",
        }
    }
}

/// The complaint that a format cannot say something.
pub(super) fn unsayable(field: &str, why: &str) -> Malformed {
    Malformed { field: Some(field.to_owned()), message: format!("{field}: {why}") }
}
