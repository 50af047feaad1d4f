//! The edge: thin handlers, one file per client surface. Everything that is decided is decided in the pipeline.

mod anthropic;
mod audio;
mod bedrock;
mod completions;
mod door;
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
mod ratelimit;
mod rerank;
mod responses;
mod surface;
mod watched;

use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc};

use axum::{Router, body::Body, extract::Request};
use futures_util::FutureExt;
use govern::{Code, Error};
use http::{HeaderValue, Response, request};

use crate::{
    Gateway,
    observe::Recording,
    pipeline::{handle, pass, remember},
};

pub use door::Door;
pub use error::refuse;
pub use surface::Surface;
pub use watched::Watched;

use door::{Paths, path};

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

/// What answers at the paths of the data plane.
pub fn door(gw: Arc<Gateway>) -> Door {
    paths().open(gw)
}

/// The paths of the data plane, health and readiness among them: load balancers ask where they send.
fn paths() -> Paths {
    Paths::default()
        .and(openai::paths())
        .and(anthropic::paths())
        .and(gemini::paths())
        .and(bedrock::paths())
        .and(responses::paths())
        .and(completions::paths())
        .and(embeddings::paths())
        .and(rerank::paths())
        .and(images::paths())
        .and(audio::paths())
        .and(moderations::paths())
        .and(ocr::paths())
        .and(models::paths())
        .and(passthrough::paths())
        .and(process::probes())
}

/// The meters of the process, for whoever operates it.
pub fn meters(gw: Arc<Gateway>) -> Router {
    process::meters().with_state(gw)
}

/// Health and readiness alone, for a listener that does not serve the data plane.
pub fn probes(gw: Arc<Gateway>) -> Router {
    process::probes().with_state(gw)
}

/// Answers a request of this surface: the pipeline's answer, or its refusal in the surface's words.
fn serve(gw: &Arc<Gateway>, surface: Surface, request: Request) -> impl Future<Output = Answer> {
    serve_model(gw, surface, None, request)
}

/// As [`serve`], of a surface whose path says the model.
async fn serve_model(gw: &Arc<Gateway>, surface: Surface, model: Option<String>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let echoed = head.headers.get(names::X_REQUEST_ID).filter(|id| id.len() <= 128).cloned();
    let raw = RawRequest { surface, model, head, body };
    let record = Recording::open(&raw, gw.sinks.clone(), gw.metrics.clone());
    let handled = match surface {
        Surface::Passthrough => AssertUnwindSafe(pass(gw, raw, &record)).catch_unwind().boxed().await,
        Surface::KeptResponse => AssertUnwindSafe(remember(gw, raw, &record)).catch_unwind().boxed().await,
        // Pinned where it is: whatever a future is moved into is as large again.
        _ => AssertUnwindSafe(pin!(handle(gw, raw, &record))).catch_unwind().await,
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
    ratelimit::tell(&record, headers);
    if let Ok(id) = HeaderValue::from_str(record.id().as_hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer())) {
        headers.insert(names::REQUEST_ID, id.clone());
        headers.insert(names::X_REQUEST_ID, echoed.unwrap_or(id));
    }
    answer
}
