//! The client: what the rest of the program sends requests with.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::dial::{Link, Way, connect, dial};
use super::http1::{cut_off, exchange, exchange_raw};
use super::http2::Session;
use super::names::{Names, Overrides};
use super::pool::Pool;
use super::tls::{ClientError, Roots, root_store, verifying};
use super::{Bounds, Connection, Failure, Origin, Outcome, Request, Timing, Version};

#[derive(Debug, Clone)]
pub struct ClientConfig {
    pub bounds: Bounds,
    pub roots: Roots,
    /// Addresses that stand in for a name, by `host` or, which wins, `host:port`. Port 0 means the origin's own.
    pub resolve: Overrides,
    /// Keep answer fields whose names are no tokens instead of calling the answer malformed (HTTP/1.1 only).
    pub lenient: bool,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            roots: Roots::default(),
            resolve: Overrides::new(),
            lenient: true,
        }
    }
}

/// Sends requests. Clones share kept connections. Follows no redirects, uses no proxy, decodes no content coding.
#[derive(Clone)]
pub struct Client {
    pub(super) shared: Arc<Shared>,
    pub(super) bounds: Bounds,
}

pub(super) struct Shared {
    names: Arc<Names>,
    pub roots: Arc<rustls::RootCertStore>,
    http1: Arc<rustls::ClientConfig>,
    http2: Arc<rustls::ClientConfig>,
    pub lenient: bool,
    leaves_from: Option<IpAddr>,
    pool: Pool,
}

impl Client {
    /// Refuses PEM text without a certificate in it, or with one that is none.
    pub fn new(config: ClientConfig) -> Result<Self, ClientError> {
        let roots = Arc::new(root_store(&config.roots)?);
        Ok(Self {
            bounds: config.bounds,
            shared: Arc::new(Shared {
                names: Arc::new(Names::new(config.resolve)),
                http1: verifying(&roots, &["http/1.1"])?,
                http2: verifying(&roots, &["h2"])?,
                roots,
                lenient: config.lenient,
                leaves_from: None,
                pool: Pool::default(),
            }),
        })
    }

    /// A client of its own connections that leave from this local address.
    pub fn from_address(&self, address: IpAddr) -> Self {
        self.apart(Some(address))
    }

    /// A client that shares no kept connection with others.
    pub fn alone(&self) -> Self {
        self.apart(self.shared.leaves_from)
    }

    fn apart(&self, leaves_from: Option<IpAddr>) -> Self {
        let shared = &self.shared;
        Self {
            bounds: self.bounds,
            shared: Arc::new(Shared {
                names: Arc::clone(&shared.names),
                roots: Arc::clone(&shared.roots),
                http1: Arc::clone(&shared.http1),
                http2: Arc::clone(&shared.http2),
                lenient: shared.lenient,
                leaves_from,
                pool: Pool::default(),
            }),
        }
    }

    /// The same client, kept connections included, under other bounds.
    pub fn with_bounds(&self, bounds: Bounds) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            bounds,
        }
    }

    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Sends a request on a kept connection or a new one. When a kept one dies before the first octet of an answer,
    /// a `GET`, `HEAD` or `OPTIONS` is sent once more on a new connection; other methods may have had their effect
    /// (RFC 9110 §9.2.2), so their failure is the outcome.
    pub async fn send(&self, request: &Request) -> Outcome {
        match (request.version, request.cut) {
            (Version::H1, None) => self.send_h1(request).await,
            (Version::H1, Some(cut)) => match self.dial(&request.origin).await {
                Ok(link) => cut_off(link, request, cut, &self.bounds).await,
                Err(failure) => undone(failure),
            },
            (Version::H2, None) => self.send_h2(request).await,
            (Version::H2, Some(_)) => undone(Failure::Unsendable(
                "over HTTP/2 there is a stream and no connection to close".into(),
            )),
        }
    }

    /// Writes octets on a connection of their own and reads up to `want` answers. Ends early with the first
    /// failure, which is the last outcome: `Closed` after an answer says that the server closed, `Timeout` that it
    /// left the connection open. A body is expected unless the octets start with `HEAD `.
    pub async fn send_raw(&self, origin: &Origin, octets: &[u8], want: usize) -> Vec<Outcome> {
        match self.dial(origin).await {
            Ok(mut link) => {
                exchange_raw(&mut link, octets, want, &self.bounds, self.shared.lenient).await
            }
            Err(failure) => vec![undone(failure)],
        }
    }

    async fn send_h1(&self, request: &Request) -> Outcome {
        let origin = &request.origin;
        if !request.fresh_connection
            && let Some(link) = self.shared.pool.take(origin).await
        {
            let outcome = self.exchange_h1(link, request).await;
            if !(died_unanswered(&outcome) && repeatable(request)) {
                return outcome;
            }
        }
        match self.dial(origin).await {
            Ok(link) => self.exchange_h1(link, request).await,
            Err(failure) => undone(failure),
        }
    }

    async fn exchange_h1(&self, mut link: Link, request: &Request) -> Outcome {
        let exchanged = exchange(&mut link, request, &self.bounds, self.shared.lenient).await;
        let connection = link.facts.clone();
        if exchanged.reusable && !request.fresh_connection {
            self.shared.pool.keep(&request.origin, link);
        }
        Outcome {
            answer: exchanged.answer,
            connection,
            timing: exchanged.timing,
        }
    }

    async fn send_h2(&self, request: &Request) -> Outcome {
        let origin = &request.origin;
        if !request.fresh_connection
            && let Some(session) = self.shared.pool.session(origin)
            && session.alive().await
        {
            let mut outcome = self.exchange_h2(&session, request).await;
            outcome.connection.reused = true;
            if !(died_unanswered(&outcome) && repeatable(request)) {
                return outcome;
            }
        }
        let opened = match self.dial_h2(origin).await {
            Ok(link) => Session::open(origin, link, &self.bounds).await,
            Err(failure) => Err(failure),
        };
        match opened {
            Ok(session) => {
                if !request.fresh_connection {
                    self.shared.pool.keep_session(origin, session.clone());
                }
                self.exchange_h2(&session, request).await
            }
            Err(failure) => undone(failure),
        }
    }

    pub(super) async fn exchange_h2(&self, session: &Session, request: &Request) -> Outcome {
        let exchanged = session.exchange(request, &self.bounds).await;
        if !exchanged.usable && !request.fresh_connection {
            self.shared.pool.drop_session(&request.origin);
        }
        Outcome {
            answer: exchanged.answer,
            connection: session.facts.clone(),
            timing: exchanged.timing,
        }
    }

    pub(super) async fn dial(&self, origin: &Origin) -> Result<Link, Failure> {
        self.dial_for(origin, &self.shared.http1).await
    }

    pub(super) async fn dial_h2(&self, origin: &Origin) -> Result<Link, Failure> {
        self.dial_for(origin, &self.shared.http2).await
    }

    async fn dial_for(
        &self,
        origin: &Origin,
        config: &Arc<rustls::ClientConfig>,
    ) -> Result<Link, Failure> {
        dial(origin, &self.way(), config, &self.bounds).await
    }

    pub(super) async fn connect(
        &self,
        origin: &Origin,
    ) -> Result<(tokio::net::TcpStream, SocketAddr), Failure> {
        connect(origin, &self.way(), self.bounds.connect).await
    }

    fn way(&self) -> Way<'_> {
        Way {
            names: &self.shared.names,
            leaves_from: self.shared.leaves_from,
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

fn died_unanswered(outcome: &Outcome) -> bool {
    outcome.timing.first_byte.is_none()
        && matches!(outcome.answer, Err(Failure::Closed | Failure::Reset))
}

/// Safe, and without a proof of possession: that may be used up although no answer came (RFC 9449 §11.1), so that whoever
/// made it has to make another.
fn repeatable(request: &Request) -> bool {
    let has_proof = |(name, _): &(String, Vec<u8>)| name.eq_ignore_ascii_case("dpop");
    matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS")
        && !request.headers.iter().any(has_proof)
}

/// The outcome of a request that found no connection.
pub(super) fn undone(failure: Failure) -> Outcome {
    Outcome {
        answer: Err(failure),
        connection: Connection::default(),
        timing: Timing::default(),
    }
}
