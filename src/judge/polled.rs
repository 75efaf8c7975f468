//! The answers of a poll: when they became other ones.

use serde_json::json;

use super::tally::{counts, ended_ms, looked_at, status};
use super::wholes::{Earlier, Heard};
use crate::journal::Exchange;
use crate::suite::model::Step;

/// Most that the difference of two times of a journal, each in whole milliseconds, is off by.
const GRAIN_MS: u64 = 1;

/// What stands for the exchanges of a poll; where it has a `meanwhile`, that is the first of them.
///
/// `seen` holds what a tally counts of the polled answers, and `old`, `new` and `neither`; `before` (old answers to
/// requests that left before the time began to count); `meanwhile` (the status of the answer to it); `changed` (whether the last answer was new) and `told` (whether it was old or new);
/// `straight` (how many
/// new ones there were since the last old one); `back` (how often an old one came after a new one); `after_s` and
/// `within_s`, between which the change lies: so many seconds after the time began to count the last request left that
/// had an old answer (0 without one), and the first answer of those without an old one after them was there (`null`
/// without one).
pub(super) fn whole(step: &Step, all: &[&Exchange], earlier: &Earlier<'_>) -> Option<Exchange> {
    let Step::Poll(poll) = step else { return None };
    let (meanwhile, polled) = match (&poll.meanwhile, all) {
        (Some(_), [first, rest @ ..]) => (Some(*first), rest),
        _ => (None, all),
    };
    let heard: Vec<(Heard, &Exchange)> = polled
        .iter()
        .map(|one| (earlier.hears(&poll.until, one), *one))
        .filter(|(heard, _)| *heard != Heard::Unspoken)
        .collect();
    let told: Vec<&(Heard, &Exchange)> = heard
        .iter()
        .filter(|(heard, _)| *heard != Heard::Neither)
        .collect();
    let counted: Vec<&Exchange> = heard.iter().map(|(_, one)| *one).collect();
    let begin = match meanwhile.or_else(|| earlier.saved(poll.since.as_deref()?)) {
        Some(change) => ended_ms(change),
        None => counted.first()?.started_ms,
    };
    let number = |wanted: Heard| heard.iter().filter(|(heard, _)| *heard == wanted).count();
    let last_old = told.iter().rposition(|(heard, _)| *heard == Heard::Old);
    let rest = &told[last_old.map_or(0, |at| at + 1)..];
    let since = |moment_ms: u64| moment_ms.saturating_sub(begin);
    let after_ms = last_old.map_or(0, |at| {
        since(told[at].1.started_ms).saturating_sub(GRAIN_MS)
    });
    let within_ms = rest.first().map(|(_, one)| since(ended_ms(one)) + GRAIN_MS);
    let seconds = |ms: u64| ms as f64 / 1000.0;
    let mut seen = counts(&counted);
    seen["old"] = json!(number(Heard::Old));
    seen["new"] = json!(number(Heard::New));
    seen["neither"] = json!(number(Heard::Neither));
    let is_before =
        |(heard, one): &&(Heard, &Exchange)| *heard == Heard::Old && one.started_ms < begin;
    seen["before"] = json!(heard.iter().filter(is_before).count());
    if let Some(meanwhile) = meanwhile {
        seen["meanwhile"] = json!(status(meanwhile));
    }
    let last = heard.last().map(|(heard, _)| *heard);
    seen["changed"] = json!(last == Some(Heard::New));
    seen["told"] = json!(matches!(last, Some(Heard::New | Heard::Old)));
    seen["straight"] = json!(rest.len());
    let back = |pair: &[&(Heard, &Exchange)]| pair[0].0 == Heard::New && pair[1].0 == Heard::Old;
    seen["back"] = json!(told.windows(2).filter(|pair| back(pair)).count());
    seen["after_s"] = json!(seconds(after_ms));
    seen["within_s"] = json!(within_ms.map(seconds));
    let statuses: Vec<Option<u16>> = all.iter().map(|one| status(one)).collect();
    let stands = all.get(looked_at(step, &statuses))?;
    Some(Exchange {
        seen: Some(seen),
        ..(**stands).clone()
    })
}

/// How many requests of a poll had no answer that is one, where the last of all is among them: what it would have been is
/// not known.
pub(super) fn untold(whole: &Exchange) -> Option<u64> {
    let seen = whole.seen.as_ref()?;
    (seen["told"] == false).then(|| seen["neither"].as_u64())?
}
