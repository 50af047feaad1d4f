//! NVIDIA's API catalogue, and NIM containers under a `base_url` of one's own:
//! <https://docs.api.nvidia.com/nim/reference/llm-apis>

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, EMBED},
};

pub const NVIDIA_NIM: OpenAiLike = OpenAiLike {
    id: "nvidia_nim",
    base_url: Some("https://integrate.api.nvidia.com/v1"),
    key_env: Some("NVIDIA_API_KEY"),
    speaks: &[CHAT, COMPLETIONS, EMBED],
    ..OpenAiLike::PLAIN
};
