//! The output that the README shows is what the program prints, but for ports, times and random values.

use std::process::Command;

use regex::Regex;

/// Ports, times, canaries and ids differ from run to run.
fn steady(text: &str) -> String {
    let mut text = text.trim_end().to_owned();
    for (pattern, mark) in [
        (r"localhost:\d+", "localhost:PORT"),
        (r"\d+\.\d s\b", "TIME s"),
        (r"\d+ exchanges", "N exchanges"),
        (r"\b[0-9a-f]{32}\b", "ID"),
        (r"\bpm[0-9a-f]{16}\b", "CANARY"),
    ] {
        text = Regex::new(pattern)
            .expect("a fixed expression")
            .replace_all(&text, mark)
            .into_owned();
    }
    text
}

/// Command and output of each `console` block.
fn sessions(readme: &str) -> Vec<(String, String)> {
    readme
        .split("```console\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter_map(|block| block.strip_prefix("$ ")?.split_once('\n'))
        .map(|(command, output)| (command.to_owned(), output.to_owned()))
        .collect()
}

#[test]
fn shown_output_is_printed() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("the README is there");
    let sessions = sessions(&readme);
    assert!(!sessions.is_empty(), "the README shows no session");
    for (command, shown) in sessions {
        let mut words = command.split_whitespace();
        assert_eq!(words.next(), Some("proofmark"), "{command}");
        let output = Command::new(env!("CARGO_BIN_EXE_proofmark"))
            .args(words)
            .env("NO_COLOR", "1")
            .env("CI", "1")
            .output()
            .expect("the binary runs");
        let printed = String::from_utf8(output.stdout).expect("output is UTF-8");
        assert_eq!(
            steady(&printed),
            steady(&shown),
            "the README shows another output of `{command}`; what is printed now:\n{printed}"
        );
    }
}
