//! Keeps an answer of the Responses API for the question that goes on from it, before its caller knows that it is whole.

use std::sync::Arc;

use axum::body::Body;
use http::header;
use http_body_util::BodyExt;

use super::Thread;
use crate::{
    Gateway,
    body::{Keeper, KeptBody},
    http::Answer,
    observe::Recording,
};

/// Wraps the answer so that it is kept. Answers of other surfaces pass.
pub async fn keep(gw: &Arc<Gateway>, thread: Option<Arc<Thread>>, answer: Answer, record: &Recording) -> Answer {
    let Some(thread) = thread else { return answer };
    let keeper = Keeper { gw: gw.clone(), thread, record: record.clone() };
    let (head, body) = answer.into_parts();
    let is_stream = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == b"text/event-stream");
    if is_stream {
        return Answer::from_parts(head, Body::new(KeptBody::new(body, keeper)));
    }
    // A whole answer is in memory already.
    match body.collect().await {
        Ok(collected) => {
            let bytes = collected.to_bytes();
            keeper.keep(&bytes, Vec::new()).await;
            Answer::from_parts(head, Body::from(bytes))
        }
        Err(_broken) => Answer::from_parts(head, Body::empty()),
    }
}
