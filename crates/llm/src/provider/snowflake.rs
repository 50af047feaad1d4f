//! Snowflake Cortex: <https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api>
//!
//! The account says where it is: `https://ACCOUNT.snowflakecomputing.com/api/v2/cortex/v1`. The key is a programmatic access
//! token. Only Claude's models speak Messages.

use super::{
    OpenAiLike,
    wires::{CHAT, MESSAGES},
};

pub const SNOWFLAKE: OpenAiLike = OpenAiLike {
    id: "snowflake",
    key_env: Some("SNOWFLAKE_PAT"),
    converses: |model| model.contains("claude").then_some(&[CHAT, MESSAGES]),
    ..OpenAiLike::PLAIN
};
