//! One connection: reads requests, writes answers, notices when the peer leaves.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant as Deadline,
};

use super::{
    Shared,
    answer::{Answer, End, Framing, LAST_CHUNK},
    seen::Seen,
};

pub(super) async fn serve(socket: TcpStream, number: u64, shared: Arc<Shared>) {
    let _ = socket.set_nodelay(true);
    let mut peer = Peer { socket, pending: Vec::new() };
    while let Ok(Some(seen)) = read_request(&mut peer, number).await {
        let seen = shared.book.lock().unwrap().open(seen);
        let answer = shared.answer(&seen);
        let end = answer.end;
        match write_answer(&mut peer, answer, &seen, &shared).await {
            Ok(()) => shared.book.lock().unwrap().finished(seen.number),
            Err(_) => return shared.book.lock().unwrap().gone(seen.number),
        }
        match end {
            End::Complete => {}
            End::Reset => {
                let _ = peer.socket.set_zero_linger();
                return;
            }
            End::Close | End::Hang => {
                let _ = peer.socket.shutdown().await;
                return;
            }
        }
    }
}

/// The other end, and the bytes of it that were not asked for yet.
struct Peer {
    socket: TcpStream,
    pending: Vec<u8>,
}

impl Peer {
    /// Reads more; `false` at the end.
    async fn read(&mut self) -> io::Result<bool> {
        Ok(self.socket.read_buf(&mut self.pending).await? > 0)
    }

    /// Waits, and fails as soon as the peer leaves.
    async fn pause(&mut self, pause: Duration) -> io::Result<()> {
        let until = Deadline::now().checked_add(pause);
        loop {
            tokio::select! {
                () = sleep_until(until) => return Ok(()),
                more = self.socket.read_buf(&mut self.pending) => {
                    if more? == 0 {
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                }
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.socket.try_read_buf(&mut self.pending) {
            Ok(0) => return Err(io::ErrorKind::ConnectionAborted.into()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        self.socket.write_all(bytes).await
    }
}

async fn sleep_until(until: Option<Deadline>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

async fn read_request(peer: &mut Peer, connection: u64) -> io::Result<Option<Seen>> {
    let head = loop {
        if let Some(end) = find(&peer.pending, b"\r\n\r\n") {
            break peer.pending.drain(..end + 4).collect::<Vec<u8>>();
        }
        if !peer.read().await? {
            return Ok(None);
        }
    };
    let mut seen = parse_head(&head);
    seen.connection = connection;
    if seen.header("expect").is_some() {
        peer.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let chunked = seen.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let body = if chunked {
        read_chunks(peer).await?
    } else {
        let length = seen.header("content-length").and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        read_exactly(peer, length).await?
    };
    seen.body = Bytes::from(body);
    Ok(Some(seen))
}

fn parse_head(head: &[u8]) -> Seen {
    let mut headers = vec![httparse::EMPTY_HEADER; 512];
    let mut request = httparse::Request::new(&mut headers);
    let understood = request.parse(head).is_ok();
    let mut seen = Seen {
        number: 0,
        connection: 0,
        at: Instant::now(),
        method: request.method.unwrap_or("INVALID").to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
        headers: Vec::new(),
        body: Bytes::new(),
        body_sent: 0,
        tokens_sent: 0,
        finished: None,
        gone: None,
    };
    if understood {
        seen.headers = request
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
            .collect();
    } else {
        seen.method = "INVALID".to_owned();
        seen.path = String::from_utf8_lossy(head).into_owned();
    }
    seen
}

async fn read_exactly(peer: &mut Peer, length: usize) -> io::Result<Vec<u8>> {
    while peer.pending.len() < length {
        if !peer.read().await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(peer.pending.drain(..length).collect())
}

async fn read_chunks(peer: &mut Peer) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(peer).await?;
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok())
            .ok_or(io::ErrorKind::InvalidData)?;
        if size == 0 {
            while !read_line(peer).await?.is_empty() {}
            return Ok(body);
        }
        body.extend(read_exactly(peer, size).await?);
        read_line(peer).await?;
    }
}

/// A line without its CR LF.
async fn read_line(peer: &mut Peer) -> io::Result<Vec<u8>> {
    loop {
        if let Some(end) = find(&peer.pending, b"\r\n") {
            let mut line: Vec<u8> = peer.pending.drain(..end + 2).collect();
            line.truncate(end);
            return Ok(line);
        }
        if !peer.read().await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// An error means that the peer left before the answer was complete.
async fn write_answer(peer: &mut Peer, answer: Answer, seen: &Seen, shared: &Shared) -> io::Result<()> {
    if !answer.before_head.is_zero() {
        peer.pause(answer.before_head).await?;
    }
    let (framing, end) = (answer.framing, answer.end);
    peer.write(&answer.head()).await?;
    let bodiless = answer.raw.is_some() || seen.method == "HEAD";
    let chunked = framing == Framing::Chunked && !bodiless;
    for piece in if bodiless { Vec::new() } else { answer.into_pieces() } {
        if !piece.pause.is_zero() {
            peer.pause(piece.pause).await?;
        }
        if chunked {
            peer.write(&piece.as_chunk()).await?;
        } else {
            peer.write(&piece.bytes).await?;
        }
        shared.book.lock().unwrap().sent(seen.number, piece.bytes.len(), piece.tokens);
    }
    match end {
        End::Complete if chunked => peer.write(LAST_CHUNK).await,
        End::Hang => peer.pause(Duration::MAX).await,
        End::Complete | End::Close | End::Reset => Ok(()),
    }
}
