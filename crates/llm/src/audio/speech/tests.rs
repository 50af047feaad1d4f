use serde_json::{Value, json};

use super::*;

fn call(body: &Value) -> SpeechCall {
    SpeechCall::read(body.to_string().as_bytes()).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn said(body: &Value, to: Format) -> (Value, String, String) {
    let (Written { body, tail }, loss) = to.write_call(&call(body)).unwrap_or_else(|refused| panic!("{refused}"));
    (serde_json::from_slice(&body).unwrap(), tail, loss.to_string())
}

#[test]
fn a_request_comes_back_as_it_was() {
    let body = json!({
        "model": "gpt-4o-mini-tts", "input": "Hello", "voice": "coral", "instructions": "Cheerful", "response_format": "opus",
        "speed": 1.25, "stream_format": "sse", "language": "en",
    });
    assert_eq!(said(&body, Format::OpenAi), (body, String::new(), String::new()));
    assert_eq!(
        call(&json!({"model": "m", "input": "x", "voice": {"id": "voice_1"}})).voice.as_deref(),
        Some("voice_1")
    );
}

#[test]
fn a_request_is_said_in_the_vendors_words() {
    let body = json!({"model": "m", "input": "Hi", "voice": "a/b c", "response_format": "pcm", "speed": 1.5, "instructions": "slow"});
    let (eleven, tail, lost) = said(&body, Format::ElevenLabs);
    assert_eq!(eleven, json!({"text": "Hi", "model_id": "m", "voice_settings": {"speed": 1.5}}));
    assert_eq!((tail.as_str(), lost.as_str()), ("/a%2Fb%20c?output_format=pcm_24000", "speech.instructions"));
    let (deep, tail, lost) = said(&body, Format::Deepgram);
    assert_eq!((deep, lost.as_str()), (json!({"text": "Hi"}), "speech.instructions,speech.voice"));
    assert_eq!(tail, "&encoding=linear16&container=none&sample_rate=24000&speed=1.5");
    let (_, tail, _) = said(&json!({"model": "m", "input": "Hi"}), Format::Deepgram);
    assert_eq!(tail, "&encoding=mp3", "mp3 is OpenAI's default");
}

#[test]
fn what_cannot_be_spoken_is_refused_by_name() {
    let refused = |extra: Value, to: Format| {
        let mut body = json!({"model": "m", "input": "Hi", "voice": "v"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        to.write_call(&call(&body)).unwrap_err().to_string()
    };
    assert_eq!(
        refused(json!({"response_format": "aac"}), Format::ElevenLabs),
        "response_format: elevenlabs makes mp3, opus, wav, pcm, not aac"
    );
    assert!(refused(json!({"stream_format": "sse"}), Format::Deepgram).starts_with("stream_format: "));
    assert_eq!(refused(json!({"voice": null}), Format::ElevenLabs), "voice: elevenlabs wants the id of a voice");
    let wrong = |body: Value| SpeechCall::read(body.to_string().as_bytes()).unwrap_err().to_string();
    assert_eq!(wrong(json!({"model": "m"})), "input is missing: it must be the text to speak");
    assert_eq!(wrong(json!({"model": "m", "input": "x", "speed": 9})), "speed must be a number from 0.25 to 4, not 9");
}

#[test]
fn characters_are_counted_not_bytes() {
    let usage = call(&json!({"model": "m", "input": "größer 😀"})).usage();
    assert_eq!((usage.characters_in, usage.source), (8, Source::Estimated));
}

#[test]
fn events_say_what_they_used() {
    let mut watch = Watch::default();
    watch.see(None, br#"{"type":"speech.audio.delta","audio":"AAAA"}"#);
    watch.see(
        None,
        br#"{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}"#,
    );
    let usage = Usage { input: 14, output: 101, output_audio: 101, ..Usage::default() };
    assert_eq!(watch.glance().usage, Some(usage));
}
