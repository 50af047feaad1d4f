//! As much of HTTP/1.1 as the load generator and its upstream need to find the end of a message.

/// What the head of a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Where the body begins.
    pub end: usize,
    pub framing: Framing,
    /// Of an answer; 0 of a request.
    pub status: u16,
    /// Of a request; empty of an answer.
    pub path: String,
}

/// How the end of the body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Length(usize),
    Chunked,
}

/// The head of a request, once it is whole.
pub fn request_head(bytes: &[u8]) -> Option<Head> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(end) = request.parse(bytes).ok()? else { return None };
    let path = request.path.unwrap_or_default().to_owned();
    Some(Head { end, framing: framing(request.headers), status: 0, path })
}

/// The head of an answer, once it is whole.
pub fn answer_head(bytes: &[u8]) -> Option<Head> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(end) = response.parse(bytes).ok()? else { return None };
    Some(Head { end, framing: framing(response.headers), status: response.code.unwrap_or(0), path: String::new() })
}

fn framing(headers: &[httparse::Header<'_>]) -> Framing {
    for header in headers {
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Framing::Chunked;
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(header.value).ok().and_then(|text| text.parse().ok());
            return Framing::Length(length.unwrap_or(0));
        }
    }
    Framing::Length(0)
}

/// The last bytes of a chunked body: enough to see its end, since no body of a bench looks like one inside.
#[derive(Debug, Default)]
pub struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    const END: &[u8] = b"\r\n0\r\n\r\n";

    pub fn push(&mut self, bytes: &[u8]) {
        let from = bytes.len().saturating_sub(Self::END.len());
        self.bytes.extend_from_slice(bytes.get(from..).unwrap_or_default());
        let excess = self.bytes.len().saturating_sub(Self::END.len());
        self.bytes.drain(..excess);
    }

    pub fn is_last_chunk(&self) -> bool {
        self.bytes == Self::END
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_a_chunked_body_however_it_is_read() {
        let body = b"3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
        for size in 1..body.len() {
            let mut tail = Tail::default();
            let mut chunks = body.chunks(size).peekable();
            while let Some(chunk) = chunks.next() {
                tail.push(chunk);
                assert_eq!(tail.is_last_chunk(), chunks.peek().is_none(), "pieces of {size}");
            }
        }
    }

    #[test]
    fn reads_heads() {
        let head = answer_head(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").unwrap();
        assert_eq!((head.status, head.framing, head.end), (200, Framing::Length(3), 38));
        let head = request_head(b"POST /json/v1 HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
        assert_eq!((head.path.as_str(), head.framing), ("/json/v1", Framing::Chunked));
        assert_eq!(request_head(b"POST / HTTP/1.1\r\nhost:"), None);
    }
}
