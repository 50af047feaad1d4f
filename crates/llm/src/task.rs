//! What is asked besides conversations, decoded: one type over all operations, so that whoever moves bytes need not know
//! them apart.

use crate::{
    Loss, Wire,
    audio::{
        speech::{self, SpeechCall},
        transcribe::{self, TranscribeCall},
    },
    dialect::{FrameWatch, Malformed, bedrock::invoke},
    embed::{self, EmbedCall},
    image::{self, ImageCall},
    rerank::RerankCall,
    usage::Usage,
};

/// A call of a client, decoded.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    Embed(EmbedCall),
    Rerank(RerankCall),
    Image(ImageCall),
    Speech(SpeechCall),
    Transcribe { call: TranscribeCall, english: bool },
}

/// What a provider is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// A body of JSON, and what the path goes on with.
    Json { body: Vec<u8>, tail: String },
    /// A form with these fields and the client's files.
    Form(Vec<(String, String)>),
    /// The client's one file as the body, and what the path goes on with.
    File { tail: String },
}

impl Wire {
    /// Whether it is a conversation, or the count of its tokens: what a [`Dialect`](crate::Dialect) reads and writes.
    #[must_use]
    pub fn is_conversation(self) -> bool {
        matches!(self, Self::Chat(_) | Self::Count(_))
    }

    /// Whether a client sends a form in place of JSON.
    #[must_use]
    pub fn takes_form(self) -> bool {
        matches!(
            self,
            Self::ImageEdit(image::Format::OpenAi)
                | Self::Transcribe(transcribe::Format::OpenAi | transcribe::Format::ElevenLabs)
                | Self::Translate(transcribe::Format::OpenAi | transcribe::Format::ElevenLabs)
        )
    }

    /// Whether the body names the model. Elsewhere the path does.
    #[must_use]
    pub fn says_model_in_body(self) -> bool {
        match self {
            Self::Chat(dialect) | Self::Count(dialect) => dialect.says_model_in_body(),
            Self::Embed(format) => format.says_model_in_body(),
            Self::Rerank(format) => format.says_model_in_body(),
            Self::Image(format) | Self::ImageEdit(format) => format.says_model_in_body(),
            Self::Speech(format) => format == speech::Format::OpenAi,
            Self::Transcribe(format) | Self::Translate(format) => format == transcribe::Format::OpenAi,
            Self::Invoke => false,
            Self::Moderate | Self::Ocr | Self::Other => true,
        }
    }

    /// Whether a body cannot be relayed under another name of the model: it repeats the name in every part.
    #[must_use]
    pub fn repeats_model(self) -> bool {
        self == Self::Embed(embed::Format::Gemini)
    }

    /// Reads a client's call; of a form, its fields as a JSON object.
    ///
    /// # Errors
    /// Names the field that is wrong. Moderation and OCR have one format, which is never decoded.
    pub fn read_task(self, body: &[u8]) -> Result<Task, Malformed> {
        match self {
            Self::Embed(format) => format.read_call(body).map(Task::Embed),
            Self::Rerank(format) => format.read_call(body).map(Task::Rerank),
            Self::Image(format) | Self::ImageEdit(format) => format.read_call(body).map(Task::Image),
            Self::Speech(_) => SpeechCall::read(body).map(Task::Speech),
            Self::Transcribe(_) => TranscribeCall::read(body).map(|call| Task::Transcribe { call, english: false }),
            Self::Translate(_) => TranscribeCall::read(body).map(|call| Task::Transcribe { call, english: true }),
            Self::Chat(_) | Self::Count(_) | Self::Moderate | Self::Ocr | Self::Invoke | Self::Other => {
                Err(Malformed { field: None, message: "this operation is not translated".to_owned() })
            }
        }
    }

    /// What looks at the frames of an answer that comes in events.
    #[must_use]
    pub fn watch_events(self) -> Option<Box<dyn FrameWatch>> {
        match self {
            Self::Image(_) | Self::ImageEdit(_) => Some(Box::new(image::Watch::default())),
            Self::Speech(_) => Some(Box::new(speech::Watch::default())),
            Self::Transcribe(_) | Self::Translate(_) => Some(Box::new(transcribe::Watch::default())),
            Self::Invoke => Some(Box::new(invoke::Watch::default())),
            _ => None,
        }
    }
}

impl Task {
    /// Names the model as the provider does.
    pub fn name_model(&mut self, model: &str) {
        let named = match self {
            Self::Embed(call) => &mut call.model,
            Self::Rerank(call) => &mut call.model,
            Self::Image(call) => &mut call.model,
            Self::Speech(call) => &mut call.model,
            Self::Transcribe { call, .. } => &mut call.model,
        };
        model.clone_into(named);
    }

    /// What is known of its usage before it is answered.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Self::Speech(call) => Some(call.usage()),
            Self::Embed(_) | Self::Rerank(_) | Self::Image(_) | Self::Transcribe { .. } => None,
        }
    }

    /// Says it in a provider's format, and what could not be carried.
    ///
    /// # Errors
    /// Something that changes the answer cannot be said in this format.
    pub fn write(&self, wire: Wire) -> Result<(Written, Loss), Malformed> {
        let json = |(body, loss)| (Written::Json { body, tail: String::new() }, loss);
        match (self, wire) {
            (Self::Embed(call), Wire::Embed(format)) => format.write_call(call).map(json),
            (Self::Rerank(call), Wire::Rerank(format)) => format.write_call(call).map(json),
            (Self::Image(call), Wire::Image(format) | Wire::ImageEdit(format)) => format.write_call(call).map(json),
            (Self::Speech(call), Wire::Speech(format)) => {
                let (speech::Written { body, tail }, loss) = format.write_call(call)?;
                Ok((Written::Json { body, tail }, loss))
            }
            (Self::Transcribe { call, english }, Wire::Transcribe(format) | Wire::Translate(format)) => {
                let (written, loss) = format.write_call(call, *english)?;
                let written = match written {
                    transcribe::Written::Form(fields) => Written::Form(fields),
                    transcribe::Written::File { tail } => Written::File { tail },
                };
                Ok((written, loss))
            }
            _ => Err(Malformed { field: None, message: "this operation is not translated".to_owned() }),
        }
    }

    /// Says an answer of `theirs` to a client of `ours`. `now`: seconds since 1970.
    ///
    /// # Errors
    /// The answer is not what its format allows, or does not answer this call.
    pub fn answer(&self, theirs: Wire, ours: Wire, body: &[u8], now: i64) -> Result<Vec<u8>, Malformed> {
        match (self, theirs, ours) {
            (Self::Embed(call), Wire::Embed(theirs), Wire::Embed(ours)) => {
                ours.write_reply(&theirs.read_reply(body)?, call)
            }
            (Self::Rerank(call), Wire::Rerank(theirs), Wire::Rerank(ours)) => {
                ours.write_reply(&theirs.read_reply(body)?, call)
            }
            (Self::Image(_), Wire::Image(theirs) | Wire::ImageEdit(theirs), _) => {
                Ok(image::write_reply(&theirs.read_reply(body)?, now))
            }
            (Self::Transcribe { call, .. }, Wire::Transcribe(theirs) | Wire::Translate(theirs), _) => {
                Ok(transcribe::write_reply(&theirs.read_reply(body)?, call).1)
            }
            _ => Err(Malformed { field: None, message: "this operation is not translated".to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rerank;

    #[test]
    fn each_operation_is_read_said_and_answered() {
        let embed = Wire::Embed(embed::Format::OpenAi);
        let mut task = embed.read_task(br#"{"model":"mine","input":"x"}"#).unwrap();
        task.name_model("theirs");
        let cohere = Wire::Embed(embed::Format::Cohere);
        let (Written::Json { body, .. }, _) = task.write(cohere).unwrap() else { panic!() };
        assert!(String::from_utf8(body).unwrap().contains("\"theirs\""));
        let answer = task.answer(cohere, embed, br#"{"embeddings":{"float":[[1.0]]}}"#, 0).unwrap();
        assert!(String::from_utf8(answer).unwrap().contains("\"embedding\":[1.0]"));
        let speech = Wire::Speech(speech::Format::OpenAi);
        let spoken = speech.read_task(br#"{"model":"m","input":"four","voice":"v"}"#).unwrap();
        assert_eq!(spoken.usage().unwrap().characters_in, 4);
        assert!(spoken.write(embed).is_err() && spoken.answer(speech, speech, b"", 0).is_err());
        assert!(Wire::Moderate.read_task(b"{}").is_err());
    }

    #[test]
    fn what_a_format_names_in_the_path_its_body_does_not() {
        let in_body = [embed::Format::OpenAi, embed::Format::Voyage].map(Wire::Embed);
        assert!(in_body.into_iter().all(Wire::says_model_in_body));
        let in_path = [
            Wire::Embed(embed::Format::Titan),
            Wire::Rerank(rerank::Format::Tei),
            Wire::Speech(speech::Format::Deepgram),
        ];
        assert!(!in_path.into_iter().any(Wire::says_model_in_body));
    }
}
