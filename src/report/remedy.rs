//! What helps with a finding, in one line.

use crate::journal::{Exchange, Phase};
use crate::judge::Finding;
use crate::suite::model::{Check, HeaderChange, Step};

/// Characters of a remedy that are shown beside a finding; `explain` shows the whole.
const MOST_CHARS: usize = 160;

/// The first sentence of the check's remedy. `None` where there is none to tell.
pub(super) fn brief(check: &Check) -> Option<String> {
    let remedy = check
        .remedy
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let first = match remedy.find(". ") {
        Some(end) => &remedy[..=end],
        None => remedy.as_str(),
    };
    match first.chars().count() {
        0 => None,
        1..=MOST_CHARS => Some(first.to_owned()),
        _ => Some(format!("`proofmark explain {}`", check.id)),
    }
}

/// Why the command for this exchange does not show the finding when it is typed by itself.
pub(super) fn not_shown(
    check: &Check,
    finding: &Finding,
    exchange: &Exchange,
) -> Option<&'static str> {
    if exchange.seen.is_some() {
        return None;
    }
    let steps: &[Step] = match finding.slot.phase {
        Phase::Steps => check.steps.get(..=finding.slot.index)?,
        _ => return None,
    };
    let (own, before) = steps.split_last()?;
    let prepares = |step: &Step| match step {
        Step::Send(send) => !send.capture.is_empty(),
        Step::Observe(_) | Step::Probe(_) => false,
        Step::Resend(_)
        | Step::Wait(_)
        | Step::Rotate(_)
        | Step::Race(_)
        | Step::Burst(_)
        | Step::Poll(_)
        | Step::Compare(_) => true,
    };
    // The same field with the same value of the attempt, such as a key: it means something because it was sent before.
    let is_alike = |own: &Step, before: &Step| match (own, before) {
        (Step::Send(own), Step::Send(before)) => {
            let is_drawn = |value: &HeaderChange| matches!(value, HeaderChange::Line(text) if text.contains("${"));
            let mut headers = own.headers.iter();
            headers.any(|(name, value)| is_drawn(value) && before.headers.get(name) == Some(value))
        }
        _ => false,
    };
    let is_proof = |(name, _): &(String, _)| name.eq_ignore_ascii_case("dpop");
    match own {
        Step::Race(_) => {
            Some("one of several in the same instant: by itself it does not show this")
        }
        Step::Burst(_) => Some("one of many in a row: by itself it does not show this"),
        Step::Poll(_) => Some("one of many over a while: by itself it does not show this"),
        Step::Compare(_) => Some("one of many that were measured: by itself it does not show this"),
        Step::Resend(_) => Some("sent before, octet for octet: once does not show this"),
        _ if exchange.request.headers.iter().any(is_proof) => {
            Some("its proof is good once and for a short time: by itself it does not show this")
        }
        _ if before
            .iter()
            .any(|step| prepares(step) || is_alike(own, step)) =>
        {
            Some("other requests came before it: by itself it does not show this")
        }
        _ => None,
    }
}
