//! Streamed answers: <https://docs.cohere.com/docs/streaming>

mod reader;
mod watch;
mod writer;

use serde::Deserialize;
use serde_json::Value;

pub use reader::Reader;
pub use watch::Watch;
pub use writer::Writer;

use crate::{
    dialect::openai_chat::error,
    failure::{Failure, Kind},
};

/// What an event is, if no `event:` line said it: Cohere says it in the data, too.
#[derive(Deserialize)]
struct Named {
    #[serde(rename = "type", default)]
    kind: String,
}

/// The failure of a frame that is not an event of this dialect, in its own words if it has any.
pub(super) fn stated(data: &[u8]) -> Failure {
    match serde_json::from_slice::<Value>(data) {
        Ok(value) if !error::from_value(&value).message.is_empty() => error::failure(&value),
        _ => Failure::new(Kind::Malformed, "the stream holds a frame that is no event of Cohere's"),
    }
}
