//! What the fuzz targets of one kind share: the properties that hold for every input.
//!
//! A target that merely calls a reader finds panics. These also find answers that are wrong: a written body that cannot
//! be read again, a stream whose meaning depends on how its bytes were cut.

use llm::{
    Dialect, Event,
    dialect::{StreamForm, WriteFor},
    event::fold,
    frame::{
        eventstream,
        sse::{Frame, Splitter},
    },
};

/// A request that can be read can be written in every dialect or is refused by name; what its own dialect writes can be
/// read, and writing that again changes nothing.
pub fn request(dialect: Dialect, body: &[u8]) {
    let Ok(call) = dialect.read_call(body) else { return };
    for other in Dialect::ALL {
        let _ = other.write_call(&call, &WriteFor::default());
    }
    let Ok((written, _)) = dialect.write_call(&call, &WriteFor::default()) else { return };
    let again = match dialect.read_call(&written) {
        Ok(call) => call,
        Err(error) => panic!("own writing cannot be read: {error}: {}", String::from_utf8_lossy(&written)),
    };
    if let Ok((rewritten, _)) = dialect.write_call(&again, &WriteFor::default()) {
        assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&rewritten));
    }
}

/// As [`request`], for whole answers. The relay's glance must survive whatever the reader does.
pub fn reply(dialect: Dialect, body: &[u8]) {
    let _ = dialect.glance_reply(body);
    let _ = dialect.read_error(body);
    let Ok(reply) = dialect.read_reply(body) else { return };
    for other in Dialect::ALL {
        let _ = other.write_reply(&reply);
    }
    let (written, _) = dialect.write_reply(&reply);
    let again = match dialect.read_reply(&written) {
        Ok(reply) => reply,
        Err(error) => panic!("own writing cannot be read: {error}: {}", String::from_utf8_lossy(&written)),
    };
    let (rewritten, _) = dialect.write_reply(&again);
    assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&rewritten));
}

/// The events of a stream are the same for every split of its bytes; they can be folded and written in every dialect.
pub fn stream(dialect: Dialect, bytes: &[u8]) {
    let whole = events(dialect, [bytes].into_iter());
    let split = events(dialect, cuts(bytes).into_iter());
    assert_eq!(whole, split);
    let every_byte = events(dialect, bytes.chunks(1));
    assert_eq!(whole, every_byte);
    for other in Dialect::ALL {
        let (mut writer, mut written) = (other.writer(StreamForm { include_usage: true, framing: other.framing() }), Vec::new());
        for event in &whole {
            writer.push(event, &mut written);
        }
    }
    watch(dialect, bytes);
    let _ = fold(whole);
}

/// The frames of a stream are the same for every split of its bytes.
pub fn frames(bytes: &[u8]) {
    assert_eq!(data([bytes].into_iter()), data(cuts(bytes).into_iter()));
    assert_eq!(data([bytes].into_iter()), data(bytes.chunks(1)));
}

/// Binary messages with good checksums: one for each line, as the corpus lists them (`{"event": name, "data": payload}`);
/// a line that is none of these is a payload.
pub fn messages(lines: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let listed: Option<serde_json::Value> = serde_json::from_slice(line).ok();
        let listed = listed.as_ref().and_then(|listed| Some((listed.get("event")?.as_str()?, listed.get("data")?)));
        match listed {
            Some((event, data)) if event.ends_with("Exception") => {
                eventstream::write_exception(event, data.to_string().as_bytes(), &mut bytes);
            }
            Some((event, data)) => eventstream::write_event(event, data.to_string().as_bytes(), &mut bytes),
            None => eventstream::write_event("contentBlockDelta", line, &mut bytes),
        }
    }
    bytes
}

/// Binary messages are the same for every split of their bytes, and none is read whose checksum is wrong.
pub fn binary(bytes: &[u8]) {
    let read = |pieces: &[&[u8]]| {
        let (mut splitter, mut all) = (eventstream::Splitter::default(), Vec::new());
        for piece in pieces {
            if splitter.push(piece, |frame| all.push((frame.event.map(str::to_owned), frame.raw.to_vec()))).is_err() {
                break;
            }
        }
        all
    };
    let whole = read(&[bytes]);
    assert_eq!(whole, read(&cuts(bytes)));
    assert_eq!(whole, read(&bytes.chunks(1).collect::<Vec<_>>()));
    let raw: Vec<u8> = whole.into_iter().flat_map(|(_, raw)| raw).collect();
    assert!(bytes.starts_with(&raw));
    let mut framed = Vec::new();
    eventstream::write_event("chunk", bytes, &mut framed);
    assert_eq!(read(&[&framed]).len(), 1);
}

fn events<'a>(dialect: Dialect, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Event> {
    let (mut reader, mut events) = (dialect.reader(), Vec::new());
    for piece in pieces {
        reader.push(piece, &mut events);
    }
    reader.finish(&mut events);
    events
}

/// The relay's watch sees every frame once.
fn watch(dialect: Dialect, bytes: &[u8]) {
    let (mut splitter, mut watch) = (dialect.framing().splitter(), dialect.watch());
    let mut see = |frame: Frame<'_>| {
        if let Some(data) = &frame.data {
            watch.see(frame.event, data);
        }
    };
    let _ = splitter.push(bytes, &mut see);
    splitter.finish(&mut see);
    let _ = watch.glance();
}

fn data<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<(Option<String>, Vec<u8>)> {
    let (mut splitter, mut all) = (Splitter::default(), Vec::new());
    let mut keep = |frame: Frame<'_>| {
        if let Some(data) = frame.data {
            all.push((frame.event.map(str::to_owned), data.into_owned()));
        }
    };
    for piece in pieces {
        if splitter.push(piece, &mut keep).is_err() {
            break;
        }
    }
    splitter.finish(&mut keep);
    all
}

/// Cuts the bytes into short pieces, at places that depend on the bytes themselves: so a recorded stream is a seed as it
/// stands, and every change that the fuzzer makes also moves the cuts.
fn cuts(bytes: &[u8]) -> Vec<&[u8]> {
    let mut state = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let (mut pieces, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let longest = if state >> 60 == 0 { 200 } else { 12 };
        let (piece, after) = rest.split_at(((state >> 33) as usize % longest).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}
