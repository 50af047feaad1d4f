use proptest::prelude::*;

use super::*;

type Owned = (Vec<u8>, Option<String>, Vec<u8>);

fn frames(chunks: &[&[u8]]) -> (Vec<Owned>, Result<(), Unreadable>) {
    let mut splitter = Splitter::default();
    let mut out = Vec::new();
    for chunk in chunks {
        let done = splitter.push(chunk, |frame| {
            let data = frame.data.map(Cow::into_owned).unwrap_or_default();
            out.push((frame.raw.to_vec(), frame.event.map(str::to_owned), data));
        });
        if done.is_err() {
            return (out, done);
        }
    }
    (out, Ok(()))
}

/// A message with these headers as they stand on the wire.
fn message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(u32::try_from(PRELUDE + headers.len() + payload.len() + CHECKSUM).unwrap().to_be_bytes());
    bytes.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(payload);
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

#[test]
fn the_written_bytes_are_those_of_the_specification() {
    // The first example of Amazon's own test vectors: no headers, no payload.
    let mut bytes = Vec::new();
    write(&[], b"", &mut bytes);
    assert_eq!(bytes, [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff]);
    let mut event = Vec::new();
    write_event("messageStop", b"{}", &mut event);
    let mut headers = vec![11];
    headers.extend(b":event-type\x07\x00\x0bmessageStop\x0d:content-type\x07\x00\x10application/json");
    headers.extend(b"\x0d:message-type\x07\x00\x05event");
    assert_eq!(event, message(&headers, b"{}"));
}

#[test]
fn headers_of_every_type_are_passed_over() {
    let mut headers = Vec::new();
    let mut header = |name: &str, kind: u8, value: &[u8]| {
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend(name.as_bytes());
        headers.push(kind);
        headers.extend(value);
    };
    header("yes", 0, b"");
    header("no", 1, b"");
    header("byte", 2, &[1]);
    header("short", 3, &[1; 2]);
    header("integer", 4, &[1; 4]);
    header("long", 5, &[1; 8]);
    header("bytes", 6, &[0, 3, 1, 2, 3]);
    header(":event-type", 7, b"\x00\x05chunk");
    header("timestamp", 8, &[1; 8]);
    header("uuid", 9, &[1; 16]);
    let bytes = message(&headers, b"payload");
    let (frames, done) = frames(&[&bytes]);
    assert_eq!((frames, done), (vec![(bytes, Some("chunk".into()), b"payload".to_vec())], Ok(())));
}

#[test]
fn a_failure_of_the_service_lends_its_words_to_the_payload() {
    let mut bytes = Vec::new();
    let headers = [(":message-type", "error"), (":error-code", "InternalFailure"), (":error-message", "it \"broke\"")];
    write(&headers, b"", &mut bytes);
    let (frames, _) = frames(&[&bytes]);
    assert_eq!(frames[0].1.as_deref(), Some("InternalFailure"));
    assert_eq!(frames[0].2, br#"{"message":"it \"broke\""}"#);
}

#[test]
fn what_the_checksums_do_not_vouch_for_is_not_read() {
    let mut good = Vec::new();
    write_event("messageStop", br#"{"stopReason":"end_turn"}"#, &mut good);
    for at in 0..good.len() {
        for bit in [1, 0x80] {
            let mut bytes = good.clone();
            bytes[at] ^= bit;
            assert_eq!(frames(&[&bytes, &good]), (Vec::new(), Err(Unreadable::Damaged)), "byte {at}");
        }
    }
    let mut splitter = Splitter::default();
    assert_eq!(splitter.push(b"HTTP/1.1 502 Bad Gateway", |_| {}), Err(Unreadable::Damaged));
    assert_eq!(splitter.push(&good, |_| panic!("read after the damage")), Err(Unreadable::Damaged));
}

#[test]
fn lengths_are_bounded_and_must_agree() {
    let prelude = |total: usize, headers: usize| {
        let mut bytes = Vec::new();
        bytes.extend(u32::try_from(total).unwrap().to_be_bytes());
        bytes.extend(u32::try_from(headers).unwrap().to_be_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        frames(&[&bytes]).1
    };
    assert_eq!(prelude(crate::frame::Splitter::MOST_BYTES, 0), Ok(()));
    assert_eq!(prelude(crate::frame::Splitter::MOST_BYTES + 1, 0), Err(Unreadable::TooLong));
    assert_eq!(prelude(1 << 20, MOST_HEADER_BYTES + 1), Err(Unreadable::TooLong));
    assert_eq!(
        (prelude(15, 0), prelude(16, 1), prelude(0, 0)),
        (Err(Unreadable::Damaged), Err(Unreadable::Damaged), Err(Unreadable::Damaged))
    );
    // A header that is longer than all headers.
    let cut = message(b"\x05abc", b"defgh");
    assert_eq!(frames(&[&cut]).1, Err(Unreadable::Damaged));
    let unknown = message(b"\x01a\x0a", b"");
    assert_eq!(frames(&[&unknown]).1, Err(Unreadable::Damaged));
}

proptest! {
    #[test]
    fn case_001_every_split_gives_the_same_messages(
        messages in proptest::collection::vec(("[a-z]{0,9}", proptest::collection::vec(any::<u8>(), 0..40)), 0..8),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut bytes = Vec::new();
        for (event, payload) in &messages {
            write_event(event, payload, &mut bytes);
        }
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let (whole, done) = frames(&[&bytes]);
        prop_assert_eq!(done, Ok(()));
        let said: Vec<_> = whole.iter().map(|(_, event, data)| (event.clone().unwrap(), data.clone())).collect();
        prop_assert_eq!(said, messages);
        let (split, _) = frames(&chunks);
        prop_assert_eq!(&split, &whole);
        prop_assert_eq!(&frames(&bytes.chunks(1).collect::<Vec<_>>()).0, &whole);
        let forwarded: Vec<u8> = split.into_iter().flat_map(|(raw, _, _)| raw).collect();
        prop_assert_eq!(forwarded, bytes);
    }
}
