//! Imagen, by `predict`, on the Gemini API and on Vertex AI.

use serde_json::{Map, Value, json};

use super::{ImageCall, ImageReply, Made, Place, call::unsayable, gemini::lose};
use crate::{
    Loss,
    dialect::{
        Glance, Malformed,
        body::{json, no_answer, whole},
        field::Field,
    },
    failure::{Failure, Kind},
    usage::Usage,
};

const RATIOS: &[&str] = &["1:1", "3:4", "4:3", "9:16", "16:9"];

pub(super) fn write_call(call: &ImageCall) -> Result<(Vec<u8>, Loss), Malformed> {
    let mut loss = Loss::none();
    if !call.pictures.is_empty() || call.mask.is_some() {
        return Err(unsayable("image", "imagen makes pictures from words alone here"));
    }
    if call.stream {
        return Err(unsayable("stream", "pictures of imagen are not streamed: send false"));
    }
    let mut parameters = Map::new();
    parameters.insert("sampleCount".to_owned(), json!(call.count.unwrap_or(1)));
    if let Some(size) = call.size {
        let (ratio, exact) = size.ratio(RATIOS);
        if !exact {
            loss.note("image.size", format!("imagen's nearest shape is {ratio}"));
        }
        parameters.insert("aspectRatio".to_owned(), json!(ratio));
        if size.resolution() != "1K" {
            parameters.insert("sampleImageSize".to_owned(), json!("2K"));
        }
    }
    if call.background.is_some() {
        loss.note("image.background", "imagen has no such choice");
    }
    lose(call, "imagen", &mut loss);
    let body = json!({"instances": [{"prompt": call.prompt}], "parameters": parameters});
    Ok((body.to_string().into_bytes(), loss))
}

pub(super) fn read_reply(body: &[u8]) -> Result<ImageReply, Malformed> {
    let value = json("the answer", body)?;
    let root = Field::root(&value);
    let mut made = Vec::new();
    for prediction in root.need("predictions", "a list of pictures")?.items()? {
        let text = |name| prediction.get(name).map(|field| field.string()).transpose();
        // What was withheld has a reason in place of bytes.
        if let Some(data) = text("bytesBase64Encoded")? {
            made.push(Made {
                place: Place::Base64(data),
                media_type: text("mimeType")?,
                revised_prompt: text("prompt")?,
            });
        }
    }
    if made.is_empty() {
        return Err(Malformed { field: None, message: "the provider withheld every picture".to_owned() });
    }
    let usage = Usage { images_out: made.len() as u64, ..Usage::default() };
    Ok(ImageReply { model: String::new(), usage: Some(usage), made })
}

pub(super) fn glance(body: &[u8]) -> Glance {
    let is_answer = || serde_json::from_slice::<Value>(body).is_ok_and(|value| value.is_object());
    match read_reply(body) {
        Ok(reply) => whole(reply.usage),
        // Nothing but an empty object comes where all was withheld.
        Err(malformed) if is_answer() && !has_error(body) => {
            Glance { fault: Some(Failure::new(Kind::ContentPolicy, malformed.message)), ..Glance::default() }
        }
        Err(_) => no_answer("the answer holds no predictions"),
    }
}

fn has_error(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|value| value.get("error").is_some())
}
