use serde_json::{Map, Value, json};

use crate::{
    Loss, Reply,
    call::{Image, Part, Source, Thinking},
    dialect::{
        Dialect,
        gemini::{ids, stop, thought, usage},
    },
    reply::Choice,
    signature::{self, Maker},
};

/// Writes a whole answer.
#[must_use]
pub fn write(reply: &Reply) -> (Vec<u8>, Loss) {
    let mut loss = Loss::none();
    let mut top = Map::new();
    let candidates: Vec<Value> =
        reply.choices.iter().enumerate().map(|(index, choice)| candidate(choice, index, &mut top, &mut loss)).collect();
    let mut body = Map::new();
    // A blocked prompt has no candidates.
    if !top.contains_key("promptFeedback") || candidates.iter().any(|candidate| candidate.get("content").is_some()) {
        body.insert("candidates".to_owned(), candidates.into());
    }
    body.extend(top);
    body.insert("usageMetadata".to_owned(), usage::write(&reply.usage, reply.service_tier.as_deref()));
    body.insert("modelVersion".to_owned(), json!(reply.model));
    body.insert("responseId".to_owned(), json!(reply.id));
    (Value::Object(body).to_string().into_bytes(), loss)
}

fn candidate(choice: &Choice, index: usize, top: &mut Map<String, Value>, loss: &mut Loss) -> Value {
    let mut parts: Vec<Value> = Vec::with_capacity(choice.parts.len());
    let mut fields = Map::new();
    for (at, item) in choice.parts.iter().enumerate() {
        match item {
            Part::Native { dialect: Dialect::Gemini, raw } => match (raw.get("choice"), raw.get("reply")) {
                (Some(Value::Object(own)), _) => fields.extend(own.clone()),
                (_, Some(Value::Object(own))) => top.extend(own.clone()),
                _ => parts.push(raw.clone()),
            },
            item => match part(item) {
                Some(written) => push(written, &mut parts),
                None => loss.note(format!("choices[{index}].parts[{at}]"), "gemini has no such part of an answer"),
            },
        }
        if let Part::Text(text) = item
            && text.notes.is_some()
        {
            loss.note(format!("choices[{index}].parts[{at}].notes"), "gemini has no such citations");
        }
    }
    let mut candidate = Map::new();
    if !parts.is_empty() || choice.stop != Some(crate::reply::Stop::Filtered) {
        candidate.insert("content".to_owned(), json!({"parts": parts, "role": "model"}));
    }
    if let Some(stop) = &choice.stop {
        candidate.insert("finishReason".to_owned(), stop::write(stop).into());
    }
    candidate.insert("index".to_owned(), index.into());
    candidate.extend(fields);
    Value::Object(candidate)
}

/// The part of an answer that says it; `None` if there is none.
pub(in super::super) fn part(part: &Part) -> Option<Value> {
    Some(match part {
        Part::Text(text) => json!({"text": text.text}),
        Part::Refusal(words) => json!({"text": words}),
        Part::Thinking(Thinking::Redacted { data }) => {
            json!({"text": "", "thought": true, "thoughtSignature": thought::sealed_for_client(data)})
        }
        Part::Thinking(Thinking::Text { text, signature: None }) => json!({"text": text, "thought": true}),
        Part::Thinking(Thinking::Text { text, signature: Some(signature) }) => {
            let proof = thought::for_client(signature);
            if text.is_empty() && signature::own(Maker::Gemini, signature).is_some() {
                json!({"text": "", "thoughtSignature": proof})
            } else {
                json!({"text": text, "thought": true, "thoughtSignature": proof})
            }
        }
        Part::ToolUse(tool) => {
            // Arguments that were cut off are not arguments: the call still says which function was meant.
            let args: Map<String, Value> = serde_json::from_str(&tool.arguments).unwrap_or_default();
            let mut call = Map::new();
            call.extend(ids::given(&tool.id).map(|id| ("id".to_owned(), id.into())));
            call.insert("name".to_owned(), tool.name.as_str().into());
            call.insert("args".to_owned(), args.into());
            match &tool.signature {
                Some(signature) => json!({"functionCall": call, "thoughtSignature": thought::for_client(signature)}),
                None => json!({"functionCall": call}),
            }
        }
        Part::Image(Image { source: Source::Base64 { media_type, data }, .. }) => {
            json!({"inlineData": {"mimeType": media_type, "data": data}})
        }
        _ => return None,
    })
}

/// Appends a part; a text takes over the signature that stands alone before it.
fn push(mut written: Value, parts: &mut Vec<Value>) {
    let is_text = written.get("text").is_some() && written.get("thought").is_none();
    let before = parts.last().filter(|last| last.get("text") == Some(&json!("")) && last.get("thought").is_none());
    let signature = before.and_then(|last| last.get("thoughtSignature")).cloned();
    if let (true, Some(signature), Some(fields)) = (is_text, signature, written.as_object_mut()) {
        parts.pop();
        fields.insert("thoughtSignature".to_owned(), signature);
    }
    parts.push(written);
}
