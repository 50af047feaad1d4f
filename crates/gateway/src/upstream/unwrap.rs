//! Streams of AWS's that are another dialect's events in binary messages: Anthropic's, in those of Bedrock's `invoke`, or
//! those of a container, in SageMaker's. They are taken out as they come, so that what reads the stream sees what the
//! dialect's own servers send.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use llm::{
    Dialect,
    dialect::{ErrorBody, bedrock},
    frame::{Frame, Framing, eventstream::Splitter},
};
use serde::Deserialize;

/// Takes a dialect's events out of binary messages.
#[derive(Debug)]
pub struct Unwrap {
    dialect: Dialect,
    splitter: Splitter,
}

impl Unwrap {
    /// For events of this dialect.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, splitter: Splitter::default() }
    }

    /// Takes bytes; returns the events that they complete. A message that cannot be read, and an exception, are the error
    /// that the dialect's own servers would send.
    pub fn push(&mut self, bytes: &[u8]) -> Bytes {
        let mut out = Vec::new();
        let dialect = self.dialect;
        if let Err(unreadable) = self.splitter.push(bytes, |frame| take(dialect, &frame, &mut out)) {
            fail(dialect, 502, unreadable.to_string(), &mut out);
        }
        out.into()
    }
}

fn take(dialect: Dialect, frame: &Frame<'_>, out: &mut Vec<u8>) {
    let data = frame.data.as_deref().unwrap_or_default();
    match frame.event.unwrap_or_default() {
        "chunk" => chunk(dialect, data, out),
        // SageMaker's: the container's own bytes.
        "PayloadPart" => out.extend_from_slice(data),
        "initial-response" => {}
        _ => {
            let error = bedrock::error::read(data);
            fail(dialect, error.status, error.message, out);
        }
    }
}

/// `{"bytes": "<base64 of one event's JSON>"}`
fn chunk(dialect: Dialect, data: &[u8], out: &mut Vec<u8>) {
    #[derive(Deserialize)]
    struct Chunk<'a> {
        #[serde(borrow)]
        bytes: std::borrow::Cow<'a, str>,
    }
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(rename = "type", borrow)]
        name: Option<std::borrow::Cow<'a, str>>,
    }
    let decoded = serde_json::from_slice(data).ok().and_then(|Chunk { bytes }| STANDARD.decode(bytes.as_bytes()).ok());
    let Some(event) = decoded else {
        return fail(dialect, 502, "a message of the stream holds no event".to_owned(), out);
    };
    let name = serde_json::from_slice::<Named<'_>>(&event).ok().and_then(|named| named.name);
    Framing::Sse.frame(name.as_deref(), &event, false, out);
}

fn fail(dialect: Dialect, status: u16, message: String, out: &mut Vec<u8>) {
    let error = ErrorBody { status, message, ..ErrorBody::default() };
    out.extend(dialect.write_error_event(&error, Framing::Sse, false));
}

#[cfg(test)]
mod tests {
    use llm::{event::fold, failure::Kind, frame::eventstream};

    use super::*;

    fn wrapped(events: &[&str]) -> Vec<u8> {
        let mut stream = Vec::new();
        for event in events {
            let data = serde_json::json!({"bytes": STANDARD.encode(event), "p": "abc"}).to_string();
            eventstream::write_event("chunk", data.as_bytes(), &mut stream);
        }
        stream
    }

    fn unwrapped(stream: &[u8], piece: usize) -> String {
        let mut unwrap = Unwrap::new(Dialect::Anthropic);
        let out: Vec<u8> = stream.chunks(piece).flat_map(|piece| unwrap.push(piece)).collect();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn events_come_out_as_anthropic_itself_sends_them() {
        let stream = wrapped(&[
            r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","usage":{"input_tokens":3}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#,
            r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3}}"#,
        ]);
        let whole = unwrapped(&stream, stream.len());
        assert!(whole.starts_with("event: message_start\ndata: {\"type\":\"message_start\""), "{whole}");
        for piece in [1, 7, 64] {
            assert_eq!(unwrapped(&stream, piece), whole);
        }
        let (mut reader, mut events) = (Dialect::Anthropic.reader(), Vec::new());
        reader.push(whole.as_bytes(), &mut events);
        reader.finish(&mut events);
        let (reply, fault) = fold(events);
        assert_eq!((reply.id.as_str(), reply.usage.total(), fault), ("msg_1", 5, None));
    }

    #[test]
    fn exceptions_and_damage_are_errors_of_the_dialect() {
        let mut stream = wrapped(&[r#"{"type":"ping"}"#]);
        eventstream::write_exception("throttlingException", br#"{"message":"slow down"}"#, &mut stream);
        let fault = |stream: &[u8]| {
            let (mut reader, mut events) = (Dialect::Anthropic.reader(), Vec::new());
            reader.push(unwrapped(stream, 5).as_bytes(), &mut events);
            fold(events).1.unwrap()
        };
        assert_eq!(fault(&stream).message, "slow down");
        stream.truncate(30);
        stream.extend([0; 400]);
        assert_eq!(fault(&stream).kind, Kind::Server);
    }

    #[test]
    fn a_containers_own_bytes_pass() {
        let mut stream = Vec::new();
        let headers = [(":event-type", "PayloadPart"), (":message-type", "event")];
        eventstream::write(&headers, b"data: {\"a\":", &mut stream);
        eventstream::write(&headers, b"1}\n\n", &mut stream);
        let mut unwrap = Unwrap::new(Dialect::OpenAiChat);
        assert_eq!(unwrap.push(&stream), "data: {\"a\":1}\n\n".as_bytes());
    }
}
