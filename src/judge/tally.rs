//! Many exchanges of one step → one that stands for them: the answer that is looked at, and the tally as what was seen.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::attempt::is_no_answer;
use super::limited::Limited;
use crate::journal::{Exchange, RecordedAnswer};
use crate::suite::model::Step;

/// A race whose requests left further apart than this, in microseconds, was none.
pub const WIDEST_SPREAD_US: u64 = 50_000;

/// Most that the difference of two times of a journal, each in whole milliseconds, is off by.
pub const GRAIN_MS: u64 = 1;

/// Most answers that a tally holds one by one.
const MOST_ANSWERS: usize = 100;

/// What stands for the exchanges of a race or burst; `None` for other steps, or without exchanges.
///
/// `seen` of a race holds `sent`, `accepted` (2xx), `refused` (every other answer), `overload` (429, 502, 503, 504 among
/// those), `server_errors` (500 and above among those), `lost` (no answer), `statuses` (a count for each), `different`
/// (how many different bodies the accepted answers have), `spread_ms` (between the first and the last that was let go),
/// `overlap` (how many were under way when the first answer came), `late` (how many were refused when the first that was
/// accepted had been answered) and `answers` (`status` and `body` of each). `seen` of a burst holds the same but for the
/// last four, and `limited` (429), `neither` (not accepted and not limited, also without an answer), `accepted_first` (how
/// many were accepted before the first 429), `elapsed_ms`, `quickest_ms` (what the quickest accepted answer took, `null`
/// without one), what [`at_once`] says, and, where the check is about a declared limit, what [`Limited::seen`] says.
pub fn whole(step: &Step, all: &[&Exchange], limited: Option<&Limited<'_>>) -> Option<Exchange> {
    if !matches!(step, Step::Race(_) | Step::Burst(_)) {
        return None;
    }
    let statuses: Vec<Option<u16>> = all.iter().map(|one| status(one)).collect();
    let stands = all.get(looked_at(step, &statuses))?;
    let mut seen = counts(all);
    match step {
        Step::Race(_) => {
            seen["spread_ms"] = json!(spread_us(all) as f64 / 1000.0);
            seen["overlap"] = json!(overlap(all));
            seen["late"] = json!(late(all));
            seen["answers"] = all
                .iter()
                .take(MOST_ANSWERS)
                .map(|one| one_by_one(one))
                .collect();
        }
        _ => {
            let over = all.iter().filter(|one| status(one) == Some(429)).count();
            let before = all.iter().take_while(|one| status(one) != Some(429));
            seen["limited"] = json!(over);
            let accepted = all.iter().filter(|one| is_accepted(one)).count();
            seen["neither"] = json!(all.len() - over - accepted);
            seen["accepted_first"] = json!(before.filter(|one| is_accepted(one)).count());
            seen["elapsed_ms"] = json!(elapsed_ms(all));
            seen["quickest_ms"] = json!(quickest_us(all).map(|us| us / 1000));
            let (together, at_once) = at_once(all);
            seen["together"] = json!(together);
            seen["at_once"] = json!(at_once);
            if let (Some(limited), Some(members)) = (limited, seen.as_object_mut()) {
                members.extend(limited.seen());
            }
        }
    }
    Some(Exchange {
        seen: Some(seen),
        ..(**stands).clone()
    })
}

/// The place of the answer that stands for all, from the status of each: of a race the first that was accepted, or else
/// the first that was answered; of a burst the first 429, or else the last that was answered; of a poll the last that was
/// answered and not with 429, 502, 503 or 504; of a comparison the first that was answered; the first of all where there
/// is none.
pub fn looked_at(step: &Step, statuses: &[Option<u16>]) -> usize {
    let accepted = |status: &Option<u16>| status.is_some_and(is_success);
    let place = match step {
        Step::Race(_) => statuses
            .iter()
            .position(accepted)
            .or_else(|| statuses.iter().position(Option::is_some)),
        Step::Poll(_) => statuses
            .iter()
            .rposition(|status| status.is_some_and(|status| !is_no_answer(status)))
            .or_else(|| statuses.iter().rposition(Option::is_some)),
        Step::Compare(_) => statuses.iter().position(Option::is_some),
        _ => statuses
            .iter()
            .position(|status| *status == Some(429))
            .or_else(|| statuses.iter().rposition(Option::is_some)),
    };
    place.unwrap_or(0)
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// Microseconds between the first request of a race that was let go and the last.
pub fn spread_us(all: &[&Exchange]) -> u64 {
    let released = || all.iter().filter_map(|one| one.released_us);
    released().max().unwrap_or(0) - released().min().unwrap_or(0)
}

pub fn is_accepted(exchange: &Exchange) -> bool {
    status(exchange).is_some_and(is_success)
}

pub fn status(exchange: &Exchange) -> Option<u16> {
    exchange.answer.as_ref().map(|answer| answer.status)
}

pub(super) fn counts(all: &[&Exchange]) -> Value {
    let answers = || all.iter().filter_map(|one| one.answer.as_ref());
    let of = |wanted: &dyn Fn(u16) -> bool| answers().filter(|a| wanted(a.status)).count();
    let mut statuses = BTreeMap::new();
    for answer in answers() {
        *statuses.entry(answer.status.to_string()).or_insert(0) += 1;
    }
    let bodies: HashSet<&[u8]> = answers()
        .filter(|answer| is_success(answer.status))
        .map(|answer| answer.body.0.as_slice())
        .collect();
    json!({
        "sent": all.len(),
        "accepted": of(&is_success),
        "refused": of(&|status| !is_success(status)),
        "overload": of(&is_no_answer),
        "server_errors": of(&|status| status >= 500),
        "lost": all.iter().filter(|one| one.answer.is_none()).count(),
        "statuses": statuses,
        "different": bodies.len(),
    })
}

/// How many had been let go when the first answer began.
fn overlap(all: &[&Exchange]) -> usize {
    match all.iter().filter_map(|one| began_us(one)).min() {
        Some(first) => all
            .iter()
            .filter(|one| one.released_us.is_some_and(|released| released < first))
            .count(),
        None => 0,
    }
}

/// When an answer to a race began, in microseconds since its first request was let go.
fn began_us(one: &Exchange) -> Option<u64> {
    Some(one.released_us? + one.first_byte_us?)
}

fn late(all: &[&Exchange]) -> usize {
    let accepted = all.iter().filter(|one| is_accepted(one));
    let Some(first) = accepted.filter_map(|one| began_us(one)).min() else {
        return 0;
    };
    let refused = all
        .iter()
        .filter(|one| one.answer.is_some() && !is_accepted(one));
    refused
        .filter(|one| began_us(one).is_some_and(|began| began > first))
        .count()
}

/// When the answer was complete; journals of older runs do not have what it took to connect.
pub fn ended_ms(exchange: &Exchange) -> u64 {
    let by_total = exchange.started_ms + exchange.total_us / 1000;
    exchange.ended_ms.unwrap_or(by_total)
}

/// When its first octet was written, at the earliest: what it took to connect is over by then.
pub fn sent_ms(exchange: &Exchange) -> u64 {
    let written = ended_ms(exchange).saturating_sub(exchange.total_us.div_ceil(1000));
    written.max(exchange.started_ms)
}

fn elapsed_ms(all: &[&Exchange]) -> u64 {
    let ends = all.iter().map(|one| ended_ms(one));
    let begins = all.iter().map(|one| one.started_ms);
    ends.max().unwrap_or(0) - begins.min().unwrap_or(0)
}

/// What the quickest accepted answer took, without what it took to connect.
fn quickest_us(all: &[&Exchange]) -> Option<u64> {
    let accepted = all.iter().filter(|one| is_accepted(one));
    accepted.map(|one| one.total_us).min()
}

/// `together`: how many were sent within a quarter of the time that the quickest accepted answer took; `at_once`: how many
/// of these were carried out at the same time, since none took half as long again as the quickest. Whoever waits until
/// another is over takes nearly twice as long.
fn at_once(all: &[&Exchange]) -> (usize, usize) {
    let Some(quickest) = quickest_us(all) else {
        return (0, 0);
    };
    let sent_us = |one: &Exchange| (ended_ms(one) * 1000).saturating_sub(one.total_us);
    let first = all.iter().map(|one| sent_us(one)).min().unwrap_or(0);
    let together = || {
        all.iter()
            .filter(|one| sent_us(one) - first <= quickest / 4)
    };
    let is_prompt = |one: &&&Exchange| is_accepted(one) && one.total_us * 2 < quickest * 3;
    (together().count(), together().filter(is_prompt).count())
}

fn one_by_one(exchange: &Exchange) -> Value {
    let body = |answer: &RecordedAnswer| -> Value {
        serde_json::from_slice(&answer.body.0).unwrap_or_else(|_| json!(answer.body.text()))
    };
    match &exchange.answer {
        Some(answer) => json!({"status": answer.status, "body": body(answer)}),
        None => json!({"status": null, "body": null}),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::journal::{ExchangeId, Octets, RecordedRequest};
    use crate::wire::{Connection, Origin, Scheme};

    fn race() -> Step {
        serde_json::from_value(json!({"race": [{"copies": 3, "of": {"send": "GET /"}}]})).unwrap()
    }

    fn burst() -> Step {
        serde_json::from_value(json!({"burst": {"send": "GET /"}, "times": 4})).unwrap()
    }

    pub fn exchange(status: u16, body: &str) -> Exchange {
        Exchange {
            id: ExchangeId(1),
            request: RecordedRequest {
                origin: Origin::new(Scheme::Https, "localhost", 1),
                version: "1.1".to_owned(),
                method: "GET".to_owned(),
                target: Octets(b"/".to_vec()),
                headers: Vec::new(),
                body: Octets::default(),
                body_bytes: 0,
            },
            answer: Some(RecordedAnswer {
                version: "HTTP/1.1".to_owned(),
                status,
                reason: Octets::default(),
                headers: Vec::new(),
                body: Octets(body.into()),
                truncated: false,
                interim: Vec::new(),
                trailers: Vec::new(),
            }),
            failure: None,
            seen: None,
            connection: Connection::default(),
            started_ms: 0,
            ended_ms: None,
            first_byte_us: None,
            total_us: 0,
            retried: Vec::new(),
            calls: Vec::new(),
            key_fetches: None,
            heard: false,
            released_us: None,
        }
    }

    fn at(status: u16, body: &str, released_us: u64, first_byte_us: u64) -> Exchange {
        Exchange {
            released_us: Some(released_us),
            first_byte_us: Some(first_byte_us),
            ..exchange(status, body)
        }
    }

    #[test]
    fn a_race_is_counted_and_its_winner_looked_at() {
        let all = [
            at(401, "{}", 0, 500),
            at(200, r#"{"id":1}"#, 100, 300),
            at(200, r#"{"id":2}"#, 700, 300),
        ];
        let whole = whole(&race(), &all.iter().collect::<Vec<_>>(), None).unwrap();
        assert_eq!(whole.answer.unwrap().status, 200);
        let seen = whole.seen.unwrap();
        assert_eq!(seen["accepted"], 2);
        assert_eq!(seen["different"], 2);
        assert_eq!(seen["refused"], 1);
        assert_eq!(seen["statuses"], json!({"200": 2, "401": 1}));
        assert_eq!(seen["overlap"], 2, "the third left after the first answer");
        assert_eq!(seen["spread_ms"], 0.7);
        assert_eq!(seen["answers"][2]["body"]["id"], 2);
        assert_eq!(
            seen["late"], 1,
            "the refusal came after the first that was accepted"
        );
    }

    #[test]
    fn a_burst_is_counted_up_to_its_first_429() {
        let all = [
            exchange(200, "a"),
            exchange(200, "a"),
            exchange(429, "slow down"),
            exchange(200, "a"),
        ];
        let whole = whole(&burst(), &all.iter().collect::<Vec<_>>(), None).unwrap();
        assert_eq!(whole.answer.unwrap().status, 429);
        let seen = whole.seen.unwrap();
        assert_eq!(seen["accepted"], 3);
        assert_eq!(seen["accepted_first"], 2);
        assert_eq!(seen["limited"], 1);
        assert_eq!(seen["overload"], 1);
        assert_eq!(seen["neither"], 0);
        let lost = Exchange {
            answer: None,
            ..exchange(200, "")
        };
        let all = [&exchange(500, ""), &lost, &exchange(200, "a")];
        let seen = super::whole(&burst(), &all, None).unwrap().seen.unwrap();
        assert_eq!(seen["neither"], 2);
    }

    #[test]
    fn who_waits_for_another_is_not_carried_out_at_the_same_time() {
        let took = |status: u16, sent_ms: u64, total_ms: u64| Exchange {
            ended_ms: Some(sent_ms + total_ms),
            total_us: total_ms * 1000,
            ..exchange(status, "")
        };
        let seen = |all: &[Exchange]| {
            let whole = whole(&burst(), &all.iter().collect::<Vec<_>>(), None);
            whole.unwrap().seen.unwrap()
        };
        let three = [took(200, 0, 300), took(200, 40, 310), took(200, 60, 420)];
        assert_eq!(seen(&three)["at_once"], 3);
        assert_eq!(seen(&three)["quickest_ms"], 300);
        // One is refused at once, one waits for a place, and one comes when the others are nearly over.
        let mixed = [
            took(200, 0, 300),
            took(429, 5, 2),
            took(200, 10, 600),
            took(200, 200, 300),
        ];
        assert_eq!(seen(&mixed)["together"], 3);
        assert_eq!(seen(&mixed)["at_once"], 1);
        assert_eq!(seen(&[took(429, 0, 1)])["at_once"], 0);
    }

    #[test]
    fn other_steps_stand_for_themselves() {
        let step = serde_json::from_value(json!({"send": "GET /"})).unwrap();
        assert_eq!(whole(&step, &[&exchange(200, "")], None), None);
        assert_eq!(whole(&race(), &[], None), None);
    }
}
