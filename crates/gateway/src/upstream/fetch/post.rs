//! Posts to a URL of somebody's choosing, by the same rules as a fetch: public addresses alone, no redirects, in time.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::Full;
use tokio::time::timeout;

use super::{Destination, FetchError, Fetcher, Refusal, exchange, request};

/// Ports that are posted to.
const PORTS: &[u16] = &[443, 8443];

impl Fetcher {
    /// Posts JSON with one request. The status of the answer, of which nothing else is read; a redirect is a status too.
    ///
    /// # Errors
    /// Why nothing was posted. A URL that is refused causes no packet at all.
    pub async fn post(&self, url: &str, headers: HeaderMap, json: Bytes, within: Duration) -> Result<u16, FetchError> {
        let destination = Destination::read(url, false, PORTS)?;
        let sent = async {
            let mut request = request(Request::post(destination.path_and_query()), &destination)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Full::new(json))
                .map_err(|_| Refusal::NotAUrl)?;
            request.headers_mut().extend(headers);
            exchange(self.open(&destination).await?, request, async |answer| Ok(answer.status().as_u16())).await
        };
        timeout(within, sent).await.unwrap_or(Err(FetchError::Timeout(within)))
    }
}
