//! An HTTP server whose handler can cut the connection instead of answering.

use std::{fmt, net::SocketAddr};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{Request, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, task::JoinHandle};

/// The connection is closed without an answer.
#[derive(Debug)]
pub struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was cut on purpose")
    }
}

impl std::error::Error for Cut {}

/// Serves `handler` on a free loopback port until the task is dropped.
pub async fn serve<F, R>(handler: F) -> (SocketAddr, JoinHandle<()>)
where
    F: Fn(Request<Bytes>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Response<Body>, Cut>> + Send,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free loopback port");
    let address = listener.local_addr().expect("a bound address");
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let handler = handler.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let handler = handler.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let body = to_bytes(Body::new(body), usize::MAX).await.map_err(|_| Cut)?;
                    handler(Request::from_parts(head, body)).await
                }
            });
            let connection =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    (address, task)
}
