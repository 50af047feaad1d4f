//! OCI Generative AI, with its API keys: <https://docs.oracle.com/en-us/iaas/Content/generative-ai/openai-compatible-api.htm>

use super::{
    OpenAiLike,
    wires::{CHAT, RESPONSES},
};

pub const OCI: OpenAiLike = OpenAiLike {
    id: "oci",
    base_url: Some("https://inference.generativeai.{region}.oci.oraclecloud.com/openai/v1"),
    key_env: Some("OCI_GENAI_API_KEY"),
    speaks: &[CHAT, RESPONSES],
    ..OpenAiLike::PLAIN
};
