//! Bodies of `invoke`, which are those of the models' makers:
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>
//!
//! Anthropic's is that of its own API, but for what stands elsewhere here: the version and the betas in the body, the model
//! and whether the answer is streamed in the path
//! (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html>).
//! A streamed answer comes in binary messages, each around one event of the maker's.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    dialect::{FrameWatch, Glance, Malformed, Seen, body::count},
    envelope::{Envelope, Unreadable},
    frame::eventstream,
    json::Json,
    usage::Usage,
};

/// Whether a body is Anthropic's: only that says a version.
#[must_use]
pub fn is_anthropic(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Versioned<'a> {
        #[serde(borrow)]
        anthropic_version: Option<&'a RawValue>,
    }
    serde_json::from_slice::<Versioned<'_>>(body).is_ok_and(|body| body.anthropic_version.is_some())
}

/// Anthropic's body as its own API takes it, and the betas that stood in it. `model`: as the path says it, if it does.
///
/// # Errors
/// The body cannot be governed, or names another model than the path.
pub fn undress(body: Bytes, model: Option<String>, stream: bool) -> Result<(Bytes, Vec<String>), Unreadable> {
    let envelope = Envelope::open(body, model)?;
    let betas: Option<Vec<String>> = envelope.get("anthropic_beta", "a list of strings")?;
    let mut edit = envelope.edit();
    edit.remove("anthropic_version");
    edit.remove("anthropic_beta");
    edit.set("model", &Value::from(envelope.model()));
    if stream {
        edit.set("stream", &Value::from(true));
    } else {
        edit.remove("stream");
    }
    Ok((edit.finish(), betas.unwrap_or_default()))
}

/// Anthropic's body with a model in it.
pub(super) fn named(body: &[u8], model: &str) -> Result<Vec<u8>, Malformed> {
    let undressed = undress(Bytes::copy_from_slice(body), Some(model.to_owned()), false)
        .map_err(|unreadable| unreadable.malformed)?;
    Ok(undressed.0.to_vec())
}

/// What is measured of a call: stands in the last event of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metrics {
    pub usage: Usage,
    /// From the call to its end, in milliseconds.
    pub latency: u64,
    /// From the call to the first byte of its answer, in milliseconds.
    pub first_byte: u64,
}

/// Appends the message that holds an event of the maker's; `metrics` go into its last one.
pub fn write_chunk(event: &[u8], metrics: Option<Metrics>, out: &mut Vec<u8>) {
    let measured = metrics.and_then(|metrics| measure(event, metrics));
    let event = measured.as_deref().unwrap_or(event);
    let data = json!({"bytes": STANDARD.encode(event)}).to_string();
    eventstream::write_event("chunk", data.as_bytes(), out);
}

const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// The event with the metrics, unless it has its own.
fn measure(event: &[u8], metrics: Metrics) -> Option<Vec<u8>> {
    let mut event: Value = serde_json::from_slice(event).ok()?;
    let fields = event.as_object_mut()?;
    if fields.contains_key(METRICS) {
        return None;
    }
    let Metrics { usage, latency, first_byte } = metrics;
    let mut told = json!({
        "inputTokenCount": usage.uncached(), "outputTokenCount": usage.output,
        "invocationLatency": latency, "firstByteLatency": first_byte,
    });
    for (name, tokens) in
        [("cacheReadInputTokenCount", usage.cache_read), ("cacheWriteInputTokenCount", usage.cache_written())]
    {
        if let (true, Some(told)) = (tokens > 0, told.as_object_mut()) {
            told.insert(name.to_owned(), tokens.into());
        }
    }
    fields.insert(METRICS.to_owned(), told);
    Some(event.to_string().into_bytes())
}

/// Headers of a whole answer that say what it used: input, output, read from a cache, written to one.
pub const COUNT_HEADERS: [&str; 4] = [
    "x-amzn-bedrock-input-token-count",
    "x-amzn-bedrock-output-token-count",
    "x-amzn-bedrock-cache-read-input-token-count",
    "x-amzn-bedrock-cache-write-input-token-count",
];

/// Usage by counts in the order of [`COUNT_HEADERS`]; `None` if nothing is counted.
#[must_use]
pub fn counted([input, output, cache_read, cache_write]: [Option<u64>; 4]) -> Option<Usage> {
    input.or(output)?;
    Some(Usage {
        input: input.unwrap_or_default(),
        output: output.unwrap_or_default(),
        cache_read: cache_read.unwrap_or_default(),
        cache_write: cache_write.unwrap_or_default(),
        ..Usage::default()
    })
}

/// Looks at the messages of a stream whose events nobody here understands. All have their metrics in the last one.
#[derive(Debug, Default)]
pub struct Watch {
    glance: Glance,
}

impl FrameWatch for Watch {
    fn see(&mut self, event: Option<&str>, data: &[u8]) -> Seen {
        #[derive(Deserialize)]
        struct Chunk<'a> {
            #[serde(borrow)]
            bytes: Cow<'a, str>,
        }
        self.glance.content = true;
        // Metrics stand in no event but the last, so the others need not be looked through.
        let told = (event == Some("chunk")).then(|| serde_json::from_slice::<Chunk<'_>>(data).ok()).flatten();
        let told = told.and_then(|chunk| STANDARD.decode(chunk.bytes.as_bytes()).ok());
        if let Some(told) = told.filter(|told| memchr::memmem::find(told, METRICS.as_bytes()).is_some()) {
            let told = Json::read(&told).unwrap_or_default();
            let of = |name: &str| count(&told, &format!("/{METRICS}/{name}"));
            self.glance.usage = counted([
                of("inputTokenCount"),
                of("outputTokenCount"),
                of("cacheReadInputTokenCount"),
                of("cacheWriteInputTokenCount"),
            ]);
            self.glance.ended = true;
        }
        Seen::Pass
    }

    fn glance(&self) -> &Glance {
        &self.glance
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Framing;

    #[test]
    fn anthropics_body_is_told_by_its_version_and_undressed() {
        assert!(!is_anthropic(br#"{"inputText":"anthropic_version"}"#));
        let body =
            br#"{"anthropic_version":"bedrock-2023-05-31","max_tokens" : 9,"anthropic_beta":["a-1"],"messages":[]}"#;
        assert!(is_anthropic(body));
        let (whole, betas) = undress(Bytes::from_static(body), Some("m".into()), false).unwrap();
        assert_eq!(whole, r#"{"model":"m","max_tokens" : 9,"messages":[]}"#);
        assert_eq!(betas, ["a-1"]);
        let (streamed, _) = undress(Bytes::from_static(body), Some("m".into()), true).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&streamed).unwrap(),
            json!({"model": "m", "stream": true, "max_tokens": 9, "messages": []})
        );
        let other =
            undress(Bytes::from_static(br#"{"model":"other","anthropic_version":"v"}"#), Some("m".into()), false);
        assert_eq!(other.unwrap_err().malformed.field.as_deref(), Some("model"));
        let betas =
            undress(Bytes::from_static(br#"{"anthropic_version":"v","anthropic_beta":"a"}"#), Some("m".into()), false);
        assert_eq!(betas.unwrap_err().malformed.field.as_deref(), Some("anthropic_beta"));
    }

    #[test]
    fn metrics_stand_in_the_last_event_and_are_read_off_it() {
        let usage = Usage { input: 7, output: 5, cache_read: 3, ..Usage::default() };
        let metrics = Metrics { usage, latency: 40, first_byte: 9 };
        let mut stream = Vec::new();
        write_chunk(br#"{"type":"content_block_stop"}"#, None, &mut stream);
        write_chunk(br#"{"type":"message_stop"}"#, Some(metrics), &mut stream);
        let (mut watch, mut seen) = (Watch::default(), Vec::new());
        let keep = |frame: crate::frame::Frame<'_>| {
            let data = frame.data.unwrap();
            watch.see(frame.event, &data);
            let chunk: Value = serde_json::from_slice(&data).unwrap();
            seen.push(String::from_utf8(STANDARD.decode(chunk["bytes"].as_str().unwrap()).unwrap()).unwrap());
        };
        Framing::EventStream.splitter().push(&stream, keep).unwrap();
        assert_eq!(seen[0], r#"{"type":"content_block_stop"}"#);
        let last: Value = serde_json::from_str(&seen[1]).unwrap();
        let told = json!({"inputTokenCount": 7, "outputTokenCount": 5, "invocationLatency": 40, "firstByteLatency": 9,
            "cacheReadInputTokenCount": 3});
        assert_eq!(last, json!({"type": "message_stop", METRICS: told}));
        assert_eq!((watch.glance().usage, watch.glance().ended), (Some(usage), true));
        let own = seen[1].as_bytes();
        assert_eq!(measure(own, Metrics { latency: 99, ..metrics }), None, "the provider's own metrics stay");
        assert_eq!(measure(b"[", metrics), None);
    }
}
