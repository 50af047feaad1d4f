//! Vertex AI's `predict` for embedding models.

use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{EmbedCall, EmbedReply, Format, Forms, Input, Truncate, Vector, gemini, unsayable};
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
    let instances = root.need("instances", "a list of objects with content")?;
    let mut inputs = Vec::new();
    let mut purpose = None;
    let mut extra = Map::new();
    for instance in instances.items()? {
        inputs.push(Input::Text(instance.need("content", "a string")?.string()?));
        let own = instance.get("task_type").map(|field| gemini::purpose(&field)).transpose()?.flatten();
        if inputs.len() > 1 && own != purpose {
            return Err(instance.wrong("of the same task_type as the first"));
        }
        purpose = own;
        let known = ["content", "task_type"];
        extra.extend(instance.object()?.others(&known));
    }
    if inputs.is_empty() {
        return Err(instances.wrong("a list of at least one object with content"));
    }
    let parameters = root.get("parameters");
    let setting = |name| parameters.as_ref().and_then(|parameters| parameters.get(name));
    let shorten = setting("autoTruncate").map(|field| field.boolean()).transpose()?;
    Ok(EmbedCall {
        model: String::new(),
        inputs,
        dimensions: setting("outputDimensionality").map(|field| field.whole(1, 1 << 20)).transpose()?,
        forms: Forms::NUMBERS,
        number: None,
        purpose,
        truncate: shorten.map(|may| if may { Truncate::End } else { Truncate::Never }),
        user: None,
        extra: (Format::Vertex, extra),
    })
}

pub(super) fn write_call(call: &EmbedCall) -> Result<(Vec<u8>, Loss), Malformed> {
    let mut loss = Loss::none();
    if let Some(number) = &call.number {
        return Err(unsayable(number, Format::Vertex, "answers floats only"));
    }
    let mut instances = Vec::with_capacity(call.inputs.len());
    for (at, input) in call.inputs.iter().enumerate() {
        let Input::Text(text) = input else {
            return Err(unsayable(&format!("input[{at}]"), Format::Vertex, "embeds text: send strings"));
        };
        let mut instance = Map::new();
        instance.insert("content".to_owned(), json!(text));
        if let Some(task) = call.purpose.and_then(gemini::task) {
            instance.insert("task_type".to_owned(), json!(task));
        }
        if call.extra.0 == Format::Vertex {
            instance.extend(call.extra.1.clone());
        }
        instances.push(Value::Object(instance));
    }
    if call.extra.0 != Format::Vertex {
        for name in call.extra.1.keys() {
            loss.note(format!("extra.{name}"), "vertex has no such field");
        }
    }
    if call.user.is_some() {
        loss.note("embed.user", "vertex does not ask for whom");
    }
    let mut parameters = Map::new();
    if let Some(dimensions) = call.dimensions {
        parameters.insert("outputDimensionality".to_owned(), json!(dimensions));
    }
    if let Some(truncate) = call.truncate {
        parameters.insert("autoTruncate".to_owned(), json!(truncate != Truncate::Never));
    }
    let mut body = json!({"instances": instances});
    if let (false, Some(body)) = (parameters.is_empty(), body.as_object_mut()) {
        body.insert("parameters".to_owned(), Value::Object(parameters));
    }
    Ok((body.to_string().into_bytes(), loss))
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    predictions: Vec<Prediction<'a>>,
}

#[derive(Deserialize)]
struct Prediction<'a> {
    #[serde(borrow)]
    embeddings: Embedding<'a>,
}

#[derive(Deserialize)]
struct Embedding<'a> {
    #[serde(borrow)]
    values: &'a RawValue,
    #[serde(default)]
    statistics: Value,
}

fn read(body: &[u8]) -> Result<Body<'_>, Malformed> {
    serde_json::from_slice(body)
        .map_err(|error| Malformed { field: None, message: format!("the answer is no list of predictions: {error}") })
}

/// The sum over the inputs, where each says its own.
fn usage(body: &Body<'_>) -> Option<Usage> {
    let counts = body.predictions.iter().map(|one| count(&(&one.embeddings.statistics).into(), "/token_count"));
    let input = counts.sum::<Option<u64>>()?;
    Some(Usage { input, ..Usage::default() })
}

pub(super) fn read_reply(body: &[u8]) -> Result<EmbedReply, Malformed> {
    let read = read(body)?;
    let vectors = read.predictions.iter().map(|one| Vector::read(one.embeddings.values)).collect::<Result<_, _>>()?;
    Ok(EmbedReply { vectors, usage: usage(&read), ..EmbedReply::default() })
}

pub(super) fn write_reply(reply: &EmbedReply) -> Result<Vec<u8>, Malformed> {
    let one = |vector: &Vector| Ok(format!("{{\"embeddings\":{{\"values\":{}}}}}", vector.numbers()?));
    let predictions = reply.vectors.iter().map(one).collect::<Result<Vec<_>, Malformed>>()?;
    Ok(format!("{{\"predictions\":[{}]}}", predictions.join(",")).into_bytes())
}

pub(super) fn glance(body: &[u8]) -> Glance {
    match read(body) {
        Ok(read) => whole(usage(&read)),
        Err(_) => no_answer("the answer holds no predictions"),
    }
}
