use serde_json::json;

use crate::{
    Reply,
    call::{Part, ToolUse},
    dialect::{
        Dialect, Malformed,
        field::Field,
        gemini::{
            error,
            family::Family,
            ids,
            part::{say, sign},
            stop,
            thought::{self, Proof},
            usage::{Counts, Grounding},
        },
    },
    json::{Json, Object},
    reply::{Choice, Stop},
};

/// Reads a whole answer. One whose prompt was blocked is an answer that was withheld.
///
/// # Errors
/// The body is not an answer of this dialect, or an error with a good status.
pub fn read(body: &[u8]) -> Result<Reply, Malformed> {
    let value = Json::read(body)
        .map_err(|wrong| Malformed { field: None, message: format!("the answer is not JSON: {wrong}") })?;
    let root = Field::root(&value);
    if value.pointer("/0").unwrap_or(&value).get("error").is_some() {
        let message = error::from_value(&value.to_value()).message;
        return Err(Malformed { field: Some("error".into()), message: format!("the answer is an error: {message}") });
    }
    let text = |name| root.get(name).map(|field| field.string()).transpose();
    let (id, model) = (text("responseId")?.unwrap_or_default(), text("modelVersion")?.unwrap_or_default());
    let mut grounding = Grounding::default();
    let by_query = Family::of(&model).thinks_by_level();
    let mut choices = Vec::new();
    if let Some(candidates) = root.get("candidates") {
        for candidate in candidates.items()? {
            if let Some(grounded) = candidate.value.get("groundingMetadata") {
                grounding.see(&grounded.to_value(), by_query);
            }
            choices.push(read_candidate(&candidate, &id)?);
        }
    }
    if choices.is_empty() {
        let blocked = root.get("promptFeedback").is_some_and(|feedback| feedback.get("blockReason").is_some());
        if !blocked {
            return Err(Malformed {
                field: Some("candidates".into()),
                message: "candidates is missing: it must be a list of answers".into(),
            });
        }
        choices.push(Choice { parts: Vec::new(), stop: Some(Stop::Filtered) });
    }
    let others = others(root.object()?, &["candidates", "usageMetadata", "modelVersion", "responseId"], "reply");
    if let Some(first) = choices.first_mut() {
        first.parts.extend(others);
    }
    let counts = value.get("usageMetadata").and_then(|counts| serde_json::from_value::<Counts>(counts.to_value()).ok());
    let counts = counts.unwrap_or_default();
    let (usage, service_tier) = (grounding.count(counts.usage()), counts.tier());
    Ok(Reply { id, model, created: None, choices, usage, service_tier })
}

fn read_candidate(candidate: &Field<'_, '_>, id: &str) -> Result<Choice, Malformed> {
    let mut parts = Vec::new();
    let content = candidate.get("content");
    if let Some(list) = content.as_ref().and_then(|content| content.get("parts")) {
        let mut calls = 0;
        for part in list.items()? {
            read_part(&part, id, &mut calls, &mut parts)?;
        }
    }
    let called = parts.iter().any(|part| matches!(part, Part::ToolUse(_)));
    let reason = candidate.get("finishReason").map(|reason| reason.text()).transpose()?;
    let message = candidate.value.get("finishMessage").and_then(Json::as_str);
    if let Some(failure) = reason.and_then(|reason| stop::failure(reason, message)) {
        return Err(Malformed { field: Some(candidate.to_string()), message: failure.message });
    }
    let stop = reason.map(|reason| stop::read(reason, called));
    // A reason that the writer finds again is said by the stop.
    let told_again = reason == stop.as_ref().map(stop::write);
    let known: &[&str] = if told_again { &["content", "index", "finishReason"] } else { &["content", "index"] };
    parts.extend(others(candidate.object()?, known, "choice"));
    Ok(Choice { parts, stop })
}

fn read_part(part: &Field<'_, '_>, id: &str, calls: &mut usize, parts: &mut Vec<Part>) -> Result<(), Malformed> {
    let proof = part.get("thoughtSignature").map(|field| field.text()).transpose()?.map(thought::read);
    if let Some(call) = part.get("functionCall") {
        let signature = match proof {
            Some(Proof::Signed(signature)) => Some(signature),
            _ => None,
        };
        let given = call.get("id").map(|id| id.string()).transpose()?.filter(|id| !id.is_empty());
        parts.push(Part::ToolUse(ToolUse {
            id: given.unwrap_or_else(|| ids::make(id, *calls)),
            name: call.need("name", "the name of a function")?.string()?,
            arguments: call.get("args").map_or_else(|| "{}".to_owned(), |args| args.value.to_string()),
            signature,
            cache: None,
        }));
        *calls += 1;
    } else if let Some(text) = part.get("text") {
        let thinks = part.value.get("thought").and_then(Json::as_bool) == Some(true);
        let text = text.string()?;
        // The last part is often empty, and says nothing.
        if !text.is_empty() || proof.is_some() {
            say(text, thinks, proof, parts);
        }
    } else if part.object()?.len() == 1 && proof.is_some() {
        sign(proof, parts);
    } else {
        parts.push(Part::Native { dialect: Dialect::Gemini, raw: part.value.to_value() });
    }
    Ok(())
}

/// The fields that are not `known`, as a native part of this level.
fn others(fields: &Object<'_>, known: &[&str], level: &str) -> Option<Part> {
    let others = fields.others(known);
    (!others.is_empty()).then(|| Part::Native { dialect: Dialect::Gemini, raw: json!({level: others}) })
}
