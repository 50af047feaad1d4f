//! The golden corpus and what must hold for every dialect: walks `fixtures/<dialect>/`.
//!
//! `<case>.request.json` is a request body, `<case>.reply.json` a whole answer, `<case>.sse` a streamed one; of a binary
//! stream `<case>.jsonl` lists the messages, each as `{"event": name, "data": payload}`. A dialect's
//! tests call the checks below; a new fixture is covered by being there.

use std::{env, fs, path::PathBuf};

use serde_json::Value;

use super::{Dialect, StreamForm, WriteFor};
use crate::{
    event::{Event, fold},
    frame::{Frame, Framing, eventstream},
};

/// One file of the corpus.
pub(crate) struct Case {
    /// The file's name without the suffix.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The files of a dialect with this suffix (`.request.json`, `.reply.json`, `.sse`), by name.
pub(crate) fn cases(dialect: Dialect, suffix: &str) -> Vec<Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(dialect.as_str());
    let mut cases: Vec<Case> = fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name()?.to_str()?.strip_suffix(suffix)?.to_owned();
            Some(Case { name, bytes: fs::read(&path).unwrap() })
        })
        .collect();
    assert!(!cases.is_empty(), "{} holds no *{suffix}", folder.display());
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

/// The one file of this name, suffix included.
pub(crate) fn case(dialect: Dialect, file: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(dialect.as_str());
    fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The streamed answers of a dialect, as they stand on the wire.
pub(crate) fn streams(dialect: Dialect) -> Vec<Case> {
    if dialect.framing() != Framing::EventStream {
        return cases(dialect, ".sse");
    }
    let message = |line: &str, bytes: &mut Vec<u8>| {
        let message: Value = serde_json::from_str(line).unwrap();
        let (name, data) = (message["event"].as_str().unwrap(), message["data"].to_string());
        match name.ends_with("Exception") {
            true => eventstream::write_exception(name, data.as_bytes(), bytes),
            false => eventstream::write_event(name, data.as_bytes(), bytes),
        }
    };
    let listed = cases(dialect, ".jsonl").into_iter().map(|Case { name, bytes: lines }| {
        let mut bytes = Vec::new();
        String::from_utf8(lines).unwrap().lines().for_each(|line| message(line, &mut bytes));
        Case { name, bytes }
    });
    listed.collect()
}

/// All events of a stream that arrives in these pieces.
pub(crate) fn read_stream(dialect: Dialect, pieces: &[&[u8]]) -> Vec<Event> {
    let mut reader = dialect.reader();
    let mut events = Vec::new();
    for piece in pieces {
        reader.push(piece, &mut events);
    }
    reader.finish(&mut events);
    events
}

/// The bytes of a stream that says these events.
pub(crate) fn write_stream(dialect: Dialect, include_usage: bool, events: &[Event]) -> Vec<u8> {
    let mut writer = dialect.writer(StreamForm { include_usage, framing: dialect.framing() });
    let mut bytes = Vec::new();
    for event in events {
        writer.push(event, &mut bytes);
    }
    bytes
}

/// The payload of every frame of a stream.
pub(crate) fn payloads(stream: &[u8]) -> Vec<String> {
    let mut payloads = Vec::new();
    let mut keep = |frame: Frame<'_>| {
        payloads.extend(frame.data.map(|data| String::from_utf8(data.into_owned()).unwrap()));
    };
    let mut splitter = Framing::Sse.splitter();
    splitter.push(stream, &mut keep).unwrap();
    splitter.finish(&mut keep);
    payloads
}

/// Reading, writing and reading again gives the same call; for files not in `normalised` the JSON is the same, too.
pub(crate) fn requests_round_trip(dialect: Dialect, target: &WriteFor, normalised: &[&str]) {
    for Case { name, bytes } in cases(dialect, ".request.json") {
        let call = dialect.read_call(&bytes).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        let (written, loss) = dialect.write_call(&call, target).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        assert!(loss.is_none(), "{name} lost {loss}");
        assert_eq!(dialect.read_call(&written).unwrap(), call, "{name}");
        if !normalised.contains(&name.as_str()) {
            assert_eq!(json(&written), json(&bytes), "{name}");
        }
    }
}

/// The same for whole answers.
pub(crate) fn replies_round_trip(dialect: Dialect, normalised: &[&str]) {
    for Case { name, bytes } in cases(dialect, ".reply.json") {
        let reply = dialect.read_reply(&bytes).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        let (written, loss) = dialect.write_reply(&reply);
        assert!(loss.is_none(), "{name} lost {loss}");
        assert_eq!(dialect.read_reply(&written).unwrap(), reply, "{name}");
        if !normalised.contains(&name.as_str()) {
            assert_eq!(json(&written), json(&bytes), "{name}");
        }
        let glance = dialect.glance_reply(&bytes);
        assert_eq!(glance.usage.unwrap_or_default(), reply.usage, "{name}");
        assert_eq!(glance.service_tier, reply.service_tier, "{name}");
    }
}

/// Cut once anywhere, and cut into single bytes, a stream gives the events of the whole.
pub(crate) fn streams_survive_every_split(dialect: Dialect) {
    for Case { name, bytes } in streams(dialect) {
        let whole = read_stream(dialect, &[&bytes]);
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(read_stream(dialect, &[head, tail]), whole, "{name} cut at {at}");
        }
        let singles: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read_stream(dialect, &singles), whole, "{name} in single bytes");
    }
}

/// Cut at random into many pieces, a stream gives the events of the whole. `SPLITS` is how many are tried in all.
pub(crate) fn streams_survive_random_splits(dialect: Dialect) {
    let splits: usize = env::var("SPLITS").map_or(4000, |count| count.parse().unwrap());
    let streams = streams(dialect);
    let wholes: Vec<_> = streams.iter().map(|case| read_stream(dialect, &[&case.bytes])).collect();
    let mut random = SplitMix(0x5EED);
    for round in 0..splits {
        let at = round % streams.len();
        let bytes = &streams[at].bytes;
        let most = 1 + random.below(24);
        let mut cuts: Vec<usize> = (0..most).map(|_| random.below(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        assert_eq!(read_stream(dialect, &pieces), wholes[at], "{} cut at {cuts:?}", streams[at].name);
    }
}

/// The relay lane's watcher learns the same usage, tier, end and fault as the reader, and never counts too little.
pub(crate) fn watch_agrees_with_reader(dialect: Dialect) {
    for Case { name, bytes } in streams(dialect) {
        let events = read_stream(dialect, &[&bytes]);
        let ended = events.contains(&Event::End);
        let stopped = events.iter().any(|event| matches!(event, Event::Stop { .. }));
        let reported = events.iter().any(|event| matches!(event, Event::Usage { .. }));
        let content = events.iter().any(|event| matches!(event, Event::Delta { .. } | Event::Open { .. }));
        let native = events.iter().any(|event| matches!(event, Event::Native { .. }));
        let (reply, fault) = fold(events);
        let glance = watch(dialect, &bytes);
        assert_eq!(glance.usage, reported.then_some(reply.usage), "{name}: usage");
        assert_eq!(glance.service_tier, reply.service_tier, "{name}: tier");
        assert_eq!(glance.stopped, stopped, "{name}: stopped");
        // A reader also ends an answer that has its stop reason but not its terminal event.
        assert_eq!(glance.ended || (ended && stopped), ended, "{name}: ended");
        // What only the dialect knows (sound) may be content, or not.
        assert!(glance.content >= content && (content || native || !glance.content), "{name}: content");
        // What is missing at the end of the bytes only the reader's `finish` knows.
        if let Some(seen) = &glance.fault {
            assert_eq!(Some(seen), fault.as_ref(), "{name}: fault");
        } else {
            assert!(fault.is_none_or(|fault| fault.kind == crate::failure::Kind::Malformed), "{name}: fault unseen");
        }
    }
}

/// What the watcher learns from a stream.
pub(crate) fn watch(dialect: Dialect, stream: &[u8]) -> super::Glance {
    let mut watch = dialect.watch();
    let mut splitter = dialect.framing().splitter();
    let mut see = |frame: Frame<'_>| {
        if let Some(data) = &frame.data {
            watch.see(frame.event, data);
        }
    };
    let _ = splitter.push(stream, &mut see); // of what is damaged, the messages before
    splitter.finish(&mut see);
    watch.glance().clone()
}

/// Reading a stream, writing it and reading that gives the same answer and the same fault.
pub(crate) fn streams_round_trip(dialect: Dialect) {
    for Case { name, bytes } in streams(dialect) {
        let events = read_stream(dialect, &[&bytes]);
        let written = write_stream(dialect, true, &events);
        // Of a fault a dialect carries the words.
        let told = |events| {
            let (reply, fault) = fold(events);
            (reply, fault.map(|fault| fault.message))
        };
        let again = told(read_stream(dialect, &[&written]));
        assert_eq!(again, told(events), "{name}:\n{}", String::from_utf8_lossy(&written));
    }
}

/// Fixtures with bytes changed, cut out or doubled go through every reader.
pub(crate) fn damaged_bytes_never_panic(dialect: Dialect) {
    const SPITE: &[u8] = b"{}[]\",:0-\xFFenulx";
    let mut random = SplitMix(0xDA3A6E);
    for suffix in [".request.json", ".reply.json", ".sse"] {
        let files = if suffix == ".sse" { streams(dialect) } else { cases(dialect, suffix) };
        for Case { bytes, .. } in files {
            for _ in 0..60 {
                let mut bytes = bytes.clone();
                for _ in 0..=random.below(3) {
                    let (from, length) = (random.below(bytes.len()), random.below(40));
                    let to = (from + length).min(bytes.len());
                    match random.below(4) {
                        0 => bytes[from] = SPITE[random.below(SPITE.len())],
                        1 => bytes.extend_from_within(from..to),
                        2 => drop(bytes.splice(from..to, *b"null")),
                        _ => drop(bytes.drain(from..to)),
                    }
                    bytes.push(b' ');
                }
                match suffix {
                    ".sse" => {
                        drop((watch(dialect, &bytes), write_stream(dialect, true, &read_stream(dialect, &[&bytes]))))
                    }
                    ".reply.json" => {
                        drop((dialect.read_reply(&bytes), dialect.glance_reply(&bytes), dialect.read_error(&bytes)))
                    }
                    _ => drop(dialect.read_call(&bytes).map(|call| dialect.write_call(&call, &WriteFor::default()))),
                }
            }
        }
    }
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// SplitMix64: the tests draw the same numbers on every run.
struct SplitMix(u64);

impl SplitMix {
    #[expect(clippy::cast_possible_truncation, reason = "the remainder is below a usize")]
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
