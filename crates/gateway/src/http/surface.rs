//! The client surfaces that go through the pipeline.

use llm::{Dialect, Wire, frame::Framing, provider::Operation};

/// What a client speaks to, and in whose words it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/responses`
    Responses,
    /// `GET`, `DELETE /v1/responses/{id}` and what is below it
    KeptResponse,
    /// `POST /v1/messages/count_tokens`
    CountTokens,
    /// `/passthrough/{account}/{path}`
    Passthrough,
}

impl Surface {
    /// The name in records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Messages => "messages",
            Self::Responses => "responses",
            Self::KeptResponse => "kept_response",
            Self::CountTokens => "count_tokens",
            Self::Passthrough => "passthrough",
        }
    }

    /// The format of its requests and answers.
    #[must_use]
    pub fn wire(self) -> Wire {
        match self {
            Self::ChatCompletions => Wire::Chat(Dialect::OpenAiChat),
            Self::Messages => Wire::Chat(Dialect::Anthropic),
            Self::Responses | Self::KeptResponse => Wire::Chat(Dialect::OpenAiResponses),
            Self::CountTokens => Wire::Count(Dialect::Anthropic),
            Self::Passthrough => Wire::Other,
        }
    }

    /// The dialect of its conversations and errors.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        self.wire().words()
    }

    /// What is asked of a provider.
    #[must_use]
    pub fn operation(self) -> Operation {
        self.wire().operation()
    }

    /// Whether answers are streamed, where the path says so; `None` where the body does.
    #[must_use]
    pub fn streams(self) -> Option<bool> {
        match self {
            Self::ChatCompletions | Self::Messages | Self::Responses => None,
            Self::CountTokens | Self::KeptResponse | Self::Passthrough => Some(false),
        }
    }

    /// How the frames of a streamed answer are told apart.
    #[must_use]
    pub fn framing(self) -> Framing {
        match self {
            Self::ChatCompletions
            | Self::Messages
            | Self::Responses
            | Self::KeptResponse
            | Self::CountTokens
            | Self::Passthrough => Framing::Sse,
        }
    }
}
