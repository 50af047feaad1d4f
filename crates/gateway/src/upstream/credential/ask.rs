//! Calls to the services that hand out credentials: metadata services, token endpoints.
//!
//! Their addresses are the operator's or the cloud's own, never a caller's. Answers are small and waited for briefly.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::CredentialError;
use crate::upstream::{TlsError, tls};

/// Asks a service that hands out credentials.
pub trait Ask: Send + Sync {
    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// There is no answer in time, or it is too large to be one.
    fn ask(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, CredentialError>>;
}

/// The real thing.
pub struct HttpAsk(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// Nobody serves a metadata address outside of its cloud: connections there hang until they are given up.
const CONNECT: Duration = Duration::from_secs(1);

/// The whole exchange. Token endpoints answer within a second or not at all.
const ANSWER: Duration = Duration::from_secs(10);

/// Tokens are a few KiB.
const MOST_BYTES: usize = 256 << 10;

impl HttpAsk {
    /// A client that trusts the system's certificate authorities.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn new() -> Result<Self, TlsError> {
        Self::trusting(None)
    }

    /// A client that trusts those of this PEM file too.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn trusting(ca_file: Option<&Path>) -> Result<Self, TlsError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls(ca_file)?).https_or_http();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector.enable_http1().wrap_connector(tcp))))
    }
}

impl Ask for HttpAsk {
    fn ask(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, CredentialError>> {
        Box::pin(async move {
            let host = request.uri().authority().map_or_else(String::new, ToString::to_string);
            let exchange = async {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the cloud's own addresses, beside the one that calls providers"
                )]
                let answer = self.0.request(request.map(Full::new)).await.map_err(|error| error.to_string())?;
                let (head, body) = answer.into_parts();
                let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| error.to_string())?;
                Ok::<_, String>(Response::from_parts(head, body.to_bytes()))
            };
            match tokio::time::timeout(ANSWER, exchange).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(why)) => Err(CredentialError::new(format!("{host} cannot be asked: {why}"))),
                Err(_elapsed) => {
                    Err(CredentialError::new(format!("{host} did not answer within {} s", ANSWER.as_secs())))
                }
            }
        })
    }
}
