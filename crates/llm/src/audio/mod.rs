//! Sound: text that is spoken, and speech that is written down.

pub mod speech;
pub mod transcribe;
