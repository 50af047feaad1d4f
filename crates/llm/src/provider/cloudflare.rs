//! Cloudflare Workers AI: <https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility>
//!
//! `project` is the account's id.

use super::{
    OpenAiLike,
    wires::{CHAT, EMBED, RESPONSES},
};

pub const CLOUDFLARE: OpenAiLike = OpenAiLike {
    id: "cloudflare",
    base_url: Some("https://api.cloudflare.com/client/v4/accounts/{project}/ai/v1"),
    key_env: Some("CLOUDFLARE_API_KEY"),
    speaks: &[CHAT, RESPONSES, EMBED],
    ..OpenAiLike::PLAIN
};
