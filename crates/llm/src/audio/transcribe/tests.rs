use serde_json::{Value, json};

use super::*;
use crate::{
    dialect::FrameWatch,
    usage::{Source, Usage},
};

fn call(fields: &Value) -> TranscribeCall {
    TranscribeCall::read(fields.to_string().as_bytes()).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What the vendors' documentation shows, shortened.
fn eleven() -> Value {
    json!({
        "language_code": "en", "language_probability": 0.98, "text": "Hello world! Bye.", "audio_duration_secs": 3.5,
        "words": [
            {"text": "Hello", "start": 0.1, "end": 0.4, "type": "word", "logprob": -0.1},
            {"text": " ", "start": 0.4, "end": 0.5, "type": "spacing", "logprob": -0.1},
            {"text": "world!", "start": 0.5, "end": 0.9, "type": "word", "logprob": -0.1},
            {"text": "Bye.", "start": 2.5, "end": 3.0, "type": "word", "logprob": -0.1},
        ],
    })
}

fn deep() -> Value {
    json!({
        "metadata": {"duration": 3.5, "channels": 1, "models": ["x"]},
        "results": {"channels": [{"detected_language": "en", "alternatives": [{"transcript": "Hello world! Bye.", "confidence": 0.9, "words": [
            {"word": "hello", "punctuated_word": "Hello", "start": 0.1, "end": 0.4},
            {"word": "world", "punctuated_word": "world!", "start": 0.5, "end": 0.9},
            {"word": "bye", "punctuated_word": "Bye.", "start": 2.5, "end": 3.0},
        ]}]}]},
    })
}

#[test]
fn a_form_is_said_in_the_vendors_words() {
    let fields = json!({"model": "m", "language": "de", "temperature": "0.2", "prompt": "Names: Zoë", "response_format": "srt", "timestamp_granularities[]": ["word", "segment"], "include[]": "logprobs"});
    let asked = call(&fields);
    assert!(asked.words && asked.form == Form::Srt);
    let (eleven, loss) = Format::ElevenLabs.write_call(&asked, false).unwrap();
    let expected = [
        ("model_id", "m"),
        ("language_code", "de"),
        ("temperature", "0.2"),
        ("tag_audio_events", "false"),
        ("timestamps_granularity", "word"),
    ];
    assert_eq!(eleven, Written::Form(pairs(&expected)));
    assert_eq!(loss.to_string(), "transcribe.prompt,extra.include[]");
    let (deep, loss) = Format::Deepgram.write_call(&asked, false).unwrap();
    assert_eq!(deep, Written::File { tail: "&smart_format=true&utterances=true&language=de".to_owned() });
    assert_eq!(loss.to_string(), "transcribe.prompt,extra.include[],transcribe.temperature");
    let (own, _) = Format::OpenAi.write_call(&asked, true).unwrap();
    let Written::Form(own) = own else { panic!("{own:?}") };
    assert!(
        own.contains(&("include[]".to_owned(), "logprobs".to_owned()))
            && own.contains(&("prompt".to_owned(), "Names: Zoë".to_owned()))
    );
}

#[test]
fn what_cannot_be_asked_is_refused_by_name() {
    let plain = call(&json!({"model": "m"}));
    assert!(Format::Deepgram.write_call(&plain, true).unwrap_err().to_string().starts_with("file: deepgram"));
    let streamed = call(&json!({"model": "m", "stream": "true"}));
    assert!(Format::ElevenLabs.write_call(&streamed, false).unwrap_err().to_string().starts_with("stream: "));
    let speakers = call(&json!({"model": "m", "response_format": "diarized_json"}));
    assert!(Format::ElevenLabs.write_call(&speakers, false).unwrap_err().to_string().starts_with("response_format: "));
    let wrong = TranscribeCall::read(br#"{"model":"m","response_format":"pdf"}"#).unwrap_err().to_string();
    assert!(wrong.starts_with("response_format must be json, text"), "{wrong}");
}

#[test]
fn answers_reach_a_client_in_the_form_that_it_wants() {
    for (format, answer) in [(Format::ElevenLabs, eleven()), (Format::Deepgram, deep())] {
        let reply = format.read_reply(answer.to_string().as_bytes()).unwrap();
        let usage = Usage { sound_in_ms: 3_500, ..Usage::default() };
        assert_eq!(reply.usage, Some(usage), "{format:?}");
        assert_eq!(format.glance(answer.to_string().as_bytes()).usage, Some(usage));
        let told = |form: &str| {
            let (kind, body) = write_reply(
                &reply,
                &call(&json!({"model": "m", "response_format": form, "timestamp_granularities[]": "word"})),
            );
            (kind, String::from_utf8(body).unwrap())
        };
        assert_eq!(told("text"), ("text/plain; charset=utf-8", "Hello world! Bye.\n".to_owned()));
        assert_eq!(
            told("srt").1,
            "1\n00:00:00,100 --> 00:00:00,900\nHello world!\n\n2\n00:00:02,500 --> 00:00:03,000\nBye.\n\n"
        );
        assert!(told("vtt").1.starts_with("WEBVTT\n\n00:00:00.100 --> 00:00:00.900\nHello world!\n\n"));
        let plain: Value = serde_json::from_str(&told("json").1).unwrap();
        assert_eq!(plain, json!({"text": "Hello world! Bye.", "usage": {"type": "duration", "seconds": 3.5}}));
        let verbose: Value = serde_json::from_str(&told("verbose_json").1).unwrap();
        assert_eq!((&verbose["duration"], &verbose["language"]), (&json!(3.5), &json!("en")));
        assert_eq!(verbose["words"][1], json!({"word": "world!", "start": 0.5, "end": 0.9}));
        assert_eq!(verbose["segments"][1]["text"], "Bye.");
    }
}

#[test]
fn openai_says_what_it_used_in_three_ways() {
    let usage = |body: &str| Format::OpenAi.glance(body.as_bytes()).usage;
    let tokens = r#"{"text":"x","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":45,"total_tokens":59}}"#;
    assert_eq!(usage(tokens), Some(Usage { input: 4, input_audio: 10, output: 45, ..Usage::default() }));
    let duration = r#"{"text":"x","usage":{"type":"duration","seconds":9}}"#;
    assert_eq!(usage(duration), Some(Usage { sound_in_ms: 9_000, ..Usage::default() }));
    let verbose = r#"{"text":"x","duration":8.47,"language":"english","segments":[{"id":0,"start":0.0,"end":3.319,"text":" The"}]}"#;
    assert_eq!(usage(verbose), Some(Usage { sound_in_ms: 8_470, ..Usage::default() }));
    let titles = "1\n00:00:00,000 --> 00:01:02,500\nHello\n\n";
    assert_eq!(usage(titles), Some(Usage { sound_in_ms: 62_500, source: Source::Estimated, ..Usage::default() }));
    assert_eq!(usage("Hello\n"), None);
    assert!(Format::OpenAi.glance(b"Hello\n").fault.is_none());
    for body in ["", "{}", r#"{"error":{"message":"no"}}"#] {
        for format in [Format::OpenAi, Format::ElevenLabs, Format::Deepgram] {
            assert!(format.glance(body.as_bytes()).fault.is_some(), "{format:?} {body}");
        }
    }
}

#[test]
fn a_stream_says_what_it_used_at_its_end() {
    let mut watch = Watch::default();
    watch.see(None, br#"{"type":"transcript.text.delta","delta":"I"}"#);
    watch.see(None, br#"{"type":"transcript.text.done","text":"I","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"audio_tokens":14},"output_tokens":4,"total_tokens":18}}"#);
    assert_eq!(watch.glance().usage, Some(Usage { input_audio: 14, output: 4, ..Usage::default() }));
}
