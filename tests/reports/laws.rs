//! Laws that can be tests: a suite is data, and every check can fail.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proofmark::reference::Contract;
use proofmark::suite::model::Proof;

use super::{builtin, root};

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if !path.ends_with("reference") && !path.ends_with("tests") {
                sources(&path, into);
            }
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            into.push(path);
        }
    }
}

/// The code of a file: without comments, and without its unit tests, which stand at its end.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    text[..end]
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn no_check_has_code_of_its_own() {
    let library = builtin();
    let shape =
        regex::Regex::new(r"\b[A-Z]{2,}(-[A-Z0-9]+)*-[0-9]{2}[a-z]?\b").expect("an expression");
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    assert!(
        files.len() > 50,
        "the sources are not where they are looked for"
    );
    let mut found = Vec::new();
    for file in files {
        let code = code(&std::fs::read_to_string(&file).expect("a source"));
        for word in shape
            .find_iter(&code)
            .map(|found| found.as_str())
            .filter(|word| !word.starts_with("UTF-"))
        {
            found.push(format!("{}: {word}", file.display()));
        }
        for (_, check) in library
            .checks()
            .filter(|(_, check)| code.contains(&check.id))
        {
            found.push(format!("{}: {}", file.display(), check.id));
        }
    }
    assert!(found.is_empty(), "check ids in code:\n{}", found.join("\n"));
}

#[test]
fn the_search_for_ids_finds_one() {
    let text = "// AUTH-401-01 may stand here\nlet x = \"AUTH-401-01\";\n#[cfg(test)]\nAUTH-401-02";
    assert_eq!(code(text), "let x = \"AUTH-401-01\";");
}

#[test]
fn ids_are_unique() {
    let library = builtin();
    let mut seen = BTreeSet::new();
    for (_, check) in library.checks() {
        assert!(seen.insert(&check.id), "{} is there twice", check.id);
    }
}

#[test]
fn every_check_says_what_it_must() {
    let library = builtin();
    assert!(library.checks().next().is_some(), "there are no checks");
    for (_, check) in library.checks() {
        for (name, text) in [
            ("title", &check.title),
            ("source", &check.source),
            ("remedy", &check.remedy),
        ] {
            assert!(text.trim().len() > 3, "{} has no {name}", check.id);
        }
        assert!(
            !check.title.ends_with('.'),
            "the title of {} ends in a full stop",
            check.id
        );
        assert!(!check.proved_by.is_empty(), "nothing proves {}", check.id);
    }
}

fn flaws() -> BTreeSet<&'static str> {
    Contract::ALL
        .iter()
        .flat_map(|contract| contract.catalogue().flaws())
        .map(|flaw| flaw.id)
        .collect()
}

#[test]
fn every_proof_is_a_flaw() {
    let library = builtin();
    let unknown: Vec<String> = library
        .checks()
        .flat_map(|(_, check)| check.proved_by.iter().map(move |flaw| (check, flaw)))
        .filter(|(_, proof)| {
            !Contract::ALL.iter().any(|contract| {
                let flaws = contract.catalogue().flaws();
                flaws
                    .iter()
                    .any(|flaw| proof.says(contract.name(), flaw.id))
            })
        })
        .map(|(check, flaw)| format!("{} names {flaw}", check.id))
        .collect();
    assert!(
        unknown.is_empty(),
        "no deployment has these flaws:\n{}",
        unknown.join("\n")
    );
}

#[test]
fn every_flaw_is_named() {
    let library = builtin();
    let named: BTreeSet<&str> = library
        .checks()
        .flat_map(|(_, check)| check.proved_by.iter().map(Proof::flaw))
        .collect();
    let idle: Vec<&str> = flaws()
        .into_iter()
        .filter(|flaw| !named.contains(flaw))
        .collect();
    assert!(
        idle.is_empty(),
        "{} flaws prove no check:\n{}",
        idle.len(),
        idle.join("\n")
    );
}

#[test]
fn every_contract_asks_for_checks() {
    let library = builtin();
    for (name, contract) in &library.contracts {
        for pattern in contract
            .checks
            .include
            .iter()
            .chain(contract.checks.exclude.keys())
        {
            let matches = library
                .checks()
                .any(|(_, check)| proofmark::suite::pattern_matches(pattern, &check.id));
            assert!(matches, "`{pattern}` of contract {name} matches no check");
        }
    }
}
