//! Starting a deployment: ports, state, flaws.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::authority;
use super::edge::Edge;
use super::edge::plain::{PlainSite, Refusal};
use super::flaw::{Catalogue, FlawSet};
use super::http::Node;
use super::listen::{Encrypted, Floor, Plain};
use super::operation::Operation;
use super::rate_limit::{Kind, Limit, Limiter};
use super::site::Site;
use super::{appdirect, http_api, intraverse, percus, pers};

/// The contracts that have a reference deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Contract {
    /// An API that trusts an outside issuer, and the marketplace that is one.
    Appdirect,
    /// Good practice for any API, without a contract of its own.
    HttpApi,
    Intraverse,
    /// A back office and an embeddable player.
    Percus,
    Pers,
}

impl Contract {
    pub const ALL: [Contract; 5] = [
        Contract::Appdirect,
        Contract::HttpApi,
        Contract::Intraverse,
        Contract::Percus,
        Contract::Pers,
    ];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Contract::Appdirect => "appdirect",
            Contract::HttpApi => "http-api",
            Contract::Intraverse => "intraverse",
            Contract::Percus => "percus",
            Contract::Pers => "pers",
        }
    }

    pub fn named(name: &str) -> Option<Contract> {
        Self::ALL
            .into_iter()
            .find(|contract| contract.name() == name)
    }

    /// Every flaw of this contract's deployment.
    pub fn catalogue(self) -> &'static Catalogue {
        static CATALOGUES: [OnceLock<Catalogue>; 5] = [const { OnceLock::new() }; 5];
        CATALOGUES[self as usize].get_or_init(|| {
            Catalogue::of(&match self {
                Contract::Appdirect => appdirect::flaws(),
                Contract::HttpApi => http_api::flaws(),
                Contract::Intraverse => intraverse::flaws(),
                Contract::Percus => percus::flaws(),
                Contract::Pers => pers::flaws(),
            })
        })
    }

    /// The operations of this contract's deployment.
    pub fn operations(self) -> Vec<Operation> {
        match self {
            Contract::Appdirect => appdirect::operations(),
            Contract::HttpApi => http_api::operations(),
            Contract::Intraverse => intraverse::operations(),
            Contract::Percus => percus::operations(),
            Contract::Pers => pers::operations(),
        }
    }

    /// What the target file says beyond the contract: bounds, features and tokens of its own, and for
    /// `http-api`, which names no operations, all of them.
    pub(super) fn own_terms(self) -> &'static str {
        match self {
            Contract::Appdirect => include_str!("appdirect/target.yaml"),
            Contract::HttpApi => include_str!("http_api/target.yaml"),
            Contract::Intraverse => include_str!("intraverse/target.yaml"),
            Contract::Percus => include_str!("percus/target.yaml"),
            Contract::Pers => include_str!("pers/target.yaml"),
        }
    }

    /// The limits that its contract names, in their true sizes.
    pub fn limits(self) -> Vec<Limit> {
        match self {
            Contract::Intraverse => intraverse::limits(),
            Contract::Percus => percus::limits(),
            Contract::Appdirect | Contract::HttpApi | Contract::Pers => Vec::new(),
        }
    }

    /// The same limits made small, so that a window is over within seconds.
    pub fn short_limits(self) -> Vec<Limit> {
        let short = |limit: Limit| match limit.kind {
            Kind::Concurrency => limit,
            _ => Limit {
                requests: (limit.requests / 8).clamp(10, 24),
                window: SHORT_WINDOW,
                ..limit
            },
        };
        self.limits().into_iter().map(short).collect()
    }

    fn floor(self) -> Floor {
        match self {
            Contract::Intraverse => Floor::Tls13,
            Contract::Appdirect | Contract::HttpApi | Contract::Percus | Contract::Pers => {
                Floor::Tls12
            }
        }
    }

    /// Fresh state and secrets; `https_port` is where the encrypted port will be.
    pub(super) fn build(self, flaws: FlawSet, https_port: u16, settings: &Settings) -> Built {
        match self {
            Contract::Appdirect => appdirect::build(flaws, https_port),
            Contract::HttpApi => http_api::build(flaws, https_port),
            Contract::Intraverse => intraverse::build(flaws, settings),
            Contract::Percus => percus::build(flaws, settings),
            Contract::Pers => pers::build(flaws, https_port, settings),
        }
    }

    pub(super) fn refusal(self) -> Refusal {
        match self {
            Contract::Appdirect | Contract::HttpApi => Refusal::Redirect,
            Contract::Intraverse => Refusal::HangUp,
            Contract::Percus | Contract::Pers => Refusal::Forbid,
        }
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The window of [`Contract::short_limits`].
const SHORT_WINDOW: Duration = Duration::from_secs(6);

/// Where a deployment listens, and what it bounds.
#[derive(Clone, Debug)]
pub struct Settings {
    pub address: IpAddr,
    /// 0: any free port.
    pub https_port: u16,
    /// 0: any free port.
    pub plain_port: u16,
    /// Rate limits; none unless they are given. Deployments that know none ignore them.
    pub limits: Vec<Limit>,
    /// Proxies whose word on the client's address counts (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpAddr>,
    /// Peers that no limit counts: test clients, as deployments for tests have them.
    pub exempt: Vec<IpAddr>,
    /// How long an idempotency key is remembered. The target files of deployments say it too.
    pub idempotency_ttl: Duration,
    /// How long an authentication hash is good. The target files of deployments say it too.
    pub login_hash_age: Duration,
    /// How long an account is locked after too many wrong passwords. The target files of deployments say it too.
    pub lockout: Duration,
}

impl Settings {
    /// An edge of these settings counts with this.
    pub(super) fn limiter(&self) -> Limiter {
        Limiter::new(
            self.limits.clone(),
            self.trusted_proxies.clone(),
            self.exempt.clone(),
        )
    }
}

impl Settings {
    /// With these limits, which count nothing of what comes from the usual loopback address: the others are for whoever
    /// tries the limits.
    pub fn with_limits(limits: Vec<Limit>) -> Self {
        Self {
            limits,
            exempt: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            ..Self::default()
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            https_port: 0,
            plain_port: 0,
            limits: Vec::new(),
            trusted_proxies: Vec::new(),
            exempt: Vec::new(),
            // A day is usual; nobody would wait for its end.
            idempotency_ttl: Duration::from_secs(6),
            // Ten minutes by contract; nobody would wait for their end.
            login_hash_age: Duration::from_secs(4),
            // A quarter of an hour is usual; the same goes for it.
            lockout: Duration::from_secs(2),
        }
    }
}

/// What a contract's module hands over to be served.
pub struct Built {
    pub edge: Arc<Edge>,
    pub site: Arc<dyn Site>,
    /// Names and values that a target file refers to.
    pub secrets: BTreeMap<String, String>,
}

/// A running reference deployment; it stops, with all its connections, when dropped.
pub struct Deployment {
    pub contract: Contract,
    /// The encrypted port.
    pub https: SocketAddr,
    /// The encrypted port of a second machine, which shares everything with the first.
    pub second_node: SocketAddr,
    /// The port without TLS.
    pub plain: SocketAddr,
    /// The root certificate to trust, in PEM.
    pub ca_pem: String,
    /// Names and values of the credentials that a target file refers to.
    pub secrets: BTreeMap<String, String>,
    /// What it was started with.
    pub limits: Vec<Limit>,
    listeners: [JoinHandle<()>; 3],
}

impl Deployment {
    /// Starts on the runtime of the caller. Fails when a port cannot be had.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled; in debug builds when the flaws are of another contract.
    pub fn start(contract: Contract, flaws: FlawSet, settings: Settings) -> io::Result<Self> {
        debug_assert!(
            std::ptr::eq(flaws.catalogue(), contract.catalogue()),
            "flaws of another contract"
        );
        let https = listen(settings.address, settings.https_port)?;
        let second = listen(settings.address, 0)?;
        let plain = listen(settings.address, settings.plain_port)?;
        let (https_address, plain_address) = (https.local_addr()?, plain.local_addr()?);
        let encrypted = Encrypted::new(contract.floor(), &flaws).map_err(io::Error::other)?;
        let encrypted = Arc::new(encrypted);
        let h2c = flaws.has("h2c-enabled");
        let limits = settings.limits.clone();
        let built = contract.build(flaws, https_address.port(), &settings);
        let refusing = PlainSite {
            refusal: contract.refusal(),
            edge: Arc::clone(&built.edge),
            api: Arc::clone(&built.site),
            https_port: https_address.port(),
        };
        let unencrypted = Plain {
            site: Arc::new(refusing),
            api: Arc::clone(&built.site),
            h2c,
        };
        Ok(Self {
            contract,
            https: https_address,
            second_node: second.local_addr()?,
            plain: plain_address,
            ca_pem: authority::root_pem().to_owned(),
            secrets: built.secrets,
            limits,
            listeners: [
                tokio::spawn(encrypted.clone().run(https, built.site.clone(), Node(0))),
                tokio::spawn(encrypted.run(second, built.site, Node(1))),
                tokio::spawn(unencrypted.run(plain)),
            ],
        })
    }

    /// `https://localhost:PORT`, without a path.
    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.https.port())
    }
}

/// Shows addresses, no secrets.
impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment")
            .field("contract", &self.contract)
            .field("https", &self.https)
            .field("second_node", &self.second_node)
            .field("plain", &self.plain)
            .finish_non_exhaustive()
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
    }
}

fn listen(address: IpAddr, port: u16) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(SocketAddr::new(address, port))?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
