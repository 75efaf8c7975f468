//! Accepting connections: TCP, TLS, and which HTTP version is spoken on them.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::authority::{Leaf, identity};
use super::flaw::{Flaw, FlawSet, flaw};
use super::http::{Line, NOWHERE, Node};
use super::old_tls;
use super::site::Site;
use super::{h1, h2};

/// Faults of every deployment.
pub const FLAWS: &[Flaw] = &[
    flaw(
        "certificate-wrong-name",
        "Shows a certificate that was issued for another host.",
        "RFC 9525 §6",
    ),
    flaw(
        "certificate-common-name-only",
        "Has its own name in the certificate's common name but not in the subjectAltName.",
        "RFC 9525 §6",
    ),
    flaw(
        "certificate-expired",
        "Shows a certificate that ran out in 2020.",
        "RFC 5280 §4.1.2.5",
    ),
    flaw(
        "certificate-nearly-expired",
        "Shows a certificate that runs out within the week.",
        "RFC 5280 §4.1.2.5",
    ),
    flaw(
        "certificate-not-yet-valid",
        "Shows a certificate that begins in 2090.",
        "RFC 5280 §4.1.2.5",
    ),
    flaw(
        "certificate-without-intermediate",
        "Leaves the intermediate certificate out of the handshake.",
        "RFC 5280 §6",
    ),
    flaw(
        "certificate-self-signed",
        "Shows a certificate that nobody but itself vouches for.",
        "RFC 5280 §6",
    ),
    flaw(
        "alpn-ignored",
        "Speaks HTTP/2 to a client that offered neither h2 nor http/1.1.",
        "RFC 7301 §3.2",
    ),
    flaw(
        "h2c-enabled",
        "Speaks HTTP/2 in clear on the plain port and serves the API over it.",
        "RFC 9113 §3.3",
    ),
];

/// Faults of deployments whose floor is TLS 1.2.
pub const FLOOR_1_2_FLAWS: &[Flaw] = &[flaw(
    "tls-1-3-missing",
    "Offers TLS 1.2 as its newest version.",
    "RFC 9325 §3.1.1",
)];

/// Faults of deployments whose floor is TLS 1.3.
pub const FLOOR_1_3_FLAWS: &[Flaw] = &[flaw(
    "tls-1-2-accepted",
    "Completes a TLS 1.2 handshake although the contract promises TLS 1.3.",
    "contract",
)];

/// The oldest TLS version that a contract allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    Tls12,
    Tls13,
}

const HANDSHAKE: Duration = Duration::from_secs(15);
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}

/// The encrypted port, of each node.
pub struct Encrypted {
    config: Arc<ServerConfig>,
    /// For a client that knows none of our protocols; only under `alpn-ignored`.
    no_alpn: Option<Arc<ServerConfig>>,
    old: old_tls::Accepted,
}

impl Encrypted {
    pub fn new(floor: Floor, flaws: &FlawSet) -> Result<Self, rustls::Error> {
        let leaf = match () {
            () if flaws.has("certificate-wrong-name") => Leaf::WrongName,
            () if flaws.has("certificate-common-name-only") => Leaf::CommonNameOnly,
            () if flaws.has("certificate-expired") => Leaf::Expired,
            () if flaws.has("certificate-nearly-expired") => Leaf::NearlyExpired,
            () if flaws.has("certificate-not-yet-valid") => Leaf::NotYetValid,
            () if flaws.has("certificate-without-intermediate") => Leaf::WithoutIntermediate,
            () if flaws.has("certificate-self-signed") => Leaf::SelfSigned,
            () => Leaf::Sound,
        };
        let versions: &[&rustls::SupportedProtocolVersion] = match floor {
            Floor::Tls12 if flaws.has("tls-1-3-missing") => &[&rustls::version::TLS12],
            Floor::Tls13 if !flaws.has("tls-1-2-accepted") => &[&rustls::version::TLS13],
            Floor::Tls12 | Floor::Tls13 => &[&rustls::version::TLS12, &rustls::version::TLS13],
        };
        let identity = identity(leaf);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_single_cert(identity.chain.clone(), identity.key())?;
        let no_alpn = flaws.has("alpn-ignored").then(|| Arc::new(config.clone()));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            no_alpn,
            old: old_tls::Accepted::new(flaws),
        })
    }

    /// Accepts until aborted; connections die with it.
    pub async fn run(self: Arc<Self>, listener: TcpListener, site: Arc<dyn Site>, node: Node) {
        accept(&listener, |stream| {
            let (port, site) = (Arc::clone(&self), Arc::clone(&site));
            // A connection that breaks concerns its client alone.
            async move { drop(port.connection(stream, site, node).await) }
        })
        .await;
    }

    async fn connection(
        &self,
        mut stream: TcpStream,
        site: Arc<dyn Site>,
        node: Node,
    ) -> io::Result<()> {
        let line = Line {
            node,
            ..line_of(&stream, true)
        };
        if self.old.is_empty() && self.no_alpn.is_none() {
            let accept = TlsAcceptor::from(Arc::clone(&self.config)).accept(stream);
            let stream = timeout(HANDSHAKE, accept).await??;
            return speak(stream, site, line).await;
        }
        let ahead = match timeout(HANDSHAKE, self.old.read_hello(&mut stream)).await?? {
            old_tls::Hello::Answered => return Ok(()),
            old_tls::Hello::NotOld(ahead) => ahead,
        };
        self.flawed_handshake(ahead_of(stream, ahead), site, line)
            .await
    }

    async fn flawed_handshake<IO>(&self, io: IO, site: Arc<dyn Site>, line: Line) -> io::Result<()>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), io);
        let start = timeout(HANDSHAKE, start).await??;
        let knows_ours = start.client_hello().alpn().is_none_or(|mut offered| {
            offered.any(|protocol| protocol == b"h2" || protocol == b"http/1.1")
        });
        match &self.no_alpn {
            Some(config) if !knows_ours => {
                let accept = start.into_stream(Arc::clone(config));
                let stream = timeout(HANDSHAKE, accept).await??;
                h2::serve(stream, site, line).await;
                Ok(())
            }
            _ => {
                let accept = start.into_stream(Arc::clone(&self.config));
                speak(timeout(HANDSHAKE, accept).await??, site, line).await
            }
        }
    }
}

async fn speak<IO>(
    stream: tokio_rustls::server::TlsStream<IO>,
    site: Arc<dyn Site>,
    line: Line,
) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        h2::serve(stream, site, line).await;
    } else {
        h1::serve(stream, &*site, line, &[]).await;
    }
    Ok(())
}

/// The port without TLS. `site` is the refusal of the contract; `api` what stands behind the encrypted port.
pub struct Plain {
    pub site: Arc<dyn Site>,
    pub api: Arc<dyn Site>,
    pub h2c: bool,
}

impl Plain {
    /// Accepts until aborted; connections die with it.
    pub async fn run(self, listener: TcpListener) {
        let port = Arc::new(self);
        accept(&listener, |mut stream| {
            let port = Arc::clone(&port);
            async move {
                let mut ahead = Vec::new();
                let line = line_of(&stream, false);
                if port.h2c {
                    match read_preface(&mut stream, &mut ahead).await {
                        Err(_) => return,
                        Ok(false) => {}
                        Ok(true) => {
                            let io = ahead_of(stream, ahead);
                            return h2::serve(io, Arc::clone(&port.api), line).await;
                        }
                    }
                }
                h1::serve(stream, &*port.site, line, &ahead).await;
            }
        })
        .await;
    }
}

/// What is known of every request on this connection.
fn line_of(stream: &TcpStream, encrypted: bool) -> Line {
    Line {
        encrypted,
        peer: stream.peer_addr().map_or(NOWHERE, |address| address.ip()),
        node: Node::default(),
    }
}

/// Reads until it is clear whether the client speaks HTTP/2 with prior knowledge.
async fn read_preface(stream: &mut TcpStream, ahead: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        let known = ahead.len().min(H2_PREFACE.len());
        if ahead[..known] != H2_PREFACE[..known] {
            return Ok(false);
        }
        if known == H2_PREFACE.len() {
            return Ok(true);
        }
        if timeout(HANDSHAKE, stream.read_buf(ahead)).await?? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The stream with octets put back in front of it.
fn ahead_of(
    stream: TcpStream,
    ahead: Vec<u8>,
) -> impl AsyncRead + AsyncWrite + Unpin + Send + 'static {
    let (read, write) = stream.into_split();
    tokio::io::join(io::Cursor::new(ahead).chain(read), write)
}

async fn accept<F, Serving>(listener: &TcpListener, serve: F)
where
    F: Fn(TcpStream) -> Serving,
    Serving: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Small answers must not wait for Nagle; a socket without the option works, only slower.
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve(stream));
                }
                // Out of descriptors: connections that end give some back.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
