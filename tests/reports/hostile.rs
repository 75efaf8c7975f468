//! What a target, a journal or a file says is data in every format.

use proofmark::report::{Detail, Paint, View, json, junit, terminal};
use proofmark::suite::model::Level;
use serde_json::Value;

use super::{DEMO, record};

/// Terminal escapes, C1, NUL, bidirectional override, line separators, a noncharacter, XML and Markdown, and a character
/// of four octets, which is harmless.
const HOSTILE: &str = "\u{1b}[2J\u{9b}31m\u{0}\u{7}\u{202e}\u{2028}\u{feff}\u{fffe}\u{e0041}\r\n</failure>]]><!--&amp;\"'`\u{1f600}";

/// The recorded journal with hostile text after every text that a report shows.
fn poisoned() -> String {
    let mut out = String::new();
    for line in DEMO.lines() {
        let mut value: Value = serde_json::from_str(line).expect("a line is JSON");
        poison(&mut value, "");
        out.push_str(&value.to_string());
        out.push('\n');
    }
    out
}

fn poison(value: &mut Value, key: &str) {
    const SHOWN: [&str; 14] = [
        "name",
        "title",
        "source",
        "why_text",
        "remedy",
        "suite",
        "expected",
        "observed",
        "because",
        "says",
        "case",
        "target",
        "started_text",
        "proofmark",
    ];
    match value {
        Value::String(text) if SHOWN.contains(&key) => text.push_str(HOSTILE),
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, key)),
        Value::Object(members) => {
            // A case is found by its id, so that both ends change alike.
            let is_case = members.contains_key("bindings") || members.contains_key("skip");
            let is_bare_case = members.len() == 2 && members.contains_key("check");
            for (name, member) in members.iter_mut() {
                let name = if name == "id" && (is_case || is_bare_case) {
                    "case"
                } else {
                    name.as_str()
                };
                poison(member, name);
            }
        }
        _ => {}
    }
}

fn misleading(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{e0000}'..='\u{e007f}')
}

#[test]
fn the_poison_is_in() {
    let run = record(&poisoned());
    let view = View::of(&run);
    assert!(
        view.checks
            .iter()
            .all(|check| check.planned.check.title.contains(HOSTILE))
    );
    assert!(view.checks.iter().all(|check| {
        check
            .cases
            .iter()
            .all(|case| case.case.id.contains(HOSTILE))
    }));
    let plain = record(DEMO);
    assert_eq!(view.case_counts(), View::of(&plain).case_counts());
}

#[test]
fn a_terminal_shows_it_and_does_not_obey() {
    let run = record(&poisoned());
    let text = terminal(&View::of(&run), Level::Must, Paint::Plain, Detail::Brief);
    assert!(!text.contains(misleading), "{text:?}");
    assert!(text.contains("\\u{1b}[2J"), "{text}");
    assert!(text.contains('\u{1f600}'), "{text}");
    let plain = record(DEMO);
    let clean = terminal(&View::of(&plain), Level::Must, Paint::Plain, Detail::Brief);
    // Longer sentences have more lines, all of them indented.
    let heads = |text: &str| text.lines().filter(|line| !line.starts_with("   ")).count();
    assert_eq!(heads(&text), heads(&clean), "{text}");
}

#[test]
fn json_holds_it_as_text() {
    let run = record(&poisoned());
    let text = json(&View::of(&run), Level::Must);
    assert!(!text.contains(misleading), "{text:?}");
    let value: Value = serde_json::from_str(&text).expect("it is JSON");
    let title = value["checks"][0]["title"].as_str().expect("a title");
    assert!(
        title.contains("\\u{0}") && title.contains("</failure>]]>"),
        "{title}"
    );
}

#[test]
fn junit_holds_it_as_text() {
    let run = record(&poisoned());
    let text = junit(&View::of(&run), Level::Must);
    assert!(!text.contains(misleading), "{text:?}");
    let failing = text.matches("<failure ").count();
    assert_eq!(text.matches("</failure>").count(), failing, "{text}");
    assert!(!text.contains("<!--"), "{text}");
    super::formats::validate(&text);
}
