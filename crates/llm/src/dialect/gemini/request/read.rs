use serde_json::Value;

use super::{contents, knobs, output, thinking, tools};
use crate::{
    Call,
    call::Extra,
    dialect::{Dialect, Malformed, field::Field, gemini::names},
    json::{Json, Object},
};

/// Reads a question. Model and streaming stand in the path: the surface fills them in.
///
/// # Errors
/// Names the field that is wrong, what was wrong and what would be right.
pub fn read(body: &[u8]) -> Result<Call, Malformed> {
    let value = serde_json::from_slice(body)
        .map_err(|wrong| Malformed { field: None, message: format!("the body must be JSON: {wrong}") })?;
    read_value(&names::normalise(value)?)
}

/// The top-level fields that have a canonical place. Of the two configurations only some fields have one.
const CANONICAL: &[&str] = &["contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "serviceTier"];

/// Reads a body whose names are in Google's first form.
pub(in super::super) fn read_value(body: &Value) -> Result<Call, Malformed> {
    let body = Json::from(body);
    let root = Field::root(&body);
    let mut fields = root.object()?.others(CANONICAL);
    let empty = Json::Object(Object::default());
    let config = root.get("generationConfig");
    let nothing = Field::root(&empty);
    let config = config.as_ref().unwrap_or(&nothing);
    let mut rest = config.object()?.to_map();
    rest.retain(|_, value| !value.is_null());
    let mut knobs = knobs::read(config, &mut rest)?;
    knobs.reasoning = thinking::read(config, &mut rest)?;
    knobs.service_tier = root.get("serviceTier").map(|tier| tier.text()).transpose()?.map(knobs::read_tier);
    let output = output::read(config, &mut rest)?;
    if !rest.is_empty() {
        fields.insert("generationConfig".to_owned(), rest.into());
    }
    let tool_choice = tools::read_choice(&root, &mut fields)?;
    Ok(Call {
        model: String::new(),
        turns: contents::read(&root)?,
        tools: tools::read(&root)?,
        tool_choice,
        parallel_tools: None,
        knobs,
        output,
        stream: false,
        include_usage: true,
        extra: Extra { dialect: Dialect::Gemini, fields },
    })
}
