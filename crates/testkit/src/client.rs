//! A small HTTP client for tests: one connection for each request, chunks visible as they come, and a raw mode.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// Where to, and which headers go along.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

/// A request that is being put together.
#[derive(Debug)]
#[must_use]
pub struct Request {
    address: SocketAddr,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

/// A whole answer.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What came behind the body.
    pub trailers: HeaderMap,
    /// Why the body ended before its framing said so, if it did.
    pub cut: Option<String>,
}

/// An answer whose body is still coming. Dropping it closes the connection.
pub struct Stream {
    pub status: u16,
    pub headers: HeaderMap,
    body: Incoming,
    trailers: HeaderMap,
    _connection: JoinSet<()>,
}

impl Client {
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, headers: Vec::new() }
    }

    /// Sends this header with every request.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// A JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Request {
        self.request(Method::POST, path).header("content-type", "application/json").body(body.to_string())
    }

    pub fn request(&self, method: Method, path: &str) -> Request {
        Request {
            address: self.address,
            method,
            path: path.to_owned(),
            headers: self.headers.clone(),
            body: Bytes::new(),
        }
    }

    /// Sends bytes as they are, and returns what comes back until the peer closes or says nothing for a second.
    pub async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut socket = TcpStream::connect(self.address).await.expect("the peer accepts a connection");
        let mut back = Vec::new();
        if socket.write_all(bytes).await.is_ok() {
            let silence = Duration::from_secs(1);
            while let Ok(Ok(1..)) = tokio::time::timeout(silence, socket.read_buf(&mut back)).await {}
        }
        back
    }
}

impl Request {
    /// Adds a header; one of the same name that is there already stays.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves out the headers of that name.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self
    }

    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it and reads the answer to its end.
    ///
    /// # Panics
    /// If there is no answer within 30 seconds.
    pub async fn send(self) -> Response {
        let what = format!("{} {}", self.method, self.path);
        tokio::time::timeout(Duration::from_secs(30), async { self.stream().await.rest().await })
            .await
            .unwrap_or_else(|_| panic!("{what}: no whole answer within 30 s"))
    }

    /// Sends it and returns as soon as the head of the answer is there.
    ///
    /// # Panics
    /// If there is none.
    pub async fn stream(self) -> Stream {
        let what = format!("{} {}", self.method, self.path);
        self.try_stream().await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// As [`Self::stream`].
    ///
    /// # Errors
    /// If there is no connection, or it ends before an answer begins.
    pub async fn try_stream(self) -> Result<Stream, Box<dyn std::error::Error + Send + Sync>> {
        let socket = TcpStream::connect(self.address).await?;
        socket.set_nodelay(true)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let _ = connection.await;
        });
        let mut request = http::Request::builder().method(self.method).uri(self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header(header::HOST, self.address.to_string());
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        #[expect(clippy::disallowed_methods, reason = "the client's side of a test")]
        let response = sender.send_request(request.body(Full::new(self.body))?).await?;
        let (head, body) = response.into_parts();
        let (status, trailers) = (head.status.as_u16(), HeaderMap::new());
        Ok(Stream { status, headers: head.headers, body, trailers, _connection: connections })
    }
}

impl Stream {
    /// The next chunk; `None` at the end, `Some(Err)` if the body was cut.
    pub async fn next(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            match self.body.frame().await? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(frame) => self.trailers.extend(frame.into_trailers().unwrap_or_default()),
                },
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Reads `count` chunks, or fewer if the body ends, and returns their bytes.
    pub async fn chunks(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..count {
            match self.next().await {
                Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
                _ => break,
            }
        }
        bytes
    }

    /// Reads until the bytes so far hold `text`.
    ///
    /// # Panics
    /// If the body ends without it.
    pub async fn until(&mut self, text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !String::from_utf8_lossy(&bytes).contains(text) {
            match self.next().await {
                Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
                end => panic!("{text:?} never came: {end:?} after {}", String::from_utf8_lossy(&bytes)),
            }
        }
        bytes
    }

    /// Reads to the end.
    pub async fn rest(mut self) -> Response {
        let mut body = Vec::new();
        let mut cut = None;
        while let Some(chunk) = self.next().await {
            match chunk {
                Ok(chunk) => body.extend_from_slice(&chunk),
                Err(error) => {
                    cut = Some(error.to_string());
                    break;
                }
            }
        }
        Response { status: self.status, headers: self.headers, body: body.into(), trailers: self.trailers, cut }
    }
}

impl Response {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {}", self.status, String::from_utf8_lossy(&self.body)))
    }

    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a header, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The events of a stream: name and data. Comments are left out.
    #[must_use]
    pub fn events(&self) -> Vec<(Option<String>, String)> {
        let text = self.text();
        text.split("\n\n")
            .filter_map(|frame| {
                let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
                Some((field("event: "), field("data: ")?))
            })
            .collect()
    }
}
