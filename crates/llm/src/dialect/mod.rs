//! Wire formats. Each has a folder with the same four files: `request`, `reply`, `stream`, `error`.
//!
//! The set is closed on purpose: the compiler lists every place that a new dialect must fill in.

pub mod anthropic;
pub mod bedrock;
pub(crate) mod body;
pub mod cohere;
#[cfg(test)]
pub(crate) mod corpus;
pub(crate) mod field;
pub mod gemini;
pub mod openai_chat;
pub mod openai_completions;
pub mod openai_responses;
pub(crate) mod place;
pub(crate) mod schema;
pub(crate) mod sequence;
#[cfg(test)]
mod translation_tests;
mod watch;

use crate::{Call, Event, Loss, Reply, frame::Framing, structured::Means};

pub use watch::{FrameWatch, Glance, Seen};

/// A wire format, as a client surface and as an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// OpenAI Chat Completions: <https://platform.openai.com/docs/api-reference/chat>
    OpenAiChat,
    /// Cohere v2 Chat: <https://docs.cohere.com/reference/chat>
    Cohere,
    /// OpenAI's legacy Completions: <https://platform.openai.com/docs/api-reference/completions>
    OpenAiCompletions,
    /// OpenAI Responses: <https://platform.openai.com/docs/api-reference/responses>
    OpenAiResponses,
    /// Anthropic Messages: <https://docs.anthropic.com/en/api/messages>
    Anthropic,
    /// Google Gemini: <https://ai.google.dev/api/generate-content>
    Gemini,
    /// Amazon Bedrock Converse: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>
    Bedrock,
}

/// A body that is not what its dialect allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Malformed {
    /// The path of the field that is wrong (`messages[3].content[0].type`), if one is.
    pub field: Option<String>,
    /// What was wrong and what would be right, fit for the caller.
    pub message: String,
}

/// What a writer must know of the target to choose between ways of saying the same.
#[derive(Debug, Clone, Default)]
pub struct WriteFor {
    /// The model's own ceiling of output tokens: sent where the dialect insists on a limit and the caller gave none.
    pub max_output_tokens: Option<u64>,
    /// The model thinks before it speaks and refuses sampling parameters (OpenAI's reasoning models).
    pub refuses_sampling: bool,
    /// The model does not think and refuses to be told how much (`reasoning_effort`).
    pub refuses_reasoning: bool,
    /// The model wants `max_completion_tokens` in place of `max_tokens`.
    pub wants_max_completion_tokens: bool,
    /// The target does not understand prompt-cache marks.
    pub ignores_cache_marks: bool,
    /// The target does not understand `stream_options`.
    pub refuses_stream_options: bool,
    /// Thinking blocks were made by another model: their signatures would be refused, so they are left out.
    pub foreign_thinking: bool,
    /// The model takes messages of role `system` amid the conversation (Anthropic's from Opus 4.8 on).
    pub takes_system_turns: bool,
    /// The model wants a thinking budget and knows neither adaptive thinking nor effort (Anthropic's before 4.6).
    pub thinks_by_budget: bool,
    /// How it is asked for an answer that follows a schema.
    pub schema: Means,
    /// The model's thinking cannot be switched off: being told to is an error to it (Anthropic's newest).
    pub thinks_always: bool,
}

/// Reads a stream. Fed bytes split anywhere, it gives the same events for every split.
pub trait EventReader: Send {
    /// Takes more bytes; appends the events that they complete.
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>);
    /// The bytes have ended. A stream without its terminal event yields a [`Event::Fault`] of kind `Malformed`, unless a
    /// stop reason was already seen.
    fn finish(&mut self, events: &mut Vec<Event>);
}

/// How a stream is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamForm {
    /// The client asked for a usage chunk (OpenAI's `stream_options.include_usage`).
    pub include_usage: bool,
    pub framing: Framing,
}

/// Writes a stream.
pub trait EventWriter: Send {
    /// Appends the frames that say `event`.
    fn push(&mut self, event: &Event, bytes: &mut Vec<u8>);
    /// What could not be carried so far.
    fn loss(&self) -> &Loss;
}

impl Dialect {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::OpenAiChat,
        Self::Cohere,
        Self::OpenAiCompletions,
        Self::OpenAiResponses,
        Self::Anthropic,
        Self::Gemini,
        Self::Bedrock,
    ];

    /// The name in configuration, records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai_chat",
            Self::Cohere => "cohere",
            Self::OpenAiCompletions => "openai_completions",
            Self::OpenAiResponses => "openai_responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
        }
    }

    /// Reads a request body.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn read_call(self, body: &[u8]) -> Result<Call, Malformed> {
        match self {
            Self::OpenAiChat => openai_chat::request::read(body),
            Self::Cohere => cohere::request::read(body),
            Self::OpenAiCompletions => openai_completions::request::read(body),
            Self::OpenAiResponses => openai_responses::request::read(body),
            Self::Anthropic => anthropic::request::read(body),
            Self::Gemini => gemini::request::read(body),
            Self::Bedrock => bedrock::request::read(body),
        }
    }

    /// Reads the question whose tokens are to be counted, where it has a form of its own.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn read_count(self, body: &[u8]) -> Result<Call, Malformed> {
        match self {
            Self::Anthropic => anthropic::request::read_count(body),
            Self::Gemini => gemini::count::read(body),
            Self::Bedrock => bedrock::count::read(body),
            _ => self.read_call(body),
        }
    }

    /// Writes the answer to such a question.
    #[must_use]
    pub fn write_counted(self, tokens: u64) -> Vec<u8> {
        match self {
            Self::Gemini => gemini::count::write_counted(tokens),
            Self::Bedrock => bedrock::count::write_counted(tokens),
            _ => anthropic::request::write_counted(tokens),
        }
    }

    /// Writes the question whose tokens are to be counted, where it has a form of its own.
    ///
    /// # Errors
    /// Those of [`Self::write_call`].
    pub fn write_count(self, call: &Call, target: &WriteFor) -> Result<(Vec<u8>, Loss), Malformed> {
        match self {
            Self::Anthropic => anthropic::request::write_count(call, target),
            Self::Gemini => gemini::count::write(call, target),
            Self::Bedrock => bedrock::count::write(call, target),
            _ => self.write_call(call, target),
        }
    }

    /// Reads the answer to such a question.
    ///
    /// # Errors
    /// The body is not such an answer.
    pub fn read_counted(self, body: &[u8]) -> Result<u64, Malformed> {
        match self {
            Self::Gemini => gemini::count::read_counted(body),
            Self::Bedrock => bedrock::count::read_counted(body),
            _ => anthropic::request::read_counted(body),
        }
    }

    /// Writes a request body, and says what it could not carry.
    ///
    /// # Errors
    /// Content that must not be dropped and cannot be said (a picture for a dialect without pictures) is refused, by name.
    pub fn write_call(self, call: &Call, target: &WriteFor) -> Result<(Vec<u8>, Loss), Malformed> {
        match self {
            Self::OpenAiChat => openai_chat::request::write(call, target),
            Self::Cohere => cohere::request::write(call, target),
            Self::OpenAiCompletions => openai_completions::request::write(call, target),
            Self::OpenAiResponses => openai_responses::request::write(call, target),
            Self::Anthropic => anthropic::request::write(call, target),
            Self::Gemini => gemini::request::write(call, target),
            Self::Bedrock => bedrock::request::write(call, target),
        }
    }

    /// Reads a whole answer.
    ///
    /// # Errors
    /// The body is not an answer of this dialect.
    pub fn read_reply(self, body: &[u8]) -> Result<Reply, Malformed> {
        match self {
            Self::OpenAiChat => openai_chat::reply::read(body),
            Self::Cohere => cohere::reply::read(body),
            Self::OpenAiCompletions => openai_completions::reply::read(body),
            Self::OpenAiResponses => openai_responses::reply::read(body),
            Self::Anthropic => anthropic::reply::read(body),
            Self::Gemini => gemini::reply::read(body),
            Self::Bedrock => bedrock::reply::read(body),
        }
    }

    /// Writes a whole answer.
    #[must_use]
    pub fn write_reply(self, reply: &Reply) -> (Vec<u8>, Loss) {
        match self {
            Self::OpenAiChat => openai_chat::reply::write(reply),
            Self::Cohere => cohere::reply::write(reply),
            Self::OpenAiCompletions => openai_completions::reply::write(reply),
            Self::OpenAiResponses => openai_responses::reply::write(reply),
            Self::Anthropic => anthropic::reply::write(reply),
            Self::Gemini => gemini::reply::write(reply),
            Self::Bedrock => bedrock::reply::write(reply),
        }
    }

    /// Usage and served tier of a whole answer, without decoding the rest: the relay lane's tee.
    #[must_use]
    pub fn glance_reply(self, body: &[u8]) -> Glance {
        match self {
            Self::OpenAiChat => openai_chat::reply::glance(body),
            Self::Cohere => cohere::reply::glance(body),
            Self::OpenAiCompletions => openai_completions::reply::glance(body),
            Self::OpenAiResponses => openai_responses::reply::glance(body),
            Self::Anthropic => anthropic::reply::glance(body),
            Self::Gemini => gemini::reply::glance(body),
            Self::Bedrock => bedrock::reply::glance(body),
        }
    }

    /// A reader of a streamed answer.
    #[must_use]
    pub fn reader(self) -> Box<dyn EventReader> {
        match self {
            Self::OpenAiChat => Box::new(openai_chat::stream::Reader::default()),
            Self::Cohere => Box::new(cohere::stream::Reader::default()),
            Self::OpenAiCompletions => Box::new(openai_completions::stream::Reader::default()),
            Self::OpenAiResponses => Box::new(openai_responses::stream::Reader::default()),
            Self::Anthropic => Box::new(anthropic::stream::Reader::default()),
            Self::Gemini => Box::new(gemini::stream::Reader::default()),
            Self::Bedrock => Box::new(bedrock::stream::Reader::default()),
        }
    }

    /// The framing in which providers stream it.
    #[must_use]
    pub fn framing(self) -> Framing {
        match self {
            Self::OpenAiChat
            | Self::Cohere
            | Self::OpenAiCompletions
            | Self::OpenAiResponses
            | Self::Anthropic
            | Self::Gemini => Framing::Sse,
            Self::Bedrock => Framing::EventStream,
        }
    }

    /// Whether the body says which model is asked and whether the answer is streamed. Elsewhere the path does.
    #[must_use]
    pub fn says_model_in_body(self) -> bool {
        match self {
            Self::OpenAiChat | Self::Cohere | Self::OpenAiCompletions | Self::OpenAiResponses | Self::Anthropic => true,
            Self::Gemini => false,
            Self::Bedrock => false,
        }
    }

    /// A writer of a streamed answer.
    #[must_use]
    pub fn writer(self, form: StreamForm) -> Box<dyn EventWriter> {
        match self {
            Self::OpenAiChat => Box::new(openai_chat::stream::Writer::new(form.include_usage)),
            Self::Cohere => Box::new(cohere::stream::Writer::default()),
            Self::OpenAiCompletions => Box::new(openai_completions::stream::Writer::new(form.include_usage)),
            Self::OpenAiResponses => Box::new(openai_responses::stream::Writer::default()),
            Self::Anthropic => Box::new(anthropic::stream::Writer::default()),
            Self::Gemini => Box::new(gemini::stream::Writer::new(form)),
            Self::Bedrock => Box::new(bedrock::stream::Writer::default()),
        }
    }

    /// A watcher of relayed frames.
    #[must_use]
    pub fn watch(self) -> Box<dyn FrameWatch> {
        match self {
            Self::OpenAiChat => Box::new(openai_chat::stream::Watch::default()),
            Self::Cohere => Box::new(cohere::stream::Watch::default()),
            Self::OpenAiCompletions => Box::new(openai_completions::stream::Watch::default()),
            Self::OpenAiResponses => Box::new(openai_responses::stream::Watch::default()),
            Self::Anthropic => Box::new(anthropic::stream::Watch::default()),
            Self::Gemini => Box::new(gemini::stream::Watch::default()),
            Self::Bedrock => Box::new(bedrock::stream::Watch::default()),
        }
    }

    /// Reads an error body of this dialect: message and code.
    #[must_use]
    pub fn read_error(self, body: &[u8]) -> ErrorBody {
        match self {
            Self::OpenAiChat => openai_chat::error::read(body),
            Self::Cohere => cohere::error::read(body),
            Self::OpenAiCompletions => openai_completions::error::read(body),
            Self::OpenAiResponses => openai_responses::error::read(body),
            Self::Anthropic => anthropic::error::read(body),
            Self::Gemini => gemini::error::read(body),
            Self::Bedrock => bedrock::error::read(body),
        }
    }

    /// Writes an error body of this dialect.
    #[must_use]
    pub fn write_error(self, error: &ErrorBody) -> Vec<u8> {
        match self {
            Self::OpenAiChat => openai_chat::error::write(error),
            Self::Cohere => cohere::error::write(error),
            Self::OpenAiCompletions => openai_completions::error::write(error),
            Self::OpenAiResponses => openai_responses::error::write(error),
            Self::Anthropic => anthropic::error::write(error),
            Self::Gemini => gemini::error::write(error),
            Self::Bedrock => bedrock::error::write(error),
        }
    }

    /// Writes an error as the last event of a stream. `first`: nothing has been sent of it yet.
    #[must_use]
    pub fn write_error_event(self, error: &ErrorBody, framing: Framing, first: bool) -> Vec<u8> {
        match self {
            Self::OpenAiChat => openai_chat::error::write_event(error),
            Self::Cohere => cohere::error::write_event(error),
            Self::OpenAiCompletions => openai_completions::error::write_event(error),
            Self::OpenAiResponses => openai_responses::error::write_event(error, 0),
            Self::Anthropic => anthropic::error::write_event(error),
            Self::Gemini => gemini::error::write_event(error, framing, first),
            Self::Bedrock => bedrock::error::write_event(error),
        }
    }

    /// What keeps a silent stream alive: bytes that every client of the dialect ignores; empty if there are none.
    #[must_use]
    pub fn keepalive(self, framing: Framing) -> &'static [u8] {
        match self {
            Self::OpenAiChat => b": ping\n\n",
            Self::Cohere => b": ping\n\n",
            Self::OpenAiCompletions => b": ping\n\n",
            Self::OpenAiResponses => b": ping\n\n",
            Self::Anthropic => b"event: ping\ndata: {\"type\": \"ping\"}\n\n",
            // Google's own Python library takes a comment for JSON; between the elements of an array blanks say nothing.
            Self::Gemini if framing == Framing::JsonArray => b"\n",
            Self::Gemini => b"",
            Self::Bedrock => bedrock::stream::PING,
        }
    }
}

/// An error as a dialect words it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorBody {
    /// HTTP status: Anthropic's `error.type` follows from it.
    pub status: u16,
    /// OpenAI's `error.type` (`invalid_request_error`); Anthropic's own type when read from Anthropic.
    pub kind: String,
    /// For people. Safe for the caller.
    pub message: String,
    /// A stable code (`model_not_found`).
    pub code: Option<String>,
    /// The field that was wrong.
    pub param: Option<String>,
    /// Echoed by Anthropic's errors.
    pub request_id: Option<String>,
}
