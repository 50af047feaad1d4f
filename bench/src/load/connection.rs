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

    /// Sends a request and reads the whole answer; returns when the first byte of its body came.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Instant> {
        self.buffer.clear();
        self.socket.write_all(request).await.context("send")?;
        let head = loop {
            self.read().await?;
            if let Some(head) = answer_head(&self.buffer) {
                break head;
            }
        };
        while self.buffer.len() == head.end {
            self.read().await?;
        }
        let first_byte = Instant::now();
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
        Ok(first_byte)
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

/// Opens a stream and returns once its first bytes are there; dropping it leaves.
pub async fn open_stream(shot: &Shot) -> Result<Connection> {
    let mut connection = Connection::open(shot.address).await?;
    connection.socket.write_all(&shot.request).await?;
    let first_bytes = async {
        while answer_head(&connection.buffer).is_none_or(|head| connection.buffer.len() == head.end) {
            connection.read().await?;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, first_bytes).await.context("no first byte of a stream")??;
    Ok(connection)
}
