//! OpenAI's shape and those that follow it: inputs in a list, vectors in a list with their index. The vendors differ in
//! names, and names are data.

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

/// The names of one vendor.
struct Words {
    dimensions: &'static str,
    /// Where the form is said (`encoding_format`); numbers are the default.
    form: &'static str,
    number: Option<&'static str>,
    purpose: Option<&'static str>,
    purposes: &'static [(Purpose, &'static str)],
    /// Where it is said that inputs may be shortened: true or false.
    truncate: Option<&'static str>,
    /// Whether it takes token arrays.
    tokens: bool,
    /// Whether it takes `{"text": ..}` and `{"image": ..}` as inputs.
    objects: bool,
    user: Option<&'static str>,
}

const OPENAI: Words = Words {
    dimensions: "dimensions",
    form: "encoding_format",
    number: None,
    purpose: None,
    purposes: &[],
    truncate: None,
    tokens: true,
    objects: false,
    user: Some("user"),
};

const VOYAGE: Words = Words {
    dimensions: "output_dimension",
    number: Some("output_dtype"),
    purpose: Some("input_type"),
    purposes: &[(Purpose::Query, "query"), (Purpose::Document, "document")],
    truncate: Some("truncation"),
    tokens: false,
    user: None,
    ..OPENAI
};

const MISTRAL: Words =
    Words { dimensions: "output_dimension", number: Some("output_dtype"), tokens: false, user: None, ..OPENAI };

const JINA: Words = Words {
    form: "embedding_type",
    purpose: Some("task"),
    purposes: &[
        (Purpose::Query, "retrieval.query"),
        (Purpose::Document, "retrieval.passage"),
        (Purpose::Similarity, "text-matching"),
        (Purpose::Classification, "classification"),
        (Purpose::Clustering, "separation"),
        (Purpose::CodeQuery, "code.query"),
        (Purpose::CodeDocument, "code.passage"),
    ],
    truncate: Some("truncate"),
    tokens: false,
    objects: true,
    user: None,
    ..OPENAI
};

/// What self-hosted servers and NVIDIA take beside OpenAI's own fields, and so do we from every client of this shape.
const COMMON_PURPOSES: &[(Purpose, &str)] = &[
    (Purpose::Query, "query"),
    (Purpose::Query, "search_query"),
    (Purpose::Document, "document"),
    (Purpose::Document, "passage"),
    (Purpose::Document, "search_document"),
    (Purpose::Similarity, "similarity"),
    (Purpose::Classification, "classification"),
    (Purpose::Clustering, "clustering"),
];

impl Words {
    fn of(format: Format) -> &'static Self {
        match format {
            Format::Voyage => &VOYAGE,
            Format::Mistral => &MISTRAL,
            Format::Jina => &JINA,
            _ => &OPENAI,
        }
    }
}

pub(super) fn read_call(format: Format, body: &[u8]) -> Result<EmbedCall, Malformed> {
    let words = Words::of(format);
    let value = json("the body", body)?;
    let root = Field::root(&value);
    let model = root.need("model", "the name of a model")?;
    if model.text()?.is_empty() {
        return Err(model.wrong("the name of a model"));
    }
    let purpose_field = words.purpose.unwrap_or("input_type");
    let known = ["model", "input", words.dimensions, words.form, purpose_field]
        .into_iter()
        .chain(words.number)
        .chain(words.truncate)
        .chain(words.user);
    let known: Vec<&str> = known.collect();
    let extra = root.object()?.others(&known);
    let text = |name| root.get(name).map(|field| field.string()).transpose();
    let (forms, number) = read_form(words, &root)?;
    let may_shorten = words.truncate.and_then(|name| root.get(name)).map(|field| field.boolean()).transpose()?;
    Ok(EmbedCall {
        model: model.string()?,
        inputs: read_inputs(&root.need("input", "a string, a list of strings, or tokens")?)?,
        dimensions: root.get(words.dimensions).map(|field| field.whole(1, 1 << 20)).transpose()?,
        forms,
        number,
        purpose: root.get(purpose_field).map(|field| read_purpose(words, &field)).transpose()?,
        truncate: may_shorten.map(|may| if may { Truncate::End } else { Truncate::Never }),
        user: words.user.map(text).transpose()?.flatten(),
        extra: (format, extra),
    })
}

fn read_form(words: &Words, root: &Field<'_, '_>) -> Result<(Forms, Option<String>), Malformed> {
    let number = words.number.and_then(|name| root.get(name)).map(|field| field.string()).transpose()?;
    let number = number.filter(|number| number != "float");
    let Some(form) = root.get(words.form) else { return Ok((Forms::NUMBERS, number)) };
    match form.text()? {
        "float" => Ok((Forms::NUMBERS, number)),
        "base64" => Ok((Forms::BASE64, number)),
        kind @ ("int8" | "uint8" | "binary" | "ubinary") if words.number.is_none() && words.objects => {
            Ok((Forms::NUMBERS, Some(kind.to_owned())))
        }
        _ => Err(form.wrong("float or base64")),
    }
}

fn read_purpose(words: &Words, field: &Field<'_, '_>) -> Result<Purpose, Malformed> {
    let said = field.text()?;
    let own = words.purposes.iter().chain(COMMON_PURPOSES).find(|(_, word)| *word == said);
    own.map(|(purpose, _)| *purpose).ok_or_else(|| {
        let list = if words.purposes.is_empty() { COMMON_PURPOSES } else { words.purposes };
        field.wrong(&list.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(", "))
    })
}

fn read_inputs(input: &Field<'_, '_>) -> Result<Vec<Input>, Malformed> {
    const RIGHT: &str = "a string, a list of strings, a list of tokens, or a list of lists of tokens";
    if input.value.as_str().is_some() {
        return Ok(vec![read_input(input, RIGHT)?]);
    }
    let Some(items) = input.value.as_array().filter(|items| !items.is_empty()) else { return Err(input.wrong(RIGHT)) };
    if items.iter().all(|item| item.as_f64().is_some()) {
        return Ok(vec![read_input(input, RIGHT)?]);
    }
    input.items()?.map(|item| read_input(&item, RIGHT)).collect()
}

fn read_input(item: &Field<'_, '_>, right: &str) -> Result<Input, Malformed> {
    match item.value {
        Json::String(text) if !text.is_empty() => Ok(Input::Text(text.clone().into_owned())),
        Json::Array(tokens) if !tokens.is_empty() => {
            let token = |token: Field<'_, '_>| token.whole(0, u64::from(u32::MAX));
            let tokens = item.items()?.map(token).collect::<Result<Vec<_>, _>>()?;
            Ok(Input::Tokens(tokens.into_iter().filter_map(|token| u32::try_from(token).ok()).collect()))
        }
        Json::Object(_) => match (item.get("text"), item.get("image")) {
            (Some(text), None) => Ok(Input::Text(text.string()?)),
            (None, Some(image)) => Ok(Input::Image(image.string()?)),
            _ => Err(item.wrong(right)),
        },
        _ => Err(item.wrong(right)),
    }
}

pub(super) fn write_call(format: Format, call: &EmbedCall) -> Result<(Vec<u8>, Loss), Malformed> {
    let words = Words::of(format);
    let mut loss = Loss::none();
    let mut inputs = Vec::with_capacity(call.inputs.len());
    for (at, input) in call.inputs.iter().enumerate() {
        inputs.push(match input {
            Input::Text(text) if words.objects && has_images(call) => json!({"text": text}),
            Input::Text(text) => json!(text),
            Input::Tokens(tokens) if words.tokens => json!(tokens),
            Input::Image(url) if words.objects => json!({"image": url}),
            Input::Tokens(_) => {
                return Err(unsayable(&format!("input[{at}]"), format, "takes text, not tokens: send the text"));
            }
            Input::Image(_) | Input::Mixed(_) => {
                return Err(unsayable(&format!("input[{at}]"), format, "has no place for such a picture"));
            }
        });
    }
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("model", json!(call.model));
    // One input alone is written as such: some servers take nothing else.
    put(
        "input",
        if let [only] = inputs.as_mut_slice()
            && only.is_string()
        {
            only.take()
        } else {
            Value::Array(inputs)
        },
    );
    if let Some(dimensions) = call.dimensions {
        put(words.dimensions, json!(dimensions));
    }
    match (&call.number, words.number) {
        (None, _) => {}
        (Some(number), Some(name)) => drop(put(name, json!(number))),
        (Some(number), None) if format == Format::Jina => drop(put(words.form, json!(number))),
        (Some(number), None) => return Err(unsayable(number, format, "answers floats only")),
    }
    // Numbers are everybody's default; Voyage refuses to be told.
    if call.forms.base64 && call.number.is_none() {
        put(words.form, json!("base64"));
    }
    match call.purpose.map(|purpose| words.purposes.iter().find(|(known, _)| *known == purpose)) {
        None => {}
        Some(Some((_, word))) => drop(words.purpose.map(|name| put(name, json!(word)))),
        Some(None) => loss.note("embed.purpose", format!("{} has no such purpose", format.as_str())),
    }
    match (call.truncate, words.truncate) {
        (None, _) => {}
        (Some(truncate), Some(name)) => drop(put(name, json!(truncate != Truncate::Never))),
        (Some(_), None) => loss.note("embed.truncate", format!("{} has no such choice", format.as_str())),
    }
    match (&call.user, words.user) {
        (None, _) => {}
        (Some(user), Some(name)) => drop(put(name, json!(user))),
        (Some(_), None) => loss.note("embed.user", format!("{} does not ask for whom", format.as_str())),
    }
    write_extra(call, format, &mut body, &mut loss);
    Ok((Value::Object(body).to_string().into_bytes(), loss))
}

fn has_images(call: &EmbedCall) -> bool {
    call.inputs.iter().any(|input| !matches!(input, Input::Text(_)))
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    model: Option<Value>,
    #[serde(borrow)]
    data: Vec<Item<'a>>,
    #[serde(default)]
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(default)]
    index: Option<usize>,
    #[serde(borrow)]
    embedding: &'a RawValue,
}

pub(super) fn read_reply(body: &[u8]) -> Result<EmbedReply, Malformed> {
    let read: Body<'_> = serde_json::from_slice(body)
        .map_err(|error| Malformed { field: None, message: format!("the answer is no list of embeddings: {error}") })?;
    let mut places: Vec<Option<Vector>> = read.data.iter().map(|_| None).collect();
    for (at, item) in read.data.iter().enumerate() {
        let index = item.index.unwrap_or(at);
        let place = places.get_mut(index).filter(|place| place.is_none()).ok_or_else(|| Malformed {
            field: None,
            message: format!("the answer's embedding {at} has the index {index}, which is taken or too large"),
        })?;
        *place = Some(Vector::read(item.embedding)?);
    }
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    Ok(EmbedReply {
        id: text(read.id),
        model: text(read.model),
        vectors: places.into_iter().flatten().collect(),
        usage: read.usage.and_then(|counts| usage(&counts.into())),
    })
}

/// `prompt_tokens`, or `total_tokens` where that is all that is said (Voyage). Pictures are counted apart by Voyage.
fn usage(usage: &Json<'_>) -> Option<Usage> {
    let images = count(usage, "/prompt_tokens_details/image_tokens").unwrap_or(0);
    let prompt = count(usage, "/prompt_tokens").or_else(|| count(usage, "/total_tokens"))?;
    Some(Usage { input: prompt.saturating_sub(images), input_image: images, ..Usage::default() })
}

pub(super) fn write_reply(reply: &EmbedReply, call: &EmbedCall) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"object\":\"list\",\"data\":[");
    for (index, vector) in reply.vectors.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(format!("{{\"object\":\"embedding\",\"index\":{index},\"embedding\":").as_bytes());
        if call.forms.base64 && call.number.is_none() {
            out.push(b'"');
            out.extend_from_slice(vector.base64()?.as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(vector.numbers()?.as_bytes());
        }
        out.push(b'}');
    }
    let model = if reply.model.is_empty() { &call.model } else { &reply.model };
    let tokens = reply.usage.as_ref().map_or(0, Usage::prompt);
    let rest = json!({"model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}).to_string();
    out.extend_from_slice(b"],");
    out.extend_from_slice(rest.strip_prefix('{').unwrap_or(&rest).as_bytes());
    Ok(out)
}

pub(super) fn glance(body: &[u8]) -> Glance {
    #[derive(Deserialize)]
    struct Ends<'a> {
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
        #[serde(borrow, default)]
        model: Option<&'a RawValue>,
        #[serde(default)]
        usage: Option<Value>,
    }
    match serde_json::from_slice::<Ends<'_>>(body) {
        Ok(Ends { data: Some(_), model, usage: counts }) => {
            let mut glance = whole(counts.and_then(|counts| usage(&counts.into())));
            glance.served_by_raw(model.map(|model| model.get().as_bytes()));
            glance
        }
        _ => no_answer("the answer holds no list of embeddings"),
    }
}
