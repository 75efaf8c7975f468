//! Whether the silence of the plain port is that of a filter, or that of a route that was lost.

use tokio::sync::OnceCell;

use crate::suite::Target;
use crate::wire::probe::{ConnectAnswer, Probe, ProbeAnswer};
use crate::wire::{Client, Failure, Origin, Phase};

/// Times that the port is tried after it was silent once.
const MORE_TRIES: usize = 2;

pub struct Silence {
    /// A port of the same host that takes connections, or else nothing can be told.
    open: Origin,
    plain: Option<Origin>,
    found: OnceCell<bool>,
}

impl Silence {
    pub fn of(target: &Target) -> Self {
        let of_same_host = |plain: &&Origin| plain.host == target.https.host;
        Self {
            open: target.https.clone(),
            plain: target.plain.as_ref().filter(of_same_host).cloned(),
            found: OnceCell::new(),
        }
    }

    /// What the failure of a connection to this origin is, when the other port is asked, too. Looked into once a run.
    pub async fn explained(&self, client: &Client, origin: &Origin, failure: Failure) -> Failure {
        let is_asked =
            failure == Failure::Timeout(Phase::Connect) && self.plain.as_ref() == Some(origin);
        if is_asked
            && *self
                .found
                .get_or_init(|| self.is_filter(client, origin))
                .await
        {
            return Failure::Filtered;
        }
        failure
    }

    async fn is_filter(&self, client: &Client, origin: &Origin) -> bool {
        for _ in 0..MORE_TRIES {
            let open = connect(client, &self.open).await;
            let silent = connect(client, origin).await;
            if open.is_some() || silent != Some(Failure::Timeout(Phase::Connect)) {
                return false;
            }
        }
        true
    }
}

/// Why there is no connection, if there is none.
async fn connect(client: &Client, origin: &Origin) -> Option<Failure> {
    match client.probe(origin, &Probe::Connect).await {
        ProbeAnswer::Connect(ConnectAnswer { failure, .. }) => failure,
        _ => None,
    }
}
