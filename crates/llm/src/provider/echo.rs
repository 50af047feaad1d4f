//! A model without a model: it says what it was told, so that the first call works before any key is at hand.
//!
//! It lives in this process and speaks OpenAI's Chat Completions in real bytes, so that everything around it is
//! exercised as by a provider. It is deterministic:
//!
//! - it repeats the last user message; pictures, documents and sound are named (`[image image/png]`);
//! - a line `call <tool> {"some": "json"}` calls a tool that was offered, and so does a `tool_choice` that demands a call;
//! - the result of a tool is repeated;
//! - a JSON schema is answered with a small value that satisfies it;
//! - `max_tokens`, `stop` and `n` are honoured, usage is reported, streams come word by word.

mod say;
mod schema;
#[cfg(test)]
mod tests;

use super::{Ask, Auth, Canned, Dialect, Head, Operation, Provider, Wire};
use crate::{
    Call, Event, Reply, Usage,
    dialect::{ErrorBody, Malformed, StreamForm},
    event::{Delta, unfold},
    price::Price,
    usage::estimate_tokens,
};

/// The built-in provider.
pub struct Echo;

const WIRE: Wire = Wire::Chat(Dialect::OpenAiChat);

impl Provider for Echo {
    fn id(&self) -> &'static str {
        "echo"
    }

    fn speaks(&self, operation: Operation, _model: &str) -> &'static [Wire] {
        match operation {
            Operation::Chat => &[WIRE],
            _ => &[],
        }
    }

    fn base_url(&self) -> Option<&'static str> {
        None
    }

    fn key_env(&self) -> Option<&'static str> {
        None
    }

    fn auth(&self) -> Auth {
        Auth::None
    }

    fn head(&self, _ask: &Ask<'_>) -> Head {
        Head::at("/chat/completions")
    }

    /// Free of charge, which is not the same as of unknown price.
    fn price(&self) -> Option<Price> {
        Some(Price::free())
    }

    fn answer(&self, _wire: Wire, body: &[u8]) -> Option<Canned> {
        Some(match WIRE.words().read_call(body) {
            Err(malformed) => refuse(malformed),
            Ok(call) => converse(&call, body),
        })
    }
}

fn converse(call: &Call, body: &[u8]) -> Canned {
    let choices = say::choices(call);
    let output = choices.iter().flat_map(|choice| &choice.parts).map(say::tokens_of_part).fold(0, u64::saturating_add);
    let reply = Reply {
        id: format!("chatcmpl-echo-{:016x}", fingerprint(body)),
        model: call.model.clone(),
        created: None,
        choices,
        usage: Usage { input: say::tokens_of(call), output, ..Usage::default() },
        service_tier: None,
    };
    if call.stream {
        Canned { status: 200, content_type: "text/event-stream", chunks: frames(reply, call.include_usage) }
    } else {
        let (bytes, _) = Dialect::OpenAiChat.write_reply(&reply);
        Canned { status: 200, content_type: "application/json", chunks: vec![bytes] }
    }
}

fn refuse(malformed: Malformed) -> Canned {
    let error = ErrorBody {
        status: 400,
        kind: "invalid_request_error".into(),
        message: malformed.message,
        param: malformed.field,
        ..ErrorBody::default()
    };
    Canned { status: 400, content_type: "application/json", chunks: vec![Dialect::OpenAiChat.write_error(&error)] }
}

/// The reply as a stream: one chunk per event that has bytes.
fn frames(reply: Reply, include_usage: bool) -> Vec<Vec<u8>> {
    let mut writer = Dialect::OpenAiChat.writer(StreamForm { include_usage, ..StreamForm::default() });
    let mut frames = Vec::new();
    for event in events(reply) {
        let mut bytes = Vec::new();
        writer.push(&event, &mut bytes);
        if !bytes.is_empty() {
            frames.push(bytes);
        }
    }
    frames
}

/// The reply as events, word by word.
fn events(reply: Reply) -> impl Iterator<Item = Event> {
    unfold(reply).0.into_iter().flat_map(|event| {
        let (choice, index, text, piece): (_, _, _, fn(String) -> Delta) = match event {
            Event::Delta { choice, index, delta: Delta::Text(text) } => (choice, index, text, Delta::Text),
            Event::Delta { choice, index, delta: Delta::Arguments(text) } => (choice, index, text, Delta::Arguments),
            other => return vec![other],
        };
        text.split_inclusive(' ').map(|word| Event::Delta { choice, index, delta: piece(word.into()) }).collect()
    })
}

/// FNV-1a: the same question has the same id, in every build.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
