//! Databricks Model Serving: <https://docs.databricks.com/aws/en/machine-learning/model-serving/score-foundation-models>
//!
//! The account says where the workspace is: `https://HOST/serving-endpoints`. Only Claude's models speak Messages, only
//! OpenAI's own speak Responses.

use super::{
    OpenAiLike,
    wires::{CHAT, COMPLETIONS, EMBED, MESSAGES, RESPONSES},
};

pub const DATABRICKS: OpenAiLike = OpenAiLike {
    id: "databricks",
    key_env: Some("DATABRICKS_TOKEN"),
    speaks: &[CHAT, COMPLETIONS, EMBED],
    paths: &[(MESSAGES, "/anthropic/v1/messages")],
    converses: |model| match model {
        model if model.contains("claude") => Some(&[CHAT, MESSAGES]),
        model if model.contains("gpt-5") => Some(&[CHAT, RESPONSES]),
        _ => None,
    },
    ..OpenAiLike::PLAIN
};
