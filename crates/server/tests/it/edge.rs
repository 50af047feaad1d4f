//! What reaches the gateway before any model is asked: bytes that no client should send, paths, hosts, floods.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;
use testkit::{
    Harness,
    fixture::{openai_chat_text, openai_usage},
    process::peak_rss_kib,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::setup::{Scene, chat};

const PATH: &str = "/v1/chat/completions";

async fn scene() -> Scene {
    Scene::answering(openai_chat_text("hello", &openai_usage(7, 3))).await
}

/// A whole good request, its first line and fields open to change.
struct Parts<'a> {
    gateway: &'a Harness,
    body: String,
}

impl<'a> Parts<'a> {
    fn of(scene: &'a Scene) -> Self {
        Self { gateway: &scene.gateway, body: chat("chat/m").to_string() }
    }

    /// A request with these fields after the usual ones, and this body.
    fn with(&self, fields: &str, body: &str) -> String {
        let key = self.gateway.key();
        format!("POST {PATH} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\n{fields}\r\n{body}")
    }

    fn length(&self) -> String {
        format!("content-length: {}\r\n", self.body.len())
    }

    fn good(&self) -> String {
        self.with(&self.length(), &self.body)
    }

    fn chunks(&self) -> String {
        format!("{:x}\r\n{}\r\n0\r\n\r\n", self.body.len(), self.body)
    }
}

fn statuses(back: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(back);
    text.match_indices("HTTP/1.1 ").map(|(at, found)| text[at + found.len()..].chars().take(3).collect()).collect()
}

/// Requests that could be read in two ways; behind each hides a whole good one.
fn smuggled(parts: &Parts<'_>) -> Vec<(&'static str, String)> {
    let (body, length, chunks) = (&parts.body, parts.length(), parts.chunks());
    let hidden = parts.good();
    let te = "transfer-encoding: chunked\r\n";
    let post = |fields: &str, body: &str| parts.with(fields, body) + &hidden;
    let head = |from: &str, to: &str| parts.good().replacen(from, to, 1) + &hidden;
    vec![
        ("CL.TE", post(&format!("{length}{te}"), &chunks)),
        ("TE.CL", post(&format!("{te}{length}"), &chunks)),
        ("CL.TE, no length", post(&format!("content-length: 0\r\n{te}"), &chunks)),
        ("TE.TE", post(&format!("{te}transfer-encoding: x\r\n"), &chunks)),
        ("TE.TE, chunked last", post(&format!("transfer-encoding: x\r\n{te}"), &chunks)),
        ("TE list", post("transfer-encoding: identity, chunked\r\n", &chunks)),
        ("TE twice", post(&format!("{te}{te}"), &chunks)),
        ("TE with a strange blank", post("transfer-encoding: \u{b}chunked\r\n", &chunks)),
        ("TE unknown", post("transfer-encoding: xchunked\r\n", &chunks)),
        ("duplicate CL", post(&format!("{length}{length}"), body)),
        ("different CL", post(&format!("{length}content-length: 0\r\n"), body)),
        ("CL list", post(&format!("content-length: {0}, {0}\r\n", body.len()), body)),
        ("CL with +", post(&format!("content-length: +{}\r\n", body.len()), body)),
        ("CL negative", post("content-length: -1\r\n", body)),
        ("CL hexadecimal", post(&format!("content-length: 0x{:x}\r\n", body.len()), body)),
        ("CL huge", post("content-length: 99999999999999999999\r\n", body)),
        ("CL empty", post("content-length:\r\n", body)),
        ("bare LF", head("host: gateway\r\n", "host: gateway\n")),
        ("bare LF before a field", head("host: gateway\r\n", "host: gateway\r\na: b\ncontent-length: 0\r\n")),
        ("bare LF everywhere", parts.good().replace("\r\n", "\n") + &hidden),
        ("bare CR", head("host: gateway\r\n", "host: gateway\ra: b\r\n")),
        ("obs-fold", head("host: gateway\r\n", "host: gateway\r\n folded\r\n")),
        ("space before colon", head("content-length:", "content-length :")),
        ("space before the first field", head("host: gateway", " host: gateway")),
        ("field without colon", head("host: gateway\r\n", "host: gateway\r\nnothing\r\n")),
        ("NUL", head("host: gateway\r\n", "host: gateway\r\na: \0\r\n")),
        ("HTTP/1.0 + TE", post(te, &chunks).replacen("HTTP/1.1", "HTTP/1.0", 1)),
        ("HTTP/0.9", format!("GET {PATH}\r\n\r\n{hidden}")),
        ("HTTP/3", head("HTTP/1.1", "HTTP/3.0")),
        ("spaces in the request line", head(PATH, &format!("{PATH} x"))),
        ("two hosts", head("host: gateway\r\n", "host: gateway\r\nhost: other\r\n")),
        ("no host", head("host: gateway\r\n", "")),
        ("absolute form", head(PATH, &format!("http://other{PATH}"))),
    ]
}

#[tokio::test]
async fn sec_013_what_could_be_read_in_two_ways_is_refused() {
    let scene = scene().await;
    let parts = Parts::of(&scene);
    let client = scene.gateway.stranger();
    for (name, bytes) in smuggled(&parts) {
        let back = client.raw(bytes.as_bytes()).await;
        let said = statuses(&back);
        // A 200 for the request that hides behind is only right where the first was answered on its own and kept apart.
        let kept_apart = matches!(name, "two hosts" | "no host" | "absolute form");
        let expected: &[&str] = if kept_apart { &["400", "200"] } else { &["400"] };
        let closed = said.is_empty();
        assert!(closed || said == expected, "{name}: {said:?} {}", String::from_utf8_lossy(&back));
        let seen = scene.upstream.requests().len();
        assert_eq!(seen, usize::from(kept_apart), "{name}: requests that reached the provider");
        scene.upstream.keep(0);
        scene.upstream.keep(usize::MAX);
    }
}

#[tokio::test]
async fn a_body_whose_chunks_are_wrong_is_refused_and_ends_the_connection() {
    let scene = scene().await;
    let parts = Parts::of(&scene);
    let (hidden, size) = (parts.good(), parts.body.len());
    let chunked = |body: String| parts.with("transfer-encoding: chunked\r\n", &body) + &hidden;
    for (name, body) in [
        ("size with +", format!("+{size:x}\r\n{}\r\n0\r\n\r\n", parts.body)),
        ("size with 0x", format!("0x{size:x}\r\n{}\r\n0\r\n\r\n", parts.body)),
        ("bare LF after the size", format!("{size:x}\n{}\r\n0\r\n\r\n", parts.body)),
        ("bare LF in an extension", format!("{size:x};a\nb\r\n{}\r\n0\r\n\r\n", parts.body)),
        ("no CR LF after the data", format!("{size:x}\r\n{}0\r\n\r\n", parts.body)),
        ("huge size", format!("ffffffffffffffffff\r\n{}\r\n0\r\n\r\n", parts.body)),
    ] {
        let back = scene.gateway.stranger().raw(chunked(body).as_bytes()).await;
        assert!(!statuses(&back).contains(&"200".to_owned()), "{name}: {}", String::from_utf8_lossy(&back));
        assert!(scene.upstream.requests().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn what_can_be_read_in_one_way_only_is_served() {
    let scene = scene().await;
    let parts = Parts::of(&scene);
    let body = &parts.body;
    let chunked = parts.with("Transfer-Encoding: Chunked\r\n", &parts.chunks());
    let extended = format!("{:x};name=\"v\"\r\n{body}\r\n0\r\ntrailer: x\r\n\r\n", body.len());
    let extended = parts.with("transfer-encoding: chunked\r\n", &extended);
    let all = [parts.good(), "\r\n".to_owned() + &chunked, extended, parts.good()].concat();
    let back = scene.gateway.stranger().raw(all.as_bytes()).await;
    assert_eq!(statuses(&back), ["200"; 4], "{}", String::from_utf8_lossy(&back));
    let bodies: Vec<_> = scene.upstream.requests().iter().map(|seen| seen.json()).collect();
    assert_eq!(bodies, vec![chat("m"); 4]);

    let upgrade = parts.with(&format!("connection: Upgrade\r\nupgrade: h2c\r\n{}", parts.length()), body);
    let back = scene.gateway.stranger().raw((upgrade + &parts.good()).as_bytes()).await;
    assert_eq!(statuses(&back), ["200"], "what follows an upgrade may be meant for another protocol");
    assert_eq!(scene.upstream.requests().len(), 5);
}

/// Frames of HTTP/2, written by hand: no client library sends what is wrong. <https://www.rfc-editor.org/rfc/rfc9113>
struct H2(Vec<u8>);

impl H2 {
    fn open() -> Self {
        Self(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()).frame(4, 0, 0, &[])
    }

    fn frame(mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        self.0.extend_from_slice(&length[1..]);
        self.0.extend_from_slice(&[kind, flags]);
        self.0.extend_from_slice(&stream.to_be_bytes());
        self.0.extend_from_slice(payload);
        self
    }

    /// HEADERS with literal fields, and DATA that ends the stream.
    fn request(self, fields: &[(&str, &str)], body: &str) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in fields {
            block.push(0);
            for text in [name, value] {
                // An integer with a prefix of seven bits: 127 and then the rest.
                match u8::try_from(text.len()).unwrap() {
                    short @ ..127 => block.push(short),
                    long => block.extend([127, long - 127]),
                }
                block.extend(text.bytes());
            }
        }
        self.frame(1, 4, 1, &block).frame(0, 1, 1, body.as_bytes()).0
    }
}

#[tokio::test]
async fn what_http2_could_carry_into_http1_is_refused() {
    let scene = scene().await;
    let body = chat("chat/m").to_string();
    let (key, length) = (format!("Bearer {}", scene.gateway.key()), body.len().to_string());
    let usual = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "gateway"),
        (":path", PATH),
        ("authorization", key.as_str()),
    ];
    let send = async |more: &[(&str, &str)]| {
        let fields = [usual.as_slice(), more].concat();
        let mut socket = TcpStream::connect(scene.gateway.address()).await.unwrap();
        socket.write_all(&H2::open().request(&fields, &body)).await.unwrap();
        let mut back = Vec::new();
        while let Ok(Ok(1..)) = tokio::time::timeout(Duration::from_millis(500), socket.read_buf(&mut back)).await {}
        scene.upstream.requests().len()
    };
    assert_eq!(send(&[("content-length", &length), ("host", "gateway")]).await, 1, "the frames of this test are good");
    for bad in [
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("x-a", "b\r\nx-c: d"),
        ("x-a", "b\nc"),
        ("x-a\r\nx-b", "c"),
        ("X-Upper", "a"),
        ("x a", "b"),
        ("content-length", "5"),
        ("content-length", "+1"),
        (":path", "/other"),
        (":status", "200"),
        ("host", "other"),
    ] {
        assert_eq!(send(&[bad]).await, 1, "{bad:?} reached the provider");
    }
}

#[tokio::test]
async fn sec_043_a_host_that_is_none_is_refused_and_none_is_believed() {
    let scene = scene().await;
    let parts = Parts::of(&scene);
    for host in [
        "",
        " ",
        "a b",
        "user@gateway",
        "gateway:port",
        "gateway:1:2",
        "[::1",
        "::1",
        "gateway/path",
        "gateway?q",
        "a,b",
        "<x>",
        "gateway#f",
        "http://gateway",
        "gate\\way",
        "\u{e9}",
        "gateway:99999",
        "%00",
    ] {
        let bytes = parts.good().replacen("host: gateway", &format!("host: {host}"), 1);
        let back = scene.gateway.stranger().raw(bytes.as_bytes()).await;
        assert_eq!(statuses(&back), ["400"], "{host:?}: {}", String::from_utf8_lossy(&back));
    }
    for target in ["http://gateway/v1/chat/completions", "https://evil.example/v1/chat/completions", "*", "gateway:80"]
    {
        let back = scene.gateway.stranger().raw(parts.good().replacen(PATH, target, 1).as_bytes()).await;
        assert!(
            ["400", "404", "405"].contains(&statuses(&back)[0].as_str()),
            "{target}: {}",
            String::from_utf8_lossy(&back)
        );
    }
    assert!(scene.upstream.requests().is_empty());

    let ask = async |host: &str| scene.gateway.client().post(PATH, &chat("chat/m")).header("host", host).send().await;
    for host in ["localhost", "127.0.0.1:1", "[::1]:80", "evil.example"] {
        let answer = ask(host).await;
        assert_eq!(answer.status, 200, "{host}: {}", answer.text());
        let told = format!("{:?}{}", answer.headers, answer.text());
        assert!(!told.contains("evil.example"), "{told}");
        assert_ne!(scene.upstream.last().header("host"), Some(host), "the provider's own address goes upstream");
    }
}

#[tokio::test]
async fn a_path_of_a_surface_is_asked_by_post_alone() {
    let scene = scene().await;
    for path in [PATH, "/v1/messages", "/v1/embeddings"] {
        for method in [Method::GET, Method::PUT, Method::OPTIONS] {
            let answer = scene.gateway.client().request(method.clone(), path).send().await;
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text());
            assert_eq!(answer.header("allow"), Some("POST"));
            assert!(answer.json()["error"]["message"].is_string());
        }
    }
    assert!(scene.upstream.requests().is_empty());
}

#[tokio::test]
async fn case_105_every_spelling_of_a_path_is_decided_as_the_route_that_answers() {
    let scene = scene().await;
    let token = std::fs::read_to_string(scene.gateway.folder().join("data/admin_token")).unwrap();
    let admin = format!("Bearer {}", token.trim());
    let spellings = |path: &str| {
        let slash = path.rfind('/').unwrap();
        let (head, tail) = path.split_at(slash);
        let tail = &tail[1..];
        vec![
            format!("{path}/"),
            format!("{path}//"),
            format!("/{path}"),
            format!("{head}//{tail}"),
            format!("{head}%2f{tail}"),
            format!("{head}%2F{tail}"),
            format!("{head}/./{tail}"),
            format!("/x/..{path}"),
            format!("/v1/..{path}"),
            format!("/v1/models/..{path}"),
            format!("/v1/models/..%2f..{path}"),
            format!("{head}\\{tail}"),
            path.to_uppercase(),
            path.replacen('v', "V", 1),
            path.replacen('v', "%76", 1),
            format!("{path};a=b"),
            format!("{path}%00"),
            format!("{path}%20"),
            format!("{path}."),
            format!("{path}%3f"),
            format!("{path}.json"),
        ]
    };
    let question = chat("chat/m").to_string();
    for spelling in spellings(PATH) {
        for (client, known) in [(scene.gateway.client(), true), (scene.gateway.stranger(), false)] {
            let answer = client.request(Method::POST, &spelling).body(question.clone()).send().await;
            assert!(
                matches!(answer.status, 400 | 401 | 404 | 405),
                "{spelling}, with a key {known}: {}",
                answer.status
            );
        }
    }
    assert!(scene.upstream.requests().is_empty());
    for spelling in spellings("/api/v1/requests") {
        for (key, who) in [
            (None, "a stranger"),
            (Some(scene.gateway.key().to_owned()), "a caller"),
            (Some(admin.clone()), "the admin"),
        ] {
            let mut request = scene.gateway.stranger().get(&spelling);
            if let Some(key) = key {
                request = request.header("authorization", &key);
            }
            let answer = request.send().await;
            assert!(
                matches!(answer.status, 400 | 401 | 404 | 405),
                "{spelling} for {who}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
    let served = scene.gateway.client().post(&format!("{PATH}?a=b&c"), &chat("chat/m")).send().await;
    assert_eq!((served.status, scene.upstream.last().path.as_str()), (200, PATH), "a query goes nowhere");
}

/// Sends while it reads, until the head of an answer is there: the status and how long it took.
async fn flood(gateway: &Harness, head: &str, body: impl Iterator<Item = Vec<u8>>) -> (String, usize, Duration) {
    let socket = TcpStream::connect(gateway.address()).await.unwrap();
    let (mut from, mut to) = socket.into_split();
    let begun = Instant::now();
    let mut taken = 0;
    let mut back = Vec::new();
    let write = async {
        to.write_all(head.as_bytes()).await?;
        for piece in body {
            to.write_all(&piece).await?;
            taken += piece.len();
        }
        std::future::pending::<std::io::Result<()>>().await
    };
    let read = async {
        while !back.windows(4).any(|end| end == b"\r\n\r\n") {
            match from.read_buf(&mut back).await {
                Ok(1..) => {}
                _ => break,
            }
        }
    };
    tokio::pin!(read);
    tokio::select! {
        _ = write => read.await,
        () = &mut read => {}
    }
    let status = statuses(&back).first().cloned().unwrap_or_default();
    (status, taken, begun.elapsed())
}

#[tokio::test]
async fn bombs_and_floods_are_refused_in_a_second_and_in_bounded_memory() {
    let scene = scene().await;
    let parts = Parts::of(&scene);
    let gateway = &scene.gateway;
    assert_eq!(gateway.client().post(PATH, &chat("chat/m")).send().await.status, 200);
    let before = peak_rss_kib(gateway.pid()).unwrap();

    let bomb = testkit::Answer::new(200).body(vec![b' '; 100 << 20]).gzip();
    let bomb = bomb.wire().pop().unwrap();
    let head = parts.with(&format!("content-encoding: gzip\r\ncontent-length: {}\r\n", bomb.len()), "");
    let (status, _, took) = flood(gateway, &head, std::iter::once(bomb)).await;
    assert_eq!(status, "415");
    assert!(took < Duration::from_secs(1), "gzip: {took:?}");

    for nested in [
        "[".repeat(1_000_000),
        "{\"a\":".repeat(1_000_000),
        format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000)),
    ] {
        let body = format!("{{\"model\":\"chat/m\",\"messages\":{nested}}}");
        let head = parts.with(&format!("content-length: {}\r\n", body.len()), "");
        let (status, _, took) = flood(gateway, &head, std::iter::once(body.into_bytes())).await;
        assert_eq!(status, "400");
        assert!(took < Duration::from_secs(1), "nested: {took:?}");
    }

    let fields: String = (0..100_000).map(|at| format!("x-{at}: y\r\n")).collect();
    let (status, _, took) = flood(gateway, &parts.with(&fields, ""), std::iter::empty()).await;
    assert!(["431", "400"].contains(&status.as_str()), "fields: {status:?}");
    assert!(took < Duration::from_secs(1), "fields: {took:?}");

    let gigabyte = 1_000_usize;
    let megabytes = || std::iter::repeat_n(vec![b'a'; 1 << 20], gigabyte);
    let head = parts.with("content-length: 1048576000\r\n", "");
    let (status, taken, took) = flood(gateway, &head, megabytes()).await;
    assert_eq!(status, "413");
    assert!(taken < 16 << 20 && took < Duration::from_secs(1), "a length that says it: {taken} bytes, {took:?}");
    let head = parts.with("transfer-encoding: chunked\r\n", "");
    let chunks = megabytes().map(|piece| [b"100000\r\n", piece.as_slice(), b"\r\n"].concat());
    let (status, taken, took) = flood(gateway, &head, chunks).await;
    assert_eq!(status, "413");
    assert!(taken < 64 << 20 && took < Duration::from_secs(1), "chunks: {taken} bytes, {took:?}");

    let grown = peak_rss_kib(gateway.pid()).unwrap() - before;
    assert!(grown < 128 << 10, "{grown} KiB more than before");
    assert_eq!(scene.upstream.requests().len(), 1);
    assert_eq!(scene.chat("chat/m", &json!({})).await.status, 200);
}
