//! Which flaws a check can meet at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::deployments::{Cases, Fired, fire_at, unpanicked};
use super::matrix::Row;
use crate::reference::{Contract, rate_limit};
use crate::suite::{Library, Wanted};

/// For each check the flaws whose lines a deployment without flaws passed while it was under that check's fire alone.
///
/// A deployment is the same with and without a flaw until it asks whether the flaw is on. So a flaw that was never asked
/// for cannot change what the check says, and need not be tried with it. Those that the check names are, whatever was asked:
/// on a busy machine a limit may not have been reached.
///
/// A check that spends rate limits sends the same plain request hundreds of times. What a flaw makes of that request is
/// seen by the checks that send it once; so such a check is tried with the flaws of the limiter, and with those that it
/// names.
#[derive(Debug, Default)]
pub struct Reach {
    by_check: BTreeMap<String, BTreeSet<String>>,
}

impl Reach {
    /// Fires each of these checks at a deployment of its own, as many at once as there are permits.
    pub async fn of(
        contract: Contract,
        library: &Arc<Library>,
        checks: &Row,
        permits: &Arc<Semaphore>,
    ) -> Result<Self, String> {
        let mut reach = Self::default();
        let mut note = |(id, asked): (String, BTreeSet<String>)| {
            reach.note(contract, library, id, asked);
        };
        let mut tasks = JoinSet::new();
        for id in checks.cells.keys().cloned() {
            let Ok(permit) = permits.clone().acquire_owned().await else {
                break;
            };
            let library = library.clone();
            tasks.spawn(async move {
                let wanted = Wanted {
                    checks: vec![id.clone()],
                    suites: Vec::new(),
                };
                let fired = fire_at(contract, None, &library, &wanted, Cases::All).await;
                drop(permit);
                fired.map(|Fired { asked, .. }| (id, asked))
            });
            while let Some(joined) = tasks.try_join_next() {
                note(unpanicked(joined)?);
            }
        }
        while let Some(joined) = tasks.join_next().await {
            note(unpanicked(joined)?);
        }
        Ok(reach)
    }

    fn note(
        &mut self,
        contract: Contract,
        library: &Library,
        id: String,
        mut asked: BTreeSet<String>,
    ) {
        if let Some((_, check)) = library.check(&id) {
            if check.spends() {
                asked.retain(|flaw| rate_limit::is_of_limits(flaw));
            }
            let all = contract.catalogue().flaws().iter().map(|flaw| flaw.id);
            let named = all.filter(|flaw| check.proves(contract.name(), flaw));
            asked.extend(named.map(str::to_owned));
        }
        self.by_check.insert(id, asked);
    }

    /// The checks that can meet the flaw.
    pub fn checks(&self, flaw: &str) -> Vec<String> {
        self.by_check
            .iter()
            .filter(|(_, asked)| asked.contains(flaw))
            .map(|(id, _)| id.clone())
            .collect()
    }
}
