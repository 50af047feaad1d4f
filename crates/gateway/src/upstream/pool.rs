//! Connections to providers: each account has its own.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use govern::{Rules, config::snapshot::Account};
use http::{Request, Response};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;

use super::{
    answer::UpstreamBody,
    body::RequestBody,
    connect::Bounded,
    credential::CredentialError,
    lines::{Connector, Lines},
};

/// Sends requests to providers.
pub trait UpstreamPool: Send + Sync {
    /// Sends a request on a connection of this account and waits for the head of the answer.
    ///
    /// The caller bounds the wait; the pool bounds the time to connect.
    fn send(
        &self,
        account: &Account,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Result<Response<UpstreamBody>, SendError>> + Send;

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

/// The connections of all accounts.
pub struct Pool {
    accounts: RwLock<HashMap<Arc<str>, Reach>>,
}

/// How one account is reached.
#[derive(Clone)]
struct Reach {
    /// What the connector was built from; a change builds a new one.
    built_from: BuiltFrom,
    lines: Arc<Lines>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct BuiltFrom {
    base_url: String,
    ca_file: Option<std::path::PathBuf>,
    connect: Duration,
}

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

    fn lines(&self, account: &Account) -> Result<Arc<Lines>, SendError> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let reach = accounts.get(&account.name);
        reach.map_or_else(
            || Err(SendError::Connect("the account has left the configuration".into())),
            |reach| Ok(reach.lines.clone()),
        )
    }
}

impl UpstreamPool for Pool {
    async fn send(
        &self,
        account: &Account,
        request: Request<RequestBody>,
    ) -> Result<Response<UpstreamBody>, SendError> {
        self.lines(account)?.send(request).await
    }

    fn renew(&self, rules: &Rules) -> Result<(), TlsError> {
        let mut next = HashMap::with_capacity(rules.accounts.len());
        let before = self.accounts.read().unwrap_or_else(PoisonError::into_inner).clone();
        for (name, account) in &rules.accounts {
            // Who answers within this process (`echo`) is nowhere.
            if account.base_url.is_empty() {
                continue;
            }
            let from = BuiltFrom {
                base_url: account.base_url.clone(),
                ca_file: account.ca_file.clone(),
                connect: account.timeouts.connect,
            };
            let reach = match before.get(name) {
                Some(kept) if kept.built_from == from => kept.clone(),
                _ => Reach { lines: lines(account, &from)?, built_from: from },
            };
            next.insert(name.clone(), reach);
        }
        *self.accounts.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}

/// The connections of an account; none is opened yet.
fn lines(account: &Account, from: &BuiltFrom) -> Result<Arc<Lines>, TlsError> {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    // Shared among the addresses of a name, so that a dead one does not use up the time of all.
    tcp.set_connect_timeout(Some(from.connect));
    tcp.set_keepalive(Some(Duration::from_secs(30)));
    let tls = HttpsConnectorBuilder::new().with_tls_config(tls(account.ca_file.as_deref())?).https_or_http();
    let connector = if account.provider.quirks().http1_only {
        tls.enable_http1().wrap_connector(tcp)
    } else {
        tls.enable_all_versions().wrap_connector(tcp)
    };
    let connector: Connector = Bounded { connector, most: from.connect };
    let to = from.base_url.parse().ok().and_then(|base| Lines::to(&base, connector));
    to.ok_or_else(|| TlsError(format!("account {}: `{}` is no address of a server", account.name, from.base_url)))
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
