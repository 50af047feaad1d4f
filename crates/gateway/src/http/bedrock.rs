//! Amazon Bedrock's paths: `/model/{model}/{method}`. Its SDKs escape the model's name.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html>
//!
//! A gateway key comes as a bearer token (`AWS_BEARER_TOKEN_BEDROCK`). A signature with AWS's keys is refused: to check it
//! the gateway would have to know secrets of which it keeps hashes alone.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State},
    routing::post,
};
use govern::{Code, Error};
use llm::Dialect;

use super::{Answer, Surface, refuse, serve_model};
use crate::Gateway;

pub(super) fn paths() -> Router<Arc<Gateway>> {
    Router::new().route("/model/{model}/{method}", post(ask))
}

async fn ask(
    State(gw): State<Arc<Gateway>>,
    Path((model, method)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let surface = match method.as_str() {
        "converse" => Surface::Converse,
        "converse-stream" => Surface::ConverseStream,
        "invoke" => Surface::Invoke,
        "invoke-with-response-stream" => Surface::InvokeStream,
        "count-tokens" => Surface::BedrockCountTokens,
        _ => {
            let message = "a model is asked by `converse`, `converse-stream`, `invoke`, `invoke-with-response-stream` \
                           or `count-tokens`";
            return refuse(Dialect::Bedrock, &Error::new(Code::NotFound, message), "");
        }
    };
    let mut answer = serve_model(&gw, surface, Some(model), request).await;
    // Where the SDKs look for the id that people quote.
    if let Some(id) = answer.headers().get("request-id").cloned() {
        answer.headers_mut().insert("x-amzn-requestid", id);
    }
    answer
}
