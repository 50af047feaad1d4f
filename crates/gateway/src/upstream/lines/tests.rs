use std::{convert::Infallible, sync::atomic::AtomicU32};

use bytes::Bytes;
use govern::{
    Rules,
    config::{check, snapshot::Account},
    key::Pepper,
};
use http_body_util::Full;
use hyper::{body::Incoming, server, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::*;
use crate::upstream::{Pool, UpstreamPool as _};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

struct Provider {
    url: String,
    connections: Arc<AtomicU32>,
    _serving: JoinSet<()>,
}

impl Provider {
    /// A provider that serves each connection so.
    async fn serving<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("://localhost:{}/v1", listener.local_addr().unwrap().port());
        let connections = Arc::new(AtomicU32::new(0));
        let count = connections.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                open.spawn(serve(socket));
            }
        });
        Self { url, connections, _serving: serving }
    }

    fn connections(&self) -> u32 {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Answers so many requests of a connection, and closes it without a word.
async fn answer(mut socket: TcpStream, requests: usize, answer: &[u8]) {
    for _ in 0..requests {
        if !matches!(socket.read(&mut [0; 4096]).await, Ok(1..)) {
            return;
        }
        let _ = socket.write_all(answer).await;
    }
}

fn reach(url: &str, ca_file: Option<&std::path::Path>) -> (Pool, Arc<Account>) {
    let ca_file = ca_file.map_or_else(String::new, |file| format!(", ca_file: {}", file.display()));
    let text = format!("providers: {{ up: {{ kind: ollama, base_url: \"{url}\"{ca_file} }} }}");
    let checked = check(&text, &|_: &str| None, &|_| Ok(()), 0);
    let problems: Vec<_> = checked.problems.iter().map(|problem| problem.explain("f")).collect();
    let draft = checked.draft.unwrap_or_else(|| panic!("{problems:?}"));
    let rules: Rules = draft.into_rules(&Pepper::new(&[0; 32]), 1);
    let account = rules.accounts.values().next().unwrap().clone();
    (Pool::new(&rules).unwrap(), account)
}

async fn ask((pool, account): &(Pool, Arc<Account>)) -> Result<Response<UpstreamBody>, SendError> {
    let mut request = Request::new(RequestBody::from(Bytes::from_static(b"{}")));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = "/v1/chat/completions".parse().unwrap();
    pool.send(account, request).await
}

async fn read(answer: Response<UpstreamBody>) -> Vec<u8> {
    let (mut body, mut read) = (answer.into_body(), Vec::new());
    while let Some(piece) = body.chunk().await.unwrap() {
        read.extend_from_slice(&piece);
    }
    read
}

#[tokio::test]
async fn requests_follow_each_other_on_one_connection() {
    let provider = Provider::serving(|socket| answer(socket, 9, ANSWER)).await;
    let reach = reach(&format!("http{}", provider.url), None);
    for _ in 0..5 {
        assert_eq!(read(ask(&reach).await.unwrap()).await, b"{}");
    }
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_waited_is_no_failure() {
    let provider = Provider::serving(|socket| answer(socket, 1, ANSWER)).await;
    let reach = reach(&format!("http{}", provider.url), None);
    for _ in 0..20 {
        assert_eq!(read(ask(&reach).await.unwrap()).await, b"{}");
        tokio::time::sleep(Duration::from_millis(2)).await; // until the end of the connection has arrived
    }
    assert_eq!(provider.connections(), 20);
}

#[tokio::test]
async fn the_connection_of_an_answer_that_is_left_unread_is_closed() {
    let long: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n{";
    let provider = Provider::serving(move |socket| answer(socket, 9, long)).await;
    let reach = reach(&format!("http{}", provider.url), None);
    for connections in 1..4 {
        let mut body = ask(&reach).await.unwrap().into_body();
        assert_eq!(body.chunk().await.unwrap().as_deref(), Some(&b"{"[..]));
        drop(body);
        assert_eq!(provider.connections(), connections);
    }
}

#[tokio::test(start_paused = true)]
async fn connections_do_not_wait_for_longer_than_load_balancers_let_them() {
    let provider = Provider::serving(|socket| answer(socket, 9, ANSWER)).await;
    let reach = reach(&format!("http{}", provider.url), None);
    read(ask(&reach).await.unwrap()).await;
    tokio::time::sleep(IDLE / 2).await;
    read(ask(&reach).await.unwrap()).await;
    assert_eq!(provider.connections(), 1);
    tokio::time::sleep(IDLE + Duration::from_millis(1)).await;
    read(ask(&reach).await.unwrap()).await;
    assert_eq!(provider.connections(), 2);
}

/// TLS for `localhost` that speaks HTTP/2, and the file of its authority.
fn certified(folder: &std::path::Path) -> (tokio_rustls::TlsAcceptor, std::path::PathBuf) {
    use base64::Engine as _;
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(certificate.der());
    let file = folder.join("ca.pem");
    std::fs::write(&file, format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let chain = vec![certificate.der().clone()];
    let mut config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    (tokio_rustls::TlsAcceptor::from(Arc::new(config)), file)
}

#[tokio::test]
async fn http2_connections_are_shared_up_to_their_streams() {
    let folder = tempfile::tempdir().unwrap();
    let (acceptor, ca_file) = certified(folder.path());
    let hold = Arc::new(tokio::sync::Semaphore::new(0));
    let held = hold.clone();
    let provider = Provider::serving(move |socket| {
        let (acceptor, held) = (acceptor.clone(), held.clone());
        async move {
            let socket = TokioIo::new(acceptor.accept(socket).await.unwrap());
            let service = service_fn(move |request: Request<Incoming>| {
                let held = held.clone();
                async move {
                    let asked = format!("{} {:?}", request.uri(), request.headers().get(header::HOST));
                    let _ = held.acquire().await;
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(asked))))
                }
            });
            let _ = server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(socket, service).await;
        }
    })
    .await;
    let reach = reach(&format!("https{}", provider.url), Some(&ca_file));
    // One stream, and as many more as it takes to fill the connection: all but the last share it.
    let wait = async |connections| {
        while provider.connections() < connections {
            tokio::task::yield_now().await;
        }
    };
    let release = async {
        wait(1).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let rest = futures_util::future::join_all((1..MOST_STREAMS).map(|_| ask(&reach)));
        let last = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(provider.connections(), 1, "they share one");
            let open = async {
                wait(2).await;
                hold.add_permits(10_000);
            };
            tokio::join!(ask(&reach), open).0
        };
        tokio::join!(rest, last)
    };
    let (first, (rest, last)) = tokio::join!(ask(&reach), release);
    let asked = read(first.unwrap()).await;
    assert_eq!(String::from_utf8_lossy(&asked), format!("https{}/chat/completions None", provider.url));
    for answer in rest {
        read(answer.unwrap()).await;
    }
    read(last.unwrap()).await;
    for _ in 0..5 {
        read(ask(&reach).await.unwrap()).await;
    }
    assert_eq!(provider.connections(), 2, "later requests share what stands");
}
