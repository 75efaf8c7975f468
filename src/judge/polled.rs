//! The answers of a poll: when they became other ones.

use serde_json::{Value, json};

use super::tally::{GRAIN_MS, counts, ended_ms, looked_at, sent_ms, status};
use super::wholes::{Earlier, Heard};
use crate::journal::Exchange;
use crate::suite::model::Step;

/// What stands for the exchanges of a poll; where it has a `meanwhile`, that is the first of them. `seen` holds what
/// [`facts`] says, and the status of the answer to `meanwhile`.
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
    let begins = match meanwhile.or_else(|| earlier.saved(poll.since.as_deref()?)) {
        Some(change) => Begins {
            sent_ms: sent_ms(change),
            answered_ms: ended_ms(change),
        },
        None => Begins::at(polled.first()?.started_ms),
    };
    let mut seen = facts(&heard, begins);
    if let Some(meanwhile) = meanwhile {
        seen["meanwhile"] = json!(status(meanwhile));
    }
    let statuses: Vec<Option<u16>> = all.iter().map(|one| status(one)).collect();
    let stands = all.get(looked_at(step, &statuses))?;
    Some(Exchange {
        seen: Some(seen),
        ..(**stands).clone()
    })
}

/// What the time counts from: the target did it at some moment in between.
#[derive(Debug, Clone, Copy)]
struct Begins {
    sent_ms: u64,
    answered_ms: u64,
}

impl Begins {
    fn at(moment_ms: u64) -> Self {
        Self {
            sent_ms: moment_ms,
            answered_ms: moment_ms,
        }
    }
}

/// What a tally counts of the polled answers; `old`, `new` and `neither`; `before` (old answers to requests that left
/// before the time began to count); `changed` (whether the last answer was new) and `told` (whether it was old or new);
/// `straight` (how many new ones there were since the last old one); `back` (how often an old one came after a new one);
/// `after_s` and `within_s`, between which the change lies: so many seconds after what the time counts from was answered
/// the last request left that had an old answer (0 without one), and so many after that was sent the first answer of those
/// without an old one after them was there (`null` without one). Every bound is in favour of the target.
fn facts(heard: &[(Heard, &Exchange)], begins: Begins) -> Value {
    let told: Vec<&(Heard, &Exchange)> = heard
        .iter()
        .filter(|(heard, _)| *heard != Heard::Neither)
        .collect();
    let counted: Vec<&Exchange> = heard.iter().map(|(_, one)| *one).collect();
    let number = |wanted: Heard| heard.iter().filter(|(heard, _)| *heard == wanted).count();
    let last_old = told.iter().rposition(|(heard, _)| *heard == Heard::Old);
    let rest = &told[last_old.map_or(0, |at| at + 1)..];
    let after_ms = last_old.map_or(0, |at| {
        let left_ms = told[at].1.started_ms;
        left_ms.saturating_sub(begins.answered_ms + GRAIN_MS)
    });
    let within_ms = rest
        .first()
        .map(|(_, one)| ended_ms(one).saturating_sub(begins.sent_ms) + GRAIN_MS);
    let seconds = |ms: u64| ms as f64 / 1000.0;
    let is_before = |(heard, one): &&(Heard, &Exchange)| {
        *heard == Heard::Old && one.started_ms < begins.answered_ms
    };
    let goes_back =
        |pair: &&[&(Heard, &Exchange)]| pair[0].0 == Heard::New && pair[1].0 == Heard::Old;
    let last = heard.last().map(|(heard, _)| *heard);
    let mut seen = counts(&counted);
    seen["old"] = json!(number(Heard::Old));
    seen["new"] = json!(number(Heard::New));
    seen["neither"] = json!(number(Heard::Neither));
    seen["before"] = json!(heard.iter().filter(is_before).count());
    seen["changed"] = json!(last == Some(Heard::New));
    seen["told"] = json!(matches!(last, Some(Heard::New | Heard::Old)));
    seen["straight"] = json!(rest.len());
    seen["back"] = json!(told.windows(2).filter(goes_back).count());
    seen["after_s"] = json!(seconds(after_ms));
    seen["within_s"] = json!(within_ms.map(seconds));
    seen
}

/// How many requests of a poll had no answer that is one, where the last of all is among them: what it would have been is
/// not known.
pub(super) fn untold(whole: &Exchange) -> Option<u64> {
    let seen = whole.seen.as_ref()?;
    (seen["told"] == false).then(|| seen["neither"].as_u64())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tally::tests::exchange;

    /// Of requests that left every 100 ms and were answered 20 ms later, the first at 1000.
    fn seen(heard: &[Heard], begin_ms: u64) -> Value {
        seen_since(heard, Begins::at(begin_ms))
    }

    fn seen_since(heard: &[Heard], begins: Begins) -> Value {
        let all: Vec<Exchange> = (10..)
            .zip(heard)
            .map(|(number, _)| Exchange {
                started_ms: number * 100,
                ended_ms: Some(number * 100 + 20),
                ..exchange(200, "")
            })
            .collect();
        let heard: Vec<(Heard, &Exchange)> = heard.iter().copied().zip(&all).collect();
        facts(&heard, begins)
    }

    use Heard::{Neither, New, Old};

    #[test]
    fn the_change_lies_between_the_last_old_answer_and_the_first_new_one() {
        let seen = seen(&[Old, Old, Old, New, New], 900);
        assert_eq!(seen["after_s"], 0.299, "the third left at 1200");
        assert_eq!(seen["within_s"], 0.421, "the fourth was answered at 1320");
        assert_eq!(seen["straight"], 2);
        assert_eq!(seen["changed"], true);
        assert_eq!(seen["back"], 0);
        assert_eq!(seen["before"], 0);
    }

    #[test]
    fn a_slow_answer_to_the_change_makes_neither_bound_worse_for_the_target() {
        let begins = Begins {
            sent_ms: 400,
            answered_ms: 1150,
        };
        let seen = seen_since(&[Old, Old, Old, New], begins);
        assert_eq!(seen["after_s"], 0.049, "the third left at 1200");
        assert_eq!(seen["within_s"], 0.921, "the fourth was answered at 1320");
    }

    #[test]
    fn what_comes_back_was_not_gone() {
        let seen = seen(&[Old, New, New, Old, New], 1000);
        assert_eq!(seen["after_s"], 0.299);
        assert_eq!(seen["straight"], 1);
        assert_eq!(seen["back"], 1);
    }

    #[test]
    fn what_left_before_or_in_the_same_millisecond_blames_nobody() {
        let all_before = seen(&[Old, Old, New], 1150);
        assert_eq!(all_before["after_s"], 0.0);
        assert_eq!(all_before["before"], 2);
        let in_the_same = seen(&[Old, Old, New], 1100);
        assert_eq!(in_the_same["after_s"], 0.0);
        assert_eq!(in_the_same["before"], 1);
    }

    #[test]
    fn no_answer_is_neither_and_tells_nothing() {
        let lost_between = seen(&[Old, Neither, New, Neither, New], 1000);
        assert_eq!(lost_between["straight"], 2);
        assert_eq!(lost_between["told"], true);
        assert_eq!(lost_between["neither"], 2);
        let lost_at_last = seen(&[Old, Neither], 1000);
        assert_eq!(lost_at_last["told"], false);
        assert_eq!(lost_at_last["changed"], false);
        assert_eq!(lost_at_last["within_s"], Value::Null);
        assert_eq!(seen(&[], 0)["told"], false);
    }
}
