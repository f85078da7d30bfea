//! An HTTP server whose handler can cut the connection instead of answering.

use std::{fmt, net::SocketAddr, time::Instant};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{Request, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinHandle,
};

/// The connection is closed without an answer.
#[derive(Debug)]
pub struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was cut on purpose")
    }
}

impl std::error::Error for Cut {}

/// Serves `handler` on this loopback port, a free one for 0, until the task is dropped.
pub async fn serve<F, R>(port: u16, handler: F) -> (SocketAddr, JoinHandle<()>)
where
    F: Fn(Request<Bytes>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a free loopback port");
    let address = listener.local_addr().expect("a bound address");
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, handler.clone()));
        }
    });
    (address, task)
}

/// When the connection of a request was opened; among its extensions.
#[derive(Clone, Copy)]
pub(crate) struct Opened(pub(crate) Instant);

/// Serves `handler` on one connection, be it bare or inside of TLS, until either side ends it.
pub async fn connection<S, F, R>(stream: S, handler: F)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Request<Bytes>) -> R + Clone,
    R: Future<Output = Result<Response<Body>, Cut>>,
{
    let opened = Opened(Instant::now());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(opened);
        let handler = handler.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = to_bytes(Body::new(body), usize::MAX).await.map_err(|_| Cut)?;
            handler(Request::from_parts(head, body)).await
        }
    });
    // How a connection ends is the client's affair, or was ordered by a test.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}
