//! Vendors: one file each, one line in [`providers!`] each.
//!
//! A provider is pure: it says where a call goes, how the credential is shown and what a bad answer means. It never
//! opens a connection. What differs between vendors of one dialect is data ([`Quirks`]), never a copy of a neighbour.

mod ai21;
mod anthropic;
mod azure_ai;
mod azure_openai;
mod baseten;
mod bedrock;
mod cerebras;
mod cloud;
mod cloudflare;
mod cohere;
mod dashscope;
mod databricks;
mod deepgram;
mod deepinfra;
mod deepseek;
mod echo;
mod elevenlabs;
mod fireworks;
mod friendli;
mod gemini;
mod groq;
mod huggingface;
mod hyperbolic;
mod infinity;
mod jina;
mod llama_cpp;
mod lmstudio;
mod localai;
mod minimax;
mod mistral;
mod moonshot;
mod nebius;
mod novita;
mod nvidia_nim;
mod oci;
mod ollama;
mod openai;
mod openai_like;
mod openrouter;
mod perplexity;
mod place;
mod replicate;
mod sagemaker;
mod sambanova;
mod sglang;
mod snowflake;
mod tei;
#[cfg(test)]
mod tests;
mod tgi;
mod together;
mod triton;
mod vertex;
mod vllm;
mod volcengine;
mod voyage;
mod watsonx;
mod wires;
mod xai;
mod zai;

use std::{borrow::Cow, time::Duration};

use serde_json::Value;

use crate::{
    Wire,
    dialect::{Dialect, WriteFor},
    failure::{Failure, Kind},
    price::Price,
    structured::Means,
};

pub use cloud::Cloud;
pub use openai_like::OpenAiLike;
pub use place::Place;

/// Lists the providers, in the order in which documentation shows them.
macro_rules! providers {
    ($($provider:expr),+ $(,)?) => {
        /// Every provider that this build knows.
        pub const ALL: &[&dyn Provider] = &[$(&$provider),+];
    };
}

providers! {
    openai::OPENAI, anthropic::Anthropic, gemini::Gemini, mistral::MISTRAL, cohere::COHERE_AI, xai::XAI,
    deepseek::DEEPSEEK, moonshot::MOONSHOT, zai::ZAI, dashscope::DASHSCOPE, minimax::MINIMAX,
    volcengine::VOLCENGINE, ai21::AI21,
    azure_openai::AZURE_OPENAI, azure_ai::AZURE_AI, vertex::Vertex, bedrock::Bedrock,
    sagemaker::SageMaker, databricks::DATABRICKS, snowflake::SNOWFLAKE,
    watsonx::WATSONX, oci::OCI, cloudflare::CLOUDFLARE,
    groq::GROQ, together::TOGETHER, fireworks::FIREWORKS, openrouter::OPENROUTER, perplexity::PERPLEXITY,
    cerebras::CEREBRAS, sambanova::SAMBANOVA, nvidia_nim::NVIDIA_NIM, huggingface::HUGGINGFACE,
    deepinfra::DEEPINFRA, novita::NOVITA, nebius::NEBIUS, hyperbolic::HYPERBOLIC, baseten::BASETEN,
    friendli::FRIENDLI, replicate::REPLICATE,
    voyage::VOYAGE, jina::JINA, deepgram::DEEPGRAM, elevenlabs::ELEVENLABS,
    ollama::OLLAMA, vllm::VLLM, sglang::SGLANG, llama_cpp::LLAMA_CPP, lmstudio::LMSTUDIO, localai::LOCALAI, tgi::TGI,
    tei::TEI, infinity::INFINITY, triton::TRITON, openai_like::GENERIC,
    echo::Echo,
}

/// The provider with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static dyn Provider> {
    ALL.iter().copied().find(|provider| provider.id() == id)
}

/// A vendor of models.
pub trait Provider: Send + Sync {
    /// The name in configuration (`kind: groq`), records and the catalogue.
    fn id(&self) -> &'static str;

    /// The wire formats in which it offers an operation for a model, the preferred one first. Empty: not at all.
    fn speaks(&self, operation: Operation, model: &str) -> &'static [Wire];

    /// Where it is reached unless an account says otherwise, without a trailing slash; `None` if only an account can say.
    /// What stands in braces (`{region}`) is filled in from the account's [`Place`].
    fn base_url(&self) -> Option<&'static str>;

    /// [`Provider::base_url`] for an account.
    ///
    /// # Errors
    /// The name of a setting that is wanted and missing.
    fn address(&self, place: &Place) -> Result<Option<String>, &'static str> {
        self.base_url().map(|template| place.fill(template)).transpose()
    }

    /// Settings of the [`Place`] that an account must have, besides those that stand in [`Provider::base_url`].
    fn wants(&self) -> &'static [&'static str] {
        &[]
    }

    /// The environment variable that conventionally holds its key; `None` if it needs no key.
    fn key_env(&self) -> Option<&'static str>;

    /// How a credential is shown to it.
    fn auth(&self) -> Auth {
        Auth::Bearer
    }

    /// Whose identities it takes besides a key.
    fn cloud(&self) -> Option<Cloud> {
        None
    }

    /// Path and headers of a request, relative to the base URL. `ask.wire` is one that it [speaks](Self::speaks).
    fn head(&self, ask: &Ask<'_>) -> Head;

    /// In what it departs from its dialect.
    fn quirks(&self) -> Quirks {
        Quirks::default()
    }

    /// Adapts what the catalogue says of a model ([`Model::write_for`](crate::catalog::Model::write_for)) to this vendor.
    fn write_for(&self, _model: &str, target: WriteFor) -> WriteFor {
        self.quirks().write_for(target)
    }

    /// A body that this vendor wants otherwise below its top level, though it speaks the format; `None`: as it is.
    fn mend(&self, _wire: Wire, _model: &str, _body: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// What all its models cost, where that does not depend on the model.
    fn price(&self) -> Option<Price> {
        None
    }

    /// What an answer with a bad status means.
    fn failure(&self, bad: &BadAnswer<'_>) -> Failure {
        classify(bad.wire.words(), bad)
    }

    /// The answer of a provider that lives in this process; `None` for every provider that is reached over a network.
    fn answer(&self, _wire: Wire, _body: &[u8]) -> Option<Canned> {
        None
    }
}

/// What is asked of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A conversation turn: chat completions, messages.
    Chat,
    /// The number of tokens of a conversation.
    CountTokens,
    /// Texts to vectors.
    Embed,
    /// Which document answers a question best.
    Rerank,
    /// Pictures from words.
    Image,
    /// Pictures from words and pictures.
    ImageEdit,
    /// Text that is spoken.
    Speech,
    /// Speech that is written down.
    Transcribe,
    /// Speech that is written down in English.
    Translate,
    /// Whether a content is harmful.
    Moderate,
    /// Text of a document, read off its pages.
    Ocr,
    /// Whatever a model's maker understands, through Bedrock's `invoke`.
    Invoke,
    /// Whatever an operator lets through unread: never asked by this name.
    Other,
}

impl Operation {
    /// All that a provider is asked for by name.
    pub const ALL: &'static [Self] = &[
        Self::Chat,
        Self::CountTokens,
        Self::Embed,
        Self::Rerank,
        Self::Image,
        Self::ImageEdit,
        Self::Speech,
        Self::Transcribe,
        Self::Translate,
        Self::Moderate,
        Self::Ocr,
        Self::Invoke,
    ];
}

/// How a credential is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer <key>`.
    Bearer,
    /// `Authorization: <scheme> <key>`.
    Scheme(&'static str),
    /// The key alone in this header.
    Header(&'static str),
    /// No credential.
    None,
}

/// A request for which a provider is asked.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    pub wire: Wire,
    /// The provider's own name for the model, as it is written in a body. In a path it is [escaped](escape).
    pub model: &'a str,
    pub stream: bool,
    pub place: &'a Place,
}

/// Where a request goes, what goes along, and what the vendor wants otherwise at the top level of the body.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Head {
    /// With its query, if it has one. Begins with a slash.
    pub path: Cow<'static, str>,
    /// Fixed headers (`anthropic-version`), lower-case names.
    pub headers: &'static [(&'static str, &'static str)],
    /// Headers of a client that are passed on when it speaks the same dialect, lower-case names. A header that is
    /// passed on takes the place of a fixed one with its name.
    pub forward: &'static [&'static str],
    /// Top-level fields of the body that get this value (`anthropic_version` at a reseller).
    pub set: Vec<(&'static str, Value)>,
    /// Top-level fields of the body that are taken out (`model` where the path says it).
    pub remove: &'static [&'static str],
    /// What becomes of a client's `anthropic-beta`; `None`: it passes if `forward` lists it.
    pub betas: Option<Betas>,
}

/// The betas of Anthropic's API at a reseller, who refuses those that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Betas {
    pub known: &'static [&'static str],
    /// They go into the body as `anthropic_beta`, not into the header.
    pub in_body: bool,
}

impl Head {
    /// A path and nothing else.
    #[must_use]
    pub const fn at(path: &'static str) -> Self {
        Self { path: Cow::Borrowed(path), headers: &[], forward: &[], set: Vec::new(), remove: &[], betas: None }
    }
}

/// A text as one segment of a path: everything but unreserved characters is percent-encoded
/// (<https://www.rfc-editor.org/rfc/rfc3986#section-2.3>).
#[must_use]
pub fn escape(segment: &str) -> String {
    let mut escaped = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => {
                use std::fmt::Write as _;
                let _ = write!(escaped, "%{byte:02X}"); // writing to a string does not fail
            }
        }
    }
    escaped
}

/// In what a vendor departs from its dialect. `default()` departs in nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks {
    /// It refuses `stream_options`.
    pub refuses_stream_options: bool,
    /// It speaks HTTP/1.1 only, or better so.
    pub http1_only: bool,
    /// It understands Anthropic-style cache marks in its own dialect (OpenRouter).
    pub takes_cache_marks: bool,
    /// In which form it takes images.
    pub images: ImageNeeds,
    /// How it is asked for an answer that follows a schema.
    pub schema: Means,
    /// It wraps the error of the vendor behind it in `error.metadata.raw` (OpenRouter).
    pub wraps_errors: bool,
}

impl Quirks {
    /// [`Quirks::default`] for constants.
    pub const NONE: Self = Self {
        refuses_stream_options: false,
        http1_only: false,
        takes_cache_marks: false,
        images: ImageNeeds::Any,
        schema: Means::Native,
        wraps_errors: false,
    };

    fn write_for(self, target: WriteFor) -> WriteFor {
        WriteFor {
            refuses_stream_options: target.refuses_stream_options || self.refuses_stream_options,
            ignores_cache_marks: !self.takes_cache_marks,
            schema: self.schema,
            ..target
        }
    }
}

/// In which form a vendor takes images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ImageNeeds {
    /// By URL and by bytes.
    #[default]
    Any,
    /// By bytes alone: an image given by URL is fetched first.
    BytesOnly,
    /// By URL alone: an image given by bytes is refused.
    UrlOnly,
}

/// An answer with a status that is not a success, or a success whose body is an error.
#[derive(Debug, Clone, Copy)]
pub struct BadAnswer<'a> {
    /// The format in which the request was made.
    pub wire: Wire,
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub request_id: Option<&'a str>,
    /// At most the first 64 KiB.
    pub body: &'a [u8],
}

/// An answer made in this process, as the wire would have brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canned {
    pub status: u16,
    /// `application/json` or `text/event-stream`.
    pub content_type: &'static str,
    /// The body in the pieces in which it is sent.
    pub chunks: Vec<Vec<u8>>,
}

/// The meaning of a bad answer by its dialect's codes first, then by its status.
///
/// Statuses: <https://platform.openai.com/docs/guides/error-codes>, <https://docs.anthropic.com/en/api/errors>
#[must_use]
pub fn classify(dialect: Dialect, bad: &BadAnswer<'_>) -> Failure {
    let body = dialect.read_error(bad.body);
    let kind = Kind::of(bad.status, body.code.as_deref(), &body.kind, &body.message);
    Failure {
        kind,
        status: Some(bad.status),
        message: crate::failure::clean(&body.message),
        code: body.code.or(Some(body.kind)).filter(|code| is_code(code)),
        retry_after: bad.retry_after,
        request_id: bad.request_id.map(str::to_owned),
    }
}

/// Codes go into records and headers: a provider's essay, or a key in the place of a code, does not.
fn is_code(code: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !code.is_empty() && code.len() <= 64 && code.bytes().all(plain) && crate::failure::clean(code) == code
}
