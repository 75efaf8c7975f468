//! Names to addresses. Whoever opens a hundred connections to one name asks for its addresses once.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::{Failure, Origin};

/// Addresses that stand in for a name, by `host` or, which wins, `host:port`. Port 0 means the origin's own.
pub type Overrides = HashMap<String, SocketAddr>;

/// No name is tried on more addresses than this.
const ADDRESSES: usize = 8;

/// How long an answer counts: a name that moves is followed in the middle of a run.
const KEPT: Duration = Duration::from_secs(10);

/// Names of a run are few; a target that redirects to ever new ones must not fill our memory.
const MOST_KEPT: usize = 64;

pub(super) struct Names {
    overrides: Overrides,
    looked_up: Mutex<HashMap<(String, u16), Asked>>,
}

/// When a name was asked for, and what came of it; whoever comes while it is under way waits for the same.
#[derive(Clone)]
struct Asked {
    at: Instant,
    addresses: Arc<OnceCell<Vec<SocketAddr>>>,
}

impl Names {
    pub(super) fn new(overrides: Overrides) -> Self {
        Self {
            overrides,
            looked_up: Mutex::default(),
        }
    }

    /// The addresses of an origin, at least one, or [`Failure::Unresolved`], which is asked anew the next time.
    pub(super) async fn resolve(&self, origin: &Origin) -> Result<Vec<SocketAddr>, Failure> {
        if let Some(node) = origin.node {
            return Ok(vec![node]);
        }
        let exact = format!("{}:{}", origin.host, origin.port);
        let overrides = &self.overrides;
        if let Some(address) = overrides
            .get(&exact)
            .or_else(|| overrides.get(&origin.host))
        {
            let port = match address.port() {
                0 => origin.port,
                port => port,
            };
            return Ok(vec![SocketAddr::new(address.ip(), port)]);
        }
        if let Ok(ip) = origin.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, origin.port)]);
        }
        let asked = self.asked(origin);
        let addresses = asked.get_or_try_init(|| look_up(origin)).await?;
        Ok(addresses.clone())
    }

    fn asked(&self, origin: &Origin) -> Arc<OnceCell<Vec<SocketAddr>>> {
        let mut looked_up = self
            .looked_up
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if looked_up.len() >= MOST_KEPT {
            looked_up.clear();
        }
        let new = || Asked {
            at: Instant::now(),
            addresses: Arc::default(),
        };
        let asked = looked_up
            .entry((origin.host.clone(), origin.port))
            .or_insert_with(new);
        if asked.at.elapsed() >= KEPT {
            *asked = new();
        }
        Arc::clone(&asked.addresses)
    }
}

async fn look_up(origin: &Origin) -> Result<Vec<SocketAddr>, Failure> {
    let unresolved = || Failure::Unresolved(origin.host.clone());
    let found = tokio::net::lookup_host((origin.host.as_str(), origin.port)).await;
    let addresses: Vec<_> = found.map_err(|_| unresolved())?.take(ADDRESSES).collect();
    match addresses.is_empty() {
        true => Err(unresolved()),
        false => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Scheme;

    fn origin(host: &str) -> Origin {
        Origin::new(Scheme::Https, host, 443)
    }

    #[tokio::test]
    async fn a_name_is_asked_for_once_in_a_while() {
        let names = Names::new(Overrides::new());
        let first = names.asked(&origin("localhost"));
        assert!(Arc::ptr_eq(&first, &names.asked(&origin("localhost"))));
        assert!(!Arc::ptr_eq(&first, &names.asked(&origin("other"))));
        tokio::time::pause();
        tokio::time::advance(KEPT).await;
        assert!(!Arc::ptr_eq(&first, &names.asked(&origin("localhost"))));
        let addresses = names.resolve(&origin("localhost")).await.expect("it has");
        assert!(
            addresses
                .iter()
                .all(|a| a.ip().is_loopback() && a.port() == 443)
        );
    }

    #[tokio::test]
    async fn what_stands_in_for_a_name_is_not_asked_for() {
        let here = SocketAddr::from(([127, 0, 0, 9], 0));
        let names = Names::new(Overrides::from([("no.invalid".to_owned(), here)]));
        let found = names.resolve(&origin("no.invalid")).await.expect("it does");
        assert_eq!(found, [SocketAddr::from(([127, 0, 0, 9], 443))]);
        let unknown = names.resolve(&origin("other.invalid")).await;
        assert!(matches!(unknown, Err(Failure::Unresolved(_))));
        assert!(names.asked(&origin("other.invalid")).get().is_none());
    }
}
