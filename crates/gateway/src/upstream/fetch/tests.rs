//! Real sockets and the real rules: only the network is injected, so that public addresses lead to a local listener
//! and every look-up and connection is counted.

use std::sync::Mutex;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

pub(in crate::upstream) const PNG: &[u8] = b"\x89PNG\r\n\x1a\nthe rest of a picture";
const PUBLIC: &str = "93.184.215.14";

const RULES: FetchRules<'static> = FetchRules {
    max_bytes: 1000,
    timeout: Duration::from_secs(5),
    allow_http: true,
    ports: &[443, 80],
    media: Media::IMAGES,
};

/// Name servers that answer as told, one answer per look-up (the last one for ever), and an internet in which every
/// address is the listener.
#[derive(Default)]
pub(in crate::upstream) struct Script {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    listener: Option<SocketAddr>,
    pub looked_up: Mutex<Vec<String>>,
    pub dialled: Mutex<Vec<SocketAddr>>,
}

impl Script {
    pub fn new(answers: &[&[&str]], listener: Option<SocketAddr>) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self { answers: Mutex::new(answers.iter().map(parse).collect()), listener, ..Self::default() })
    }

    fn touched(&self) -> (Vec<String>, Vec<String>) {
        let dialled = self.dialled.lock().unwrap().iter().map(ToString::to_string).collect();
        (self.looked_up.lock().unwrap().clone(), dialled)
    }
}

impl Network for Script {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        self.looked_up.lock().unwrap().push(host.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers.first().cloned().unwrap_or_default() };
        Box::pin(async move { Ok(answer) })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, std::io::Result<TcpStream>> {
        self.dialled.lock().unwrap().push(address);
        Box::pin(async move {
            match self.listener {
                Some(listener) => TcpStream::connect(listener).await,
                None => Err(std::io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }
}

pub(in crate::upstream) fn fetcher(network: Arc<Script>) -> Fetcher {
    Fetcher::new(network, &client_config(rustls::RootCertStore::empty()))
}

fn client_config(roots: rustls::RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// A web server that reads each request and answers with `pieces`, `pause` apart; it gives the requests back.
pub(in crate::upstream) async fn serve(pieces: Vec<Vec<u8>>, pause: Duration) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let mut tasks = tokio::task::JoinSet::new();
    let accept = async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (pieces, seen) = (pieces.clone(), Arc::clone(&seen));
            tasks.spawn(async move { answer(stream, &pieces, pause, &seen).await });
        }
    };
    background(accept);
    (address, requests)
}

#[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
fn background(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    pieces: &[Vec<u8>],
    pause: Duration,
    seen: &Mutex<Vec<String>>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        request.push(byte);
    }
    seen.lock().unwrap().push(String::from_utf8(request).unwrap());
    for piece in pieces {
        if stream.write_all(piece).await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
    }
    stream.shutdown().await.ok();
}

pub(in crate::upstream) fn ok(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Fetches `url` from a server that gives `answer` in one piece.
async fn fetch_answer(url: &str, answer: Vec<u8>) -> Result<Fetched, FetchError> {
    let (listener, _) = serve(vec![answer], Duration::ZERO).await;
    fetcher(Script::new(&[&[PUBLIC]], Some(listener))).fetch(url, &RULES).await
}

#[tokio::test]
async fn an_image_comes_as_it_is_and_the_request_says_little() {
    let (listener, requests) = serve(vec![ok("Image/PNG; charset=x", PNG)], Duration::ZERO).await;
    let network = Script::new(&[&[PUBLIC]], Some(listener));
    let fetched = fetcher(network.clone()).fetch("http://pictures.example.com/a.png?x=1#y", &RULES).await.unwrap();
    assert_eq!(fetched, Fetched { media: Media::Png, bytes: PNG.to_vec() });
    assert_eq!(network.touched(), (vec!["pictures.example.com".to_owned()], vec![format!("{PUBLIC}:80")]));
    assert_eq!(
        requests.lock().unwrap().as_slice(),
        [concat!(
            "GET /a.png?x=1 HTTP/1.1\r\nhost: pictures.example.com\r\nuser-agent: tollgate\r\n",
            "accept-encoding: identity\r\nconnection: close\r\n",
            "accept: image/png, image/jpeg, image/gif, image/webp\r\n\r\n"
        )]
    );
}

#[tokio::test]
async fn sec_012_names_and_redirects_do_not_lead_inside() {
    for inside in ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "::ffff:7f00:1", "fd00::1"] {
        let network = Script::new(&[&[inside], &[PUBLIC, inside], &[inside, PUBLIC], &[]], None);
        for _ in 0..4 {
            let refused = fetcher(network.clone()).fetch("https://evil.example.com/", &RULES).await;
            assert_eq!(refused, Err(FetchError::NotPublic));
        }
        assert_eq!(network.touched().1, Vec::<String>::new(), "{inside}");
    }
    for url in ["http://good.example.com\\@evil.example.com/", "http://good.example.com@evil.example.com/"] {
        let network = Script::new(&[&[PUBLIC]], None);
        assert!(matches!(fetcher(network.clone()).fetch(url, &RULES).await, Err(FetchError::Refused(_))), "{url}");
        assert_eq!(network.touched(), (vec![], vec![]));
    }
    for (url, name) in
        [("http://good.example.com#@evil/", "good.example.com"), ("http://ex\u{430}mple.com/", "xn--exmple-4nf.com")]
    {
        let network = Script::new(&[&[PUBLIC]], None);
        assert_eq!(fetcher(network.clone()).fetch(url, &RULES).await, Err(FetchError::Connect));
        assert_eq!(network.touched(), (vec![name.to_owned()], vec![format!("{PUBLIC}:80")]));
    }

    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n";
    let (listener, requests) = serve(vec![redirect.into()], Duration::ZERO).await;
    let network = Script::new(&[&[PUBLIC]], Some(listener));
    let refused = fetcher(network.clone()).fetch("http://good.example.com/", &RULES).await;
    assert_eq!(refused, Err(FetchError::Redirect(302)));
    assert_eq!(network.touched().1, [format!("{PUBLIC}:80")]);
    assert_eq!(requests.lock().unwrap().len(), 1);

    let (listener, _) = serve(vec![ok("image/png", PNG)], Duration::ZERO).await;
    let network = Script::new(&[&[PUBLIC], &["127.0.0.1"]], Some(listener));
    let fetcher = fetcher(network.clone());
    // One look-up: the second answer, 127.0.0.1, is not asked for between the check and the connection.
    assert!(fetcher.fetch("http://rebind.example.com/", &RULES).await.is_ok());
    assert_eq!(network.touched(), (vec!["rebind.example.com".to_owned()], vec![format!("{PUBLIC}:80")]));
    // The next fetch asks again, gets 127.0.0.1, and does not dial.
    assert_eq!(fetcher.fetch("http://rebind.example.com/", &RULES).await, Err(FetchError::NotPublic));
    assert_eq!(network.touched().1.len(), 1);
}

#[tokio::test]
async fn size_kind_and_time_are_bounded() {
    let url = "http://pictures.example.com/";
    let large = [PNG, &[0; 1000]].concat();
    let too_large = Err(FetchError::TooLarge { limit: 1000 });
    assert_eq!(fetch_answer(url, ok("image/png", &large)).await, too_large);
    let unsized_body = [b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n", large.as_slice()].concat();
    assert_eq!(fetch_answer(url, unsized_body).await, too_large);
    let exact = [PNG, &[0; 1000]].concat()[..1000].to_vec();
    assert_eq!(fetch_answer(url, ok("image/png", &exact)).await.unwrap().bytes, exact);

    let disguised = Err(FetchError::Disguised { declared: "image/png" });
    assert_eq!(fetch_answer(url, ok("image/png", b"<html>")).await, disguised);
    assert_eq!(fetch_answer(url, ok("image/png", b"%PDF-1.7")).await, disguised);
    assert_eq!(fetch_answer(url, ok("binary/octet-stream", PNG)).await.unwrap().media, Media::Png);
    for (declared, body, found) in [
        ("text/html", PNG, "text/html"),
        ("image/svg+xml", PNG, "image/svg+xml"),
        ("application/pdf", b"%PDF-1.7", "application/pdf"),
        ("application/octet-stream", b"%PDF-1.7", "application/pdf"),
        ("application/octet-stream", b"what is this", "of an unknown kind"),
    ] {
        let accepted = names(Media::IMAGES);
        assert_eq!(
            fetch_answer(url, ok(declared, body)).await,
            Err(FetchError::Media { found: found.to_owned(), accepted }),
            "{declared}"
        );
    }

    let drip = ok("image/png", PNG).into_iter().map(|byte| vec![byte]).collect();
    let (listener, _) = serve(drip, Duration::from_millis(20)).await;
    let rules = FetchRules { timeout: Duration::from_millis(200), ..RULES };
    let begun = std::time::Instant::now();
    let late = fetcher(Script::new(&[&[PUBLIC]], Some(listener))).fetch(url, &rules).await;
    assert_eq!(late, Err(FetchError::Timeout(rules.timeout)));
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_bad_answer_is_named() {
    let url = "http://pictures.example.com/";
    let status = |line: &str| format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n").into_bytes();
    assert_eq!(fetch_answer(url, status("404 Not Found")).await, Err(FetchError::Status(404)));
    assert_eq!(fetch_answer(url, status("206 Partial Content")).await, Err(FetchError::Status(206)));
    let gzip = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-encoding: gzip\r\n\r\nxx".to_vec();
    assert_eq!(fetch_answer(url, gzip).await, Err(FetchError::Encoded("gzip".to_owned())));
    let cut = [b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 99\r\n\r\n", PNG].concat();
    assert_eq!(fetch_answer(url, cut).await, Err(FetchError::Broken));
    assert_eq!(fetch_answer(url, b"SSH-2.0-OpenSSH\r\n".to_vec()).await, Err(FetchError::Broken));
    let nobody = fetcher(Script::new(&[&[PUBLIC, "1.1.1.1", "8.8.8.8", "9.9.9.9"]], None));
    assert_eq!(nobody.fetch(url, &RULES).await, Err(FetchError::Connect));
}

#[tokio::test]
async fn the_network_of_this_machine_looks_up_and_connects() {
    let (listener, _) = serve(vec![], Duration::ZERO).await;
    let addresses = Internet.resolve("localhost").await.unwrap();
    assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    assert_eq!(Internet.connect(listener).await.unwrap().peer_addr().unwrap(), listener);
}

/// What the caller is told names neither an address nor anything else that it did not send.
#[test]
fn messages_hold_no_address() {
    for error in [FetchError::NotPublic, FetchError::Connect, FetchError::Tls, FetchError::Broken] {
        assert!(!error.to_string().contains(|c: char| c.is_ascii_digit()), "{error}");
    }
}

#[tokio::test]
async fn tls_is_verified_for_the_name_in_the_url() {
    let certified = rcgen::generate_simple_self_signed(["pictures.example.com".to_owned()]).unwrap();
    let der = certified.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    background(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream, &[ok("image/png", PNG)], Duration::ZERO, &Mutex::default()).await;
            }
        }
    });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(der).unwrap();
    let network = Script::new(&[&[PUBLIC]], Some(address));
    let trusting = Fetcher::new(network.clone(), &client_config(roots));
    assert_eq!(trusting.fetch("https://pictures.example.com/a.png", &RULES).await.unwrap().bytes, PNG);
    assert_eq!(network.touched().1, [format!("{PUBLIC}:443")]);
    assert_eq!(trusting.fetch("https://other.example.com/a.png", &RULES).await, Err(FetchError::Tls));
    assert_eq!(trusting.fetch(&format!("https://{PUBLIC}/a.png"), &RULES).await, Err(FetchError::Tls));
    assert_eq!(fetcher(network).fetch("https://pictures.example.com/a.png", &RULES).await, Err(FetchError::Tls));
}
