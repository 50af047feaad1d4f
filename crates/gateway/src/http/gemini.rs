//! Google's paths: `/v1beta/models/{model}:{method}`. Newer libraries of Google's call them under `/v1`.
//!
//! <https://ai.google.dev/api/generate-content>

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State},
    routing::post,
};
use govern::{Code, Error};
use llm::{Dialect, Wire, embed::Format};

use super::{Answer, Surface, refuse, serve_model};
use crate::Gateway;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new().route("/v1beta/models/{*name}", post(ask)).route("/v1/models/{*name}", post(ask))
}

async fn ask(State(gw): State<Arc<Gateway>>, Path(name): Path<String>, request: Request) -> Answer {
    // A model's own name may hold a colon.
    let (model, method) = name.rsplit_once(':').unwrap_or((&name, ""));
    match surface(method, request.uri().query().unwrap_or_default()) {
        Some(surface) => serve_model(gw, surface, Some(model.to_owned()), request).await,
        None => {
            let message =
                "a model is asked by `:generateContent`, `:streamGenerateContent`, `:countTokens` or `:embedContent`";
            refuse(Dialect::Gemini, &Error::new(Code::NotFound, message), "")
        }
    }
}

fn surface(method: &str, query: &str) -> Option<Surface> {
    Some(match method {
        "generateContent" => Surface::GenerateContent,
        "streamGenerateContent" if wants_events(query) => Surface::StreamGenerateContent,
        "streamGenerateContent" => Surface::StreamGenerateContentArray,
        "countTokens" => Surface::GeminiCountTokens,
        "embedContent" => Surface::Task(Wire::Embed(Format::GeminiSingle)),
        "batchEmbedContents" => Surface::Task(Wire::Embed(Format::Gemini)),
        _ => return None,
    })
}

/// `alt=sse`, a parameter of every API of Google's: <https://cloud.google.com/apis/docs/system-parameters>
fn wants_events(query: &str) -> bool {
    query.split('&').any(|pair| matches!(pair, "alt=sse" | "$alt=sse" | "%24alt=sse"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_query_say_the_surface() {
        assert_eq!(surface("generateContent", ""), Some(Surface::GenerateContent));
        assert_eq!(surface("streamGenerateContent", "alt=sse"), Some(Surface::StreamGenerateContent));
        assert_eq!(surface("streamGenerateContent", "a=b&$alt=sse"), Some(Surface::StreamGenerateContent));
        assert_eq!(surface("streamGenerateContent", "alt=json"), Some(Surface::StreamGenerateContentArray));
        assert_eq!(surface("countTokens", ""), Some(Surface::GeminiCountTokens));
        assert_eq!(surface("batchGenerateContent", ""), None);
    }
}
