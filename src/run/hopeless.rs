//! When to give a target up: what would only say the same once more is not sent.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Map;

use super::reach::needs_answer;
use crate::journal::{Attempt, Doubt, Exchanges, Phase, Slot, StepTaken};
use crate::suite::model::Check;
use crate::suite::plan::{Case, Plan};
use crate::wire::Origin;

/// Cases in a row that get no answer at all before the target is given up: two rounds of those that are carried out at
/// the same time. A check that makes a server close its connection is one or two of them, among others that are answered.
const MOST_SILENT: usize = 16;

#[derive(Default)]
pub(super) struct Hopeless {
    /// Cases in a row that got no answer.
    silent: AtomicUsize,
    /// Why no more is sent, and whether probes of connections can tell something still.
    reason: OnceLock<(String, bool)>,
}

impl Hopeless {
    /// Nothing that needs an answer can have one, for this reason.
    pub fn shut(&self, says: String) {
        let _ = self.reason.set((says, true));
    }

    /// Why this case is not to be tried, if it is not.
    pub fn reason(&self, plan: &Plan, case: &Case) -> Option<&str> {
        let (says, are_probes_left) = self.reason.get()?;
        (!are_probes_left || needs_answer(plan, case)).then_some(says)
    }

    /// Notes whether a case got any answer from the target. Gives it up after too many that did not, and says so once.
    pub fn count(&self, origin: &Origin, exchanges: &Exchanges) -> Option<String> {
        let mut own = exchanges.values().filter(|one| {
            let asked = &one.request.origin;
            one.seen.is_none() && (&asked.host, asked.port) == (&origin.host, origin.port)
        });
        let first = own.next()?;
        if first.answer.is_some() || own.any(|one| one.answer.is_some()) {
            self.silent.store(0, Ordering::Relaxed);
            return None;
        }
        if self.silent.fetch_add(1, Ordering::Relaxed) + 1 < MOST_SILENT {
            return None;
        }
        let says = format!("{MOST_SILENT} cases in a row got no answer at all from {origin}");
        let of_case = format!("given up, since {says}");
        let is_new = self.reason.set((of_case, false)).is_ok();
        is_new.then(|| format!("{says}: given up"))
    }
}

/// An attempt at a case that makes no sense, with the reason.
pub(super) fn untried(case: &Case, check: &Check, number: u32, says: &str) -> Attempt {
    let phase = match check.control.is_empty() {
        true => Phase::Steps,
        false => Phase::Before,
    };
    Attempt {
        case: case.id.clone(),
        number,
        values: Map::new(),
        steps: vec![StepTaken {
            doubt: Some((Doubt::Unreachable, says.to_owned())),
            ..StepTaken::at(Slot { phase, index: 0 })
        }],
    }
}
