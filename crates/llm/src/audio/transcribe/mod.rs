//! Speech to text, in the formats of the vendors.
//!
//! A client sends a form with a file, as OpenAI takes it. What is modelled here is the form's fields; the file is not
//! looked at and goes along as the vendor wants it.

mod reply;
#[cfg(test)]
mod tests;
mod text;

use serde_json::{Map, Value};

pub use reply::{Segment, TranscribeReply, Watch, Word};

use crate::{
    Loss,
    dialect::{Glance, Malformed, body::json, field::Field},
    json::Json,
    provider::escape,
};

/// A wire format of speech to text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// <https://platform.openai.com/docs/api-reference/audio/createTranscription>: a form with the file.
    OpenAi,
    /// <https://elevenlabs.io/docs/api-reference/speech-to-text/convert>: a form with the file.
    ElevenLabs,
    /// <https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded>: the file alone; the rest goes on the
    /// query: `/v1/listen?model=..` and then `&language=..`.
    Deepgram,
}

/// What is to be written down, and how. The sound itself is beside it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TranscribeCall {
    /// The model as the caller named it.
    pub model: String,
    /// ISO 639-1.
    pub language: Option<String>,
    pub prompt: Option<String>,
    /// The form of the answer.
    pub form: Form,
    pub temperature: Option<String>,
    /// Single words are wanted with their times.
    pub words: bool,
    pub stream: bool,
    /// Fields without a canonical place, in OpenAI's words.
    pub extra: Map<String, Value>,
}

/// In which form a client wants the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    #[default]
    Json,
    Text,
    Srt,
    Vtt,
    Verbose,
    /// With speakers, as only OpenAI's own models answer.
    Diarized,
}

/// A request of a vendor beside the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// A form with these fields and the client's file.
    Form(Vec<(String, String)>),
    /// The file is the body; the path goes on with this.
    File { tail: String },
}

const KNOWN: &[&str] = &[
    "model",
    "language",
    "prompt",
    "response_format",
    "temperature",
    "timestamp_granularities[]",
    "timestamp_granularities",
    "stream",
];

impl TranscribeCall {
    /// Reads the fields of a form in OpenAI's format: a JSON object of strings, and of lists where a name stands more than
    /// once.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn read(fields: &[u8]) -> Result<Self, Malformed> {
        let value = json("the form", fields)?;
        let root = Field::root(&value);
        let text = |name| root.get(name).map(|field| field.string()).transpose();
        let form = match root.get("response_format") {
            None => Form::Json,
            Some(form) => match form.text()? {
                "json" => Form::Json,
                "text" => Form::Text,
                "srt" => Form::Srt,
                "vtt" => Form::Vtt,
                "verbose_json" => Form::Verbose,
                "diarized_json" => Form::Diarized,
                _ => return Err(form.wrong("json, text, srt, vtt, verbose_json or diarized_json")),
            },
        };
        let granularities = ["timestamp_granularities[]", "timestamp_granularities"].map(|name| value.get(name));
        let words = granularities.into_iter().flatten().any(|said| match said {
            Json::Array(several) => several.iter().any(|one| one == "word"),
            one => one == "word",
        });
        let extra = root.object()?.others(KNOWN);
        Ok(Self {
            model: root.need("model", "the name of a model")?.string()?,
            language: text("language")?,
            prompt: text("prompt")?,
            form,
            temperature: text("temperature")?,
            words,
            stream: root
                .get("stream")
                .is_some_and(|stream| stream.value == "true" || stream.value.as_bool() == Some(true)),
            extra,
        })
    }
}

impl Format {
    /// Writes a request for `call`. `english`: the text is wanted in English whatever the speech.
    ///
    /// # Errors
    /// Something that changes the text or its form cannot be said to this vendor.
    pub fn write_call(self, call: &TranscribeCall, english: bool) -> Result<(Written, Loss), Malformed> {
        let mut loss = Loss::none();
        let whose = match self {
            Self::OpenAi => return Ok((Written::Form(openai(call)), loss)),
            Self::ElevenLabs => "elevenlabs",
            Self::Deepgram => "deepgram",
        };
        if english {
            return Err(refused("file", &format!("{whose} writes speech down in its own language")));
        }
        if call.stream {
            return Err(refused("stream", &format!("{whose} does not stream the text of a file: send false")));
        }
        if call.form == Form::Diarized {
            return Err(refused("response_format", &format!("{whose} is not asked for diarized_json here")));
        }
        if call.prompt.is_some() {
            loss.note("transcribe.prompt", format!("{whose} takes no prompt"));
        }
        for name in call.extra.keys() {
            loss.note(format!("extra.{name}"), format!("{whose} has no such field"));
        }
        let written = match self {
            Self::OpenAi | Self::ElevenLabs => Written::Form(elevenlabs(call)),
            Self::Deepgram => {
                if call.temperature.is_some() {
                    loss.note("transcribe.temperature", "deepgram has no such choice");
                }
                let language = match &call.language {
                    Some(language) => format!("&language={}", escape(language)),
                    None => "&detect_language=true".to_owned(),
                };
                Written::File { tail: format!("&smart_format=true&utterances=true{language}") }
            }
        };
        Ok((written, loss))
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// The body is not an answer of this format.
    pub fn read_reply(self, body: &[u8]) -> Result<TranscribeReply, Malformed> {
        match self {
            Self::OpenAi => reply::openai(body),
            Self::ElevenLabs => reply::elevenlabs(body),
            Self::Deepgram => reply::deepgram(body),
        }
    }

    /// Usage of an answer; of OpenAI's plain forms, what their times tell.
    #[must_use]
    pub fn glance(self, body: &[u8]) -> Glance {
        reply::glance(self, body)
    }
}

/// Media type and body of an answer in the form that `call` wants.
#[must_use]
pub fn write_reply(reply: &TranscribeReply, call: &TranscribeCall) -> (&'static str, Vec<u8>) {
    match call.form {
        Form::Text => ("text/plain; charset=utf-8", format!("{}\n", reply.text).into_bytes()),
        Form::Srt => ("text/plain; charset=utf-8", text::srt(reply).into_bytes()),
        Form::Vtt => ("text/plain; charset=utf-8", text::vtt(reply).into_bytes()),
        Form::Json | Form::Diarized => ("application/json", reply::write(reply, None)),
        Form::Verbose => ("application/json", reply::write(reply, Some(call.words))),
    }
}

fn openai(call: &TranscribeCall) -> Vec<(String, String)> {
    let mut fields = vec![("model".to_owned(), call.model.clone())];
    let form = match call.form {
        Form::Json => "json",
        Form::Text => "text",
        Form::Srt => "srt",
        Form::Vtt => "vtt",
        Form::Verbose => "verbose_json",
        Form::Diarized => "diarized_json",
    };
    let known = [
        ("language", call.language.clone()),
        ("prompt", call.prompt.clone()),
        ("response_format", Some(form.to_owned())),
        ("temperature", call.temperature.clone()),
        ("timestamp_granularities[]", call.words.then(|| "word".to_owned())),
        ("stream", call.stream.then(|| "true".to_owned())),
    ];
    fields.extend(known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    for (name, value) in &call.extra {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        fields.extend(values.iter().map(|value| (name.clone(), text(value))));
    }
    fields
}

fn elevenlabs(call: &TranscribeCall) -> Vec<(String, String)> {
    let mut fields = vec![("model_id".to_owned(), call.model.clone())];
    fields.extend(call.language.clone().map(|language| ("language_code".to_owned(), language)));
    fields.extend(call.temperature.clone().map(|temperature| ("temperature".to_owned(), temperature)));
    // Laughter and music are not in the text of the others.
    fields.push(("tag_audio_events".to_owned(), "false".to_owned()));
    fields.push(("timestamps_granularity".to_owned(), "word".to_owned()));
    fields
}

fn refused(field: &str, why: &str) -> Malformed {
    Malformed { field: Some(field.to_owned()), message: format!("{field}: {why}") }
}
