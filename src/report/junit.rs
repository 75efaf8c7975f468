//! JUnit XML, as CI systems read it.
//!
//! A suite of checks is a `testsuite`, a case a `testcase`: `failure` is a fail, `error` an inconclusive case, `skipped`
//! a skipped one, each with its reason. So that a red build means what exit codes 1 and 3 mean, only what is at or above
//! the asked level is red: a fail below it is a `testcase` that passes with a note in the suite's `system-out`, and an
//! inconclusive case below it is `skipped` with the word `inconclusive` in its message.
//!
//! There is no one JUnit schema. The output satisfies those of Jenkins and of Windy Road (Ant) both; where they pull
//! apart, it takes what both allow: no attributes on `testsuites` (Windy Road has none), no time zone in `timestamp`
//! (Windy Road; it is UTC), no `type` on `skipped` (Windy Road), and notes at the suite, since Windy Road has no
//! `system-out` in a `testcase`; `id`, `package`, `hostname`, `properties`, `system-out` and `system-err` are always
//! there (Windy Road asks for them).

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::curl::curl;
use super::view::{CaseView, CheckView, View};
use super::visible;
use crate::judge::Verdict;
use crate::suite::model::Level;

/// Renders; the caller writes.
pub fn junit(view: &View<'_>, level: Level) -> String {
    let mut report = Report::unnamed();
    let mut names: Vec<&str> = Vec::new();
    for check in &view.checks {
        if !names.contains(&check.planned.suite.as_str()) {
            names.push(&check.planned.suite);
        }
    }
    for (id, name) in names.into_iter().enumerate() {
        let checks = view.checks.iter().filter(|c| c.planned.suite == name);
        report.add_test_suite(suite(view, id, name, checks, level));
    }
    let text = report.to_string().expect("a string takes what is written");
    // quick-junit writes the totals at the root, where Windy Road's schema has no attributes; each suite says its own.
    let root = format!(
        "<testsuites tests=\"{}\" skipped=\"{}\" failures=\"{}\" errors=\"{}\">",
        report.tests, report.skipped, report.failures, report.errors
    );
    text.replacen(&root, "<testsuites>", 1)
}

fn suite<'v>(
    view: &View<'_>,
    id: usize,
    name: &str,
    checks: impl Iterator<Item = &'v CheckView<'v>>,
    level: Level,
) -> TestSuite {
    let head = &view.run.head;
    let target = &head.plan.target;
    let mut suite = TestSuite::new(visible(name));
    let extra = [
        ("id", id.to_string()),
        ("package", visible(&target.contract)),
        ("hostname", visible(&target.https.host)),
        ("timestamp", timestamp(&head.started)),
    ];
    for (key, value) in extra {
        suite.extra.insert(key.into(), value.into());
    }
    for (key, value) in [
        ("target", visible(&target.name)),
        ("contract", visible(&target.contract)),
        ("level", level.word().to_owned()),
        ("proofmark", visible(&head.proofmark)),
    ] {
        suite.add_property(Property::new(key, value));
    }
    let mut notes = String::new();
    let mut total = Duration::ZERO;
    for check in checks {
        for case in &check.cases {
            let time = time(view, case);
            total += time;
            let mut reported =
                TestCase::new(visible(&case.case.id), status(view, check, case, level));
            reported.set_classname(visible(name));
            reported.set_time(time);
            suite.add_test_case(reported);
            if let Some(note) = note(check, case, level) {
                notes.push_str(&note);
                notes.push('\n');
            }
        }
    }
    suite.set_time(total);
    suite.set_system_out(notes);
    suite.set_system_err("");
    suite
}

fn status(
    view: &View<'_>,
    check: &CheckView<'_>,
    case: &CaseView<'_>,
    asked: Level,
) -> TestCaseStatus {
    match &case.verdict {
        Verdict::Fail {
            level, findings, ..
        } if *level >= asked => {
            let worst = findings.worst();
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(level.word());
            status.set_message(visible(&format!(
                "{}: expected {}; {}",
                check.planned.check.title, worst.expected, worst.observed
            )));
            let mut lines = Vec::new();
            for finding in findings.iter() {
                lines.push(visible(&format!(
                    "expected {}; {}",
                    finding.expected, finding.observed
                )));
                lines.extend(finding.because.as_deref().map(visible));
                lines.push(
                    view.run
                        .exchange(finding.exchange)
                        .and_then(|exchange| curl(exchange, &view.run.head.plan.target))
                        .map_or_else(
                            || format!("exchange {} of the journal", finding.exchange),
                            |command| visible(&command),
                        ),
                );
            }
            lines.push(visible(&check.planned.check.remedy));
            lines.push(visible(&check.planned.check.source));
            status.set_description(lines.join("\n"));
            status
        }
        Verdict::Inconclusive { why, says, .. } if check.planned.level >= asked => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type(why.word());
            status.set_message(visible(says));
            status.set_description(visible(&check.planned.check.title));
            status
        }
        Verdict::Inconclusive { why, says, .. } => skipped(&format!(
            "inconclusive, below the asked level ({}): {says}",
            why.word()
        )),
        Verdict::Skipped { why, says } => skipped(&format!("{}: {says}", why.word())),
        Verdict::Pass { .. } | Verdict::Fail { .. } => TestCaseStatus::success(),
    }
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(visible(message));
    status
}

/// What a `testcase` that is not red leaves unsaid.
fn note(check: &CheckView<'_>, case: &CaseView<'_>, asked: Level) -> Option<String> {
    match &case.verdict {
        Verdict::Fail {
            level, findings, ..
        } if *level < asked => {
            let worst = findings.worst();
            Some(visible(&format!(
                "{} fails at level {level}: {}: expected {}; {}",
                case.case.id, check.planned.check.title, worst.expected, worst.observed
            )))
        }
        Verdict::Pass {
            unconfirmed: Some(says),
            ..
        } => Some(visible(&format!(
            "{} passes unconfirmed: {says}",
            case.case.id
        ))),
        _ => None,
    }
}

/// What the exchanges of a case took together.
fn time(view: &View<'_>, case: &CaseView<'_>) -> Duration {
    let us = view
        .run
        .attempts_of(&case.case.id)
        .iter()
        .flat_map(|attempt| &attempt.steps)
        .filter_map(|taken| view.run.exchange(taken.exchange?))
        .fold(0u64, |sum, exchange| sum.saturating_add(exchange.total_us));
    Duration::from_micros(us)
}

/// `2026-01-02T03:04:05Z` → `2026-01-02T03:04:05`. What is no such time becomes the epoch, since a schema asks for one.
fn timestamp(started: &str) -> String {
    match started.parse::<jiff::Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        Err(_) => "1970-01-01T00:00:00".to_owned(),
    }
}
