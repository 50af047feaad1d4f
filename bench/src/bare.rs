//! The least that a proxy on this stack can do: hyper in, hyper-util's client out, bodies streamed, no header changed
//! but `host`. What a gateway costs beyond this is its own.

use std::net::SocketAddr;

use anyhow::Result;
use http::{Request, Response, Uri, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::{net::TcpListener, task::JoinSet};

use crate::Flavour;

/// Serves until it is killed. Prints its address first.
pub fn serve(listen: SocketAddr, upstream: SocketAddr, flavour: Flavour) -> Result<()> {
    let runtime = match flavour {
        Flavour::CurrentThread => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        Flavour::MultiThread => tokio::runtime::Builder::new_multi_thread().enable_all().build()?,
    };
    runtime.block_on(async move {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client: Client<_, Incoming> =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        let listener = TcpListener::bind(listen).await?;
        println!("{}", listener.local_addr()?);
        let mut connections = JoinSet::new();
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            let client = client.clone();
            while connections.try_join_next().is_some() {}
            connections.spawn(async move {
                let service = service_fn(move |request| forward(client.clone(), upstream, request));
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(socket), service)
                    .await;
            });
        }
    })
}

/// An error closes the client's connection: the load generator counts it.
async fn forward(
    client: Client<HttpConnector, Incoming>,
    upstream: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = Uri::builder().scheme("http").authority(upstream.to_string()).path_and_query(path).build()?;
    request.headers_mut().remove(header::HOST);
    #[expect(clippy::disallowed_methods, reason = "the bare proxy is the measure for that one function")]
    let response = client.request(request).await?;
    Ok(response)
}
