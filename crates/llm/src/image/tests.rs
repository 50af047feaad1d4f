use serde_json::{Value, json};

use super::*;
use crate::{dialect::FrameWatch, failure::Kind, usage::Usage};

fn call(body: &Value) -> ImageCall {
    Format::OpenAi.read_call(body.to_string().as_bytes()).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn said(body: &Value, to: Format) -> (Value, String) {
    let (written, loss) = to.write_call(&call(body)).unwrap_or_else(|refused| panic!("{refused}"));
    (json_of(&written), loss.to_string())
}

#[test]
fn a_request_comes_back_as_it_was() {
    let body = json!({
        "model": "gpt-image-2", "prompt": "A cat", "n": 2, "size": "1536x1024", "quality": "high", "output_format": "webp",
        "output_compression": 80, "background": "transparent", "user": "u", "moderation": "low",
    });
    assert_eq!(said(&body, Format::OpenAi).0, body);
}

#[test]
fn a_request_is_said_in_googles_words() {
    let body = json!({"model": "m", "prompt": "A cat", "n": 1, "size": "1792x1024", "quality": "hd", "response_format": "b64_json"});
    let (gemini, lost) = said(&body, Format::Gemini);
    assert_eq!(
        gemini,
        json!({
            "contents": [{"role": "user", "parts": [{"text": "A cat"}]}],
            "generationConfig": {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"}},
        })
    );
    assert_eq!(lost, "image.size,image.quality");
    let (imagen, lost) = said(&json!({"model": "m", "prompt": "A cat", "n": 4, "size": "1024x1024"}), Format::Imagen);
    let expected = json!({"instances": [{"prompt": "A cat"}], "parameters": {"sampleCount": 4, "aspectRatio": "1:1"}});
    assert_eq!((imagen, lost), (expected, String::new()));
}

#[test]
fn a_picture_to_be_changed_goes_along() {
    let mut asked = call(&json!({"model": "m", "prompt": "Add a hat"}));
    asked.pictures.push(Picture { media_type: "image/png".into(), data: "iVBORw0KGgo=".into() });
    let (written, _) = Format::Gemini.write_call(&asked).unwrap();
    let part = json!({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}});
    assert_eq!(json_of(&written)["contents"][0]["parts"][1], part);
    assert_eq!(
        Format::Imagen.write_call(&asked).unwrap_err().to_string(),
        "image: imagen makes pictures from words alone here"
    );
    asked.mask = asked.pictures.first().cloned();
    assert!(Format::Gemini.write_call(&asked).unwrap_err().to_string().starts_with("mask: "));
}

#[test]
fn what_would_change_the_picture_is_refused_by_name() {
    let refused = |extra: Value, to: Format| {
        let mut body = json!({"model": "m", "prompt": "A cat"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        to.write_call(&call(&body)).unwrap_err().to_string()
    };
    assert_eq!(refused(json!({"n": 3}), Format::Gemini), "n: gemini makes one picture a call: send 1");
    assert!(refused(json!({"background": "transparent"}), Format::Gemini).starts_with("background: "));
    for to in [Format::Gemini, Format::Imagen] {
        assert!(refused(json!({"stream": true}), to).starts_with("stream: "));
    }
    let wrong = |body: Value| Format::OpenAi.read_call(body.to_string().as_bytes()).unwrap_err().to_string();
    assert_eq!(wrong(json!({"model": "m"})), "prompt is missing: it must be what the picture is to show");
    assert_eq!(
        wrong(json!({"model": "m", "prompt": "x", "size": "big"})),
        "size must be auto, or width and height as in 1024x1024, not \"big\""
    );
    assert_eq!(wrong(json!({"model": "m", "prompt": "x", "n": 11})), "n must be a whole number from 1 to 10, not 11");
}

#[test]
fn a_form_says_numbers_as_text() {
    assert_eq!(call(&json!({"model": "m", "prompt": "x", "n": "2", "stream": "false"})).count, Some(2));
}

#[test]
fn answers_of_google_reach_clients_of_openai() {
    let gemini = json!({
        "candidates": [{"content": {"role": "model", "parts": [
            {"text": "Here it is."}, {"inlineData": {"mimeType": "image/png", "data": "QUJD"}},
        ]}, "finishReason": "STOP"}],
        "modelVersion": "gemini-3-pro-image", "usageMetadata": {
            "promptTokenCount": 270, "candidatesTokenCount": 1290, "thoughtsTokenCount": 10, "totalTokenCount": 1570,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 12}, {"modality": "IMAGE", "tokenCount": 258}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1280}],
        },
    });
    let bytes = gemini.to_string().into_bytes();
    let reply = Format::Gemini.read_reply(&bytes).unwrap();
    let usage = Usage {
        input: 12,
        input_image: 258,
        output: 1300,
        reasoning: 10,
        output_image: 1280,
        images_out: 1,
        ..Usage::default()
    };
    assert_eq!((reply.usage, Format::Gemini.glance(&bytes).usage), (Some(usage), Some(usage)));
    let told = json_of(&write_reply(&reply, 7));
    assert_eq!(
        (&told["created"], &told["data"], &told["output_format"]),
        (&json!(7), &json!([{"b64_json": "QUJD"}]), &json!("png"))
    );
    assert_eq!(told["usage"]["total_tokens"], 1570);
    assert_eq!(
        Format::OpenAi.read_reply(told.to_string().as_bytes()).unwrap().usage,
        Some(Usage { reasoning: 0, ..usage })
    );

    let imagen =
        br#"{"predictions":[{"mimeType":"image/png","bytesBase64Encoded":"QUJD"},{"raiFilteredReason":"no"}]}"#;
    let reply = Format::Imagen.read_reply(imagen).unwrap();
    assert_eq!(reply.usage, Some(Usage { images_out: 1, ..Usage::default() }), "what is withheld is not sold");
}

#[test]
fn an_answer_without_a_picture_is_a_failure() {
    let words = br#"{"candidates":[{"content":{"parts":[{"text":"I cannot do that."}]}}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":5}}"#;
    let glance = Format::Gemini.glance(words);
    let fault = glance.fault.unwrap();
    assert_eq!((fault.kind, fault.message.contains("I cannot do that.")), (Kind::ContentPolicy, true));
    assert_eq!(glance.usage.unwrap().output, 5);
    assert_eq!(Format::Imagen.glance(b"{}").fault.unwrap().kind, Kind::ContentPolicy);
    for format in Format::ALL.iter().copied() {
        for body in ["", "[]", r#"{"error":{"code":500,"message":"no"}}"#] {
            assert!(format.glance(body.as_bytes()).fault.is_some(), "{format:?} {body}");
        }
    }
}

#[test]
fn pictures_are_counted_whether_or_not_tokens_are() {
    let sold_by_piece =
        br#"{"created":1,"data":[{"url":"https://i.example/1.png"},{"url":"https://i.example/2.png"}]}"#;
    assert_eq!(Format::OpenAi.glance(sold_by_piece).usage, Some(Usage { images_out: 2, ..Usage::default() }));
}

#[test]
fn a_stream_says_what_it_used_at_its_end() {
    let mut watch = Watch::default();
    watch.see(None, br#"{"type":"image_generation.partial_image","b64_json":"QUJD"}"#);
    assert_eq!(watch.glance().usage, None);
    watch.see(None, br#"{"type":"image_generation.completed","b64_json":"QUJD","usage":{"input_tokens":50,"output_tokens":4000,"total_tokens":4050,"input_tokens_details":{"text_tokens":50,"image_tokens":0}}}"#);
    let usage = Usage { input: 50, output: 4000, output_image: 4000, images_out: 1, ..Usage::default() };
    assert_eq!(watch.glance().usage, Some(usage));
}
