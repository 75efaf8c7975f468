//! One expectation against one exchange.

use std::collections::HashMap;

use serde_json::Value;
use serde_json_path::JsonPath;

use super::body::judge_body;
use super::header::judge_header;
use super::same_as::{judge_same, rule};
use super::scope::AttemptScope;
use super::show::brief;
use super::status::{contains, judge_status};
use super::tally::{GRAIN_MS, ended_ms, sent_ms};
use super::text::judge_text;
use super::value::{judge_paths, judge_value};
use super::{Broken, Held};
use crate::journal::{Exchange, RecordedAnswer};
use crate::suite::model::{Conditions, ConnectionEnd, Expectation, Noticed};
use crate::suite::template::{fill, fill_text, show};
use crate::wire::Failure;

/// Named answers may refer to each other; deeper than this is a circle.
const MAX_NESTING: u8 = 12;

pub(super) struct Sight<'a> {
    pub exchange: &'a Exchange,
    pub scope: &'a AttemptScope<'a>,
    /// Earlier exchanges of the attempt by their `save` names.
    pub saved: &'a HashMap<String, &'a Exchange>,
}

impl Sight<'_> {
    pub fn judge(&self, expectation: &Expectation) -> Result<Held, Broken> {
        self.expectation(expectation, 0)
    }

    fn expectation(&self, expectation: &Expectation, depth: u8) -> Result<Held, Broken> {
        match expectation {
            Expectation::Answer(name) => self.answer(name, depth),
            Expectation::Conditions(conditions) => self.conditions(conditions, depth),
        }
    }

    fn noticed(&self, wanted: Noticed) -> Result<(), Broken> {
        let calls = &self.exchange.calls;
        match (wanted, calls.first()) {
            (Noticed::Untouched, Some(call)) => Err(Broken::not(
                "nobody calls at the address that was sent",
                format!(
                    "our listener was called: {} {}{}",
                    brief(&call.method),
                    brief(&call.target),
                    match calls.len() {
                        1 => String::new(),
                        more => format!(", and {} more", more - 1),
                    }
                ),
            )),
            (Noticed::Called, None) => Err(Broken::not(
                "somebody calls at the address that was sent",
                "our listener heard nothing",
            )),
            _ => Ok(()),
        }
    }

    fn answer(&self, name: &str, depth: u8) -> Result<Held, Broken> {
        if depth > MAX_NESTING {
            return Err(Broken::Harness(format!(
                "the answer `{name}` refers to itself"
            )));
        }
        let name = fill_text(name, self.scope)?;
        let answers = &self.scope.plan.target.answers;
        match answers.get(&name) {
            Some(conditions) => match self.conditions(conditions, depth + 1) {
                Err(Broken::Not {
                    expected,
                    observed,
                    because,
                }) => Err(Broken::Not {
                    expected: format!("{name}: {expected}"),
                    observed,
                    because,
                }),
                other => other,
            },
            None => Err(Broken::Harness(format!(
                "the contract has no answer `{name}`"
            ))),
        }
    }

    fn conditions(&self, conditions: &Conditions, depth: u8) -> Result<Held, Broken> {
        if let Some(when) = &conditions.when {
            match self.all(when, depth) {
                Ok(()) => {}
                Err(Broken::Not { .. }) => return Ok(Held::Silent),
                Err(other) => return Err(other),
            }
        }
        self.all(conditions, depth)
            .map(|()| Held::Holds)
            .map_err(|broken| match broken {
                Broken::Not {
                    expected,
                    observed,
                    because,
                } => {
                    let own = conditions
                        .because
                        .as_ref()
                        .and_then(|text| fill_text(text, self.scope).ok());
                    Broken::Not {
                        expected,
                        observed,
                        because: because.or(own),
                    }
                }
                other => other,
            })
    }

    fn all(&self, conditions: &Conditions, depth: u8) -> Result<(), Broken> {
        if let Some(ends) = &conditions.connection {
            self.connection(ends.as_slice())?;
        }
        if !conditions.seen.is_empty() {
            let seen = self.exchange.seen.as_ref().ok_or(Broken::NoAnswer)?;
            // A probe has no answer beside what it saw.
            let of = match self.exchange.answer {
                Some(_) => "the tally",
                None => "what the probe saw",
            };
            judge_paths(of, seen, &conditions.seen, self.scope)?;
        }
        if let Some(noticed) = conditions.listener {
            self.noticed(noticed)?;
        }
        if let Some(rule) = &conditions.key_fetches {
            let fetches = self.exchange.key_fetches.ok_or_else(|| {
                Broken::Harness("nobody counted who asked for the keys".to_owned())
            })?;
            let of = "the number of times that the issuer's keys were fetched";
            judge_value(of, &fetches.into(), rule, self.scope)?;
        }
        for (name, rule) in &conditions.seconds_since {
            let earlier = self.earlier(name)?;
            let seconds = seconds_between(name, earlier, self.exchange)?;
            let of = format!("the number of seconds since `{name}` was sent");
            judge_value(&of, &seconds.into(), rule, self.scope)?;
        }
        if let Some(name) = &conditions.answer {
            self.answer(name, depth + 1)?;
        }
        if let Some(set) = &conditions.status {
            judge_status(set, self.http()?.status, self.scope)?;
        }
        for (name, expectation) in &conditions.header {
            for name in self.names(name)? {
                let lines = self.http()?.header(&name);
                judge_header(&name, expectation, &lines, self.scope)?;
            }
        }
        for (name, expectation) in &conditions.trailer {
            for name in self.names(name)? {
                let lines = self.http()?.trailer(&name);
                judge_header(&name, expectation, &lines, self.scope)
                    .map_err(|broken| broken.behind_the_body())?;
            }
        }
        if let Some(body) = &conditions.body {
            judge_body(body, self.http()?, self.scope)?;
        }
        if let Some(rules) = &conditions.anywhere {
            let answer = self.http()?;
            judge_text(
                "the answer",
                &whole(answer),
                !answer.truncated,
                rules,
                self.scope,
            )?;
        }
        for interim in &conditions.no_interim {
            if self.http()?.interim.contains(interim) {
                return Err(Broken::not(
                    format!("no {interim} before the answer"),
                    format!("{interim} came first"),
                ));
            }
        }
        if let Some(same_as) = &conditions.same_as {
            let mut rule = rule(same_as);
            // What refers to a parameter that has no value excepts nothing.
            rule.except_headers = rule
                .except_headers
                .iter()
                .filter_map(|name| fill_text(name, self.scope).ok())
                .collect();
            let earlier = self.earlier(&rule.step)?;
            judge_same(&rule, self.http()?, earlier)?;
        }
        if !conditions.any_of.is_empty() {
            self.any(&conditions.any_of, depth)?;
        }
        if let Some(banned) = &conditions.not {
            match self.expectation(banned, depth + 1) {
                Err(Broken::Not { .. }) => {}
                Err(other) => return Err(other),
                Ok(_) => {
                    let expected =
                        format!("not {}", super::describe::expectation(banned, self.scope));
                    let observed = self.glance_at(std::slice::from_ref(&**banned));
                    return Err(Broken::not(expected, observed));
                }
            }
        }
        Ok(())
    }

    fn earlier(&self, name: &str) -> Result<&Exchange, Broken> {
        let none = || Broken::Harness(format!("no earlier step was saved as `{name}`"));
        self.saved.get(name).copied().ok_or_else(none)
    }

    /// A name, or those of the list that it refers to.
    fn names(&self, name: &str) -> Result<Vec<String>, Broken> {
        Ok(match fill(name, self.scope)? {
            Value::Array(names) => names.iter().map(show).collect(),
            Value::Object(members) => members.keys().cloned().collect(),
            one => vec![show(&one)],
        })
    }

    fn any(&self, branches: &[Expectation], depth: u8) -> Result<(), Broken> {
        let mut doubt = None;
        for branch in branches {
            match self.expectation(branch, depth + 1) {
                Ok(_) => return Ok(()),
                Err(Broken::Not { .. }) => {}
                Err(other) => doubt = Some(other),
            }
        }
        match doubt {
            Some(Broken::NoAnswer) if self.exchange.answer.is_some() => {}
            Some(other) => return Err(other),
            None if self.exchange.answer.is_none() && self.exchange.seen.is_none() => {
                return Err(Broken::NoAnswer);
            }
            None => {}
        }
        let all: Vec<String> = branches
            .iter()
            .map(|b| super::describe::expectation(b, self.scope))
            .collect();
        Err(Broken::not(all.join(", or "), self.glance_at(branches)))
    }

    fn http(&self) -> Result<&RecordedAnswer, Broken> {
        self.exchange.answer.as_ref().ok_or(Broken::NoAnswer)
    }

    fn connection(&self, ends: &[ConnectionEnd]) -> Result<(), Broken> {
        let expected = || {
            let words: Vec<&str> = ends.iter().map(|end| end.word()).collect();
            format!("the connection {}", words.join(" or "))
        };
        match (
            &self.exchange.answer,
            self.exchange.failure.as_ref().and_then(end),
        ) {
            (Some(answer), _) => Err(Broken::not(
                expected(),
                format!("an answer with status {}", answer.status),
            )),
            (None, Some(end)) if ends.contains(&end) => Ok(()),
            // Another way of not answering cannot be told from trouble in the network.
            (None, _) => Err(Broken::NoAnswer),
        }
    }

    /// What came, in a few words, with the fields that the expectations are about.
    fn glance_at(&self, expectations: &[Expectation]) -> String {
        let mut names = Vec::new();
        fields_of(expectations, &mut names, 0);
        let mut text = match self.seen_at(expectations) {
            Some(text) => text,
            None => self.glance(),
        };
        if let Some(answer) = &self.exchange.answer {
            for name in names {
                match answer.header(name).as_slice() {
                    [] => text.push_str(&format!(", no {name}")),
                    lines => {
                        text.push_str(&format!(", {name} {}", super::brief(&lines.join(", "))));
                    }
                }
            }
        }
        text
    }

    /// What stands where the expectations look at a tally; `None` where they look at none.
    fn seen_at(&self, expectations: &[Expectation]) -> Option<String> {
        let seen = self.exchange.seen.as_ref()?;
        let mut told: Vec<String> = Vec::new();
        for expectation in expectations {
            let Expectation::Conditions(conditions) = expectation else {
                continue;
            };
            for path in conditions.seen.keys() {
                let Ok(parsed) = JsonPath::parse(path) else {
                    continue;
                };
                let found = parsed
                    .query(seen)
                    .first()
                    .map_or("nothing".to_owned(), show);
                let one = format!("`{path}` {}", brief(&found));
                if !told.contains(&one) {
                    told.push(one);
                }
            }
        }
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// What came, in a few words.
    fn glance(&self) -> String {
        if let Some(answer) = &self.exchange.answer {
            let location = answer
                .header("location")
                .first()
                .map(|l| format!(", Location {}", super::brief(l)));
            return format!("status {}{}", answer.status, location.unwrap_or_default());
        }
        match (&self.exchange.seen, &self.exchange.failure) {
            (Some(seen), _) => super::brief(&seen.to_string()),
            (None, Some(failure)) => format!("no answer: {failure}"),
            (None, None) => "nothing".to_owned(),
        }
    }
}

/// The most that can have passed between the moment at which the target had the earlier request and that at which it
/// answered the later one.
fn seconds_between(name: &str, earlier: &Exchange, later: &Exchange) -> Result<f64, Broken> {
    // The first of several tries may have had its effect, and its time is not known.
    if !earlier.retried.is_empty() {
        let says = format!("`{name}` was sent more than once, so that its time is not known");
        return Err(Broken::Harness(says));
    }
    let passed_ms = ended_ms(later).saturating_sub(sent_ms(earlier)) + GRAIN_MS;
    Ok(passed_ms as f64 / 1000.0)
}

/// The names of fields in the expectations and in what they hold, each once; not those that are references.
/// `Location` is in every glance already.
fn fields_of<'e>(expectations: &'e [Expectation], names: &mut Vec<&'e str>, depth: u8) {
    for expectation in expectations {
        let Expectation::Conditions(conditions) = expectation else {
            continue;
        };
        for name in conditions.header.keys() {
            if !name.contains("${") && name != "Location" && !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        if depth < MAX_NESTING {
            fields_of(&conditions.any_of, names, depth + 1);
            if let Some(banned) = &conditions.not {
                fields_of(std::slice::from_ref(&**banned), names, depth + 1);
            }
        }
    }
}

/// Whether any expectation here names this status, so that it is what the step is about.
pub(super) fn mentions(
    expectation: &Expectation,
    status: u16,
    sight: &Sight<'_>,
    depth: u8,
) -> bool {
    if depth > MAX_NESTING {
        return false;
    }
    let conditions = match expectation {
        Expectation::Answer(name) => match sight.scope.plan.target.answers.get(name) {
            Some(conditions) => conditions,
            None => return false,
        },
        Expectation::Conditions(conditions) => conditions,
    };
    conditions
        .status
        .as_ref()
        .is_some_and(|set| contains(set, status, sight.scope).unwrap_or(false))
        || conditions.answer.as_ref().is_some_and(|name| {
            mentions(&Expectation::Answer(name.clone()), status, sight, depth + 1)
        })
        || conditions
            .any_of
            .iter()
            .any(|branch| mentions(branch, status, sight, depth + 1))
        || conditions
            .not
            .as_ref()
            .is_some_and(|banned| mentions(banned, status, sight, depth + 1))
}

pub(super) fn end(failure: &Failure) -> Option<ConnectionEnd> {
    Some(match failure {
        Failure::Refused => ConnectionEnd::Refused,
        Failure::Reset => ConnectionEnd::Reset,
        Failure::Closed => ConnectionEnd::Closed,
        Failure::Timeout(_) => ConnectionEnd::Timeout,
        Failure::Filtered => ConnectionEnd::Filtered,
        Failure::Tls(_) => ConnectionEnd::Tls,
        Failure::Malformed(_) => ConnectionEnd::Malformed,
        Failure::Unresolved(_) | Failure::TooLarge(_) | Failure::Unsendable(_) | Failure::Cut => {
            return None;
        }
    })
}

/// Status line, field lines and body as one text.
fn whole(answer: &RecordedAnswer) -> String {
    let mut text = format!(
        "HTTP/{} {} {}\r\n",
        answer.version,
        answer.status,
        answer.reason.text()
    );
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {}\r\n", value.text()));
    }
    text.push_str("\r\n");
    text.push_str(&answer.body.text());
    for (name, value) in &answer.trailers {
        text.push_str(&format!("\r\n{name}: {}", value.text()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tally::tests::exchange;

    /// Which connected for 40 ms and was answered 10 ms after it was written.
    fn sent(started_ms: u64) -> Exchange {
        Exchange {
            started_ms,
            ended_ms: Some(started_ms + 50),
            total_us: 10_000,
            ..exchange(200, "")
        }
    }

    #[test]
    fn time_counts_from_the_written_request_to_the_complete_answer() {
        let Ok(seconds) = seconds_between("first", &sent(1000), &sent(3000)) else {
            panic!("both were sent once");
        };
        assert_eq!(seconds, 2.011, "from 1040 to 3050, and a millisecond");
    }

    #[test]
    fn what_was_sent_again_has_no_time() {
        let again = Exchange {
            retried: vec!["status 503".to_owned()],
            ..sent(1000)
        };
        let told = seconds_between("first", &again, &sent(3000));
        assert!(matches!(told, Err(Broken::Harness(_))));
        assert!(seconds_between("first", &sent(1000), &again).is_ok());
    }
}
