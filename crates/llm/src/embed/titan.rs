//! Amazon Titan through Bedrock's `invoke`: one text a call.

use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{EmbedCall, EmbedReply, Format, Forms, Input, Vector, call::write_extra, unsayable};
use crate::{
    Loss,
    dialect::{
        Glance, Malformed,
        body::{count, json, no_answer, whole},
        field::Field,
    },
    usage::Usage,
};

pub(super) fn read_call(body: &[u8]) -> Result<EmbedCall, Malformed> {
    let value = json("the body", body)?;
    let root = Field::root(&value);
    let text = root.need("inputText", "a string")?.string()?;
    let mut number = None;
    for kind in root.get("embeddingTypes").as_ref().map(Field::items).transpose()?.into_iter().flatten() {
        number = Some(kind.string()?).filter(|kind| kind != "float").or(number);
    }
    let mut extra = root.object()?.to_map();
    extra.retain(|name, value| {
        !matches!(name.as_str(), "inputText" | "dimensions" | "embeddingTypes") && !value.is_null()
    });
    Ok(EmbedCall {
        model: String::new(),
        inputs: vec![Input::Text(text)],
        dimensions: root.get("dimensions").map(|field| field.whole(1, 1 << 20)).transpose()?,
        forms: Forms::NUMBERS,
        number,
        purpose: None,
        truncate: None,
        user: None,
        extra: (Format::Titan, extra),
    })
}

pub(super) fn write_call(call: &EmbedCall) -> Result<(Vec<u8>, Loss), Malformed> {
    let mut loss = Loss::none();
    let [Input::Text(text)] = call.inputs.as_slice() else {
        return Err(unsayable("input", Format::Titan, "embeds one text a call: send one string"));
    };
    let mut body = Map::new();
    body.insert("inputText".to_owned(), json!(text));
    if let Some(dimensions) = call.dimensions {
        body.insert("dimensions".to_owned(), json!(dimensions));
    }
    match call.number.as_deref() {
        None => {}
        Some("binary") => drop(body.insert("embeddingTypes".to_owned(), json!(["binary"]))),
        Some(number) => return Err(unsayable(number, Format::Titan, "answers float or binary only")),
    }
    let lost = [
        (call.purpose.is_some(), "embed.purpose"),
        (call.truncate.is_some(), "embed.truncate"),
        (call.user.is_some(), "embed.user"),
    ];
    for (said, field) in lost {
        if said {
            loss.note(field, "titan has no such choice");
        }
    }
    write_extra(call, Format::Titan, &mut body, &mut loss);
    Ok((Value::Object(body).to_string().into_bytes(), loss))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow, default)]
    embedding: Option<&'a RawValue>,
    #[serde(borrow, default)]
    embeddings_by_type: Option<ByType<'a>>,
    #[serde(default)]
    input_text_token_count: Value,
}

#[derive(Deserialize)]
struct ByType<'a> {
    #[serde(borrow, default)]
    binary: Option<&'a RawValue>,
}

fn usage(body: &Body<'_>) -> Option<Usage> {
    Some(Usage { input: count(&(&body.input_text_token_count).into(), "")?, ..Usage::default() })
}

pub(super) fn read_reply(body: &[u8]) -> Result<EmbedReply, Malformed> {
    let read: Body<'_> = serde_json::from_slice(body)
        .map_err(|error| Malformed { field: None, message: format!("the answer is no embedding: {error}") })?;
    let binary = read.embeddings_by_type.as_ref().and_then(|by_type| by_type.binary);
    let vector = read.embedding.or(binary).ok_or_else(|| Malformed {
        field: Some("embedding".to_owned()),
        message: "the answer holds no embedding".to_owned(),
    })?;
    Ok(EmbedReply { vectors: vec![Vector::read(vector)?], usage: usage(&read), ..EmbedReply::default() })
}

pub(super) fn write_reply(reply: &EmbedReply) -> Result<Vec<u8>, Malformed> {
    let numbers = reply.vectors.iter().map(Vector::numbers).next().transpose()?.unwrap_or_default();
    let tokens = reply.usage.unwrap_or_default().prompt();
    let body = format!(
        "{{\"embedding\":{numbers},\"embeddingsByType\":{{\"float\":{numbers}}},\"inputTextTokenCount\":{tokens}}}"
    );
    Ok(body.into_bytes())
}

pub(super) fn glance(body: &[u8]) -> Glance {
    match serde_json::from_slice::<Body<'_>>(body) {
        Ok(read) if read.embedding.is_some() || read.embeddings_by_type.is_some() => whole(usage(&read)),
        _ => no_answer("the answer holds no embedding"),
    }
}
