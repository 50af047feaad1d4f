//! Speech to text, in the formats of the vendors.

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
