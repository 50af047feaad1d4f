//! A provider that costs next to nothing: every answer is rendered before the run, and a request is only looked at as
//! far as HTTP needs.
//!
//! The first segment of the path says what comes back (`/json/...`, `/s50/...`, `/s200/...`, `/hold/...`), the last one in
//! which dialect (`completions`, `messages`).

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use testkit::{
    Answer,
    fixture::{
        anthropic_message_text, anthropic_stream, anthropic_usage, openai_chat_text, openai_stream, openai_usage, words,
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::load::wire::{Framing, Tail, request_head};

/// Silence between the chunks of `/hold/...` behind the first tokens: the stream stays open and costs nothing.
const HOLD_GAP: Duration = Duration::from_secs(5);
const HOLD_FIRST: usize = 6;

/// The running upstream. It lives on the runtime that started it.
pub struct Upstream {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    answers: Vec<Prepared>,
    gap_micros: AtomicU64,
}

/// The writes of one answer.
struct Prepared {
    kind: &'static str,
    operation: &'static str,
    writes: Vec<Vec<u8>>,
}

impl Upstream {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { answers: prepare(), gap_micros: AtomicU64::new(0) });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Silence between two chunks of a stream. With none, other connections get their turn between two chunks.
    pub fn set_gap(&self, gap: Duration) {
        self.shared.gap_micros.store(u64::try_from(gap.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let _ = socket.set_nodelay(true);
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(socket, shared.clone()));
    }
}

/// Answers one request after the other until the peer leaves or sends something that is not understood.
async fn serve(mut socket: TcpStream, shared: Arc<Shared>) {
    let mut buffer = Vec::with_capacity(64 << 10);
    loop {
        buffer.clear();
        let head = loop {
            if let Some(head) = request_head(&buffer) {
                break head;
            }
            if !matches!(socket.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        };
        let mut seen = buffer.len() - head.end;
        let mut tail = Tail::default();
        tail.push(buffer.get(head.end..).unwrap_or_default());
        while match head.framing {
            Framing::Length(length) => seen < length,
            Framing::Chunked => !tail.is_last_chunk(),
        } {
            buffer.clear();
            match socket.read_buf(&mut buffer).await {
                Ok(read @ 1..) => seen += read,
                _ => return,
            }
            tail.push(&buffer);
        }
        if answer(&mut socket, &shared, &head.path).await.is_err() {
            return;
        }
    }
}

async fn answer(socket: &mut TcpStream, shared: &Shared, path: &str) -> std::io::Result<()> {
    let kind = path.split('/').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let prepared = shared.answers.iter().find(|known| known.kind == kind && path.ends_with(known.operation));
    let Some(prepared) = prepared else {
        return socket.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    };
    for (at, write) in prepared.writes.iter().enumerate() {
        if at > 0 {
            match shared.gap_micros.load(Ordering::Relaxed) {
                _ if kind == "hold" && at > HOLD_FIRST => tokio::time::sleep(HOLD_GAP).await,
                0 => tokio::task::yield_now().await,
                micros => tokio::time::sleep(Duration::from_micros(micros)).await,
            }
        }
        socket.write_all(write).await?;
    }
    Ok(())
}

fn prepare() -> Vec<Prepared> {
    let mut all = Vec::new();
    let mut add = |kind, operation, answer: Answer| {
        let mut writes = answer.wire();
        // The head goes with the first chunk and the end with the last, as real servers send them.
        if writes.len() > 1 {
            let head = writes.remove(0);
            if let Some(first) = writes.first_mut() {
                first.splice(..0, head);
            }
        }
        if writes.len() > 1 {
            let end = writes.pop().unwrap_or_default();
            if let Some(last) = writes.last_mut() {
                last.extend(end);
            }
        }
        all.push(Prepared { kind, operation, writes });
    };
    let text = words(50).concat();
    add("json", "completions", openai_chat_text(&text, &openai_usage(300, 50)));
    add("json", "messages", anthropic_message_text(&text, &anthropic_usage(300, 50)));
    for (kind, chunks) in [("s50", 50), ("s200", 200), ("hold", 50)] {
        let usage = openai_usage(300, chunks as u64);
        add(kind, "completions", Answer::sse(openai_stream(&words(chunks - 4), Some(&usage))));
        let usage = anthropic_usage(300, chunks as u64);
        add(kind, "messages", Answer::sse(anthropic_stream(&words(chunks - 6), &usage)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_have_as_many_writes_as_their_name_says() {
        for prepared in prepare() {
            let chunks = match prepared.kind {
                "json" => 1,
                "s200" => 200,
                _ => 50,
            };
            assert_eq!(prepared.writes.len(), chunks, "{} {}", prepared.kind, prepared.operation);
            let whole = prepared.writes.concat();
            assert!(whole.starts_with(b"HTTP/1.1 200 OK\r\n"));
            assert!(chunks == 1 || whole.ends_with(b"\r\n0\r\n\r\n"));
        }
    }
}
