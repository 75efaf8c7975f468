//! What of ours a target may call: the issuer that we play, and the listener that should stay silent.

use std::sync::Arc;

use super::issuer::Issuer;
use super::listener::Listener;
use crate::jose::forgery::{Need, Strangers};
use crate::journal::{Call, Redactor};
use crate::suite::Secrets;
use crate::suite::forging::LISTENER_VALUES;
use crate::suite::plan::Plan;

/// Both are there only where the target file names a place for them and something of the plan needs them.
#[derive(Default)]
pub struct Outside {
    pub issuer: Option<Issuer>,
    pub listener: Option<Listener>,
}

/// An attempt, as the outside knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Part of the address that the attempt's forgeries name; unguessable.
    pub number: u64,
    /// Fetches of the key set before the attempt began.
    pub fetches: u64,
}

impl Outside {
    /// Opens the ports. Fails with a sentence.
    pub fn open(
        plan: &Plan,
        secrets: &Secrets,
        strangers: &Arc<Strangers>,
    ) -> Result<Self, String> {
        let target = &plan.target;
        let issuer = match &target.issuer {
            Some(terms) => Some(Issuer::open(terms, secrets)?),
            None => None,
        };
        let listener = match &target.listener {
            Some(terms) if is_listened_to(plan) => Some(Listener::open(terms, strangers.clone())?),
            _ => None,
        };
        Ok(Self { issuer, listener })
    }

    /// Begins an attempt: its mark, and the address of the listener for it.
    pub fn begin(&self) -> (Mark, Option<String>) {
        let mark = Mark {
            number: rand::random(),
            fetches: self.issuer.as_ref().map_or(0, Issuer::fetches),
        };
        let listener = self.listener.as_ref();
        (mark, listener.map(|listener| listener.address(mark.number)))
    }

    /// What came to the listener for an attempt until now.
    pub fn calls(&self, mark: Option<Mark>) -> Vec<Call> {
        match (&self.listener, mark) {
            (Some(listener), Some(mark)) => listener.calls(mark.number),
            _ => Vec::new(),
        }
    }

    /// Whether somebody has called at our listener in this run, or fetched the keys of our issuer at the same host.
    pub fn is_heard(&self) -> bool {
        let Some(listener) = &self.listener else {
            return false;
        };
        let is_issuer_near = |issuer: &Issuer| {
            issuer.fetches() > 0
                && host(issuer.url()).is_some_and(|its| host(listener.url()) == Some(its))
        };
        listener.is_heard() || self.issuer.as_ref().is_some_and(is_issuer_near)
    }

    /// How often the keys were asked for in an attempt until now.
    pub fn fetches(&self, mark: Option<Mark>) -> Option<u64> {
        let issuer = self.issuer.as_ref()?;
        Some(issuer.fetches().saturating_sub(mark?.fetches))
    }

    /// Tells the redactor the private keys that there are now.
    pub fn teach(&self, redactor: &mut Redactor) {
        for text in self.issuer.iter().flat_map(Issuer::private_texts) {
            redactor.learn("issuer.key", &text);
        }
    }
}

fn host(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    url.host_str().map(str::to_owned)
}

/// Whether some case that is not skipped names the listener or asks about it.
fn is_listened_to(plan: &Plan) -> bool {
    let forgeries = plan.forgeries.values();
    let named = forgeries
        .flat_map(|planned| planned.change.needs())
        .any(|need| matches!(need, Need::Value(name) if LISTENER_VALUES.contains(&name.as_str())));
    named
        || plan.cases.iter().any(|case| {
            let planned = plan.checks.get(&case.check);
            case.skip.is_none() && planned.is_some_and(|planned| planned.check.listens())
        })
}
