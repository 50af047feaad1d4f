//! Z.AI (GLM): <https://docs.z.ai/api-reference/introduction>, <https://docs.z.ai/devpack/tool/claude>
//!
//! It promises JSON, not a schema: <https://docs.z.ai/guides/capabilities/struct-output>

use super::{
    Means, OpenAiLike, Quirks,
    wires::{CHAT, IMAGE, MESSAGES},
};

pub const ZAI: OpenAiLike = OpenAiLike {
    id: "zai",
    base_url: Some("https://api.z.ai/api/paas/v4"),
    key_env: Some("ZAI_API_KEY"),
    speaks: &[CHAT, MESSAGES, IMAGE],
    paths: &[(MESSAGES, "/../../anthropic/v1/messages")],
    quirks: Quirks { schema: Means::Tool, ..Quirks::NONE },
    ..OpenAiLike::PLAIN
};
