//! Infinity: <https://michaelfeil.eu/infinity/>

use super::{
    OpenAiLike,
    wires::{EMBED, RERANK},
};

pub const INFINITY: OpenAiLike = OpenAiLike { id: "infinity", speaks: &[EMBED, RERANK], ..OpenAiLike::PLAIN };
