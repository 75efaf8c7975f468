//! What the cases of a run share.

use tokio::sync::Semaphore;

use super::budgets::Budgets;
use super::forge::Forger;
use super::keyring::Keyring;
use super::named_credentials::NamedCredentials;
use super::schedule::Observations;
use super::send::Line;
use super::stop::Stop;
use crate::suite::model::Send;
use crate::suite::plan::Plan;
use crate::suite::template::{Scope, fill_text};

/// Everything that cases share.
pub struct Field<'a> {
    pub plan: &'a Plan,
    pub line: &'a Line,
    pub keyring: &'a Keyring,
    pub forger: &'a Forger,
    pub observed: &'a Observations,
    pub budgets: &'a Budgets,
    pub named: &'a NamedCredentials,
    /// Has a permit for each case that may send bursts now.
    pub bursting: &'a Semaphore,
    pub stop: &'a Stop,
}

/// Who sends what, as declared rate limits count it.
pub(super) struct SendsAs {
    /// An operation, or a request line.
    operation: String,
    principal: String,
}

impl Field<'_> {
    pub(super) fn sends_as(&self, send: &Send, scope: &dyn Scope) -> SendsAs {
        let filled = |text: &str| fill_text(text, scope).unwrap_or_default();
        let principal = send.principal.as_deref().map(filled);
        SendsAs {
            operation: filled(&send.send),
            principal: principal.unwrap_or_else(|| "anonymous".to_owned()),
        }
    }

    pub(super) async fn keep_to_budgets(&self, sends_as: &SendsAs) {
        let SendsAs {
            operation,
            principal,
        } = sends_as;
        let target = &self.plan.target;
        self.budgets
            .turn(target, operation, principal, self.stop)
            .await;
    }
}
