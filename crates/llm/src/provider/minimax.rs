//! MiniMax: <https://platform.minimax.io/docs/api-reference/text-openai-api>,
//! <https://platform.minimax.io/docs/api-reference/responses-create>,
//! <https://platform.minimax.io/docs/api-reference/text-chat-anthropic>

use super::{
    OpenAiLike,
    wires::{CHAT, MESSAGES, RESPONSES},
};

pub const MINIMAX: OpenAiLike = OpenAiLike {
    id: "minimax",
    base_url: Some("https://api.minimax.io/v1"),
    key_env: Some("MINIMAX_API_KEY"),
    speaks: &[CHAT, RESPONSES, MESSAGES],
    paths: &[(MESSAGES, "/../anthropic/v1/messages")],
    ..OpenAiLike::PLAIN
};
