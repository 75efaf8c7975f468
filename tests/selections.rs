//! Named selections of checks: what `--check @NAME` asks for, and what is wrong with one that names what is not there.

mod deployment;

use std::collections::BTreeSet;

use deployment::{Files, bare, proofmark};
use proofmark::suite::Wanted;
use proofmark::suite::gather::library;
use serde_json::Value;

async fn said(arguments: &[&str]) -> (Option<i32>, String) {
    let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
    let ran = proofmark(&arguments, &[]).await;
    ran.in_order();
    (ran.code, ran.text())
}

fn with_selections(selections: &str) -> (Files, String) {
    let checks = format!("{}selections:\n{selections}", bare::CHECKS);
    let files = Files::new(bare::CONTRACT, &checks);
    let suites = files.path("suites").display().to_string();
    (files, suites)
}

#[tokio::test]
async fn a_selection_stands_for_its_members() {
    let (_files, suites) =
        with_selections("  two: { title: Two, checks: [BARE-401-01, BARE-LEAK-01] }\n");
    let (code, text) = said(&[
        "--suites", &suites, "list", "--check", "@two", "--format", "json",
    ])
    .await;
    assert_eq!(code, Some(0), "{text}");
    let listed: Value = serde_json::from_str(&text).expect("JSON");
    let ids: Vec<&str> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|check| check["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids, ["BARE-401-01", "BARE-LEAK-01"]);
    assert_eq!(listed[0]["selections"], serde_json::json!(["two"]));
    // Beside a pattern it adds to it.
    let (_, text) = said(&[
        "--suites",
        &suites,
        "list",
        "--check",
        "@two",
        "--check",
        "BARE-SNIFF-*",
    ])
    .await;
    assert!(text.contains("3 checks"), "{text}");
    let (_, text) = said(&["--suites", &suites, "list"]).await;
    let line = text.lines().find(|line| line.starts_with("@two"));
    let words: Vec<&str> = line.expect("it is listed").split_whitespace().collect();
    assert_eq!(words, ["@two", "2", "Two"]);
}

#[tokio::test]
async fn a_selection_that_is_not_there_is_a_mistake() {
    for command in ["run", "list", "prove"] {
        let (code, text) = said(&[command, "--check", "@nowhere"]).await;
        assert_eq!(code, Some(2), "{command}: {text}");
        assert!(
            text.contains("there is no selection `@nowhere`; there are @fapi2-rs"),
            "{command}: {text}"
        );
    }
}

#[tokio::test]
async fn what_a_selection_names_is_there() {
    let (_files, suites) = with_selections(
        "  unknown: { title: One, checks: [BARE-401-01, BARE-NONE-01] }\n  empty: { title: None, checks: [] }\n",
    );
    let file = std::fs::read_to_string(format!("{suites}/bare.yaml")).expect("the suite");
    let line = |word: &str| {
        1 + file
            .lines()
            .position(|line| line.contains(word))
            .expect("a line")
    };
    let (unknown, empty) = (line("unknown:"), line("empty:"));
    let (code, text) = said(&["lint", &format!("{suites}/bare.yaml")]).await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("there is no check `BARE-NONE-01`"), "{text}");
    assert!(text.contains(&format!("bare.yaml:{unknown}:48")), "{text}");
    assert!(
        text.contains("a selection names at least one check"),
        "{text}"
    );
    assert!(text.contains(&format!("bare.yaml:{empty}:33")), "{text}");
}

/// The page that compares us with the OpenID suite names the members of the selection, and each of its blocks.
#[test]
fn the_page_of_blocks_and_the_selection_agree() {
    let library = library(None).expect("the built-in suites");
    let (_, selection) = library
        .selections()
        .find(|(name, _)| *name == "fapi2-rs")
        .expect("it is built in");
    let page = include_str!("../docs/dpop-openid-blocks.md");
    let (blocks, _) = page.split_once("## What ours adds").expect("two parts");
    let rows: Vec<&str> = blocks
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .collect();
    let numbers: Vec<usize> = rows
        .iter()
        .map(|row| {
            row[2..]
                .split(' ')
                .next()
                .expect("a number")
                .parse()
                .expect("a number")
        })
        .collect();
    assert_eq!(numbers, (1..=32).collect::<Vec<_>>());
    let id = regex::Regex::new(r"DPOP-[A-Z]+-[0-9]{2}(-[A-Z]+)?").expect("an expression");
    let named: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| id.find_iter(row))
        .map(|found| found.as_str())
        .collect();
    let members: BTreeSet<&str> = selection.checks.iter().map(String::as_str).collect();
    assert_eq!(named, members);
    for found in id.find_iter(page) {
        assert!(
            library.check(found.as_str()).is_some(),
            "{}",
            found.as_str()
        );
    }
    let wanted = Wanted {
        checks: library.asked(&["@fapi2-rs".to_owned()]),
        suites: Vec::new(),
    };
    assert_eq!(wanted.checks.len(), members.len());
}
