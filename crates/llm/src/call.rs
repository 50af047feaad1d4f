//! The canonical request: a block-structured superset of what the dialects can say.
//!
//! A dialect's `request.rs` reads its own body into a [`Call`] and writes a [`Call`] as its own body.
//! What only one dialect knows travels in [`Call::extra`] or as [`Part::Native`], marked with its dialect, so that
//! the same dialect gets it back unchanged and every other dialect records a [`Loss`](crate::Loss).

use serde_json::{Map, Value};

use crate::Dialect;

/// One question to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The model as the caller named it; the writer sends what stands here.
    pub model: String,
    /// The conversation in order. System and developer messages are turns, so that their place is kept.
    pub turns: Vec<Turn>,
    /// Tools the model may call.
    pub tools: Vec<Tool>,
    /// Whether and which tool must be called; `None` leaves the provider's default.
    pub tool_choice: Option<ToolChoice>,
    /// `Some(false)` forbids more than one tool call in an answer.
    pub parallel_tools: Option<bool>,
    /// Sampling and length parameters.
    pub knobs: Knobs,
    /// The form the answer must have.
    pub output: Output,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether a streaming caller asked for a usage chunk (`stream_options.include_usage`).
    pub include_usage: bool,
    /// Top-level fields that have no canonical place, as they were sent.
    pub extra: Extra,
}

/// Fields that only one dialect understands.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra {
    /// The dialect whose fields these are.
    pub dialect: Dialect,
    /// Name and value, in the order in which they were sent.
    pub fields: Map<String, Value>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
}

/// One message. Tool results are parts of a user turn, as in Anthropic Messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub role: Role,
    pub parts: Vec<Part>,
    /// The speaker's name, where the dialect has one (OpenAI `name`).
    pub name: Option<String>,
}

/// One block of content.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    Text(Text),
    Image(Image),
    Audio(Audio),
    Document(Document),
    Video(Video),
    ToolUse(ToolUse),
    ToolResult(ToolResult),
    Thinking(Thinking),
    /// The model declined to answer, in its own words (OpenAI `refusal`).
    Refusal(String),
    /// A block that only `dialect` knows, exactly as it was sent.
    Native {
        dialect: Dialect,
        raw: Value,
    },
}

/// Plain text. Never empty on the way to Anthropic, which refuses empty text blocks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Text {
    pub text: String,
    pub cache: Option<CacheMark>,
    /// Citations (Anthropic) or annotations (OpenAI) as they were sent, for the dialect that sent them; or the block that
    /// the text says in words (Anthropic `tool_reference`).
    pub notes: Option<(Dialect, Value)>,
}

/// "The prompt up to here is worth caching."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheMark {
    /// The dialect's default lifetime (Anthropic: five minutes, `ttl` not sent).
    Default,
    FiveMinutes,
    OneHour,
}

/// Where the bytes of an image, document or sound are.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// To be fetched by whoever reads it.
    Url(String),
    /// `data` is standard base64, never decoded here; `media_type` as `image/png`.
    Base64 { media_type: String, data: String },
    /// An id of the provider's own file store.
    File(String),
    /// Plain text given as a document.
    Text(String),
    /// A document made of blocks (Anthropic `source.type = "content"`).
    Content(Vec<Part>),
}

impl Source {
    /// Media type and data of bytes, whether they stand apart or in a `data:` URL.
    #[must_use]
    pub fn base64(&self) -> Option<(&str, &str)> {
        match self {
            Self::Base64 { media_type, data } => Some((media_type, data)),
            Self::Url(url) => {
                let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
                let media_type = head.strip_suffix(";base64")?;
                Some((media_type.split_once(';').map_or(media_type, |(media_type, _parameters)| media_type), data))
            }
            Self::File(_) | Self::Text(_) | Self::Content(_) => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pub source: Source,
    /// OpenAI's `low | high | auto`.
    pub detail: Option<String>,
    pub cache: Option<CacheMark>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Audio {
    /// Standard base64.
    pub data: String,
    /// `wav`, `mp3`, ...
    pub format: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub source: Source,
    /// The file's name or title.
    pub title: Option<String>,
    /// Anthropic `context`: what the model should know of the document, not cited.
    pub context: Option<String>,
    /// Anthropic `citations.enabled`.
    pub citations: Option<bool>,
    pub cache: Option<CacheMark>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Video {
    /// `File` also holds addresses that only the provider itself can read (`gs://`, YouTube, Gemini's Files API).
    pub source: Source,
    /// Which part of it is to be watched and how densely (Gemini `videoMetadata`), for the dialect that said so.
    pub cut: Option<(Dialect, Value)>,
    pub cache: Option<CacheMark>,
}

/// The model calls a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolUse {
    pub id: String,
    pub name: String,
    /// The arguments as the JSON text that was sent; `""` means `{}`. Kept as text so that bytes survive.
    pub arguments: String,
    /// What the model's maker wants back with the call (Gemini `thoughtSignature`), as
    /// [`signature`](crate::signature) marks it.
    pub signature: Option<String>,
    pub cache: Option<CacheMark>,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    pub tool_use_id: String,
    /// Text, images and documents.
    pub parts: Vec<Part>,
    /// `true`: the tool failed. `None`: not said.
    pub is_error: Option<bool>,
    pub cache: Option<CacheMark>,
}

/// What the model thought before it spoke.
#[derive(Debug, Clone, PartialEq)]
pub enum Thinking {
    /// Readable thought. The signature proves it to the model that made it, and is marked with its maker as
    /// [`signature`](crate::signature) says; `None` where the dialect has none. A signature without text proves the
    /// text or picture after it, or stands alone (Gemini).
    Text { text: String, signature: Option<String> },
    /// Thought that only its maker can read (Anthropic `redacted_thinking`), marked like a signature.
    Redacted { data: String },
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub enum Tool {
    Function(Function),
    /// A tool that only `dialect` knows (server-side search, computer use, custom grammars), as it was sent.
    Native {
        dialect: Dialect,
        raw: Value,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    pub name: String,
    pub description: Option<String>,
    /// JSON Schema of the arguments; `None` where none was sent. The order of its keys is prompt text: it is kept.
    pub parameters: Option<Value>,
    /// Whether arguments are guaranteed to follow the schema.
    pub strict: Option<bool>,
    pub cache: Option<CacheMark>,
    /// Further fields of the definition, for the dialect that sent them.
    pub extra: Option<Extra>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice {
    Auto,
    None,
    /// At least one tool (OpenAI `required`, Anthropic `any`).
    Required,
    Named(String),
    /// A choice that only `dialect` can express (OpenAI `allowed_tools`).
    Native {
        dialect: Dialect,
        raw: Value,
    },
}

/// Scalars that steer the answer. `None` means "not sent".
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Knobs {
    /// Upper bound of output tokens (`max_tokens`, `max_completion_tokens`).
    pub max_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub stop: Vec<String>,
    /// How many answers (OpenAI `n`).
    pub choices: Option<u32>,
    pub seed: Option<i64>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    pub reasoning: Option<Reasoning>,
    /// `auto`, `default`, `flex`, `priority`, `standard_only`: as the dialect names it.
    pub service_tier: Option<String>,
    /// The end user on whose behalf the call is made (OpenAI `user`/`safety_identifier`, Anthropic `metadata.user_id`).
    pub user: Option<String>,
}

/// How much the model may think.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reasoning {
    /// `Some(false)`: thinking switched off in so many words; `Some(true)`: switched on.
    pub enabled: Option<bool>,
    /// `none | minimal | low | medium | high | xhigh | max`.
    pub effort: Option<String>,
    /// Anthropic `thinking.budget_tokens`.
    pub budget_tokens: Option<u64>,
    /// Anthropic `thinking.type = "adaptive"`: the model decides.
    pub adaptive: bool,
    /// Anthropic `thinking.display`.
    pub display: Option<String>,
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Output {
    #[default]
    Text,
    /// Some JSON object (OpenAI `json_object`).
    Json,
    /// JSON that follows a schema.
    Schema { name: Option<String>, description: Option<String>, schema: Value, strict: Option<bool> },
}
