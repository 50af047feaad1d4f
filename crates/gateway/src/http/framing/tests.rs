use super::*;

/// How many requests there are, or which is ambiguous; at every split of the bytes.
fn read(text: &str) -> Result<u64, u64> {
    let whole = read_split(text.as_bytes(), text.len());
    for size in 1..text.len() {
        assert_eq!(read_split(text.as_bytes(), size), whole, "in pieces of {size}: {text:?}");
    }
    whole
}

fn read_split(bytes: &[u8], size: usize) -> Result<u64, u64> {
    let mut framing = Framing::default();
    for piece in bytes.chunks(size) {
        framing.read(piece).map_err(|ambiguous| ambiguous.request)?;
    }
    Ok(framing.requests)
}

#[test]
fn plain_requests_are_counted() {
    let get = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab\r\n\r";
    let chunked =
        "POST / HTTP/1.1\r\ntransfer-Encoding: Chunked\r\n\r\n3;x=y\r\na\r\n\r\nA\r\n0123456789\r\n0\r\nt: u\r\n\r\n";
    assert_eq!(read(get), Ok(1));
    assert_eq!(read(&[get, post, "\r\n", chunked, get, chunked, post].concat()), Ok(6));
    assert_eq!(read("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\n\n"), Ok(0));
}

#[test]
fn what_could_be_read_in_two_ways_is_found() {
    let head = |fields: &str| format!("POST / HTTP/1.1\r\nhost: x\r\n{fields}\r\n");
    for fields in [
        "content-length: 1\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 1\r\n",
        "content-length: 1\r\ncontent-length: 1\r\n",
        "content-length: 1, 1\r\n",
        "content-length: +1\r\n",
        "content-length: 0x1\r\n",
        "content-length:\r\n",
        "content-length: 99999999999999999999\r\n",
        "content-length : 1\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: identity, chunked\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: \u{b}chunked\r\n",
        "a: b\nc: d\r\n",
        "a: b\r\n c: d\r\n",
        "a: b\rc: d\r\n",
        "no colon\r\n",
    ] {
        assert_eq!(read(&head(fields)), Err(1), "{fields:?}");
        assert_eq!(read(&[head(""), head(fields)].concat()), Err(2), "{fields:?} as the second request");
    }
    for body in
        ["z\r\n", "\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", "1\na\r\n", "ffffffffffffffff\r\n", "10000000000000000\r\n"]
    {
        assert_eq!(read(&[&head("transfer-encoding: chunked\r\n"), body].concat()), Err(1), "{body:?}");
    }
    assert_eq!(read("\nGET / HTTP/1.1\r\n\r\n"), Err(1));
    assert_eq!(read_split(&[b'a'; LONGEST_LINE + 2], 1_000), Err(1));
}
