//! Google's paths: `/v1beta/models/{model}:{method}`. Newer libraries of Google's call them under `/v1`.
//!
//! <https://ai.google.dev/api/generate-content>
//!
//! And those of Vertex AI, which name a project, a place and a publisher before the model, or the publisher alone where a key
//! says the project: `/v1/projects/{project}/locations/{place}/publishers/{publisher}/models/{model}:{method}`. Project and
//! place are the client's own business: the operator has configured where models are.
//!
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference>

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

pub(super) fn paths() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/v1beta/models/{*name}", post(ask))
        .route("/v1/models/{*name}", post(ask))
        .route("/v1beta1/{*path}", post(ask_vertex))
        .route("/v1/projects/{*path}", post(ask_vertex))
        .route("/v1/publishers/{*path}", post(ask_publisher))
}

async fn ask(State(gw): State<Arc<Gateway>>, Path(name): Path<String>, request: Request) -> Answer {
    // A model's own name may hold a colon.
    let (model, method) = name.rsplit_once(':').unwrap_or((&name, ""));
    match surface(method, request.uri().query().unwrap_or_default()) {
        Some(surface) => serve_model(&gw, surface, Some(model.to_owned()), request).await,
        None => {
            let message =
                "a model is asked by `:generateContent`, `:streamGenerateContent`, `:countTokens` or `:embedContent`";
            refuse(Dialect::Gemini, &Error::new(Code::NotFound, message), "")
        }
    }
}

async fn ask_publisher(gw: State<Arc<Gateway>>, Path(path): Path<String>, request: Request) -> Answer {
    ask_vertex(gw, Path(format!("publishers/{path}")), request).await
}

async fn ask_vertex(State(gw): State<Arc<Gateway>>, Path(path): Path<String>, request: Request) -> Answer {
    match vertex(&path, request.uri().query().unwrap_or_default()) {
        Some((surface, model)) => serve_model(&gw, surface, model, request).await,
        None => {
            let message = "a model is asked at `.../publishers/{publisher}/models/{model}` by `:generateContent`, \
                           `:streamGenerateContent`, `:countTokens`, `:embedContent` or `:predict`, and Anthropic's by \
                           `:rawPredict` or `:streamRawPredict`";
            refuse(Dialect::Gemini, &Error::new(Code::NotFound, message), "")
        }
    }
}

/// The surface and the model of a path of Vertex AI's. For a count of Anthropic's the body names the model.
fn vertex(path: &str, query: &str) -> Option<(Surface, Option<String>)> {
    let at = if path.starts_with("publishers/") { 0 } else { path.find("/publishers/")? + 1 };
    let (publisher, named) = path.get(at..)?.strip_prefix("publishers/")?.split_once("/models/")?;
    let (model, method) = named.rsplit_once(':')?;
    if (publisher, named) == ("anthropic", "count-tokens:rawPredict") {
        return Some((Surface::RawCountTokens, None));
    }
    let surface = match (publisher, method) {
        ("anthropic", "rawPredict") => Surface::RawPredict,
        ("anthropic", "streamRawPredict") => Surface::StreamRawPredict,
        (_, "predict") => Surface::Task(Wire::Embed(Format::Vertex)),
        _ => surface(method, query)?,
    };
    // Google's library takes what stands before a slash for the publisher: here it is an account.
    let model = match publisher {
        "google" | "anthropic" => model.to_owned(),
        account => format!("{account}/{model}"),
    };
    Some((surface, Some(model)))
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

    #[test]
    fn a_path_of_vertex_names_publisher_and_model() {
        let at = |path: &str| vertex(path, "alt=sse").map(|(surface, model)| (surface.as_str(), model));
        let named = |surface, model: &str| Some((surface, Some(model.to_owned())));
        let place = "projects/p/locations/global";
        assert_eq!(
            at(&format!("{place}/publishers/google/models/gemini-3-pro:streamGenerateContent")),
            named("stream_generate_content", "gemini-3-pro")
        );
        assert_eq!(at("publishers/google/models/a/b:countTokens"), named("gemini_count_tokens", "a/b"));
        assert_eq!(at("publishers/mine/models/m:generateContent"), named("generate_content", "mine/m"));
        assert_eq!(
            at(&format!("{place}/publishers/anthropic/models/claude-x@1:streamRawPredict")),
            named("stream_raw_predict", "claude-x@1")
        );
        assert_eq!(
            at(&format!("{place}/publishers/google/models/text-embedding-005:predict")).unwrap().0,
            "embeddings"
        );
        assert_eq!(
            at(&format!("{place}/publishers/anthropic/models/count-tokens:rawPredict")),
            Some(("raw_count_tokens", None))
        );
        assert_eq!(at("publishers/google/models/m"), None);
        assert_eq!(at("projects/p/endpoints/1:predict"), None);
        assert_eq!(at("publishers/google/models/m:rawPredict"), None);
    }
}
