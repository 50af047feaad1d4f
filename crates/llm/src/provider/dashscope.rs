//! Alibaba Cloud Model Studio (Qwen): <https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope>,
//! <https://help.aliyun.com/en/model-studio/qwen-api-via-openai-responses>,
//! <https://www.alibabacloud.com/help/en/model-studio/anthropic-api-messages>
//!
//! Keys are regional: those of Beijing belong to `base_url: https://dashscope.aliyuncs.com/compatible-mode/v1`.

use super::{
    OpenAiLike,
    wires::{CHAT, EMBED, MESSAGES, RESPONSES},
};

pub const DASHSCOPE: OpenAiLike = OpenAiLike {
    id: "dashscope",
    base_url: Some("https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
    key_env: Some("DASHSCOPE_API_KEY"),
    speaks: &[CHAT, RESPONSES, MESSAGES, EMBED],
    paths: &[(MESSAGES, "/../../apps/anthropic/v1/messages")],
    ..OpenAiLike::PLAIN
};
