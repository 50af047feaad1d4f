//! Connections to providers.
//!
//! hyper opens one HTTP/2 connection for a host and queues at the peer's limit of streams. So an account gets several
//! clients ("shards"): the next one is opened when the streams of the ones before are nearly used up.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use govern::{Rules, config::snapshot::Account};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use super::{
    answer::{Seat, UpstreamBody},
    body::RequestBody,
    connect::Bounded,
    credential::CredentialError,
};

/// Sends requests to providers.
pub trait UpstreamPool: Send + Sync {
    /// Sends a request on a connection of this account and waits for the head of the answer.
    ///
    /// The caller bounds the wait; the pool bounds the time to connect.
    fn send<'a>(
        &'a self,
        account: &'a Account,
        request: Request<RequestBody>,
    ) -> BoxFuture<'a, Result<Response<UpstreamBody>, SendError>>;

    /// Takes over the accounts of a new configuration. Connections of unchanged accounts are kept.
    ///
    /// # Errors
    /// A certificate file cannot be read; nothing has changed then.
    fn renew(&self, rules: &Rules) -> Result<(), TlsError>;
}

/// A request that got no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection: DNS, TCP, TLS, or the time to connect is over.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection broke after the request was sent.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// There is nothing to show to the provider: no request was sent.
    #[error("no credential: {0}")]
    Credential(#[from] CredentialError),
}

/// Certificates that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

impl TlsError {
    /// A credential that cannot be sent.
    pub(super) fn account(name: &str, error: &CredentialError) -> Self {
        Self(format!("account {name}: {error}"))
    }
}

type Connector = Bounded<HttpsConnector<HttpConnector>>;

/// The connections of all accounts.
pub struct Pool {
    accounts: RwLock<HashMap<Arc<str>, Arc<Shards>>>,
}

/// The clients of one account.
struct Shards {
    /// What the clients were built from; a change builds new ones.
    built_from: BuiltFrom,
    connector: Connector,
    clients: RwLock<Vec<Arc<Shard>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct BuiltFrom {
    base_url: String,
    ca_file: Option<std::path::PathBuf>,
    connect: Duration,
}

struct Shard {
    client: Client<Connector, RequestBody>,
    streams: Arc<AtomicUsize>,
}

/// Streams of one connection before the next is opened: 80 % of the hundred that servers commonly allow.
const STREAMS_PER_SHARD: usize = 80;

/// Most clients of one account.
const MOST_SHARDS: usize = 64;

/// Idle connections are closed before common load balancers close them (60 s) under our hands.
const IDLE: Duration = Duration::from_secs(50);

impl Pool {
    /// Connections for these accounts; none is opened yet.
    ///
    /// # Errors
    /// Certificates cannot be read.
    pub fn new(rules: &Rules) -> Result<Self, TlsError> {
        let pool = Self { accounts: RwLock::default() };
        pool.renew(rules)?;
        Ok(pool)
    }

    fn shards(&self, account: &Account) -> Result<Arc<Shards>, SendError> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let shards = accounts.get(&account.name);
        shards.cloned().ok_or_else(|| SendError::Connect("the account has left the configuration".into()))
    }
}

impl UpstreamPool for Pool {
    fn send<'a>(
        &'a self,
        account: &'a Account,
        request: Request<RequestBody>,
    ) -> BoxFuture<'a, Result<Response<UpstreamBody>, SendError>> {
        Box::pin(async move {
            let shard = self.shards(account)?.pick();
            let seat = Seat::take(&shard.streams);
            #[expect(clippy::disallowed_methods, reason = "the one function that calls providers")]
            let answer = shard.client.request(request).await;
            match answer {
                Ok(answer) => Ok(answer.map(|body: Incoming| UpstreamBody::Wire { body, _seat: seat })),
                Err(error) if error.is_connect() => Err(SendError::Connect(reasons(&error))),
                Err(error) => Err(SendError::Broken(reasons(&error))),
            }
        })
    }

    fn renew(&self, rules: &Rules) -> Result<(), TlsError> {
        let mut next = HashMap::with_capacity(rules.accounts.len());
        let before = self.accounts.read().unwrap_or_else(PoisonError::into_inner).clone();
        for (name, account) in &rules.accounts {
            let from = BuiltFrom {
                base_url: account.base_url.clone(),
                ca_file: account.ca_file.clone(),
                connect: account.timeouts.connect,
            };
            let shards = match before.get(name) {
                Some(kept) if kept.built_from == from => kept.clone(),
                _ => Arc::new(Shards::new(account, from)?),
            };
            next.insert(name.clone(), shards);
        }
        *self.accounts.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}

impl Shards {
    fn new(account: &Account, built_from: BuiltFrom) -> Result<Self, TlsError> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        // Shared among the addresses of a name, so that a dead one does not use up the time of all.
        tcp.set_connect_timeout(Some(built_from.connect));
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        let tls = HttpsConnectorBuilder::new().with_tls_config(tls(account.ca_file.as_deref())?).https_or_http();
        let connector = if account.provider.quirks().http1_only {
            tls.enable_http1().wrap_connector(tcp)
        } else {
            tls.enable_all_versions().wrap_connector(tcp)
        };
        let connector = Bounded { connector, most: built_from.connect };
        Ok(Self { built_from, connector, clients: RwLock::default() })
    }

    /// A client with room for one more stream.
    fn pick(&self) -> Arc<Shard> {
        let has_room = |shard: &&Arc<Shard>| shard.streams.load(Ordering::Relaxed) < STREAMS_PER_SHARD;
        if let Some(shard) = self.clients.read().unwrap_or_else(PoisonError::into_inner).iter().find(has_room) {
            return shard.clone();
        }
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(shard) = clients.iter().find(has_room) {
            return shard.clone();
        }
        let least = clients.iter().min_by_key(|shard| shard.streams.load(Ordering::Relaxed));
        match least {
            Some(least) if clients.len() >= MOST_SHARDS => least.clone(),
            _ => {
                let shard = Arc::new(self.open());
                clients.push(shard.clone());
                shard
            }
        }
    }

    fn open(&self) -> Shard {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .http2_adaptive_window(true)
            .build(self.connector.clone());
        Shard { client, streams: Arc::default() }
    }
}

/// TLS with the system's certificate authorities and those of the file.
///
/// # Errors
/// The file cannot be read.
pub fn tls(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, TlsError> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};

    let mut roots = rustls::RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    if let Some(file) = ca_file {
        let unreadable = |error: &dyn std::fmt::Display| TlsError(format!("ca_file {}: {error}", file.display()));
        let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| unreadable(&error))?;
            roots.add(certificate).map_err(|error| unreadable(&error))?;
        }
    }
    Ok(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

/// An error and its causes, in one line for the log.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
