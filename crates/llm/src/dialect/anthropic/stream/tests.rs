use super::{Reader, Watch, Writer};
use crate::{
    Event,
    dialect::{Dialect, EventReader, EventWriter, FrameWatch, corpus},
    event::{Block, Delta, fold},
    failure::Kind,
    reply::Stop,
    usage::{Usage, estimate_tokens},
};

const ANTHROPIC: Dialect = Dialect::Anthropic;

#[test]
fn replies_round_trip() {
    corpus::replies_round_trip(ANTHROPIC, &["web_search", "end_turn_with_tool"]);
}

#[test]
fn streams_survive_every_split() {
    corpus::streams_survive_every_split(ANTHROPIC);
}

#[test]
fn streams_survive_random_splits() {
    corpus::streams_survive_random_splits(ANTHROPIC);
}

#[test]
fn streams_round_trip() {
    corpus::streams_round_trip(ANTHROPIC);
}

#[test]
fn the_watch_agrees_with_the_reader() {
    corpus::watch_agrees_with_reader(ANTHROPIC);
}

fn events(file: &str) -> Vec<Event> {
    corpus::read_stream(ANTHROPIC, &[&corpus::case(ANTHROPIC, file)])
}

#[test]
fn the_watch_never_delivers_less_than_was_said() {
    for corpus::Case { name, bytes } in corpus::cases(ANTHROPIC, ".sse") {
        let said: u64 = corpus::read_stream(ANTHROPIC, &[&bytes])
            .iter()
            .map(|event| match event {
                Event::Delta { delta: Delta::Text(piece) | Delta::Arguments(piece), .. } => estimate_tokens(piece),
                _ => 0,
            })
            .sum();
        let delivered = corpus::watch(ANTHROPIC, &bytes).delivered_tokens;
        assert!(delivered >= said, "{name}: {delivered} < {said}");
        assert!(delivered <= said * 3 + 40, "{name}: {delivered} is far above {said}");
    }
}

#[test]
fn the_watch_passes_every_frame_and_sees_the_first_error() {
    let mut watch = Watch::default();
    let data = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    assert_eq!(watch.see(Some("error"), data), crate::dialect::Seen::Pass);
    let fault = watch.glance().fault.as_ref().unwrap();
    assert_eq!(
        (fault.kind, fault.code.as_deref(), watch.glance().content),
        (Kind::Overloaded, Some("overloaded_error"), false)
    );
}

#[test]
fn usage_of_the_end_replaces_that_of_the_beginning() {
    let usage = |file: &str| fold(events(file)).0.usage;
    assert_eq!(usage("text.sse"), Usage { input: 25, output: 15, ..Usage::default() });
    assert_eq!(usage("late_usage.sse"), Usage { input: 44, output: 6, ..Usage::default() });
    assert_eq!(usage("thinking.sse"), Usage { input: 25, output: 48, reasoning: 31, ..Usage::default() });
    // A stream that is cut has only the placeholder.
    assert_eq!(usage("cut.sse").output, 1);
}

#[test]
fn a_stream_without_its_end_is_whole_only_with_a_stop_reason() {
    let cut = events("cut.sse");
    assert!(matches!(cut.last(), Some(Event::Fault(fault)) if fault.kind == Kind::Malformed), "{cut:?}");
    assert!(!cut.iter().any(|event| matches!(event, Event::Stop { .. } | Event::End)));
    let whole = events("no_message_stop.sse");
    assert_eq!(whole[whole.len() - 2..], [Event::Stop { choice: 0, stop: Stop::End }, Event::End]);
    assert!(matches!(corpus::read_stream(ANTHROPIC, &[])[..], [Event::Fault(_)]));
    assert!(matches!(corpus::read_stream(ANTHROPIC, &[b"event: message_start\ndata: {\n\n"])[..], [Event::Fault(_)]));
}

#[test]
fn nothing_after_an_error_counts() {
    let mut reader = Reader::default();
    let mut seen = Vec::new();
    reader.push(&corpus::case(ANTHROPIC, "error_midway.sse"), &mut seen);
    let before = seen.len();
    reader.push(&corpus::case(ANTHROPIC, "text.sse"), &mut seen);
    reader.finish(&mut seen);
    assert_eq!(seen.len(), before);
    assert!(
        matches!(&seen[before - 1], Event::Fault(fault) if fault.kind == Kind::Overloaded && fault.request_id.as_deref() == Some("req_77"))
    );
}

/// The frames of these events, as text.
fn written(events: &[Event]) -> String {
    String::from_utf8(corpus::write_stream(ANTHROPIC, true, events)).unwrap()
}

fn open(index: u32, block: Block) -> Event {
    Event::Open { choice: 0, index, block }
}

fn piece(index: u32, delta: Delta) -> Event {
    Event::Delta { choice: 0, index, delta }
}

fn close(index: u32) -> Event {
    Event::Close { choice: 0, index }
}

#[test]
fn overlapping_blocks_are_put_in_order() {
    let tool = |id: &str| Block::ToolUse { id: id.into(), name: "f".into(), signature: None };
    let arguments = |text: &str| Delta::Arguments(text.into());
    let text = written(&[
        Event::Start { id: "a".into(), model: "m".into(), created: None },
        open(0, tool("one")),
        open(1, tool("two")),
        open(2, tool("three")),
        piece(2, arguments("3a")),
        piece(1, arguments("2a")),
        piece(0, arguments("1a")),
        piece(2, arguments("3b")),
        close(2),
        close(0),
        piece(1, arguments("2b")),
        close(1),
        Event::Stop { choice: 0, stop: Stop::ToolUse },
        Event::End,
    ]);
    let order: Vec<usize> =
        ["\"one\"", "1a", "\"two\"", "2a", "2b", "\"three\"", "3a3b", "message_delta", "message_stop"]
            .iter()
            .map(|word| text.find(word).unwrap_or_else(|| panic!("{word} is missing in {text}")))
            .collect();
    assert!(order.is_sorted(), "{order:?} in {text}");
    assert_eq!(text.matches("event: content_block_stop").count(), 3);
}

#[test]
fn what_waits_is_bounded() {
    let mut writer = Writer::default();
    let mut bytes = Vec::new();
    for index in 0..2 {
        writer.push(&open(index, Block::ToolUse { id: "a".into(), name: "f".into(), signature: None }), &mut bytes);
    }
    let megabyte = Delta::Arguments("x".repeat(1 << 20));
    for _ in 0..40 {
        writer.push(&piece(1, megabyte.clone()), &mut bytes);
    }
    writer.push(&Event::End, &mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.len() < 4096 && text.contains("event: error") && !text.contains("message_stop"), "{text}");
}

#[test]
fn the_last_frames_wait_for_the_counts() {
    let counted = Event::Usage {
        usage: Usage { input: 9, output: 4, ..Usage::default() },
        service_tier: Some("standard".into()),
    };
    let start = Event::Start { id: "a".into(), model: "m".into(), created: None };
    let stop = Event::Stop { choice: 0, stop: Stop::End };
    // Counts at the end: zeros first.
    let late = written(&[
        start.clone(),
        open(0, Block::Text),
        piece(0, Delta::Text("x".into())),
        close(0),
        stop.clone(),
        counted.clone(),
    ]);
    let delta = late.split("event: message_delta").nth(1).unwrap();
    assert!(
        late.contains("\"input_tokens\":0")
            && delta.contains("\"input_tokens\":9")
            && delta.contains("\"output_tokens\":4"),
        "{late}"
    );
    // Counts at once: they stand in message_start.
    let early = written(&[start.clone(), counted.clone()]);
    assert!(early.starts_with("event: message_start") && early.contains("\"input_tokens\":9"), "{early}");
    // Before they come, the end is not told.
    assert!(!written(&[start.clone(), stop.clone()]).contains("message_delta"));
    assert!(
        written(&[start, stop, Event::End]).ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
    );
}

#[test]
fn refusals_become_text_and_other_choices_a_loss() {
    let mut writer = Writer::default();
    let mut bytes = Vec::new();
    for event in [
        open(0, Block::Refusal),
        piece(0, Delta::Text("I will not.".into())),
        Event::Open { choice: 1, index: 0, block: Block::Text },
        Event::Delta { choice: 1, index: 0, delta: Delta::Text("other".into()) },
        close(0),
        Event::Stop { choice: 0, stop: Stop::End },
        Event::Native { dialect: Dialect::OpenAiChat, raw: "{}".into() },
        Event::End,
    ] {
        writer.push(&event, &mut bytes);
    }
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.contains("I will not.") && text.contains("\"stop_reason\":\"refusal\"") && !text.contains("other"),
        "{text}"
    );
    assert_eq!(writer.loss().to_string(), "choices,events");
}

#[test]
fn keepalives_say_nothing() {
    let mut stream = corpus::case(ANTHROPIC, "text.sse");
    let whole = corpus::read_stream(ANTHROPIC, &[&stream]);
    let ping = ANTHROPIC.keepalive(crate::frame::Framing::Sse);
    stream.splice(0..0, ping.iter().copied());
    assert_eq!(corpus::read_stream(ANTHROPIC, &[&stream]), whole);
}
