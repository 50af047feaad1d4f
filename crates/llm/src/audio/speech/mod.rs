//! Text to speech, in the formats of the vendors. The answer is sound, which passes as it comes.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use crate::{
    Loss,
    dialect::{FrameWatch, Glance, Malformed, Seen, body::count, body::json, field::Field},
    json::Json,
    provider::escape,
    usage::{Source, Usage, estimate_tokens},
};

/// A wire format of text to speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// <https://platform.openai.com/docs/api-reference/audio/createSpeech>
    OpenAi,
    /// <https://elevenlabs.io/docs/api-reference/text-to-speech/convert>. The voice goes on the path:
    /// `/v1/text-to-speech` and then `/{voice}?output_format=..`.
    ElevenLabs,
    /// <https://developers.deepgram.com/reference/text-to-speech/speak-request>. The form goes on the query:
    /// `/v1/speak?model=..` and then `&encoding=..`. The model is the voice.
    Deepgram,
}

/// What is to be spoken, and how.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpeechCall {
    /// The model as the caller named it.
    pub model: String,
    pub input: String,
    /// The name or id of a voice.
    pub voice: Option<String>,
    /// How it is to be spoken, in words.
    pub instructions: Option<String>,
    /// `mp3`, `opus`, `aac`, `flac`, `wav`, `pcm`
    pub format: Option<String>,
    /// 1.0 is the voice's own.
    pub speed: Option<f64>,
    /// The sound is wanted in events (`stream_format: sse`).
    pub events: bool,
    /// Fields without a canonical place, in OpenAI's words.
    pub extra: Map<String, Value>,
}

/// A request of a vendor: the body, and what the path goes on with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Written {
    pub body: Vec<u8>,
    pub tail: String,
}

const KNOWN: &[&str] = &["model", "input", "voice", "instructions", "response_format", "speed", "stream_format"];

impl SpeechCall {
    /// Reads a request in OpenAI's format, the only one that clients speak here.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let value = json("the body", body)?;
        let root = Field::root(&value);
        let text = |name| root.get(name).map(|field| field.string()).transpose();
        let input = root.need("input", "the text to speak")?;
        if input.text()?.is_empty() {
            return Err(input.wrong("the text to speak"));
        }
        let voice = root.get("voice").map(|voice| match voice.value {
            Json::Object(_) => voice.need("id", "the voice's id")?.string(),
            _ => voice.string(),
        });
        let events = match root.get("stream_format") {
            None => false,
            Some(form) => match form.text()? {
                "audio" => false,
                "sse" => true,
                _ => return Err(form.wrong("audio or sse")),
            },
        };
        let extra = root.object()?.others(KNOWN);
        Ok(Self {
            model: root.need("model", "the name of a model")?.string()?,
            input: input.string()?,
            voice: voice.transpose()?,
            instructions: text("instructions")?,
            format: text("response_format")?,
            speed: root.get("speed").map(|speed| speed.number(0.25, 4.0)).transpose()?,
            events,
            extra,
        })
    }

    /// What it uses, as far as that is known before it is spoken. Characters are exact; a minute of speech is about 900 of
    /// them, and 1,250 tokens of sound in OpenAI's models.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let characters = self.input.chars().count() as u64;
        let sound = characters.saturating_mul(1_250).div_ceil(900);
        let said = estimate_tokens(&self.input) + self.instructions.as_deref().map_or(0, estimate_tokens);
        Usage {
            characters_in: characters,
            input: said,
            output: sound,
            output_audio: sound,
            source: Source::Estimated,
            ..Usage::default()
        }
    }
}

impl Format {
    /// The name in what is said of losses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::ElevenLabs => "elevenlabs",
            Self::Deepgram => "deepgram",
        }
    }

    /// Writes a request.
    ///
    /// # Errors
    /// The vendor does not make sound of this format, or wants to know a voice.
    pub fn write_call(self, call: &SpeechCall) -> Result<(Written, Loss), Malformed> {
        match self {
            Self::OpenAi => Ok((openai(call), Loss::none())),
            Self::ElevenLabs => elevenlabs(call),
            Self::Deepgram => deepgram(call),
        }
    }
}

fn openai(call: &SpeechCall) -> Written {
    let mut body = Map::new();
    let fields = [
        ("model", Some(json!(call.model))),
        ("input", Some(json!(call.input))),
        ("voice", call.voice.clone().map(Value::from)),
        ("instructions", call.instructions.clone().map(Value::from)),
        ("response_format", call.format.clone().map(Value::from)),
        ("speed", call.speed.map(Value::from)),
        ("stream_format", call.events.then(|| json!("sse"))),
    ];
    body.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    body.extend(call.extra.clone());
    Written { body: Value::Object(body).to_string().into_bytes(), tail: String::new() }
}

/// The formats of each vendor that are OpenAI's formats.
const ELEVENLABS: &[(&str, &str)] =
    &[("mp3", "mp3_44100_128"), ("opus", "opus_48000_128"), ("wav", "wav_24000"), ("pcm", "pcm_24000")];
const DEEPGRAM: &[(&str, &str)] = &[
    ("mp3", "encoding=mp3"),
    ("opus", "encoding=opus&container=ogg"),
    ("aac", "encoding=aac"),
    ("flac", "encoding=flac"),
    ("wav", "encoding=linear16&container=wav&sample_rate=24000"),
    ("pcm", "encoding=linear16&container=none&sample_rate=24000"),
];

fn elevenlabs(call: &SpeechCall) -> Result<(Written, Loss), Malformed> {
    let format = sound_format(call, ELEVENLABS, "elevenlabs")?;
    let loss = lose(call, "elevenlabs")?;
    let Some(voice) = &call.voice else {
        return Err(refused("voice", "elevenlabs wants the id of a voice"));
    };
    let mut body = json!({"text": call.input, "model_id": call.model});
    if let (Some(speed), Some(body)) = (call.speed, body.as_object_mut()) {
        body.insert("voice_settings".to_owned(), json!({"speed": speed}));
    }
    let tail = format!("/{}?output_format={format}", escape(voice));
    Ok((Written { body: body.to_string().into_bytes(), tail }, loss))
}

fn deepgram(call: &SpeechCall) -> Result<(Written, Loss), Malformed> {
    let format = sound_format(call, DEEPGRAM, "deepgram")?;
    let mut loss = lose(call, "deepgram")?;
    if call.voice.is_some() {
        loss.note("speech.voice", "the voice is deepgram's model");
    }
    let speed = call.speed.map(|speed| format!("&speed={speed}")).unwrap_or_default();
    let body = json!({"text": call.input}).to_string().into_bytes();
    Ok((Written { body, tail: format!("&{format}{speed}") }, loss))
}

fn sound_format(call: &SpeechCall, known: &[(&str, &'static str)], whose: &str) -> Result<&'static str, Malformed> {
    let wanted = call.format.as_deref().unwrap_or("mp3");
    known.iter().find(|(name, _)| *name == wanted).map(|(_, theirs)| *theirs).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        refused("response_format", &format!("{whose} makes {}, not {wanted}", names.join(", ")))
    })
}

/// What other vendors than OpenAI are not told.
fn lose(call: &SpeechCall, whose: &str) -> Result<Loss, Malformed> {
    if call.events {
        return Err(refused("stream_format", &format!("{whose} streams sound, not events: send audio")));
    }
    let mut loss = Loss::none();
    if call.instructions.is_some() {
        loss.note("speech.instructions", format!("{whose} takes no instructions"));
    }
    for name in call.extra.keys() {
        loss.note(format!("extra.{name}"), format!("{whose} has no such field"));
    }
    Ok(loss)
}

fn refused(field: &str, why: &str) -> Malformed {
    Malformed { field: Some(field.to_owned()), message: format!("{field}: {why}") }
}

/// Looks at the events of speech for what it used: `speech.audio.done`.
#[derive(Debug, Default)]
pub struct Watch {
    glance: Glance,
}

impl FrameWatch for Watch {
    fn see(&mut self, _event: Option<&str>, data: &[u8]) -> Seen {
        self.glance.content = true;
        if memchr::memmem::find(data, b"speech.audio.done").is_some()
            && let Ok(value) = Json::read(data)
        {
            let of = |name: &str| count(&value, &format!("/usage/{name}")).unwrap_or(0);
            let output = of("output_tokens");
            self.glance.usage =
                Some(Usage { input: of("input_tokens"), output, output_audio: output, ..Usage::default() });
            self.glance.stopped = true;
        }
        Seen::Pass
    }

    fn glance(&self) -> &Glance {
        &self.glance
    }
}
