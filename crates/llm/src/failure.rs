//! What a bad upstream answer means: whose fault it is, and where a further try makes sense.

mod clean;
mod recognise;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use clean::clean;

/// A failed attempt, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub kind: Kind,
    /// The upstream's HTTP status; `None` if there was no answer, or the failure came inside a stream.
    pub status: Option<u16>,
    /// The provider's own words, cleaned of anything that could be a credential or an internal address.
    pub message: String,
    /// The provider's own error code (`context_length_exceeded`, `overloaded_error`), if it gave one.
    pub code: Option<String>,
    /// How long the provider asks us to wait.
    pub retry_after: Option<Duration>,
    /// The provider's request id, for its support desk.
    pub request_id: Option<String>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The caller's request is wrong (400, 422): every target would refuse it.
    BadRequest,
    /// The prompt does not fit the model's context.
    ContextWindow,
    /// The provider's content policy refuses the prompt.
    ContentPolicy,
    /// The provider does not know `stream_options` (old OpenAI-compatible servers).
    StreamOptionsRefused,
    /// The provider refuses the signature of a thinking block.
    SignatureRefused,
    /// Our credential is refused (401, 403).
    Credential,
    /// Our account has no credit (402).
    Payment,
    /// The provider does not know the model (404).
    ModelNotFound,
    /// The request is too large for the provider (413).
    TooLarge,
    /// 429.
    RateLimited,
    /// 503, 529, "overloaded".
    Overloaded,
    /// 500, 502 and other answers that blame the provider.
    Server,
    /// 408, 504, or our own deadline.
    Timeout,
    /// No connection: refused, reset, DNS, TLS.
    Connect,
    /// An answer that its dialect does not allow: HTML, broken JSON, a stream without an end.
    Malformed,
}

/// Where a further try makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Nowhere: the caller must change the request.
    Never,
    /// At another target only.
    Elsewhere,
    /// At the same target, after the back-off, or at another.
    Here,
}

impl Kind {
    /// Where a further try makes sense.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self {
            Self::BadRequest => Retry::Never,
            Self::ContextWindow
            | Self::ContentPolicy
            | Self::Credential
            | Self::Payment
            | Self::ModelNotFound
            | Self::TooLarge
            // Mended here once, by leaving out what was refused; refused again, it would be a third time.
            | Self::StreamOptionsRefused
            | Self::SignatureRefused => Retry::Elsewhere,
            Self::RateLimited
            | Self::Overloaded
            | Self::Server
            | Self::Timeout
            | Self::Connect
            | Self::Malformed => Retry::Here,
        }
    }

    /// The name in records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::ContextWindow => "context_window",
            Self::ContentPolicy => "content_policy",
            Self::StreamOptionsRefused => "stream_options_refused",
            Self::SignatureRefused => "signature_refused",
            Self::Credential => "credential",
            Self::Payment => "payment",
            Self::ModelNotFound => "model_not_found",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Server => "server",
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Malformed => "malformed",
        }
    }
}

impl Failure {
    /// A failure without an upstream answer.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, status: None, message: message.into(), code: None, retry_after: None, request_id: None }
    }
}
