//! Gemini's `batchEmbedContents` and `embedContent`.

use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{EmbedCall, EmbedReply, Format, Forms, Input, Purpose, Vector, unsayable};
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

/// <https://ai.google.dev/api/embeddings#v1beta.TaskType>
pub(super) const PURPOSES: &[(Purpose, &str)] = &[
    (Purpose::Query, "RETRIEVAL_QUERY"),
    (Purpose::Document, "RETRIEVAL_DOCUMENT"),
    (Purpose::Similarity, "SEMANTIC_SIMILARITY"),
    (Purpose::Classification, "CLASSIFICATION"),
    (Purpose::Clustering, "CLUSTERING"),
    (Purpose::Question, "QUESTION_ANSWERING"),
    (Purpose::FactCheck, "FACT_VERIFICATION"),
    (Purpose::CodeQuery, "CODE_RETRIEVAL_QUERY"),
    // Code is stored as a document.
    (Purpose::CodeDocument, "RETRIEVAL_DOCUMENT"),
];

/// Google's word for a purpose.
pub(super) fn task(purpose: Purpose) -> Option<&'static str> {
    PURPOSES.iter().find(|(known, _)| *known == purpose).map(|(_, word)| *word)
}

/// The purpose that Google's word stands for.
pub(super) fn purpose(field: &Field<'_, '_>) -> Result<Option<Purpose>, Malformed> {
    let said = field.text()?;
    if said == "TASK_TYPE_UNSPECIFIED" {
        return Ok(None);
    }
    let known = PURPOSES.iter().find(|(_, word)| *word == said).map(|(purpose, _)| *purpose);
    known.map(Some).ok_or_else(|| field.wrong("a task type such as RETRIEVAL_QUERY or RETRIEVAL_DOCUMENT"))
}

pub(super) fn read_call(format: Format, body: &[u8]) -> Result<EmbedCall, Malformed> {
    let value = json("the body", body)?;
    let root = Field::root(&value);
    if format == Format::GeminiSingle {
        return read_one(&root, format);
    }
    let requests = root.need("requests", "a list of requests")?;
    let mut all: Option<EmbedCall> = None;
    for request in requests.items()? {
        let mut one = read_one(&request, format)?;
        let Some(call) = &mut all else {
            all = Some(one);
            continue;
        };
        if (one.purpose, one.dimensions) != (call.purpose, call.dimensions) {
            return Err(request.wrong("of the same taskType and outputDimensionality as the first"));
        }
        call.inputs.append(&mut one.inputs);
        call.extra.1.extend(one.extra.1);
    }
    all.ok_or_else(|| requests.wrong("a list of at least one request"))
}

fn read_one(request: &Field<'_, '_>, format: Format) -> Result<EmbedCall, Malformed> {
    let config = request.get("embedContentConfig");
    let setting = |name| request.get(name).or_else(|| config.as_ref().and_then(|config| config.get(name)));
    let content = request.need("content", "an object with parts")?;
    let parts = content.need("parts", "a list of parts")?;
    let mut pieces = parts.items()?.map(|part| read_part(&part)).collect::<Result<Vec<_>, _>>()?;
    let input = match pieces.len() {
        0 => return Err(parts.wrong("a list of at least one part")),
        1 => pieces.remove(0),
        _ => Input::Mixed(pieces),
    };
    let known = ["model", "content", "taskType", "outputDimensionality", "embedContentConfig"];
    let mut extra = request.object()?.others(&known);
    extra.extend(
        config.map(|config| config.object()).transpose()?.map(|config| config.others(&known)).unwrap_or_default(),
    );
    let read = EmbedCall {
        model: String::new(),
        inputs: vec![input],
        dimensions: setting("outputDimensionality").map(|field| field.whole(1, 1 << 20)).transpose()?,
        forms: Forms::NUMBERS,
        number: None,
        purpose: setting("taskType").map(|field| purpose(&field)).transpose()?.flatten(),
        truncate: None,
        user: None,
        extra: (format, extra),
    };
    Ok(read)
}

fn read_part(part: &Field<'_, '_>) -> Result<Input, Malformed> {
    if let Some(text) = part.get("text") {
        return text.string().map(Input::Text);
    }
    let inline = part.need("inlineData", "an object with mimeType and data, or a text")?;
    let kind = inline.need("mimeType", "a media type")?;
    if !kind.text()?.starts_with("image/") {
        return Err(kind.wrong("the media type of a picture"));
    }
    Ok(Input::Image(format!("data:{};base64,{}", kind.text()?, inline.need("data", "base64 data")?.text()?)))
}

pub(super) fn write_call(format: Format, call: &EmbedCall) -> Result<(Vec<u8>, Loss), Malformed> {
    let mut loss = Loss::none();
    if let Some(number) = &call.number {
        return Err(unsayable(number, format, "answers floats only"));
    }
    let mut requests = Vec::with_capacity(call.inputs.len());
    for (at, input) in call.inputs.iter().enumerate() {
        let mut request = Map::new();
        if format == Format::Gemini {
            request.insert("model".to_owned(), json!(format!("models/{}", call.model)));
        }
        let pieces = if let Input::Mixed(pieces) = input { pieces.as_slice() } else { std::slice::from_ref(input) };
        let parts = pieces.iter().map(|piece| write_part(piece, at, format)).collect::<Result<Vec<_>, _>>()?;
        request.insert("content".to_owned(), json!({"parts": parts}));
        if let Some(task) = call.purpose.and_then(task) {
            request.insert("taskType".to_owned(), json!(task));
        }
        if let Some(dimensions) = call.dimensions {
            request.insert("outputDimensionality".to_owned(), json!(dimensions));
        }
        if matches!(call.extra.0, Format::Gemini | Format::GeminiSingle) {
            request.extend(call.extra.1.clone());
        }
        requests.push(Value::Object(request));
    }
    if !matches!(call.extra.0, Format::Gemini | Format::GeminiSingle) {
        for name in call.extra.1.keys() {
            loss.note(format!("extra.{name}"), "gemini has no such field");
        }
    }
    if call.truncate.is_some() {
        loss.note("embed.truncate", "gemini has no such choice");
    }
    if call.user.is_some() {
        loss.note("embed.user", "gemini does not ask for whom");
    }
    let body = match (format, requests.len()) {
        (Format::Gemini, _) => json!({"requests": requests}),
        (_, 1) => requests.remove(0),
        _ => return Err(unsayable("input", format, "embeds one input a call")),
    };
    Ok((body.to_string().into_bytes(), loss))
}

fn write_part(piece: &Input, at: usize, format: Format) -> Result<Value, Malformed> {
    let data = |url: &str| {
        let (kind, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
        Some(json!({"inlineData": {"mimeType": kind, "data": data}}))
    };
    let why = match piece {
        Input::Text(text) => return Ok(json!({"text": text})),
        Input::Image(url) => match data(url) {
            Some(part) => return Ok(part),
            None => "takes pictures as data URLs only",
        },
        Input::Tokens(_) => "takes text, not tokens: send the text",
        Input::Mixed(_) => "takes one level of parts",
    };
    Err(unsayable(&format!("input[{at}]"), format, why))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow, default)]
    embeddings: Vec<Values<'a>>,
    #[serde(borrow, default)]
    embedding: Option<Values<'a>>,
    #[serde(default)]
    usage_metadata: Option<Value>,
}

#[derive(Deserialize)]
struct Values<'a> {
    #[serde(borrow)]
    values: &'a RawValue,
}

pub(super) fn read_reply(format: Format, body: &[u8]) -> Result<EmbedReply, Malformed> {
    let read: Body<'_> = serde_json::from_slice(body)
        .map_err(|error| Malformed { field: None, message: format!("the answer is no list of embeddings: {error}") })?;
    let vectors = read.embeddings.iter().chain(&read.embedding).map(|one| Vector::read(one.values));
    let vectors = vectors.collect::<Result<Vec<_>, _>>()?;
    if vectors.is_empty() {
        let field = if format == Format::Gemini { "embeddings" } else { "embedding" };
        return Err(Malformed { field: Some(field.to_owned()), message: format!("the answer holds no {field}") });
    }
    Ok(EmbedReply {
        vectors,
        usage: read.usage_metadata.and_then(|counts| usage(&counts.into())),
        ..EmbedReply::default()
    })
}

fn usage(counts: &Json<'_>) -> Option<Usage> {
    let prompt = count(counts, "/promptTokenCount")?;
    let details = counts.get("promptTokensDetails").and_then(Json::as_array).into_iter().flatten();
    let images = details.filter(|detail| detail.get("modality").is_some_and(|modality| modality == "IMAGE"));
    let images = images.filter_map(|detail| count(detail, "/tokenCount")).sum::<u64>();
    Some(Usage { input: prompt.saturating_sub(images), input_image: images, ..Usage::default() })
}

pub(super) fn write_reply(format: Format, reply: &EmbedReply) -> Result<Vec<u8>, Malformed> {
    let values = reply.vectors.iter().map(|vector| Ok(format!("{{\"values\":{}}}", vector.numbers()?)));
    let values = values.collect::<Result<Vec<_>, Malformed>>()?;
    let list = match format {
        Format::Gemini => format!("\"embeddings\":[{}]", values.join(",")),
        _ => format!("\"embedding\":{}", values.first().map_or("null", String::as_str)),
    };
    let tokens = reply.usage.unwrap_or_default().prompt();
    Ok(format!("{{{list},\"usageMetadata\":{{\"promptTokenCount\":{tokens}}}}}").into_bytes())
}

pub(super) fn glance(body: &[u8]) -> Glance {
    match serde_json::from_slice::<Body<'_>>(body) {
        Ok(read) if read.embedding.is_some() || !read.embeddings.is_empty() => {
            whole(read.usage_metadata.and_then(|counts| usage(&counts.into())))
        }
        _ => no_answer("the answer holds no embeddings"),
    }
}
