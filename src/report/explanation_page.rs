//! An explanation on a terminal, and all of them as the catalogue in `docs/`.

use anstyle::Style;

use super::explanation::{Explanation, force};
use super::terminal::Paint;
use super::visible;
use crate::suite::model::Level;
use crate::suite::narrate::Narration;

const BOLD: Style = Style::new().bold();

/// The page of one check for a terminal.
pub fn page(explanation: &Explanation, paint: Paint) -> String {
    let mut out = format!(
        "{}  {}\n",
        paint.on(BOLD, &visible(&explanation.id)),
        visible(&explanation.title)
    );
    let mut part = |name: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            out.push_str(&format!("\n{}\n", paint.on(BOLD, name)));
            for line in lines {
                out.push_str(&format!("  {}\n", visible(&line)));
            }
        }
    };
    part("Level", levels(explanation));
    part("Source", vec![explanation.source.clone()]);
    part("Why", explanation.why.iter().cloned().collect());
    part("Needs", explanation.needs.clone());
    part("Carried out for", explanation.matrix.clone());
    let level = explanation.level;
    part(
        "Before and after",
        numbered(&explanation.controls, level, false),
    );
    part("Steps", numbered(&explanation.steps, level, true));
    part(
        "In the end, in any case",
        numbered(&explanation.clean_up, level, false),
    );
    part("Answers", answers(explanation));
    part("Parameters", parameters(explanation));
    part("Inconclusive when", explanation.inconclusive.clone());
    part("Remedy", vec![explanation.remedy.clone()]);
    let flaws = explanation.flaws.iter().map(|flaw| match &flaw.says {
        Some(says) => format!("{}: {says}", flaw.id),
        None => format!("{}: no reference deployment has it", flaw.id),
    });
    let mut flaws: Vec<String> = flaws.collect();
    if flaws.is_empty() {
        flaws.push("No flaw of a reference deployment: nothing shows that it can fail.".to_owned());
    }
    part("Fails with", flaws);
    let command = explanation
        .flaws
        .iter()
        .find_map(|flaw| flaw.command.clone());
    part("See it fail", command.into_iter().collect());
    out
}

/// Contracts that agree on a level in one line.
fn levels(explanation: &Explanation) -> Vec<String> {
    let mut lines = Vec::new();
    for level in [Level::Must, Level::Should, Level::Advice] {
        let all: Vec<&str> = explanation
            .contracts
            .iter()
            .filter(|found| found.level == Some(level))
            .map(|found| found.contract.as_str())
            .collect();
        if !all.is_empty() {
            lines.push(format!("{level} under {}", all.join(", ")));
        }
    }
    for found in explanation.contracts.iter().filter(|c| c.level.is_none()) {
        let reason = found.left_out.as_deref().unwrap_or("for no stated reason");
        lines.push(format!("left out of {}: {reason}", found.contract));
    }
    if lines.is_empty() {
        lines.push(format!("{}, under no contract yet", explanation.level));
    }
    lines
}

fn numbered(narrations: &[Narration], level: Level, numbers: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, narration) in narrations.iter().enumerate() {
        let number = if numbers {
            format!("{}. ", at + 1)
        } else {
            String::new()
        };
        lines.push(format!("{number}{}.", narration.does));
        for expected in &narration.expects {
            let because = expected
                .because
                .as_ref()
                .map(|text| format!(" — {text}"))
                .unwrap_or_default();
            lines.push(format!(
                "   expects ({}) {}{because}",
                force(expected, level),
                expected.says
            ));
        }
    }
    lines
}

fn answers(explanation: &Explanation) -> Vec<String> {
    let said = |looks: &[(String, String)]| {
        let mut ways: Vec<(&str, Vec<&str>)> = Vec::new();
        for (contract, says) in looks {
            match ways.iter_mut().find(|(known, _)| known == says) {
                Some((_, contracts)) => contracts.push(contract),
                None => ways.push((says, vec![contract])),
            }
        }
        ways.iter()
            .map(|(says, contracts)| format!("{says} ({})", contracts.join(", ")))
            .collect::<Vec<_>>()
            .join("; ")
    };
    explanation
        .answers
        .iter()
        .map(|answer| format!("{}: {}", answer.name, said(&answer.looks)))
        .collect()
}

fn parameters(explanation: &Explanation) -> Vec<String> {
    explanation
        .parameters
        .iter()
        .map(|parameter| {
            let defaults: Vec<String> = parameter
                .defaults
                .iter()
                .map(|(contract, value)| format!("{contract} {}", brief_value(value)))
                .collect();
            let values = if defaults.is_empty() {
                "no value by default".to_owned()
            } else {
                defaults.join(", ")
            };
            format!(
                "{}: {} ({values})",
                parameter.name,
                parameter.says.trim_end_matches('.')
            )
        })
        .collect()
}

fn brief_value(value: &serde_json::Value) -> String {
    crate::judge::brief(&value.to_string())
}

/// The catalogue of all checks in Markdown: a table, then a part for each suite with an anchor for each check.
pub fn catalogue(all: &[Explanation]) -> String {
    let mut out = String::from(
        "# Check catalogue\n\n\
         Generated from `suites/` by `cargo run -- docs --write`; do not edit. `proofmark explain ID` shows more of each.\n",
    );
    let mut suites: Vec<&str> = Vec::new();
    for explanation in all {
        if !suites.contains(&explanation.suite.as_str()) {
            suites.push(&explanation.suite);
        }
    }
    for suite in suites {
        out.push_str(&format!(
            "\n## {}\n\n| id | promise | level | source | fails with |\n|---|---|---|---|---|\n",
            markdown(suite)
        ));
        for explanation in all.iter().filter(|found| found.suite == suite) {
            let flaws: Vec<String> = explanation
                .flaws
                .iter()
                .map(|flaw| format!("`{}`", flaw.id))
                .collect();
            out.push_str(&format!(
                "| <a id=\"{id}\"></a>{id} | {} | {} | {} | {} |\n",
                markdown(&explanation.title),
                catalogue_level(explanation),
                markdown(&explanation.source),
                flaws.join(" "),
                id = markdown(&explanation.id),
            ));
        }
    }
    out
}

/// One word where the contracts agree, and the level of each where they do not.
fn catalogue_level(explanation: &Explanation) -> String {
    let mut levels: Vec<Option<Level>> = explanation.contracts.iter().map(|c| c.level).collect();
    levels.dedup();
    match levels.as_slice() {
        [] => explanation.level.word().to_owned(),
        [Some(level)] => level.word().to_owned(),
        _ => explanation
            .contracts
            .iter()
            .map(|found| {
                let level = found.level.map_or("left out", Level::word);
                format!("{}: {level}", found.contract)
            })
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Text in a table cell of Markdown that may hold HTML.
fn markdown(text: &str) -> String {
    visible(text)
        .replace('|', "\\|")
        .replace('<', "&lt;")
        .replace('*', "\\*")
        .replace('_', "\\_")
}
