//! Volcengine Ark (Doubao): <https://www.volcengine.com/docs/82379/1494384>, <https://www.volcengine.com/docs/82379/1569618>

use super::{
    OpenAiLike,
    wires::{CHAT, EMBED, IMAGE, RESPONSES},
};

pub const VOLCENGINE: OpenAiLike = OpenAiLike {
    id: "volcengine",
    base_url: Some("https://ark.cn-beijing.volces.com/api/v3"),
    key_env: Some("ARK_API_KEY"),
    speaks: &[CHAT, RESPONSES, EMBED, IMAGE],
    ..OpenAiLike::PLAIN
};
