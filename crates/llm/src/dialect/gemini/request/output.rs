//! The form of the answer: <https://ai.google.dev/gemini-api/docs/structured-output>

use serde_json::{Map, Value, json};

use crate::{
    Call, Loss,
    call::{Output, Tool},
    dialect::{
        Dialect, Malformed,
        field::Field,
        gemini::{family::Family, schema},
        schema::{Recursive, Subset, adapt},
    },
};

const JSON: &str = "application/json";

/// Reads it from `generationConfig`. A schema of Google's own kind stays in `rest`, too, and goes back as it was.
pub(super) fn read(config: &Field<'_, '_>, rest: &mut Map<String, Value>) -> Result<Output, Malformed> {
    let media_type = config.get("responseMimeType").map(|field| field.text()).transpose()?;
    match media_type {
        Some(JSON) => {}
        Some("text/plain") => {
            rest.shift_remove("responseMimeType");
            return Ok(Output::Text);
        }
        // `text/x.enum` and what may come: Google's alone.
        _ => return Ok(Output::Text),
    }
    rest.shift_remove("responseMimeType");
    let schema = |schema| Output::Schema { name: None, description: None, schema, strict: None };
    if let Some(given) = rest.shift_remove("responseJsonSchema") {
        return Ok(schema(given));
    }
    Ok(rest.get("responseSchema").map_or(Output::Json, |given| schema(schema::to_json_schema(given))))
}

/// Writes it into `generationConfig`. Returns what must be said in words instead: models before Gemini 3 take no schema
/// beside functions.
pub(super) fn write(call: &Call, config: &mut Map<String, Value>, loss: &mut Loss) -> Option<String> {
    let native = call.extra.dialect == Dialect::Gemini;
    let functions = call.tools.iter().any(|tool| matches!(tool, Tool::Function(_)));
    let in_words = !native && functions && !Family::of(&call.model).thinks_by_level();
    const ONLY: &str = "Answer with one valid JSON object and nothing else: no code fence, no comment.";
    match &call.output {
        Output::Text => None,
        Output::Json if in_words => {
            loss.note("output", "the model takes no form beside functions: asked for in the system instruction");
            Some(ONLY.to_owned())
        }
        Output::Json => {
            config.insert("responseMimeType".to_owned(), JSON.into());
            None
        }
        Output::Schema { description, schema, .. } => {
            let own = native && given_in_googles_kind(call);
            if in_words {
                loss.note("output", "the model takes no form beside functions: asked for in the system instruction");
                return Some(format!(
                    "When you do not call a function: {ONLY} It must follow this JSON Schema: {schema}"
                ));
            }
            config.insert("responseMimeType".to_owned(), JSON.into());
            if !own {
                let mut schema = if native { schema.clone() } else { lenient(schema, loss) };
                if let (Some(description), Some(fields)) = (description, schema.as_object_mut()) {
                    fields.entry("description").or_insert_with(|| json!(description));
                }
                config.insert("responseJsonSchema".to_owned(), schema);
            }
            None
        }
    }
}

fn lenient(schema: &Value, loss: &mut Loss) -> Value {
    adapt(schema, Subset::Lenient, "output.schema", loss).unwrap_or_else(|Recursive| schema.clone())
}

fn given_in_googles_kind(call: &Call) -> bool {
    call.extra.fields.get("generationConfig").is_some_and(|config| config.get("responseSchema").is_some())
}
