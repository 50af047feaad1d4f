//! The edge: thin handlers, one file per client surface. Everything that is decided is decided in the pipeline.

mod anthropic;
mod audio;
mod bedrock;
mod completions;
pub mod edge;
mod embeddings;
mod error;
mod framing;
mod gemini;
mod images;
mod models;
mod moderations;
pub mod names;
mod ocr;
mod openai;
mod passthrough;
mod process;
mod rerank;
mod responses;
mod surface;
mod watched;

use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    routing::post,
};
use futures_util::FutureExt;
use govern::{Code, Error};
use http::{HeaderValue, Response, request};

use crate::{
    Gateway,
    observe::Recording,
    pipeline::{handle, pass, remember},
};

pub use error::refuse;
pub use surface::Surface;
pub use watched::Watched;

/// A request as it came in, its body unread.
#[derive(Debug)]
pub struct RawRequest {
    pub surface: Surface,
    /// The model, where the path says it.
    pub model: Option<String>,
    pub head: request::Parts,
    pub body: Body,
}

/// What the caller gets.
pub type Answer = Response<Body>;

/// The routes of the data plane, health and readiness among them: load balancers ask where they send.
pub fn router(gw: Arc<Gateway>) -> Router {
    Router::new()
        .merge(openai::routes())
        .merge(anthropic::routes())
        .merge(gemini::routes())
        .merge(bedrock::routes())
        .merge(responses::routes())
        .merge(completions::routes())
        .merge(embeddings::routes())
        .merge(rerank::routes())
        .merge(images::routes())
        .merge(audio::routes())
        .merge(moderations::routes())
        .merge(ocr::routes())
        .merge(models::routes())
        .merge(passthrough::routes())
        .merge(process::probes())
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .with_state(gw)
}

/// The meters of the process, for whoever operates it.
pub fn meters(gw: Arc<Gateway>) -> Router {
    process::meters().with_state(gw)
}

/// Health and readiness alone, for a listener that does not serve the data plane.
pub fn probes(gw: Arc<Gateway>) -> Router {
    process::probes().with_state(gw)
}

/// The route of a surface that its path names.
fn route(path: &'static str, surface: Surface) -> Router<Arc<Gateway>> {
    let ask = move |State(gw): State<Arc<Gateway>>, request: Request| serve(gw, surface, request);
    Router::new().route(path, post(ask))
}

/// Answers a request of this surface: the pipeline's answer, or its refusal in the surface's words.
fn serve(gw: Arc<Gateway>, surface: Surface, request: Request) -> impl Future<Output = Answer> {
    serve_model(gw, surface, None, request)
}

/// As [`serve`], of a surface whose path says the model.
async fn serve_model(gw: Arc<Gateway>, surface: Surface, model: Option<String>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let echoed = head.headers.get(names::X_REQUEST_ID).filter(|id| id.len() <= 128).cloned();
    let raw = RawRequest { surface, model, head, body };
    let record = Recording::open(&raw, gw.sinks.clone(), gw.metrics.clone());
    let handled = match surface {
        Surface::Passthrough => AssertUnwindSafe(pass(&gw, raw, &record)).catch_unwind().boxed().await,
        Surface::KeptResponse => AssertUnwindSafe(remember(&gw, raw, &record)).catch_unwind().boxed().await,
        // Pinned where it is: whatever a future is moved into is as large again.
        _ => AssertUnwindSafe(pin!(handle(&gw, raw, &record))).catch_unwind().await,
    };
    let handled =
        handled.unwrap_or_else(|_panic| Err(Error::new(Code::Internal, "the gateway failed on this request")));
    let mut answer = match handled {
        Ok(answer) => answer,
        Err(error) => {
            record.failed(&error);
            refuse(surface.errors(), &error, &record.id().to_string())
        }
    };
    let headers = answer.headers_mut();
    if let Ok(id) = HeaderValue::from_str(record.id().as_hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer())) {
        headers.insert(names::REQUEST_ID, id.clone());
        headers.insert(names::X_REQUEST_ID, echoed.unwrap_or(id));
    }
    answer
}
