//! The time to connect, through the TLS handshake: the connector's own bound ends where TCP does, and a server that
//! takes connections without a word would hold a call until its first-token timeout.

use std::{
    io,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::Uri;
use tower::Service;

/// A connector that must be done in time.
#[derive(Debug, Clone)]
pub struct Bounded<C> {
    pub connector: C,
    pub most: Duration,
}

impl<C> Service<Uri> for Bounded<C>
where
    C: Service<Uri, Future: Send + 'static, Response: 'static, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    type Response = C::Response;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<C::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connecting, most) = (self.connector.call(to), self.most);
        Box::pin(async move {
            match tokio::time::timeout(most, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_elapsed) => {
                    Err(io::Error::new(io::ErrorKind::TimedOut, format!("not connected within {most:?}")).into())
                }
            }
        })
    }
}
