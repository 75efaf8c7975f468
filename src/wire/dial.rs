//! Connections: name to address, TCP, TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;

use super::names::Names;
use super::tls;
use super::{Bounds, Connection, Failure, Origin, Phase, Scheme};

/// A byte stream, plain or encrypted.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An open connection.
pub(super) struct Link {
    pub stream: Box<dyn Duplex>,
    /// Octets that arrived and nobody consumed.
    pub buffer: BytesMut,
    pub facts: Connection,
}

/// How an address is reached.
pub(super) struct Way<'a> {
    pub names: &'a Names,
    /// The local address that the connection leaves from; the system chooses where there is none.
    pub leaves_from: Option<IpAddr>,
}

/// Opens a connection within the bounds: TCP has [`Bounds::connect`], and the TLS handshake has it again.
pub(super) async fn dial(
    origin: &Origin,
    way: &Way<'_>,
    config: &Arc<rustls::ClientConfig>,
    bounds: &Bounds,
) -> Result<Link, Failure> {
    let (stream, peer) = connect(origin, way, bounds.connect).await?;
    let mut facts = Connection {
        peer: Some(peer),
        ..Connection::default()
    };
    let stream: Box<dyn Duplex> = match origin.scheme {
        Scheme::Http => Box::new(stream),
        Scheme::Https => {
            let name = server_name(&origin.host)?;
            let connector = TlsConnector::from(Arc::clone(config));
            let stream = tokio::time::timeout(bounds.connect, connector.connect(name, stream))
                .await
                .map_err(|_| Failure::Timeout(Phase::Handshake))?
                .map_err(|error| broken(&error))?;
            let (_, session) = stream.get_ref();
            facts.tls = session.protocol_version().map(version_name);
            facts.alpn = session
                .alpn_protocol()
                .map(|name| String::from_utf8_lossy(name).into_owned());
            Box::new(stream)
        }
    };
    Ok(Link {
        stream,
        buffer: BytesMut::new(),
        facts,
    })
}

pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, Failure> {
    ServerName::try_from(host.to_owned())
        .map_err(|_| Failure::Unsendable(format!("\"{host}\" is no name for TLS")))
}

/// `1.2`, `1.3`; other versions by their number.
pub(super) fn version_name(version: rustls::ProtocolVersion) -> String {
    match version {
        rustls::ProtocolVersion::TLSv1_2 => "1.2".into(),
        rustls::ProtocolVersion::TLSv1_3 => "1.3".into(),
        other => format!("0x{:04x}", u16::from(other)),
    }
}

/// Opens a TCP connection to the first address that takes one. Of several failures the last is told.
pub(super) async fn connect(
    origin: &Origin,
    way: &Way<'_>,
    patience: Duration,
) -> Result<(TcpStream, SocketAddr), Failure> {
    let deadline = Instant::now() + patience;
    let addresses = timeout_at(deadline.into(), way.names.resolve(origin))
        .await
        .map_err(|_| Failure::Timeout(Phase::Connect))??;
    let mut failure = Failure::Unresolved(origin.host.clone());
    let mut left = u32::try_from(addresses.len()).unwrap_or(1);
    for address in addresses {
        // An address that swallows everything must not eat the time of the others.
        let share = deadline.saturating_duration_since(Instant::now()) / left.max(1);
        left -= 1;
        match tokio::time::timeout(share, open(address, way.leaves_from)).await {
            Ok(Ok(stream)) => {
                // Requests in a race must leave when they are written, not when Nagle allows it.
                stream.set_nodelay(true).map_err(|error| broken(&error))?;
                return Ok((stream, address));
            }
            Ok(Err(error)) => failure = unreachable(&error),
            Err(_) => failure = Failure::Timeout(Phase::Connect),
        }
    }
    Err(failure)
}

async fn open(address: SocketAddr, leaves_from: Option<IpAddr>) -> io::Result<TcpStream> {
    let Some(local) = leaves_from else {
        return TcpStream::connect(address).await;
    };
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(local, 0))?;
    socket.connect(address).await
}

fn unreachable(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Failure::Reset,
        io::ErrorKind::TimedOut => Failure::Timeout(Phase::Connect),
        _ => Failure::Unsendable(error.to_string()),
    }
}

/// What the error of an open connection, or of its handshake, means.
pub(super) fn broken(error: &io::Error) -> Failure {
    let library = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(error) = library {
        return Failure::Tls(tls::reason(error));
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::Closed,
        io::ErrorKind::TimedOut => Failure::Timeout(Phase::Answer),
        _ => Failure::Reset,
    }
}
