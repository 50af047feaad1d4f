//! Whether an answer follows the schema that was asked for, where no provider sees to it.

use llm::{Reply, structured::Emulated};
use serde_json::Value;

use super::encode::Unfit;

/// What is wrong with an answer; `None` if it follows the schema, or need not (the model calls a tool, or was cut off).
pub(super) fn unfit(emulated: &Emulated, reply: &Reply) -> Option<Unfit> {
    // A schema that is none judges nothing.
    let schema = jsonschema::validator_for(&emulated.schema).ok()?;
    Emulated::answers(reply).into_iter().find_map(|said| {
        let wrong = match serde_json::from_str::<Value>(&said) {
            Err(error) => format!("it is no JSON: {error}"),
            Ok(value) => {
                let error = schema.iter_errors(&value).next()?;
                format!("at `{}`: {error}", error.instance_path())
            }
        };
        Some(Unfit { said, wrong })
    })
}
