//! Azure OpenAI: <https://learn.microsoft.com/en-us/azure/foundry/openai/api-version-lifecycle>
//!
//! The account says where the resource is: `https://NAME.openai.azure.com`. Without `api_version` the v1 API is called,
//! where the model is a deployment's name; with it the dated one, where the deployment stands in the path:
//! <https://learn.microsoft.com/en-us/azure/foundry/openai/reference>

use super::{
    Ask, Auth, Cloud, Head, OpenAiLike, escape, openai,
    wires::{CHAT, COMPLETIONS, EMBED, IMAGE, IMAGE_EDIT, RESPONSES, SPEECH, TRANSCRIBE, TRANSLATE},
};

pub const AZURE_OPENAI: OpenAiLike = OpenAiLike {
    id: "azure_openai",
    key_env: Some("AZURE_OPENAI_API_KEY"),
    speaks: &[CHAT, RESPONSES, COMPLETIONS, EMBED, IMAGE, IMAGE_EDIT, SPEECH, TRANSCRIBE, TRANSLATE],
    auth: Auth::Header("api-key"),
    cloud: Some(Cloud::Azure),
    adapt,
    fit: openai::fit,
    ..OpenAiLike::PLAIN
};

fn adapt(ask: &Ask<'_>, head: Head) -> Head {
    let path = match (&ask.place.api_version, ask.wire) {
        (None, _) => format!("/openai/v1{}", head.path),
        (Some(version), RESPONSES) => format!("/openai{}?api-version={}", head.path, escape(version)),
        (Some(version), _) => {
            format!("/openai/deployments/{}{}?api-version={}", escape(ask.model), head.path, escape(version))
        }
    };
    Head { path: path.into(), ..head }
}
