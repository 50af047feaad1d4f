//! Deepgram: <https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded>,
//! <https://developers.deepgram.com/reference/text-to-speech/speak-request>

use super::{
    Auth, OpenAiLike,
    wires::{SPEECH_DEEPGRAM, TRANSCRIBE_DEEPGRAM},
};

pub const DEEPGRAM: OpenAiLike = OpenAiLike {
    id: "deepgram",
    base_url: Some("https://api.deepgram.com/v1"),
    key_env: Some("DEEPGRAM_API_KEY"),
    speaks: &[SPEECH_DEEPGRAM, TRANSCRIBE_DEEPGRAM],
    paths: &[(SPEECH_DEEPGRAM, "/speak?model={model}"), (TRANSCRIBE_DEEPGRAM, "/listen?model={model}")],
    auth: Auth::Scheme("Token"),
    ..OpenAiLike::PLAIN
};
