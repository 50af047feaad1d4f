//! OpenAI's pictures: <https://platform.openai.com/docs/api-reference/images>

use serde_json::{Map, Value, json};

use super::{ImageCall, ImageReply, Made, Place, Size};
use crate::{
    dialect::{
        FrameWatch, Glance, Malformed, Seen,
        body::{count, json, no_answer, whole},
        field::Field,
    },
    json::Json,
    usage::Usage,
};

const KNOWN: &[&str] = &[
    "model",
    "prompt",
    "n",
    "size",
    "quality",
    "output_format",
    "output_compression",
    "background",
    "stream",
    "user",
    "safety_identifier",
];

pub(super) fn read_call(body: &[u8]) -> Result<ImageCall, Malformed> {
    let value = json("the body", body)?;
    let root = Field::root(&value);
    let text = |name| root.get(name).map(|field| field.string()).transpose();
    let prompt = root.need("prompt", "what the picture is to show")?;
    if prompt.text()?.is_empty() {
        return Err(prompt.wrong("what the picture is to show"));
    }
    let extra = root.object()?.others(KNOWN);
    Ok(ImageCall {
        model: root.need("model", "the name of a model")?.string()?,
        prompt: prompt.string()?,
        count: root.get("n").map(|n| number(&n, 1, 10)).transpose()?,
        size: root.get("size").map(|size| read_size(&size)).transpose()?.flatten(),
        quality: text("quality")?.filter(|quality| quality != "auto"),
        format: text("output_format")?,
        compression: root.get("output_compression").map(|field| number(&field, 0, 100)).transpose()?,
        background: text("background")?.filter(|background| background != "auto"),
        pictures: Vec::new(),
        mask: None,
        stream: root.get("stream").map(|stream| flag(&stream)).transpose()?.unwrap_or(false),
        user: text("safety_identifier")?.or(text("user")?),
        extra,
    })
}

/// A number, which a form says as text.
fn number(field: &Field<'_, '_>, least: u64, most: u64) -> Result<u64, Malformed> {
    match field.value.as_str().map(str::parse::<u64>) {
        None => field.whole(least, most),
        Some(Ok(number)) if (least..=most).contains(&number) => Ok(number),
        Some(_) => Err(field.wrong(&format!("a whole number from {least} to {most}"))),
    }
}

/// A choice, which a form says as text.
fn flag(field: &Field<'_, '_>) -> Result<bool, Malformed> {
    match field.value.as_str() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => field.boolean(),
    }
}

fn read_size(size: &Field<'_, '_>) -> Result<Option<Size>, Malformed> {
    let text = size.text()?;
    if text == "auto" {
        return Ok(None);
    }
    let parsed = text.split_once('x').and_then(|(width, height)| {
        let (width, height) = (width.parse().ok()?, height.parse().ok()?);
        (width > 0 && height > 0).then_some(Size { width, height })
    });
    parsed.map(Some).ok_or_else(|| size.wrong("auto, or width and height as in 1024x1024"))
}

pub(super) fn write_call(call: &ImageCall) -> Vec<u8> {
    let mut body = Map::new();
    let size = call.size.map(|size| format!("{}x{}", size.width, size.height));
    let fields = [
        ("model", Some(json!(call.model))),
        ("prompt", Some(json!(call.prompt))),
        ("n", call.count.map(Value::from)),
        ("size", size.map(Value::from)),
        ("quality", call.quality.clone().map(Value::from)),
        ("output_format", call.format.clone().map(Value::from)),
        ("output_compression", call.compression.map(Value::from)),
        ("background", call.background.clone().map(Value::from)),
        ("stream", call.stream.then_some(json!(true))),
        ("user", call.user.clone().map(Value::from)),
    ];
    body.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    body.extend(call.extra.clone());
    Value::Object(body).to_string().into_bytes()
}

pub(super) fn read_reply(body: &[u8]) -> Result<ImageReply, Malformed> {
    let value = json("the answer", body)?;
    let root = Field::root(&value);
    let data = root.need("data", "a list of pictures")?;
    let made = data.items()?.map(|item| {
        let text = |name| item.get(name).map(|field| field.string()).transpose();
        let place = match (text("b64_json")?, text("url")?) {
            (Some(data), _) => Place::Base64(data),
            (None, Some(url)) => Place::Url(url),
            (None, None) => return Err(item.wrong("an object with b64_json or url")),
        };
        Ok(Made { place, media_type: None, revised_prompt: text("revised_prompt")? })
    });
    let made: Vec<Made> = made.collect::<Result<_, _>>()?;
    let model = root.get("model").and_then(|model| model.value.as_str()).unwrap_or_default().to_owned();
    Ok(ImageReply { model, usage: Some(usage(&value, made.len() as u64)), made })
}

/// Tokens, where the model is sold by the token, and pictures, where it is sold by the piece.
fn usage(answer: &Json<'_>, pictures: u64) -> Usage {
    let of = |name: &str| count(answer, &format!("/usage/{name}")).unwrap_or(0);
    let images = of("input_tokens_details/image_tokens");
    let output = of("output_tokens");
    Usage {
        input: of("input_tokens").saturating_sub(images),
        input_image: images,
        output,
        // All of it is pictures unless it is said otherwise.
        output_image: output.saturating_sub(of("output_tokens_details/text_tokens")),
        images_out: pictures,
        ..Usage::default()
    }
}

pub(super) fn write_reply(reply: &ImageReply, created: i64) -> Vec<u8> {
    let data: Vec<Value> = reply
        .made
        .iter()
        .map(|made| {
            let mut item = match &made.place {
                Place::Base64(data) => json!({"b64_json": data}),
                Place::Url(url) => json!({"url": url}),
            };
            if let (Some(prompt), Some(item)) = (&made.revised_prompt, item.as_object_mut()) {
                item.insert("revised_prompt".to_owned(), json!(prompt));
            }
            item
        })
        .collect();
    let mut body = json!({"created": created, "data": data});
    let format = reply.made.iter().find_map(|made| made.media_type.as_deref()?.strip_prefix("image/"));
    if let Some(body) = body.as_object_mut() {
        body.extend(format.map(|format| ("output_format".to_owned(), json!(format))));
        if let Some(usage) = reply.usage.filter(|usage| usage.total() > 0) {
            let written = json!({
                "input_tokens": usage.prompt(),
                "input_tokens_details": {"text_tokens": usage.input, "image_tokens": usage.input_image},
                "output_tokens": usage.output,
                "output_tokens_details": {
                    "image_tokens": usage.output_image, "text_tokens": usage.output.saturating_sub(usage.output_image),
                },
                "total_tokens": usage.total(),
            });
            body.insert("usage".to_owned(), written);
        }
    }
    body.to_string().into_bytes()
}

pub(super) fn glance(body: &[u8]) -> Glance {
    let Ok(value) = Json::read(body) else { return no_answer("the answer is not JSON") };
    let Some(data) = value.get("data").and_then(Json::as_array) else {
        return no_answer("the answer holds no pictures");
    };
    whole(Some(usage(&value, data.len() as u64)))
}

/// Looks at the events of a streamed answer for what it used: `image_generation.completed`, `image_edit.completed`.
#[derive(Debug, Default)]
pub struct Watch {
    glance: Glance,
}

impl FrameWatch for Watch {
    fn see(&mut self, _event: Option<&str>, data: &[u8]) -> Seen {
        self.glance.content = true;
        // Partial pictures are large and say nothing of use.
        if memchr::memmem::find(data, b".completed\"").is_some()
            && let Ok(value) = Json::read(data)
        {
            let made = self.glance.usage.map_or(0, |usage| usage.images_out) + 1;
            let mut sum = usage(&value, 0);
            sum.add(&self.glance.usage.unwrap_or_default());
            self.glance.usage = Some(Usage { images_out: made, ..sum });
            self.glance.stopped = true;
        }
        Seen::Pass
    }

    fn glance(&self) -> &Glance {
        &self.glance
    }
}
