//! The report that a person reads in a terminal: what broke first, then how much was looked at.

use anstyle::{AnsiColor, Style};

use super::curl::curl;
use super::reasons::{doubts, skips, unconfirmed, wrapped};
use super::remedy;
use super::view::{CaseView, CheckView, View};
use super::visible;
use crate::judge::Verdict;
use crate::suite::model::Level;

/// Different things said about one check that are shown in full; the others are counted.
pub(super) const SHOWN_SAYINGS: usize = 3;

/// Cases that say the same as one that is shown, and are named beside it; the others are counted.
const SHOWN_OTHERS: usize = 6;

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Colour,
}

impl Paint {
    pub(super) fn on(self, style: Style, text: &str) -> String {
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Colour => format!("{style}{text}{style:#}"),
        }
    }
}

/// How much of what did not fail is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Reasons with their counts.
    Brief,
    /// And every check that each is about.
    Verbose,
}

impl Detail {
    pub fn asked(verbose: bool) -> Self {
        match verbose {
            true => Detail::Verbose,
            false => Detail::Brief,
        }
    }
}

const RED: Style = AnsiColor::Red.on_default().bold();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();

/// Renders; the caller writes. Findings at or above `level` come first, then what falls short of advice, then doubts.
pub fn terminal(view: &View<'_>, level: Level, paint: Paint, detail: Detail) -> String {
    let mut out = String::new();
    let target = &view.run.head.plan.target;
    out.push_str(&format!(
        "{} against contract {}\n",
        paint.on(BOLD, &visible(&target.name)),
        visible(&target.contract)
    ));
    let failed = |binding: bool| move |case: &&CaseView<'_>| matches!(&case.verdict, Verdict::Fail { level: broken, .. } if (*broken >= level) == binding);
    section(&mut out, view, "FAIL", RED, paint, failed(true));
    section(&mut out, view, "warn", YELLOW, paint, failed(false));
    doubts(&mut out, view, paint, detail);
    unconfirmed(&mut out, view, paint, detail);
    skips(&mut out, view, paint, detail);
    clock(&mut out, view);
    summary(&mut out, view, level, paint);
    out
}

fn section<'v>(
    out: &mut String,
    view: &'v View<'v>,
    word: &str,
    style: Style,
    paint: Paint,
    chosen: impl Fn(&&CaseView<'_>) -> bool,
) {
    for check in &view.checks {
        let said = alike(check.cases.iter().filter(&chosen), |case| {
            let Verdict::Fail { findings, .. } = &case.verdict else {
                return None;
            };
            let worst = findings.worst();
            Some((&worst.expected, &worst.observed, &worst.because))
        });
        for cases in said.iter().take(SHOWN_SAYINGS) {
            let case = cases[0];
            let Verdict::Fail {
                findings, level, ..
            } = &case.verdict
            else {
                continue;
            };
            let finding = findings.worst();
            out.push('\n');
            out.push_str(&format!(
                "{} {}  {}  ({level}, {})\n",
                paint.on(style, word),
                paint.on(BOLD, &visible(&case.case.id)),
                visible(&check.planned.check.title),
                visible(&check.planned.check.source),
            ));
            let because = finding
                .because
                .as_ref()
                .map(|text| format!(" — {}", visible(text)))
                .unwrap_or_default();
            out.push_str(&format!(
                "     expected {}; {}{because}\n",
                visible(&finding.expected),
                visible(&finding.observed)
            ));
            let exchange = view.run.exchange(finding.exchange);
            let target = &view.run.head.plan.target;
            let shown = exchange.and_then(|exchange| curl(exchange, target));
            let command = shown.unwrap_or_else(|| {
                format!("no request; exchange {} of the journal", finding.exchange)
            });
            out.push_str(&format!("     {}\n", paint.on(DIM, &visible(&command))));
            let planned = &check.planned.check;
            if let Some(says) = exchange.and_then(|one| remedy::not_shown(planned, finding, one)) {
                out.push_str(&wrapped(says));
            }
            if let Some(fix) = remedy::brief(planned) {
                out.push_str(&wrapped(&format!("fix: {}", visible(&fix))));
            }
            likewise(out, check.id, &cases[1..]);
        }
        rest(out, check.id, said.get(SHOWN_SAYINGS..).unwrap_or_default());
    }
}

/// Cases that say the same, together, in the order in which each is first said. Cases without a key are left out.
pub(super) fn alike<'v, K: PartialEq>(
    cases: impl Iterator<Item = &'v CaseView<'v>>,
    key: impl Fn(&'v CaseView<'v>) -> Option<K>,
) -> Vec<Vec<&'v CaseView<'v>>> {
    let mut groups: Vec<(K, Vec<&CaseView<'_>>)> = Vec::new();
    for case in cases {
        let Some(key) = key(case) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(case),
            None => groups.push((key, vec![case])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The other cases that said the same, by what sets them apart.
pub(super) fn likewise(out: &mut String, check: &str, others: &[&CaseView<'_>]) {
    if others.is_empty() {
        return;
    }
    let named: Vec<String> = others
        .iter()
        .take(SHOWN_OTHERS)
        .map(|other| visible(other.case.id.strip_prefix(check).unwrap_or(&other.case.id)))
        .collect();
    let more = match others.len().saturating_sub(SHOWN_OTHERS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    out.push_str(&format!("     likewise {}{more}\n", named.join(" ")));
}

pub(super) fn rest(out: &mut String, check: &str, groups: &[Vec<&CaseView<'_>>]) {
    let cases: usize = groups.iter().map(Vec::len).sum();
    if cases > 0 {
        out.push_str(&format!(
            "     and {cases} more cases of {}\n",
            visible(check)
        ));
    }
}

/// What was dated by another clock than ours is told: who compares times in the journal needs to know.
fn clock(out: &mut String, view: &View<'_>) {
    let Some(ahead) = view.run.end.as_ref().and_then(|end| end.clock_ahead_s) else {
        return;
    };
    let how = if ahead > 0 { "ahead of" } else { "behind" };
    out.push_str(&format!(
        "\nthe clock of the target is {} s {how} ours; tokens and proofs were dated by it\n",
        ahead.unsigned_abs()
    ));
}

fn summary(out: &mut String, view: &View<'_>, level: Level, paint: Paint) {
    let (checks, cases) = (view.check_counts(), view.case_counts());
    let state = match &view.run.end {
        Some(end) if end.interrupted => ", interrupted".to_owned(),
        Some(end) => format!(
            ", {} exchanges in {:.1} s",
            end.exchanges,
            end.wall_ms as f64 / 1000.0
        ),
        None => ", the run did not come to its end".to_owned(),
    };
    let number = |count: usize, word: &str, style: Style| {
        let text = format!("{count} {word}");
        if count > 0 {
            paint.on(style, &text)
        } else {
            text
        }
    };
    let below = match view
        .checks
        .iter()
        .filter(|check| falls_short(check, level))
        .count()
    {
        0 => String::new(),
        below => format!(" ({below} below {level})"),
    };
    out.push_str(&format!(
        "\n{}: {}, {}, {}, {} ({}{state})\n",
        some(checks.total, "check"),
        number(checks.pass, "pass", GREEN),
        number(checks.fail, "fail", RED) + &below,
        number(checks.inconclusive, "inconclusive", YELLOW),
        number(checks.skipped, "skipped", DIM),
        some(cases.total, "case"),
    ));
}

pub(super) fn some(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// Fails, and only below the asked level.
fn falls_short(check: &CheckView<'_>, asked: Level) -> bool {
    check
        .cases
        .iter()
        .filter_map(|case| match &case.verdict {
            Verdict::Fail { level, .. } => Some(*level),
            _ => None,
        })
        .max()
        .is_some_and(|worst| worst < asked)
}
