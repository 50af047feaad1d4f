//! Providers over TLS: only good certificates, and no version that is too old.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::Engine as _;
use testkit::{
    Answer, Upstream,
    fixture::{openai_chat_text, openai_usage},
    harness::mint,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::setup::{account, chat, start};

const PATH: &str = "/v1/chat/completions";

fn hello() -> Answer {
    openai_chat_text("hello", &openai_usage(7, 3))
}

/// A TLS server with this certificate; counts the requests that got through.
async fn tls_server(config: tokio_rustls::rustls::ServerConfig) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let through = Arc::new(AtomicUsize::new(0));
    let count = through.clone();
    let mut tasks = tokio::task::JoinSet::new();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = listener.into_std().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, count) = (acceptor.clone(), count.clone());
                tasks.spawn(async move {
                    let Ok(mut socket) = acceptor.accept(socket).await else { return };
                    let mut request = vec![0; 16_384];
                    if matches!(socket.read(&mut request).await, Ok(1..)) {
                        count.fetch_add(1, Ordering::SeqCst);
                        for piece in hello().wire() {
                            let _ = socket.write_all(&piece).await;
                        }
                    }
                });
            }
        });
    });
    (port, through)
}

/// A server's configuration with a certificate of this authority, for this name, good until that year.
fn certified(issuer: &rcgen::Issuer<'_, rcgen::KeyPair>, name: &str, until: i32) -> tokio_rustls::rustls::ServerConfig {
    use tokio_rustls::rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
    let mut wanted = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    wanted.not_before = rcgen::date_time_ymd(2020, 1, 1);
    wanted.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = wanted.signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

fn authority() -> (String, rcgen::Issuer<'static, rcgen::KeyPair>) {
    let mut wanted = rcgen::CertificateParams::new(Vec::new()).unwrap();
    wanted.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let der = base64::engine::general_purpose::STANDARD.encode(wanted.self_signed(&key).unwrap().der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
    (pem, rcgen::Issuer::new(wanted, key))
}

/// Takes a ClientHello and offers a version of TLS that is too old; what was offered and what came back.
async fn old_server(version: u8) -> (u16, tokio::sync::oneshot::Receiver<(Vec<u8>, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = tokio::sync::oneshot::channel();
    let serving = async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut hello = Vec::with_capacity(16_384);
        socket.read_buf(&mut hello).await.unwrap();
        // ServerHello: version, random, no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
        let mut answer = vec![22, 3, version, 0, 42, 2, 0, 0, 38, 3, version];
        answer.extend([7; 32]);
        answer.extend([0, 0, 0x2f, 0]);
        socket.write_all(&answer).await.unwrap();
        let mut back = Vec::new();
        let _ = socket.read_buf(&mut back).await;
        let _ = tell.send((hello, back));
    };
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serving);
    tasks.detach_all();
    (port, told)
}

#[tokio::test]
async fn sec_047_old_tls_and_bad_certificates_are_refused() {
    let (pem, issuer) = authority();
    let (_, stranger) = authority();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, pem).unwrap();
    let good = tls_server(certified(&issuer, "localhost", 2099)).await;
    let expired = tls_server(certified(&issuer, "localhost", 2021)).await;
    let misnamed = tls_server(certified(&issuer, "elsewhere.example", 2099)).await;
    let unknown = tls_server(certified(&stranger, "localhost", 2099)).await;
    let (old_10, hello_10) = old_server(1).await;
    let (old_11, hello_11) = old_server(2).await;
    let key = mint();
    let ports = [
        ("good", good.0),
        ("expired", expired.0),
        ("misnamed", misnamed.0),
        ("unknown", unknown.0),
        ("old10", old_10),
        ("old11", old_11),
    ];
    let account = |(name, port): &(&str, u16)| {
        format!(
            "  {name}: {{kind: openai, base_url: 'https://localhost:{port}/v1', api_key: {key}, ca_file: '{}'}}\n",
            file.display()
        )
    };
    let once = |(name, _): &(&str, u16)| format!("  {name}: {{targets: [{name}/m], retry: {{attempts: 1}}}}\n");
    let config = format!(
        "providers:\n{}  untrusting: {{kind: openai, base_url: 'https://localhost:{}/v1', api_key: {key}}}\nmodels:\n{}",
        ports.iter().map(account).collect::<String>(),
        good.0,
        ports.iter().map(once).collect::<String>()
    );
    let gateway = start(&config).await;
    let ask = async |model: &str| gateway.client().post(PATH, &chat(model)).send().await;
    let served = ask("good").await;
    assert_eq!(served.status, 200, "{}", served.text());
    for model in ["expired", "misnamed", "unknown", "old10", "old11", "untrusting/m"] {
        let refused = ask(model).await;
        let code = refused.header("x-tollgate-error-code").map(str::to_owned);
        assert_eq!(
            (refused.status, code.as_deref()),
            (502, Some("provider_unreachable")),
            "{model}: {}",
            refused.text()
        );
    }
    for (name, (_, through)) in [("good", good), ("expired", expired), ("misnamed", misnamed), ("unknown", unknown)] {
        assert_eq!(through.load(Ordering::SeqCst), usize::from(name == "good"), "{name}: requests that were sent");
    }
    for (hello, back) in [hello_10.await.unwrap(), hello_11.await.unwrap()] {
        // Extension 43: a list of TLS 1.3 and 1.2, nothing older.
        let offered = [0, 43, 0, 5, 4, 3, 4, 3, 3];
        assert!(hello.windows(offered.len()).any(|window| window == offered), "{hello:?}");
        assert_eq!((back.first(), back.last()), (Some(&21), Some(&70)), "the alert `protocol_version`: {back:?}");
    }
}

#[tokio::test]
async fn certificates_cannot_be_ignored() {
    let upstream = Upstream::answering(hello());
    let entry = account("chat", "openai", &upstream);
    for setting in ["insecure_skip_verify: true", "verify: false", "verify_ssl: false", "insecure: true"] {
        let entry = entry.replacen("{kind", &format!("{{{setting}, kind"), 1);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        fs::write(&file, format!("data_dir: {}\nproviders:\n{entry}", folder.path().display())).unwrap();
        let refused =
            std::process::Command::new(env!("CARGO_BIN_EXE_tollgate")).arg("check").arg(file).output().unwrap();
        let told = String::from_utf8_lossy(&[refused.stdout, refused.stderr].concat()).into_owned();
        assert!(!refused.status.success() && told.contains("unknown_field"), "{setting}: {told}");
    }
}
