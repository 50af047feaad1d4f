//! The client surfaces that go through the pipeline.

use llm::{Dialect, Wire, frame::Framing, provider::Operation};

/// What a client speaks to, and in whose words it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/messages`
    Messages,
    /// `POST /model/{model}/converse`
    Converse,
    /// `POST /model/{model}/converse-stream`
    ConverseStream,
    /// `POST /model/{model}/invoke` with Anthropic's body
    Invoke,
    /// `POST /model/{model}/invoke-with-response-stream` with Anthropic's body
    InvokeStream,
    /// The same two with the body of another maker
    InvokeOther { stream: bool },
    /// `POST /model/{model}/count-tokens`
    BedrockCountTokens,
    /// `POST .../publishers/anthropic/models/{model}:rawPredict`
    RawPredict,
    /// `POST .../publishers/anthropic/models/{model}:streamRawPredict`
    StreamRawPredict,
    /// `POST .../publishers/anthropic/models/count-tokens:rawPredict`
    RawCountTokens,
    /// `POST /v1/responses`
    Responses,
    /// `GET`, `DELETE /v1/responses/{id}` and what is below it
    KeptResponse,
    /// `POST /v1/messages/count_tokens`
    CountTokens,
    /// `POST /v1beta/models/{model}:generateContent`
    GenerateContent,
    /// `POST /v1beta/models/{model}:streamGenerateContent?alt=sse`
    StreamGenerateContent,
    /// `POST /v1beta/models/{model}:streamGenerateContent`, whose answer is one JSON array
    StreamGenerateContentArray,
    /// `POST /v1beta/models/{model}:countTokens`
    GeminiCountTokens,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v2/chat`
    CohereChat,
    /// Whatever is no conversation, by its format: `POST /v1/embeddings`, `/v1/images/generations`, ...
    Task(Wire),
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
            Self::Converse => "converse",
            Self::ConverseStream => "converse_stream",
            Self::Invoke | Self::InvokeOther { stream: false } => "invoke",
            Self::InvokeStream | Self::InvokeOther { stream: true } => "invoke_stream",
            Self::BedrockCountTokens => "bedrock_count_tokens",
            Self::RawPredict => "raw_predict",
            Self::StreamRawPredict => "stream_raw_predict",
            Self::RawCountTokens => "raw_count_tokens",
            Self::Responses => "responses",
            Self::KeptResponse => "kept_response",
            Self::CountTokens => "count_tokens",
            Self::GenerateContent => "generate_content",
            Self::StreamGenerateContent => "stream_generate_content",
            Self::StreamGenerateContentArray => "stream_generate_content_array",
            Self::GeminiCountTokens => "gemini_count_tokens",
            Self::Completions => "completions",
            Self::CohereChat => "cohere_chat",
            Self::Task(wire) => task_name(wire.operation()),
            Self::Passthrough => "passthrough",
        }
    }

    /// The format of its requests and answers.
    #[must_use]
    pub fn wire(self) -> Wire {
        match self {
            Self::ChatCompletions => Wire::Chat(Dialect::OpenAiChat),
            Self::Messages | Self::Invoke | Self::InvokeStream | Self::RawPredict | Self::StreamRawPredict => {
                Wire::Chat(Dialect::Anthropic)
            }
            Self::InvokeOther { .. } => Wire::Invoke,
            Self::BedrockCountTokens => Wire::Count(Dialect::Bedrock),
            Self::Converse | Self::ConverseStream => Wire::Chat(Dialect::Bedrock),
            Self::Responses | Self::KeptResponse => Wire::Chat(Dialect::OpenAiResponses),
            Self::CountTokens | Self::RawCountTokens => Wire::Count(Dialect::Anthropic),
            Self::GenerateContent | Self::StreamGenerateContent | Self::StreamGenerateContentArray => {
                Wire::Chat(Dialect::Gemini)
            }
            Self::GeminiCountTokens => Wire::Count(Dialect::Gemini),
            Self::Completions => Wire::Chat(Dialect::OpenAiCompletions),
            Self::CohereChat => Wire::Chat(Dialect::Cohere),
            Self::Task(wire) => wire,
            Self::Passthrough => Wire::Other,
        }
    }

    /// The dialect of its conversations.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        self.wire().words()
    }

    /// The dialect of its errors, which is Amazon's where Anthropic's events come in Amazon's messages.
    #[must_use]
    pub fn errors(self) -> Dialect {
        if self.wraps() { Dialect::Bedrock } else { self.dialect() }
    }

    /// Whether the events of its dialect come in Amazon's messages.
    #[must_use]
    pub fn wraps(self) -> bool {
        matches!(self, Self::Invoke | Self::InvokeStream)
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
            Self::ChatCompletions | Self::Messages | Self::Responses | Self::Completions | Self::CohereChat => None,
            Self::StreamGenerateContent | Self::StreamGenerateContentArray => Some(true),
            Self::InvokeStream | Self::StreamRawPredict => Some(true),
            Self::InvokeOther { stream } => Some(stream),
            Self::Invoke | Self::RawPredict | Self::RawCountTokens | Self::BedrockCountTokens => Some(false),
            Self::CountTokens
            | Self::KeptResponse
            | Self::Passthrough
            // Events of these pass as they come, whoever asked for them.
            | Self::Task(_)
            | Self::GenerateContent
            | Self::GeminiCountTokens => Some(false),
            Self::Converse => Some(false),
            Self::ConverseStream => Some(true),
        }
    }

    /// How the frames of a streamed answer are told apart.
    #[must_use]
    pub fn framing(self) -> Framing {
        match self {
            Self::StreamGenerateContentArray => Framing::JsonArray,
            Self::Converse | Self::ConverseStream | Self::BedrockCountTokens => Framing::EventStream,
            Self::Invoke | Self::InvokeStream | Self::InvokeOther { .. } => Framing::EventStream,
            Self::ChatCompletions
            | Self::Messages
            | Self::RawPredict
            | Self::StreamRawPredict
            | Self::RawCountTokens
            | Self::Responses
            | Self::KeptResponse
            | Self::CountTokens
            | Self::GenerateContent
            | Self::StreamGenerateContent
            | Self::GeminiCountTokens
            | Self::Completions
            | Self::CohereChat
            | Self::Task(_)
            | Self::Passthrough => Framing::Sse,
        }
    }
}

fn task_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Embed => "embeddings",
        Operation::Rerank => "rerank",
        Operation::Image => "images",
        Operation::ImageEdit => "image_edits",
        Operation::Speech => "speech",
        Operation::Transcribe => "transcriptions",
        Operation::Translate => "translations",
        Operation::Moderate => "moderations",
        Operation::Ocr => "ocr",
        Operation::Chat | Operation::CountTokens | Operation::Invoke | Operation::Other => "other",
    }
}
