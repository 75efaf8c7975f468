//! `proofmark run --dry-run`: the plan in words, or as JSON.

mod limits;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use indexmap::IndexMap;
use serde::Serialize;

use crate::run::DEFAULT_RATE;
use crate::suite::model::Check;
use crate::suite::plan::{Case, Plan, SkipReason};
use work::Work;

/// What would be sent, and how long that takes.
#[derive(Debug, Serialize)]
pub struct Schedule {
    target: String,
    contract: String,
    address: String,
    /// By id, of those that have cases to carry out.
    checks: IndexMap<String, Planned>,
    /// Cases that are not carried out, by the reason.
    skipped: Vec<Skipped>,
    /// What may change something, by method and path, and how many times.
    writes: BTreeMap<String, usize>,
    cases: usize,
    cases_skipped: usize,
    /// Where every promise holds.
    requests: usize,
    /// Where none does, since what fails is tried again; without what is sent anew after 429, 502, 503 and 504.
    requests_at_most: usize,
    requests_per_second: u32,
    seconds_at_least: f64,
    #[serde(skip)]
    limits: String,
}

#[derive(Debug, Default, Serialize)]
struct Planned {
    level: &'static str,
    cases: usize,
    #[serde(skip_serializing_if = "is_zero")]
    cases_skipped: usize,
    requests: usize,
    /// Requests of each case, where that is one number.
    #[serde(skip)]
    of_each: Option<usize>,
    #[serde(skip)]
    looks: usize,
    #[serde(skip_serializing_if = "is_zero")]
    writes: usize,
    /// Most requests at the same instant.
    #[serde(skip_serializing_if = "is_zero")]
    at_once: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consent: Vec<String>,
    #[serde(skip_serializing_if = "is_nothing")]
    waits_s: f64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    alone: bool,
}

#[derive(Debug, Serialize)]
struct Skipped {
    reason: SkipReason,
    says: String,
    /// How many cases, by check.
    checks: IndexMap<String, usize>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn is_nothing(seconds: &f64) -> bool {
    *seconds == 0.0
}

impl Schedule {
    pub fn of(plan: &Plan) -> Self {
        let target = &plan.target;
        let mut cases: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
        for case in &plan.cases {
            cases.entry(&case.check).or_default().push(case);
        }
        let mut checks = IndexMap::new();
        let (mut skipped, mut writes) = (Vec::new(), BTreeMap::new());
        let mut situations = BTreeSet::new();
        let (mut longest_s, mut alone_s) = (0f64, 0f64);
        for (id, planned) in &plan.checks {
            let check = &planned.check;
            let all = cases.get(id.as_str()).map_or(&[][..], Vec::as_slice);
            for case in all {
                note_skip(&mut skipped, id, case);
            }
            let open = all.iter().filter(|case| case.skip.is_none());
            let works: Vec<Work> = open.map(|case| work::of_case(check, plan, case)).collect();
            if works.is_empty() {
                continue;
            }
            for work in &works {
                for (line, times) in &work.writes {
                    *writes.entry(line.clone()).or_default() += times;
                }
                situations.extend(work.observed.iter().cloned());
                match check.alone {
                    true => alone_s += work.waits_s,
                    false => longest_s = longest_s.max(work.waits_s),
                }
            }
            let first = works.first().map(|work| work.requests);
            let sum = |of: fn(&Work) -> usize| works.iter().map(of).sum::<usize>();
            checks.insert(
                id.clone(),
                Planned {
                    level: planned.level.word(),
                    cases: works.len(),
                    cases_skipped: all.len() - works.len(),
                    requests: sum(|work| work.requests),
                    of_each: first.filter(|one| works.iter().all(|work| work.requests == *one)),
                    looks: sum(|work| work.observed.len()),
                    writes: sum(|work| work.writes.values().sum()),
                    at_once: works.iter().map(|work| work.at_once).max().unwrap_or(0),
                    consent: consent_for(check),
                    waits_s: works.iter().map(|work| work.waits_s).fold(0.0, f64::max),
                    alone: check.alone,
                },
            );
        }
        let provoked = situations
            .iter()
            .filter_map(|name| plan.situations.get(name));
        let mut looked_at = 0;
        for planned in provoked {
            let work = work::of_situation(planned, plan);
            looked_at += work.requests;
            for (line, times) in work.writes {
                *writes.entry(line).or_default() += times;
            }
        }
        let own: usize = checks.values().map(|one| one.requests).sum();
        // A race is not tried again as a whole: each of its rounds already is.
        let again = checks.iter().filter(|(id, _)| {
            let planned = plan.checks.get(id.as_str());
            planned.is_some_and(|planned| planned.check.rounds.is_none())
        });
        let again: usize = again.map(|(_, one)| one.requests).sum();
        let rate = target.consent.max_requests_per_second;
        let rate = rate.unwrap_or(DEFAULT_RATE).max(1);
        let requests = own + looked_at;
        let (limits, limited_s) = limits::limits(plan);
        let sent_s = requests as f64 / f64::from(rate);
        Schedule {
            target: target.name.clone(),
            contract: target.contract.clone(),
            address: target.https.to_string(),
            cases: checks.values().map(|one: &Planned| one.cases).sum(),
            cases_skipped: plan.cases.iter().filter(|case| case.skip.is_some()).count(),
            checks,
            skipped,
            writes,
            requests,
            requests_at_most: requests + again,
            requests_per_second: rate,
            seconds_at_least: sent_s.max(limited_s).max(longest_s + alone_s).round(),
            limits,
        }
    }

    /// Those that are skipped included.
    pub fn all_cases(&self) -> usize {
        self.cases + self.cases_skipped
    }

    pub fn seconds_at_least(&self) -> f64 {
        self.seconds_at_least
    }

    pub fn json(&self) -> String {
        // Names and numbers are always JSON.
        serde_json::to_value(self).map_or_else(|_| String::new(), |value| format!("{value:#}\n"))
    }

    pub fn text(&self) -> String {
        let mut out = format!(
            "{} against contract {}, {}\n\n",
            self.target, self.contract, self.address
        );
        for (id, planned) in &self.checks {
            let _ = writeln!(out, "{id:24} {:6} {}", planned.level, planned.phrase());
        }
        if !self.skipped.is_empty() {
            out.push_str("\nSkipped\n");
        }
        for skipped in &self.skipped {
            let _ = writeln!(out, "     {}:", skipped.says);
            let named: Vec<String> = skipped
                .checks
                .iter()
                .map(|(id, cases)| self.named(id, *cases))
                .collect();
            for line in wrapped(&named) {
                let _ = writeln!(out, "       {line}");
            }
        }
        if !self.writes.is_empty() {
            out.push_str("\nRequests that may change something\n");
            let mut all: Vec<(&String, &usize)> = self.writes.iter().collect();
            all.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
            for (line, times) in all {
                let _ = writeln!(out, "{times:8} {line}");
            }
        }
        out.push_str(&self.limits);
        let checks = self.checks.len();
        let left_out = self.skipped.iter().flat_map(|one| one.checks.keys());
        let left_out: BTreeSet<&String> = left_out
            .filter(|id| !self.checks.contains_key(*id))
            .collect();
        let _ = writeln!(
            out,
            "\n{}: {} to carry out and {} skipped ({} with nothing to carry out)\nabout {} where all holds, at most {} \
             where nothing does, and some for credentials and after 429, 502, 503 and 504\nat {} a second at least {:.0} s. \
             Nothing was sent.",
            counted(checks + left_out.len(), "check"),
            counted(self.cases, "case"),
            self.cases_skipped,
            counted(left_out.len(), "check"),
            counted(self.requests, "request"),
            self.requests_at_most,
            self.requests_per_second,
            self.seconds_at_least,
        );
        out
    }

    /// The check, and how many of its cases where others are carried out.
    fn named(&self, id: &str, cases: usize) -> String {
        match self.checks.contains_key(id) {
            true => format!("{id} ({})", counted(cases, "case")),
            false => id.to_owned(),
        }
    }
}

impl Planned {
    fn phrase(&self) -> String {
        let cases = counted(self.cases, "case");
        let mut text = match self.of_each {
            Some(0) if self.looks > 0 => {
                let (verb, them) = if self.cases == 1 {
                    ("looks", "an answer")
                } else {
                    ("look", "answers")
                };
                format!("{cases} that {verb} at {them} of the run")
            }
            Some(each) => format!("{cases} of {}", counted(each, "request")),
            None => format!("{cases}, {}", counted(self.requests, "request")),
        };
        if self.writes > 0 {
            let _ = write!(text, "; {} may change something", self.writes);
        }
        if self.at_once > 1 {
            let _ = write!(text, "; {} at the same instant", self.at_once);
        }
        if !self.consent.is_empty() {
            let _ = write!(text, "; by consent to {}", self.consent.join(", "));
        }
        if self.waits_s >= 0.1 {
            let _ = write!(text, "; waits {} s", (self.waits_s * 10.0).round() / 10.0);
        }
        text
    }
}

/// What the target file must allow for the check, writes aside.
fn consent_for(check: &Check) -> Vec<String> {
    let mut all = check.needs.consent.clone();
    if check.needs_load() && !all.iter().any(|one| one == "load") {
        all.push("load".to_owned());
    }
    all
}

fn note_skip(skipped: &mut Vec<Skipped>, id: &str, case: &Case) {
    let Some(skip) = &case.skip else { return };
    let known = skipped.iter().position(|one| one.says == skip.says);
    let at = known.unwrap_or_else(|| {
        skipped.push(Skipped {
            reason: skip.reason,
            says: skip.says.clone(),
            checks: IndexMap::new(),
        });
        skipped.len() - 1
    });
    *skipped[at].checks.entry(id.to_owned()).or_default() += 1;
}

/// `1 case`, `2 cases`.
fn counted(number: usize, of: &str) -> String {
    match number {
        1 => format!("1 {of}"),
        many => format!("{many} {of}s"),
    }
}

/// Words in lines of a hundred characters.
fn wrapped(words: &[String]) -> Vec<String> {
    const WIDTH: usize = 100;
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}
