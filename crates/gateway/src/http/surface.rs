//! The client surfaces that go through the pipeline.

use llm::{Dialect, provider::Operation};

/// What a client speaks to, and in which dialect it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/messages/count_tokens`
    CountTokens,
}

impl Surface {
    /// The name in records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
        }
    }

    /// The dialect of its requests, answers and errors.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Self::ChatCompletions => Dialect::OpenAiChat,
            Self::Messages | Self::CountTokens => Dialect::Anthropic,
        }
    }

    /// What is asked of a provider.
    #[must_use]
    pub fn operation(self) -> Operation {
        match self {
            Self::ChatCompletions | Self::Messages => Operation::Chat,
            Self::CountTokens => Operation::CountTokens,
        }
    }
}
