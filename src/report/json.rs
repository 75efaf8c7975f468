//! The report that programs read. Its structs are its own, so that a change inside does not break a reader: members are
//! only ever added under version 1, and a reader leaves alone what it does not know.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::curl::curl;
use super::view::{CaseView, CheckView, Conformity, Counts, Standing, View};
use super::visible;
use crate::journal::{ExchangeId, Phase};
use crate::judge::{Finding, Verdict};
use crate::suite::model::Level;

/// Version of the form below.
pub const REPORT_VERSION: u32 = 1;

/// A run of Proofmark: what was promised, what was seen. Texts that came from a target have their control characters
/// escaped; secrets appear as `‹name:digits›`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// Version of this form. Members may be added under the same version, never taken away or given another meaning.
    pub proofmark_report: u32,
    /// Version of the program that made the run.
    pub proofmark: String,
    /// When the run began: RFC 3339, UTC.
    pub started: String,
    pub target: ReportedTarget,
    /// The level that `conformity` looks at: findings and doubts below it do not count.
    pub level: Level,
    pub conformity: Conformity,
    pub run: ReportedRun,
    pub counts: ReportedCounts,
    /// In the order of the plan.
    pub checks: Vec<ReportedCheck>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReportedTarget {
    pub name: String,
    pub contract: String,
    /// Base URL.
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReportedRun {
    pub state: RunState,
    /// Milliseconds from the first to the last exchange; absent where the run did not come to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// Requests and probes that were sent.
    pub exchanges: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    Complete,
    /// By the user; what was not reached is inconclusive.
    Interrupted,
    /// The journal ends without saying why.
    Unfinished,
}

/// `total` is the sum of the others. A check counts by the worst of its cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReportedCounts {
    pub checks: Counts,
    pub cases: Counts,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReportedCheck {
    pub id: String,
    pub suite: String,
    pub title: String,
    /// Under the contract of the target.
    pub level: Level,
    pub source: String,
    /// The worst of its cases; `skipped` only where all are.
    pub standing: Standing,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub remedy: String,
    pub cases: Vec<ReportedCase>,
}

/// One cell of a check's matrix, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReportedCase {
    /// Unique in the report.
    pub id: String,
    /// Values of the variables of the matrix.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub bindings: Map<String, Value>,
    pub verdict: Standing,
    /// Of a `fail`: the highest level that was broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Of an `inconclusive` or `skipped`: the reason, one word of a closed set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The reason in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Of a `pass`: what was not looked at, although the pass would be worth more with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<String>,
    /// Of a `fail`, worst first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<ReportedFinding>,
    /// Numbers of the exchanges in the journal that the verdict rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<u64>,
}

/// One broken expectation.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReportedFinding {
    pub level: Level,
    /// The part of the check: `before`, `steps`, `after`, `always`.
    pub phase: String,
    /// The step in that part, from 1.
    pub step: usize,
    pub expected: String,
    pub observed: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Number of the exchange in the journal.
    pub exchange: u64,
    /// A command that shows it again, secrets as `${NAME}`; absent for transport probes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curl: Option<String>,
}

/// Renders; one object, indented, with a newline at its end.
pub fn json(view: &View<'_>, level: Level) -> String {
    let report = report(view, level);
    let mut text =
        serde_json::to_string_pretty(&report).expect("a report has text keys and finite numbers");
    text.push('\n');
    text
}

/// The report as a value.
pub fn report(view: &View<'_>, level: Level) -> Report {
    let head = &view.run.head;
    let target = &head.plan.target;
    let (state, wall_ms) = match &view.run.end {
        Some(end) if end.interrupted => (RunState::Interrupted, Some(end.wall_ms)),
        Some(end) => (RunState::Complete, Some(end.wall_ms)),
        None => (RunState::Unfinished, None),
    };
    Report {
        proofmark_report: REPORT_VERSION,
        proofmark: visible(&head.proofmark),
        started: visible(&head.started),
        target: ReportedTarget {
            name: visible(&target.name),
            contract: visible(&target.contract),
            url: visible(&format!("{}{}", target.https, target.prefix)),
            plain_url: target.plain.as_ref().map(|o| visible(&o.to_string())),
        },
        level,
        conformity: view.conformity(level),
        run: ReportedRun {
            state,
            wall_ms,
            exchanges: view.run.exchange_count as u64,
        },
        counts: ReportedCounts {
            checks: view.check_counts(),
            cases: view.case_counts(),
        },
        checks: view.checks.iter().map(|c| check(view, c)).collect(),
    }
}

fn check(view: &View<'_>, check: &CheckView<'_>) -> ReportedCheck {
    let said = &check.planned.check;
    ReportedCheck {
        id: visible(check.id),
        suite: visible(&check.planned.suite),
        title: visible(&said.title),
        level: check.planned.level,
        source: visible(&said.source),
        standing: check.standing(),
        why: said.why.as_deref().map(visible),
        remedy: visible(&said.remedy),
        cases: check.cases.iter().map(|c| case(view, c)).collect(),
    }
}

fn case(view: &View<'_>, case: &CaseView<'_>) -> ReportedCase {
    let mut reported = ReportedCase {
        id: visible(&case.case.id),
        bindings: case
            .case
            .bindings
            .iter()
            .map(|(name, value)| (visible(name), visible_value(value)))
            .collect(),
        verdict: case.standing(),
        level: None,
        reason: None,
        says: None,
        unconfirmed: None,
        findings: Vec::new(),
        exchanges: Vec::new(),
    };
    match &case.verdict {
        Verdict::Pass {
            evidence,
            unconfirmed,
        } => {
            reported.unconfirmed = unconfirmed.as_deref().map(visible);
            reported.exchanges = evidence.iter().map(|ExchangeId(id)| id).collect();
        }
        Verdict::Fail {
            level,
            findings,
            evidence,
        } => {
            reported.level = Some(*level);
            reported.findings = findings.iter().map(|f| finding(view, f)).collect();
            reported.exchanges = evidence.iter().map(|ExchangeId(id)| id).collect();
        }
        Verdict::Inconclusive {
            why,
            says,
            exchanges,
        } => {
            reported.reason = Some(why.word().to_owned());
            reported.says = Some(visible(says));
            reported.exchanges = exchanges.iter().map(|ExchangeId(id)| *id).collect();
        }
        Verdict::Skipped { why, says } => {
            reported.reason = Some(why.word().to_owned());
            reported.says = Some(visible(says));
        }
    }
    reported
}

fn finding(view: &View<'_>, finding: &Finding) -> ReportedFinding {
    let phase = match finding.slot.phase {
        Phase::Before => "before",
        Phase::Steps => "steps",
        Phase::After => "after",
        Phase::Always => "always",
    };
    ReportedFinding {
        level: finding.level,
        phase: phase.to_owned(),
        step: finding.slot.index + 1,
        expected: visible(&finding.expected),
        observed: visible(&finding.observed),
        because: finding.because.as_deref().map(visible),
        exchange: finding.exchange.0,
        curl: view
            .run
            .exchange(finding.exchange)
            .and_then(|exchange| curl(exchange, &view.run.head.plan.target))
            .map(|command| visible(&command)),
    }
}

/// Texts inside a value, keys included, made fit to be shown.
fn visible_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(visible(text)),
        Value::Array(items) => items.iter().map(visible_value).collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| (visible(key), visible_value(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}
