//! ElevenLabs: <https://elevenlabs.io/docs/api-reference/text-to-speech/convert>,
//! <https://elevenlabs.io/docs/api-reference/speech-to-text/convert>

use super::{
    Auth, OpenAiLike,
    wires::{SPEECH_ELEVENLABS, TRANSCRIBE_ELEVENLABS},
};

pub const ELEVENLABS: OpenAiLike = OpenAiLike {
    id: "elevenlabs",
    base_url: Some("https://api.elevenlabs.io/v1"),
    key_env: Some("ELEVENLABS_API_KEY"),
    speaks: &[SPEECH_ELEVENLABS, TRANSCRIBE_ELEVENLABS],
    paths: &[(SPEECH_ELEVENLABS, "/text-to-speech"), (TRANSCRIBE_ELEVENLABS, "/speech-to-text")],
    auth: Auth::Header("xi-api-key"),
    ..OpenAiLike::PLAIN
};
