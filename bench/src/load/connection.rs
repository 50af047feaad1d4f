//! One connection of the load generator: writes a prepared request, reads until the answer is whole.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    Shot,
    wire::{Framing, Head, Tail, answer_head},
};

/// Longest wait for a piece of an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first word of every answer of the upstream. A chunk with a role alone is no token, and gateways may hold it back.
const FIRST_TOKEN: &[u8] = b"w0 ";

pub struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(address).await.context("connect")?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, buffer: Vec::with_capacity(16 << 10) })
    }

    /// Sends a request and reads the whole answer; returns when its first token came.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Instant> {
        let head = self.first_token(request).await?;
        let first_token = Instant::now();
        let mut tail = Tail::default();
        let mut seen = head.end;
        loop {
            tail.push(self.buffer.get(seen..).unwrap_or_default());
            seen = self.buffer.len();
            if match head.framing {
                Framing::Length(length) => seen - head.end >= length,
                Framing::Chunked => tail.is_last_chunk(),
            } {
                break;
            }
            self.read().await?;
        }
        self.check(&head)?;
        Ok(first_token)
    }

    /// Sends a request and reads until the first word of the answer is there, or the answer turns out to be another.
    pub async fn first_token(&mut self, request: &[u8]) -> Result<Head> {
        self.buffer.clear();
        self.socket.write_all(request).await.context("send")?;
        let head = loop {
            self.read().await?;
            if let Some(head) = answer_head(&self.buffer) {
                break head;
            }
        };
        let mut searched = head.end;
        loop {
            let new = self.buffer.get(searched..).unwrap_or_default();
            if head.status != 200 || new.windows(FIRST_TOKEN.len()).any(|text| text == FIRST_TOKEN) {
                return Ok(head);
            }
            searched = self.buffer.len().saturating_sub(FIRST_TOKEN.len()).max(head.end);
            self.read().await?;
        }
    }

    /// A refusal and a cut stream are fast: taken for answers, they would flatter whoever gives them.
    fn check(&self, head: &Head) -> Result<()> {
        let body = self.buffer.get(head.end..).unwrap_or_default();
        ensure!(head.status == 200, "status {}: {}", head.status, String::from_utf8_lossy(body));
        let ends = [&b"[DONE]"[..], b"message_stop", b"}"];
        let end = body.get(body.len().saturating_sub(80)..).unwrap_or_default();
        let whole = ends.iter().any(|mark| end.windows(mark.len()).any(|window| window == *mark));
        ensure!(whole, "the answer is not whole: ...{}", String::from_utf8_lossy(end));
        Ok(())
    }

    async fn read(&mut self) -> Result<()> {
        match self.socket.read_buf(&mut self.buffer).await.context("receive")? {
            0 => bail!("closed in the middle of an answer: {}", String::from_utf8_lossy(&self.buffer)),
            _ => Ok(()),
        }
    }
}

/// Opens a stream and returns once its first token is there; dropping it leaves.
pub async fn open_stream(shot: Shot) -> Result<Connection> {
    let mut connection = Connection::open(shot.address).await?;
    let head = tokio::time::timeout(PATIENCE, connection.first_token(&shot.request));
    let head = head.await.context("no first token of a stream")??;
    ensure!(head.status == 200, "status {}", head.status);
    Ok(connection)
}
