//! Answers: the text, its words with their times, and how long the sound was.

use serde_json::{Map, Value, json};

use super::{Format, text};
use crate::{
    dialect::{
        FrameWatch, Glance, Malformed, Seen,
        body::{count, json, no_answer, thousandths, whole},
        field::Field,
    },
    json::Json,
    usage::{Source, Usage},
};

/// What was said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TranscribeReply {
    pub text: String,
    /// As the provider names it.
    pub language: Option<String>,
    /// Milliseconds.
    pub duration: Option<u64>,
    pub words: Vec<Word>,
    pub segments: Vec<Segment>,
    /// `None`: the provider did not say.
    pub usage: Option<Usage>,
}

/// One word. Times are milliseconds from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub start: u64,
    pub end: u64,
}

/// Some words that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub text: String,
    pub start: u64,
    pub end: u64,
}

pub(super) fn openai(body: &[u8]) -> Result<TranscribeReply, Malformed> {
    let value = json("the answer", body)?;
    let text = Field::root(&value).need("text", "what was said")?.string()?;
    Ok(TranscribeReply {
        text,
        language: value.get("language").and_then(Json::as_str).map(str::to_owned),
        duration: thousandths(&value, "/duration"),
        words: times(&value, "words", "word").map(|(text, start, end)| Word { text, start, end }).collect(),
        segments: times(&value, "segments", "text").map(|(text, start, end)| Segment { text, start, end }).collect(),
        usage: openai_usage(&value),
    })
}

fn times<'v>(value: &'v Json<'_>, list: &str, name: &'static str) -> impl Iterator<Item = (String, u64, u64)> + 'v {
    let items = value.get(list).and_then(Json::as_array).into_iter().flatten();
    items.filter_map(move |item| {
        let text = item.get(name)?.as_str()?.to_owned();
        Some((text, thousandths(item, "/start")?, thousandths(item, "/end")?))
    })
}

/// By tokens or by duration, as the model is sold.
fn openai_usage(value: &Json<'_>) -> Option<Usage> {
    let of = |name: &str| count(value, &format!("/usage/{name}"));
    let heard = thousandths(value, "/usage/seconds").or_else(|| thousandths(value, "/duration"));
    let tokens = of("input_tokens");
    heard.or(tokens)?;
    let sound = of("input_token_details/audio_tokens").unwrap_or(0);
    Some(Usage {
        input: tokens.unwrap_or(0).saturating_sub(sound),
        input_audio: sound,
        output: of("output_tokens").unwrap_or(0),
        sound_in_ms: heard.unwrap_or(0),
        ..Usage::default()
    })
}

pub(super) fn elevenlabs(body: &[u8]) -> Result<TranscribeReply, Malformed> {
    let value = json("the answer", body)?;
    let text = Field::root(&value).need("text", "what was said")?.string()?;
    let spoken = value.get("words").and_then(Json::as_array).into_iter().flatten();
    let spoken = spoken.filter(|word| word.get("type").is_none_or(|kind| kind == "word"));
    let words: Vec<Word> = spoken
        .filter_map(|word| {
            let text = word.get("text")?.as_str()?.to_owned();
            Some(Word { text, start: thousandths(word, "/start")?, end: thousandths(word, "/end")? })
        })
        .collect();
    // Old models do not say how long the sound was: it was at least as long as its words.
    let said = thousandths(&value, "/audio_duration_secs");
    let duration = said.or_else(|| words.last().map(|word| word.end));
    let source = if said.is_some() { Source::Reported } else { Source::Estimated };
    Ok(TranscribeReply {
        text,
        language: value.get("language_code").and_then(Json::as_str).map(str::to_owned),
        duration,
        segments: text::segments(&words),
        words,
        usage: duration.map(|heard| Usage { sound_in_ms: heard, source, ..Usage::default() }),
    })
}

pub(super) fn deepgram(body: &[u8]) -> Result<TranscribeReply, Malformed> {
    let value = json("the answer", body)?;
    let channel = value.pointer("/results/channels/0").ok_or_else(|| Malformed {
        field: Some("results".to_owned()),
        message: "the answer holds no channel of sound".to_owned(),
    })?;
    let best = channel.pointer("/alternatives/0").unwrap_or(&Json::Null);
    let spoken = best.get("words").and_then(Json::as_array).into_iter().flatten();
    let words: Vec<Word> = spoken
        .filter_map(|word| {
            let text = word.get("punctuated_word").or_else(|| word.get("word"))?.as_str()?.to_owned();
            Some(Word { text, start: thousandths(word, "/start")?, end: thousandths(word, "/end")? })
        })
        .collect();
    let results = value.get("results").unwrap_or(&Json::Null);
    let utterances: Vec<Segment> =
        times(results, "utterances", "transcript").map(|(text, start, end)| Segment { text, start, end }).collect();
    let duration = thousandths(&value, "/metadata/duration");
    // Every channel is heard, and sold.
    let channels = count(&value, "/metadata/channels").unwrap_or(1).max(1);
    let usage = duration.map(|heard| Usage { sound_in_ms: heard.saturating_mul(channels), ..Usage::default() });
    Ok(TranscribeReply {
        text: best.get("transcript").and_then(Json::as_str).unwrap_or_default().to_owned(),
        language: channel.get("detected_language").and_then(Json::as_str).map(str::to_owned),
        duration,
        segments: if utterances.is_empty() { text::segments(&words) } else { utterances },
        words,
        usage,
    })
}

#[expect(clippy::cast_precision_loss, reason = "no sound is 2^52 milliseconds long")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

/// OpenAI's JSON; `verbose`: with times, and with single words or not.
pub(super) fn write(reply: &TranscribeReply, verbose: Option<bool>) -> Vec<u8> {
    let mut body = Map::new();
    body.insert("text".to_owned(), json!(reply.text));
    if let Some(words) = verbose {
        body.insert("task".to_owned(), json!("transcribe"));
        body.insert("language".to_owned(), json!(reply.language));
        body.insert("duration".to_owned(), json!(seconds(reply.duration.unwrap_or(0))));
        let segments = reply.segments.iter().enumerate().map(|(id, Segment { text, start, end })| {
            json!({
                "id": id, "seek": 0, "start": seconds(*start), "end": seconds(*end), "text": text, "tokens": [],
                "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 0.0, "no_speech_prob": 0.0,
            })
        });
        body.insert("segments".to_owned(), segments.collect());
        if words {
            let words = reply
                .words
                .iter()
                .map(|Word { text, start, end }| json!({"word": text, "start": seconds(*start), "end": seconds(*end)}));
            body.insert("words".to_owned(), words.collect());
        }
    }
    if let Some(duration) = reply.duration {
        body.insert("usage".to_owned(), json!({"type": "duration", "seconds": seconds(duration)}));
    }
    Value::Object(body).to_string().into_bytes()
}

pub(super) fn glance(format: Format, body: &[u8]) -> Glance {
    match format.read_reply(body) {
        Ok(reply) => whole(reply.usage),
        Err(_) if format != Format::OpenAi => no_answer("the answer holds no text"),
        // Plain text, or titles with their times. JSON without a text is an error.
        Err(_) if body.first() == Some(&b'{') || body.is_empty() => no_answer("the answer holds no text"),
        Err(_) => {
            let heard = text::last_time(&String::from_utf8_lossy(body));
            whole(heard.map(|heard| Usage { sound_in_ms: heard, source: Source::Estimated, ..Usage::default() }))
        }
    }
}

/// Looks at the events of a streamed text for what it used: `transcript.text.done`.
#[derive(Debug, Default)]
pub struct Watch {
    glance: Glance,
}

impl FrameWatch for Watch {
    fn see(&mut self, _event: Option<&str>, data: &[u8]) -> Seen {
        self.glance.content = true;
        if memchr::memmem::find(data, b"transcript.text.done").is_some()
            && let Ok(value) = Json::read(data)
        {
            self.glance.usage = openai_usage(&value);
            self.glance.stopped = true;
        }
        Seen::Pass
    }

    fn glance(&self) -> &Glance {
        &self.glance
    }
}
