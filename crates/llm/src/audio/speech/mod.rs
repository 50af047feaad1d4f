//! Text to speech, in the formats of the vendors. The answer is sound, which passes as it comes.

/// A wire format of text to speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// <https://platform.openai.com/docs/api-reference/audio/createSpeech>
    OpenAi,
    /// <https://elevenlabs.io/docs/api-reference/text-to-speech/convert>. The voice goes on the path:
    /// `/v1/text-to-speech` and then `/{voice}?output_format=..`.
    ElevenLabs,
    /// <https://developers.deepgram.com/reference/text-to-speech/speak-request>. The form goes on the query:
    /// `/v1/speak?model=..` and then `&encoding=..`.
    Deepgram,
}
