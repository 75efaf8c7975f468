//! A small HTTP server of ours, on a thread of its own, so that it answers whatever the rest of the run waits for.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio_rustls::TlsAcceptor;

/// Connections at the same time; further ones wait.
const CONNECTIONS: usize = 64;
/// Longest that a caller may take for handshake and head.
const HEAD: Duration = Duration::from_secs(5);
/// Octets of a head.
const HEAD_BYTES: usize = 16 * 1024;

/// What somebody asked for. Bodies are never read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub target: String,
}

/// The answer, and how long it is held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    pub after: Duration,
}

impl Reply {
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            content_type,
            body: body.into(),
            after: Duration::ZERO,
        }
    }
}

type Answerer = dyn Fn(&Asked) -> Reply + Send + Sync;

/// An open port. It is closed, with all its connections, when this is dropped.
pub struct Port {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Port {
    /// Listens on `address:port`; port 0 is any free one. Fails with a sentence.
    pub fn open(
        listen: &str,
        tls: Option<Arc<ServerConfig>>,
        answer: Arc<Answerer>,
    ) -> Result<Self, String> {
        let says = |error: io::Error| format!("cannot listen on `{listen}`: {error}");
        let listener = TcpListener::bind(listen).map_err(says)?;
        listener.set_nonblocking(true).map_err(says)?;
        let address = listener.local_addr().map_err(says)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(says)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("proofmark-port".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    // Whoever holds the other end only ever drops it.
                    tokio::select! {
                        () = accept(listener, tls, answer) => {}
                        _ = stopped => {}
                    }
                });
            })
            .map_err(says)?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic in there is nobody's business here: the port is closed all the same.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<Arc<ServerConfig>>, answer: Arc<Answerer>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        // An error of accept concerns the one connection.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (tls, answer) = (tls.clone(), answer.clone());
        tokio::spawn(async move {
            greet(stream, tls, answer).await;
            drop(permit);
        });
    }
}

async fn greet(stream: TcpStream, tls: Option<Arc<ServerConfig>>, answer: Arc<Answerer>) {
    match tls {
        None => serve(stream, answer).await,
        Some(config) => {
            let handshake = TlsAcceptor::from(config).accept(stream);
            if let Ok(Ok(stream)) = tokio::time::timeout(HEAD, handshake).await {
                serve(stream, answer).await;
            }
        }
    }
}

async fn serve<S>(stream: S, answer: Arc<Answerer>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let answer = answer.clone();
        async move {
            let target = request.uri().path_and_query();
            let reply = answer(&Asked {
                method: request.method().to_string(),
                target: target.map_or_else(String::new, ToString::to_string),
            });
            if !reply.after.is_zero() {
                tokio::time::sleep(reply.after).await;
            }
            let mut response = Response::new(Full::new(Bytes::from(reply.body)));
            *response.status_mut() = hyper::StatusCode::from_u16(reply.status)
                .unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
            let kind = hyper::header::HeaderValue::from_static(reply.content_type);
            response
                .headers_mut()
                .insert(hyper::header::CONTENT_TYPE, kind);
            Ok::<_, Infallible>(response)
        }
    });
    // What is wrong with a connection is the caller's trouble.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
