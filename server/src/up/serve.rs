//! The HTTP server: routes together, limits around them, an orderly end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::PATIENCE;
use super::app::{App, front, healthz, metrics};
use super::problem::{Refusal, UpError, finish};
use crate::config::Config;
use crate::fail::Failure;
use crate::ngsi::NgsiState;

/// Listens; what keeps it from listening is told with its remedy.
pub(crate) async fn bind(addr: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(addr).await.map_err(|source| {
        Failure::from(UpError::Listen {
            addr: addr.to_owned(),
            source,
        })
    })
}

/// All routes with their limits.
pub(crate) fn router(app: App) -> Router {
    let ngsi = crate::ngsi::router(NgsiState::new(
        app.context.clone(),
        Arc::new(app.writer.clone()),
        app.notifier.clone(),
        app.body_bytes_max,
    ));
    Router::new()
        .route("/", get(front))
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .merge(super::api::router())
        .method_not_allowed_fallback(no_method)
        .fallback(no_resource)
        .layer(DefaultBodyLimit::max(app.body_bytes_max))
        .with_state(app.clone())
        .merge(crate::processes::router(app.processes.clone()))
        .merge(ngsi)
        .layer(from_fn_with_state(app, bounded))
        .layer(from_fn(finish))
}

async fn no_resource(request: Request) -> Refusal {
    UpError::NoResource(request.uri().path().to_owned()).into()
}

async fn no_method(method: Method, request: Request) -> Refusal {
    UpError::Method(request.uri().path().to_owned(), method.to_string()).into()
}

/// Counts requests and ends those that take too long. A live stream counts until it begins.
async fn bounded(State(app): State<App>, request: Request, next: Next) -> Response {
    app.meters.requests_open.inc();
    let limit = Duration::from_secs(app.timeout_s);
    let answer = tokio::time::timeout(limit, next.run(request)).await;
    app.meters.requests_open.dec();
    app.meters.requests.inc();
    answer.unwrap_or_else(|_| Refusal::from(UpError::Timeout(app.timeout_s)).into_response())
}

/// Serves until a signal; then takes no more, ends live streams, and waits for what is under way.
pub(crate) async fn serve(
    listener: TcpListener,
    config: &Config,
    app: App,
    stop: watch::Sender<bool>,
) -> Result<(), Failure> {
    let listener = Bounded {
        inner: listener,
        room: Arc::new(Semaphore::new(config.http.connections_max)),
    };
    let mut stopping = app.stopping.clone();
    let server = axum::serve(listener, router(app)).with_graceful_shutdown(async move {
        // An error means that the sender is gone: time to stop as well.
        let _ = stopping.wait_for(|s| *s).await;
    });
    let server = tokio::spawn(server.into_future());
    let signalled = signal().await;
    tracing::info!(signal = signalled, "stopping");
    let _ = stop.send(true);
    match tokio::time::timeout(PATIENCE, server).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::warn!(%error, "the server ended"),
        Ok(Err(error)) => tracing::error!(%error, "the server ended"),
        Err(_) => tracing::warn!("requests were still under way and were cut off"),
    }
    Ok(())
}

#[cfg(unix)]
async fn signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut int), Ok(mut term)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = int.recv() => "SIGINT",
        _ = term.recv() => "SIGTERM",
    }
}

#[cfg(not(unix))]
async fn signal() -> &'static str {
    if tokio::signal::ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    "Ctrl-C"
}

/// A listener that accepts no more connections than there is room for; the others wait.
struct Bounded {
    inner: TcpListener,
    room: Arc<Semaphore>,
}

/// A connection that gives its room back when it ends.
struct Connection {
    stream: TcpStream,
    _room: OwnedSemaphorePermit,
}

impl axum::serve::Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let room = self
            .room
            .clone()
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let (stream, addr) = axum::serve::Listener::accept(&mut self.inner).await;
        // Small answers leave at once; an error only costs latency.
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            stream,
            _room: room,
        };
        (connection, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
