//! Cohere's embeddings: texts, pictures or both, and vectors by type. Bedrock's `invoke` takes the same without `model`.

use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{EmbedCall, EmbedReply, Format, Forms, Input, Purpose, Truncate, Vector, call::write_extra, unsayable};
use crate::{
    Loss,
    dialect::{
        Glance, Malformed,
        body::{count, json, no_answer, whole},
        field::Field,
    },
    json::Json,
    usage::Usage,
};

const PURPOSES: &[(Purpose, &str)] = &[
    (Purpose::Query, "search_query"),
    (Purpose::Document, "search_document"),
    (Purpose::Classification, "classification"),
    (Purpose::Clustering, "clustering"),
];

/// What stands in `input_type` where only pictures are embedded.
const PICTURES: &str = "image";

const TRUNCATES: &[(Truncate, &str)] = &[(Truncate::Never, "NONE"), (Truncate::Start, "START"), (Truncate::End, "END")];

const KNOWN: &[&str] =
    &["model", "texts", "images", "inputs", "input_type", "embedding_types", "output_dimension", "truncate"];

pub(super) fn read_call(format: Format, body: &[u8]) -> Result<EmbedCall, Malformed> {
    let value = json("the body", body)?;
    let root = Field::root(&value);
    let model = match format {
        Format::Cohere => root.need("model", "the name of a model")?.string()?,
        _ => String::new(),
    };
    let (forms, number) = read_types(&root)?;
    let extra = root.object()?.others(KNOWN);
    Ok(EmbedCall {
        model,
        inputs: read_inputs(&root)?,
        dimensions: root.get("output_dimension").map(|field| field.whole(1, 1 << 20)).transpose()?,
        forms,
        number,
        purpose: read_purpose(&root)?,
        truncate: root.get("truncate").map(|field| one_of(&field, TRUNCATES)).transpose()?,
        user: None,
        extra: (format, extra),
    })
}

fn read_inputs(root: &Field<'_, '_>) -> Result<Vec<Input>, Malformed> {
    if let Some(inputs) = root.get("inputs") {
        return inputs.items()?.map(|input| read_mixed(&input)).collect();
    }
    if let Some(images) = root.get("images") {
        return images.items()?.map(|image| image.string().map(Input::Image)).collect();
    }
    root.need("texts", "a list of strings")?.items()?.map(|text| text.string().map(Input::Text)).collect()
}

fn read_mixed(input: &Field<'_, '_>) -> Result<Input, Malformed> {
    let content = input.need("content", "a list of text and image_url parts")?;
    let parts = content.items()?.map(|part| match part.need("type", "text or image_url")?.text()? {
        "text" => part.need("text", "a string")?.string().map(Input::Text),
        "image_url" => {
            part.need("image_url", "an object with a url")?.need("url", "a data URL")?.string().map(Input::Image)
        }
        _ => Err(part.wrong("a part of type text or image_url")),
    });
    let mut parts = parts.collect::<Result<Vec<_>, _>>()?;
    Ok(if parts.len() == 1 { parts.remove(0) } else { Input::Mixed(parts) })
}

fn read_types(root: &Field<'_, '_>) -> Result<(Forms, Option<String>), Malformed> {
    let Some(types) = root.get("embedding_types") else { return Ok((Forms::NUMBERS, None)) };
    let mut forms = Forms { numbers: false, base64: false };
    let mut number = None;
    for kind in types.items()? {
        match kind.text()? {
            "float" => forms.numbers = true,
            "base64" => forms.base64 = true,
            other => number = Some(other.to_owned()),
        }
    }
    match (forms, &number) {
        (Forms { numbers: false, base64: false }, None) => Ok((Forms::NUMBERS, None)),
        (Forms { numbers: false, base64: false }, Some(_)) => Ok((Forms::NUMBERS, number)),
        (_, None) => Ok((forms, None)),
        (_, Some(_)) => Err(types.wrong("float and base64, or one other type alone")),
    }
}

fn read_purpose(root: &Field<'_, '_>) -> Result<Option<Purpose>, Malformed> {
    match root.get("input_type") {
        None => Ok(None),
        Some(kind) if kind.value == PICTURES => Ok(None),
        Some(kind) => one_of(&kind, PURPOSES).map(Some),
    }
}

fn one_of<T: Copy>(field: &Field<'_, '_>, words: &[(T, &str)]) -> Result<T, Malformed> {
    let said = field.text()?;
    let known = words.iter().find(|(_, word)| *word == said).map(|(meaning, _)| *meaning);
    known.ok_or_else(|| field.wrong(&words.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(", ")))
}

pub(super) fn write_call(format: Format, call: &EmbedCall) -> Result<(Vec<u8>, Loss), Malformed> {
    let mut loss = Loss::none();
    let mut body = Map::new();
    if format == Format::Cohere {
        body.insert("model".to_owned(), json!(call.model));
    }
    let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    let (name, inputs) = write_inputs(format, &call.inputs)?;
    put(name, inputs);
    // Cohere insists on a purpose; what is stored is what most vectors are for.
    let kind = match call.purpose.map(|purpose| PURPOSES.iter().find(|(known, _)| *known == purpose)) {
        _ if name == "images" => PICTURES,
        None => "search_document",
        Some(Some((_, word))) => word,
        Some(None) => {
            loss.note("embed.purpose", "cohere has no such purpose");
            "search_document"
        }
    };
    put("input_type", json!(kind));
    let types: Vec<&str> = match &call.number {
        Some(number) => vec![number],
        None => [(call.forms.numbers, "float"), (call.forms.base64, "base64")]
            .into_iter()
            .filter_map(|(wanted, name)| wanted.then_some(name))
            .collect(),
    };
    put("embedding_types", json!(types));
    if let Some(dimensions) = call.dimensions {
        put("output_dimension", json!(dimensions));
    }
    if let Some((_, word)) = TRUNCATES.iter().find(|(known, _)| Some(*known) == call.truncate) {
        put("truncate", json!(word));
    }
    if call.user.is_some() {
        loss.note("embed.user", "cohere does not ask for whom");
    }
    write_extra(call, format, &mut body, &mut loss);
    Ok((Value::Object(body).to_string().into_bytes(), loss))
}

/// `texts`, `images`, or `inputs` where texts and pictures are mixed.
fn write_inputs(format: Format, inputs: &[Input]) -> Result<(&'static str, Value), Malformed> {
    for (at, input) in inputs.iter().enumerate() {
        let pieces = if let Input::Mixed(pieces) = input { pieces.as_slice() } else { std::slice::from_ref(input) };
        for piece in pieces {
            match piece {
                Input::Text(_) => {}
                Input::Image(url) if url.starts_with("data:") => {}
                Input::Image(_) => {
                    return Err(unsayable(&format!("input[{at}]"), format, "takes pictures as data URLs only"));
                }
                Input::Tokens(_) | Input::Mixed(_) => {
                    return Err(unsayable(&format!("input[{at}]"), format, "takes text, not tokens: send the text"));
                }
            }
        }
    }
    let texts: Vec<_> =
        inputs.iter().filter_map(|input| if let Input::Text(text) = input { Some(text) } else { None }).collect();
    if texts.len() == inputs.len() {
        return Ok(("texts", json!(texts)));
    }
    let images: Vec<_> =
        inputs.iter().filter_map(|input| if let Input::Image(url) = input { Some(url) } else { None }).collect();
    if images.len() == inputs.len() {
        return Ok(("images", json!(images)));
    }
    let contents: Vec<Value> = inputs
        .iter()
        .map(|input| {
            let pieces = if let Input::Mixed(pieces) = input { pieces.as_slice() } else { std::slice::from_ref(input) };
            json!({"content": pieces.iter().filter_map(write_piece).collect::<Vec<_>>()})
        })
        .collect();
    Ok(("inputs", json!(contents)))
}

fn write_piece(piece: &Input) -> Option<Value> {
    match piece {
        Input::Text(text) => Some(json!({"type": "text", "text": text})),
        Input::Image(url) => Some(json!({"type": "image_url", "image_url": {"url": url}})),
        Input::Tokens(_) | Input::Mixed(_) => None,
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    id: String,
    #[serde(borrow)]
    embeddings: &'a RawValue,
    #[serde(default)]
    meta: Option<Value>,
}

pub(super) fn read_reply(body: &[u8]) -> Result<EmbedReply, Malformed> {
    let broken = |error: serde_json::Error| Malformed {
        field: None,
        message: format!("the answer is no list of embeddings: {error}"),
    };
    let read: Body<'_> = serde_json::from_slice(body).map_err(broken)?;
    // A bare list where no type was asked for, as Bedrock's older models answer.
    let list: Vec<&RawValue> = if read.embeddings.get().starts_with('[') {
        serde_json::from_str(read.embeddings.get()).map_err(broken)?
    } else {
        let by_type: std::collections::BTreeMap<&str, Option<Vec<&RawValue>>> =
            serde_json::from_str(read.embeddings.get()).map_err(broken)?;
        let mut found: Vec<_> = by_type.into_iter().filter_map(|(kind, list)| Some((kind, list?))).collect();
        // Floats first: they say the most digits.
        found.sort_by_key(|(kind, _)| *kind != "float");
        found.into_iter().next().map(|(_, list)| list).unwrap_or_default()
    };
    Ok(EmbedReply {
        id: read.id,
        model: String::new(),
        vectors: list.into_iter().map(Vector::read).collect::<Result<_, _>>()?,
        usage: read.meta.and_then(|meta| usage(&meta.into())),
    })
}

fn usage(meta: &Json<'_>) -> Option<Usage> {
    let billed = |name: &str| count(meta, &format!("/billed_units/{name}"));
    let input = billed("text_tokens").or_else(|| billed("input_tokens"));
    let (tokens, images) = (billed("image_tokens"), billed("images"));
    input.or(tokens).or(images)?;
    let or_none = |count: Option<u64>| count.unwrap_or(0);
    Some(Usage { input: or_none(input), input_image: or_none(tokens), images_in: or_none(images), ..Usage::default() })
}

pub(super) fn write_reply(format: Format, reply: &EmbedReply, call: &EmbedCall) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::new();
    out.extend_from_slice(
        format!("{{\"id\":{},\"response_type\":\"embeddings_by_type\",\"embeddings\":{{", json!(reply.id)).as_bytes(),
    );
    let mut lists = Vec::new();
    if call.forms.numbers {
        let kind = call.number.as_deref().unwrap_or("float");
        let vectors = reply.vectors.iter().map(Vector::numbers).collect::<Result<Vec<_>, _>>()?;
        lists.push(format!("\"{kind}\":[{}]", vectors.join(",")));
    }
    if call.forms.base64 {
        let vectors = reply.vectors.iter().map(Vector::base64).collect::<Result<Vec<_>, _>>()?;
        lists.push(format!("\"base64\":{}", json!(vectors)));
    }
    out.extend_from_slice(lists.join(",").as_bytes());
    let usage = reply.usage.unwrap_or_default();
    let texts: Vec<_> =
        call.inputs.iter().filter_map(|input| if let Input::Text(text) = input { Some(text) } else { None }).collect();
    let mut rest = json!({"texts": texts});
    if let (Format::Cohere, Some(rest)) = (format, rest.as_object_mut()) {
        let billed = json!({"input_tokens": usage.prompt(), "images": usage.images_in});
        rest.insert("meta".to_owned(), json!({"api_version": {"version": "2"}, "billed_units": billed}));
    }
    let rest = rest.to_string();
    out.extend_from_slice(b"},");
    out.extend_from_slice(rest.strip_prefix('{').unwrap_or(&rest).as_bytes());
    Ok(out)
}

pub(super) fn glance(body: &[u8]) -> Glance {
    match serde_json::from_slice::<Body<'_>>(body) {
        Ok(read) => whole(read.meta.and_then(|meta| usage(&meta.into()))),
        Err(_) => no_answer("the answer holds no embeddings"),
    }
}
