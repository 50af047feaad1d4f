//! Posts to services of the operator's own: the trace collector, receivers of alerts in the same network.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
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

impl HttpPost {
    /// Posts JSON. The status of the answer; its body is not read, and a redirect is not followed.
    ///
    /// # Errors
    /// There was no answer: why, in words for the log.
    pub async fn send(&self, to: Uri, headers: HeaderMap, json: Bytes) -> Result<u16, String> {
        let mut request = Request::new(Full::new(json));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = to;
        *request.headers_mut() = headers;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        #[expect(clippy::disallowed_methods, reason = "an operator's own address, beside the one that calls providers")]
        let answer = self.0.request(request).await.map_err(|error| error.to_string())?;
        Ok(answer.status().as_u16())
    }
}

impl Post for HttpPost {
    fn post(&self, to: Uri, json: Bytes) -> BoxFuture<'_, Result<u16, String>> {
        Box::pin(self.send(to, HeaderMap::new(), json))
    }
}
