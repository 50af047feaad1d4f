//! IBM watsonx.ai: <https://cloud.ibm.com/apidocs/watsonx-ai#text-chat>
//!
//! `project` is the id of the watsonx project. Streams have a path of their own; usage comes unasked. A `tool_choice` that is
//! a text is not taken here: watsonx calls it `tool_choice_option`.

use super::{Ask, Cloud, Head, OpenAiLike, Quirks, escape};

pub const WATSONX: OpenAiLike = OpenAiLike {
    id: "watsonx",
    base_url: Some("https://{region}.ml.cloud.ibm.com"),
    key_env: Some("WATSONX_APIKEY"),
    cloud: Some(Cloud::Ibm),
    wants: &["project"],
    quirks: Quirks { refuses_stream_options: true, ..Quirks::NONE },
    adapt,
    ..OpenAiLike::PLAIN
};

/// The version that is asked for where the account says none.
const VERSION: &str = "2024-10-08";

fn adapt(ask: &Ask<'_>, head: Head) -> Head {
    let version = escape(ask.place.api_version.as_deref().unwrap_or(VERSION));
    let path = if ask.stream { "/ml/v1/text/chat_stream" } else { "/ml/v1/text/chat" };
    let project = ask.place.project.clone().unwrap_or_default();
    Head {
        path: format!("{path}?version={version}").into(),
        set: vec![("model_id", ask.model.into()), ("project_id", project.into())],
        remove: &["model", "stream", "stream_options"],
        ..head
    }
}
