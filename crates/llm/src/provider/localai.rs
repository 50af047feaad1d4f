//! LocalAI: <https://localai.io/features/>
//!
//! Its own default is port 8080, which is the gateway's, too: an account must say where it is.

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, EMBED, IMAGE, RERANK, SPEECH, TRANSCRIBE},
};

pub const LOCALAI: OpenAiLike = OpenAiLike {
    id: "localai",
    speaks: &[CHAT, COMPLETIONS, EMBED, RERANK, IMAGE, SPEECH, TRANSCRIBE],
    ..OpenAiLike::PLAIN
};
