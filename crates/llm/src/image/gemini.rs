//! Gemini's models that answer in pictures, by `generateContent`. One picture a call.

use serde_json::{Map, Value, json};

use super::{ImageCall, ImageReply, Made, Picture, Place, call::unsayable};
use crate::{
    Loss,
    dialect::{
        Glance, Malformed,
        body::{count, json, no_answer, whole},
        field::Field,
    },
    failure::{Failure, Kind},
    json::Json,
    usage::Usage,
};

const RATIOS: &[&str] = &["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"];

pub(super) fn write_call(call: &ImageCall) -> Result<(Vec<u8>, Loss), Malformed> {
    let mut loss = Loss::none();
    if call.count.is_some_and(|count| count > 1) {
        return Err(unsayable("n", "gemini makes one picture a call: send 1"));
    }
    if call.mask.is_some() {
        return Err(unsayable("mask", "gemini takes no mask: say in the prompt what is to change"));
    }
    if call.background.as_deref() == Some("transparent") {
        return Err(unsayable("background", "gemini makes no transparent pictures"));
    }
    if call.stream {
        return Err(unsayable("stream", "pictures of gemini are not streamed here: send false"));
    }
    let mut config = Map::new();
    if let Some(size) = call.size {
        let (ratio, exact) = size.ratio(RATIOS);
        if !exact {
            loss.note("image.size", format!("gemini's nearest shape is {ratio}"));
        }
        config.insert("aspectRatio".to_owned(), json!(ratio));
        if size.resolution() != "1K" {
            config.insert("imageSize".to_owned(), json!(size.resolution()));
        }
    }
    lose(call, "gemini", &mut loss);
    let pictures = call
        .pictures
        .iter()
        .map(|Picture { media_type, data }| json!({"inlineData": {"mimeType": media_type, "data": data}}));
    let parts: Vec<Value> = std::iter::once(json!({"text": call.prompt})).chain(pictures).collect();
    let mut generation = json!({"responseModalities": ["TEXT", "IMAGE"]});
    if let (false, Some(generation)) = (config.is_empty(), generation.as_object_mut()) {
        generation.insert("imageConfig".to_owned(), Value::Object(config));
    }
    let body = json!({"contents": [{"role": "user", "parts": parts}], "generationConfig": generation});
    Ok((body.to_string().into_bytes(), loss))
}

/// What Google's models are not told.
pub(super) fn lose(call: &ImageCall, whose: &str, loss: &mut Loss) {
    let lost = [
        (call.quality.is_some(), "image.quality"),
        (call.format.as_deref().is_some_and(|format| format != "png"), "image.output_format"),
        (call.compression.is_some(), "image.output_compression"),
        (call.user.is_some(), "image.user"),
    ];
    for (said, field) in lost {
        if said {
            loss.note(field, format!("{whose} has no such choice"));
        }
    }
    for name in call.extra.keys() {
        // Pictures come as base64 either way.
        if name != "response_format" || call.extra.get(name).is_none_or(|form| form != "b64_json") {
            loss.note(format!("extra.{name}"), format!("{whose} has no such field"));
        }
    }
}

pub(super) fn read_reply(body: &[u8]) -> Result<ImageReply, Malformed> {
    let value = json("the answer", body)?;
    let root = Field::root(&value);
    let mut made = Vec::new();
    let mut said = Vec::new();
    for candidate in root.need("candidates", "a list of answers")?.items()? {
        let parts = candidate.value.pointer("/content/parts").and_then(Json::as_array);
        for part in parts.into_iter().flatten() {
            let text = |path: &str| part.pointer(path).and_then(Json::as_str).map(str::to_owned);
            // Drafts that a model makes while it thinks are no answer.
            if part.get("thought").is_some_and(|thought| thought.as_bool() == Some(true)) {
                continue;
            }
            match text("/inlineData/data") {
                Some(data) => made.push(Made {
                    place: Place::Base64(data),
                    media_type: text("/inlineData/mimeType"),
                    revised_prompt: None,
                }),
                None => said.extend(text("/text")),
            }
        }
    }
    if made.is_empty() {
        let words = if said.is_empty() { "nothing".to_owned() } else { said.join(" ") };
        let words: String = words.chars().take(300).collect();
        return Err(Malformed { field: None, message: format!("the answer holds no picture; it says: {words}") });
    }
    let model = value.get("modelVersion").and_then(Json::as_str).unwrap_or_default().to_owned();
    Ok(ImageReply { model, usage: Some(usage(&value, made.len() as u64)), made })
}

fn usage(answer: &Json<'_>, pictures: u64) -> Usage {
    let of = |name: &str| count(answer, &format!("/usageMetadata/{name}")).unwrap_or(0);
    let images = |list: &str| {
        let details = answer.pointer(&format!("/usageMetadata/{list}")).and_then(Json::as_array);
        let images = details
            .into_iter()
            .flatten()
            .filter(|detail| detail.get("modality").is_some_and(|modality| modality == "IMAGE"));
        images.filter_map(|detail| count(detail, "/tokenCount")).sum::<u64>()
    };
    let (read, thought) = (images("promptTokensDetails"), of("thoughtsTokenCount"));
    Usage {
        input: of("promptTokenCount").saturating_sub(read),
        input_image: read,
        output: of("candidatesTokenCount").saturating_add(thought),
        reasoning: thought,
        output_image: images("candidatesTokensDetails"),
        images_out: pictures,
        ..Usage::default()
    }
}

pub(super) fn glance(body: &[u8]) -> Glance {
    match (read_reply(body), Json::read(body)) {
        (Ok(reply), _) => {
            let mut glance = whole(reply.usage);
            glance.served_by(&reply.model);
            glance
        }
        // An answer without a picture was withheld, and is billed all the same.
        (Err(malformed), Ok(value)) if value.get("candidates").is_some() => Glance {
            usage: Some(usage(&value, 0)),
            fault: Some(Failure::new(Kind::ContentPolicy, malformed.message)),
            ..Glance::default()
        },
        (Err(_), Ok(value)) if value.get("promptFeedback").is_some() => Glance {
            fault: Some(Failure::new(Kind::ContentPolicy, "the provider refuses the prompt")),
            ..Glance::default()
        },
        _ => no_answer("the answer holds no candidates"),
    }
}
