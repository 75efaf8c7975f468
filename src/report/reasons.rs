//! What could not be told, was not looked at, or was left out, by reason: nothing is passed over in silence, and nothing is
//! said a hundred times.

use super::terminal::{
    BOLD, DIM, Detail, Paint, SHOWN_SAYINGS, YELLOW, alike, likewise, rest, some,
};
use super::view::{CaseView, CheckView, Standing, View};
use super::visible;
use crate::judge::Verdict;
use crate::suite::model::Level;

/// Columns of a line of running text.
const WIDTH: usize = 100;
const INDENT: &str = "     ";

/// Checks that are named behind a reason that several have; the others are counted.
const SHOWN_CHECKS: usize = 8;

/// Reasons of one kind that are shown; the others are counted.
const SHOWN_REASONS: usize = 4;

/// Indented lines of at most [`WIDTH`] columns, unless a word is longer.
pub(super) fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if column == 0 || column + 1 + length > WIDTH {
            if column > 0 {
                out.push('\n');
            }
            out.push_str(INDENT);
            column = INDENT.len();
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
    out
}

/// What could not be judged. A reason that several checks have is said once.
pub(super) fn doubts(out: &mut String, view: &View<'_>, paint: Paint, detail: Detail) {
    let all: Vec<(&CheckView<'_>, &CaseView<'_>)> = view
        .checks
        .iter()
        .flat_map(|check| check.cases.iter().map(move |case| (check, case)))
        .collect();
    let reason = |case: &CaseView<'_>| match &case.verdict {
        Verdict::Inconclusive { why, says, .. } => Some((*why, says.clone())),
        _ => None,
    };
    let mut groups: Vec<((_, String), Vec<&CheckView<'_>>, usize)> = Vec::new();
    for (check, case) in &all {
        let Some(key) = reason(case) else { continue };
        match groups.iter_mut().find(|(known, _, _)| *known == key) {
            Some((_, checks, cases)) => {
                *cases += 1;
                if checks.last().is_none_or(|last| last.id != check.id) {
                    checks.push(check);
                }
            }
            None => groups.push((key, vec![check], 1)),
        }
    }
    for ((why, says), checks, cases) in groups.iter().filter(|(_, checks, _)| checks.len() > 1) {
        let levels: Vec<String> = [Level::Must, Level::Should, Level::Advice]
            .into_iter()
            .map(|level| (level, of_level(checks, level)))
            .filter(|(_, count)| *count > 0)
            .map(|(level, count)| format!("{count} {level}"))
            .collect();
        out.push_str(&format!(
            "\n{} {}  ({})\n",
            paint.on(YELLOW, "????"),
            paint.on(
                BOLD,
                &format!(
                    "{} of {}",
                    some(*cases, "case"),
                    some(checks.len(), "check")
                )
            ),
            levels.join(", ")
        ));
        out.push_str(&wrapped(&format!("{}: {}", why.word(), visible(says))));
        let ids: Vec<&str> = checks.iter().map(|check| check.id).collect();
        out.push_str(&named(&ids, paint, detail));
    }
    let is_shared = |case: &CaseView<'_>| {
        let own = reason(case);
        let mut shared = groups.iter().filter(|(_, checks, _)| checks.len() > 1);
        shared.any(|(key, _, _)| Some(key) == own.as_ref())
    };
    for check in &view.checks {
        let said = alike(check.cases.iter().filter(|case| !is_shared(case)), reason);
        for cases in said.iter().take(SHOWN_SAYINGS) {
            let case = cases[0];
            let Some((why, says)) = reason(case) else {
                continue;
            };
            out.push_str(&format!(
                "\n{} {}  {}  ({})\n",
                paint.on(YELLOW, "????"),
                paint.on(BOLD, &visible(&case.case.id)),
                visible(&check.planned.check.title),
                check.planned.level,
            ));
            out.push_str(&wrapped(&format!("{}: {}", why.word(), visible(&says))));
            likewise(out, check.id, &cases[1..]);
        }
        rest(out, check.id, said.get(SHOWN_SAYINGS..).unwrap_or_default());
    }
}

fn of_level(checks: &[&CheckView<'_>], level: Level) -> usize {
    let own = checks.iter().filter(|check| check.planned.level == level);
    own.count()
}

/// Ids in lines of their own, as many as are wanted.
fn named(ids: &[&str], paint: Paint, detail: Detail) -> String {
    let shown = match detail {
        Detail::Verbose => ids.len(),
        Detail::Brief => ids.len().min(SHOWN_CHECKS),
    };
    let mut text = visible(&ids[..shown].join(" "));
    if shown < ids.len() {
        text.push_str(&format!(" and {} more", ids.len() - shown));
    }
    let lines = wrapped(&text);
    let lines: Vec<String> = lines.lines().map(|line| paint.on(DIM, line)).collect();
    format!("{}\n", lines.join("\n"))
}

/// Skipped checks: how many for which reasons.
pub(super) fn skips(out: &mut String, view: &View<'_>, paint: Paint, detail: Detail) {
    let skipped = view
        .checks
        .iter()
        .filter(|check| check.standing() == Standing::Skipped);
    let found: Vec<(&str, String, &str)> = skipped
        .filter_map(|check| {
            let mut cases = check.cases.iter();
            let (why, says) = cases.find_map(|case| match &case.verdict {
                Verdict::Skipped { why, says } => Some((why.word(), says.clone())),
                _ => None,
            })?;
            Some((why, says, check.id))
        })
        .collect();
    if found.is_empty() {
        return;
    }
    let mut kinds: Vec<&str> = Vec::new();
    for (why, _, _) in &found {
        if !kinds.contains(why) {
            kinds.push(why);
        }
    }
    if detail == Detail::Verbose {
        let reasons = found.into_iter().map(|(_, says, id)| (says, id));
        by_reason(out, "Skipped", reasons, paint, detail);
        return;
    }
    out.push_str(&format!(
        "\n{} (`--verbose` names the checks)\n",
        paint.on(BOLD, "Skipped")
    ));
    for kind in kinds {
        let of_kind = || found.iter().filter(|(why, _, _)| *why == kind);
        let mut reasons: Vec<(&str, usize)> = Vec::new();
        for (_, says, _) in of_kind() {
            match reasons.iter_mut().find(|(known, _)| known == says) {
                Some((_, count)) => *count += 1,
                None => reasons.push((says, 1)),
            }
        }
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let shown: Vec<String> = reasons
            .iter()
            .take(SHOWN_REASONS)
            .map(|(says, count)| format!("{} ({count})", visible(says)))
            .collect();
        let others = reasons.get(SHOWN_REASONS..).unwrap_or_default();
        let more = match others.len() {
            0 => String::new(),
            others_len => format!(
                "; {} ({})",
                some(others_len, "other reason"),
                others.iter().map(|(_, count)| count).sum::<usize>()
            ),
        };
        out.push_str(&wrapped(&format!(
            "{kind}: {}: {}{more}",
            some(of_kind().count(), "check"),
            shown.join("; ")
        )));
    }
}

/// Checks that pass, and did not see all that they wanted to, by what they did not see.
pub(super) fn unconfirmed(out: &mut String, view: &View<'_>, paint: Paint, detail: Detail) {
    let passed = view
        .checks
        .iter()
        .filter(|check| check.standing() == Standing::Pass);
    let found = passed.filter_map(|check| {
        let mut cases = check.cases.iter();
        let says = cases.find_map(|case| match &case.verdict {
            Verdict::Pass { unconfirmed, .. } => unconfirmed.clone(),
            _ => None,
        })?;
        Some((says, check.id))
    });
    by_reason(out, "Unconfirmed", found, paint, detail);
}

fn by_reason<'a>(
    out: &mut String,
    title: &str,
    found: impl Iterator<Item = (String, &'a str)>,
    paint: Paint,
    detail: Detail,
) {
    let mut by_reason: Vec<(String, Vec<&str>)> = Vec::new();
    for (reason, id) in found {
        match by_reason.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, ids)) => ids.push(id),
            None => by_reason.push((reason, vec![id])),
        }
    }
    if by_reason.is_empty() {
        return;
    }
    out.push_str(&format!("\n{}\n", paint.on(BOLD, title)));
    for (reason, ids) in by_reason {
        out.push_str(&wrapped(&format!("{}:", visible(&reason))));
        out.push_str(&named(&ids, paint, detail));
    }
}
