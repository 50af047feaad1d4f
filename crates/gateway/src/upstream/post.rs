//! Posts to services of the operator's own: the trace collector.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request, Uri, header};
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::{TlsError, pool::tls};
use crate::sink::otlp::Post;

/// A client for such services.
pub struct HttpPost(Client<hyper_rustls::HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpPost {
    /// A client that trusts the system's certificate authorities.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn new() -> Result<Self, TlsError> {
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls(None)?).https_or_http().enable_http1().build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }
}

impl Post for HttpPost {
    fn post(&self, to: Uri, json: Bytes) -> BoxFuture<'_, Result<u16, String>> {
        Box::pin(async move {
            let request = Request::builder()
                .method(Method::POST)
                .uri(to)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Full::new(json))
                .map_err(|error| error.to_string())?;
            #[expect(
                clippy::disallowed_methods,
                reason = "an operator's own address, beside the one that calls providers"
            )]
            let answer = self.0.request(request).await.map_err(|error| error.to_string())?;
            Ok(answer.status().as_u16())
        })
    }
}
