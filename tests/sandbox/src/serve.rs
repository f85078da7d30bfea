//! An HTTP server whose handler can cut the connection instead of answering.

use std::{
    fmt,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Instant,
};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{Request, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::{JoinHandle, JoinSet},
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

/// Bound ports of one server: its own on loopback, and the same number on another address where that was asked for.
pub struct Listeners(Vec<TcpListener>);

impl Listeners {
    /// `port` (0: a free one) on loopback, and on `listen` if that is another address.
    ///
    /// # Errors
    /// In words, when the port is taken or the machine has no such address.
    pub async fn bind(listen: IpAddr, port: u16) -> Result<Self, String> {
        let own = if listen.is_unspecified() { listen } else { Ipv4Addr::LOCALHOST.into() };
        let mut listeners = vec![bind(own, port).await?];
        if listen != own {
            let port = listeners[0].local_addr().map_err(|error| error.to_string())?.port();
            listeners.push(bind(listen, port).await?);
        }
        Ok(Self(listeners))
    }

    /// Where this machine's own programs reach the server.
    pub fn address(&self) -> SocketAddr {
        let bound = self.0[0].local_addr().expect("a bound address");
        match bound.ip() {
            ip if !ip.is_unspecified() => bound,
            IpAddr::V4(_) => (Ipv4Addr::LOCALHOST, bound.port()).into(),
            IpAddr::V6(_) => (Ipv6Addr::LOCALHOST, bound.port()).into(),
        }
    }

    /// The bound ports themselves.
    pub fn into_inner(self) -> Vec<TcpListener> {
        self.0
    }
}

async fn bind(ip: IpAddr, port: u16) -> Result<TcpListener, String> {
    let address = SocketAddr::new(ip, port);
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => format!("Another process listens on {address}. End it, or name another port with --port."),
        ErrorKind::AddrNotAvailable => format!(
            "This machine has no address {ip}. A container network's gateway may exist only while a container runs in that network."
        ),
        _ => format!("It is not possible to listen on {address}: {error}."),
    })
}

/// Serves `handler` on this loopback port, a free one for 0, until the task is dropped.
pub async fn serve<F, R>(port: u16, handler: F) -> (SocketAddr, JoinHandle<()>)
where
    F: Fn(Request<Bytes>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
{
    let listeners = Listeners::bind(Ipv4Addr::LOCALHOST.into(), port).await.expect("a free loopback port");
    (listeners.address(), serve_on(listeners, handler))
}

/// The same on ports that are bound already.
pub fn serve_on<F, R>(listeners: Listeners, handler: F) -> JoinHandle<()>
where
    F: Fn(Request<Bytes>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
{
    tokio::spawn(async move {
        let mut accepting: JoinSet<()> =
            listeners.0.into_iter().map(|listener| accept(listener, handler.clone())).collect();
        accepting.join_next().await;
    })
}

async fn accept<F, R>(listener: TcpListener, handler: F)
where
    F: Fn(Request<Bytes>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, handler.clone()));
    }
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
