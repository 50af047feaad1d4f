//! Guard the question: everything that a model would read is looked at before anybody is asked.
//!
//! The call is decoded for reading alone; what is sent are still the client's own bytes. So a body that cannot be decoded is
//! refused where guards stand: nobody could tell what it says.

use govern::{Code, Error};

use super::{Composed, encode::decode};
use crate::{
    guard::{objects, said_amiss},
    http::Surface,
    observe::Metrics,
};

/// Lets the input guards look at the call.
///
/// # Errors
/// 400 naming the guard that objects, or the field by which the body is not what its dialect allows.
pub fn inspect(metrics: &Metrics, call: Composed) -> Result<Composed, Error> {
    let guards = &call.rules.guards.input;
    if guards.is_empty() {
        return Ok(call);
    }
    if let Surface::Task(_) | Surface::InvokeOther { .. } = call.asked.surface {
        // JSON, or the fields of a form: every text in it is looked at.
        let body: serde_json::Value = serde_json::from_slice(call.asked.envelope.body())
            .map_err(|error| Error::new(Code::InvalidRequest, format!("the body cannot be read: {error}")))?;
        let blocked = said_amiss(guards, &body);
        metrics.guardrail(if blocked.is_some() { "block" } else { "allow" });
        return blocked.map_or(Ok(call), |blocked| Err(blocked.prompt()));
    }
    let read = match call.asked.surface {
        Surface::Converse | Surface::ConverseStream => decode(&call)?,
        Surface::Invoke | Surface::InvokeStream | Surface::RawPredict | Surface::StreamRawPredict => decode(&call)?,
        Surface::ChatCompletions | Surface::Messages | Surface::Responses => decode(&call)?,
        Surface::Completions | Surface::CohereChat => decode(&call)?,
        Surface::GenerateContent | Surface::StreamGenerateContent | Surface::StreamGenerateContentArray => {
            decode(&call)?
        }
        Surface::CountTokens | Surface::RawCountTokens => decode(&call)?,
        Surface::GeminiCountTokens | Surface::BedrockCountTokens => decode(&call)?,
        Surface::Passthrough | Surface::KeptResponse | Surface::Task(_) | Surface::InvokeOther { .. } => {
            return Err(Error::new(Code::Internal, "a pass-through is screened by its own stage"));
        }
    };
    let blocked = objects(guards, &read);
    metrics.guardrail(if blocked.is_some() { "block" } else { "allow" });
    match blocked {
        Some(blocked) => Err(blocked.prompt()),
        None => Ok(call),
    }
}
