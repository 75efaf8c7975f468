//! Files that come with Proofmark: each lints clean, obeys the schema that its first line names, and the generated ones
//! are as they would be generated.

use std::path::{Path, PathBuf};

use proofmark::cli::docs::pages;
use proofmark::suite::gather::read_all;
use proofmark::suite::lint::{Linted, lint};
use proofmark::suite::load::{Document, render};
use serde_json::Value;

use super::{builtin, files, root};

const EDITOR_LINE: &str = "# yaml-language-server: $schema=";

/// Folder and the kind of file in it.
const SHIPPED: [(&str, &str); 4] = [
    ("suites", "suite"),
    ("suites/contracts", "contract"),
    ("fixtures/targets", "target"),
    ("fixtures/journals/suites", "suite"),
];

fn shipped() -> Vec<(PathBuf, &'static str)> {
    SHIPPED
        .iter()
        .flat_map(|(folder, kind)| {
            files(&root().join(folder), ".yaml")
                .into_iter()
                .map(move |path| (path, *kind))
        })
        .collect()
}

fn schema(path: &Path) -> Value {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("a schema is JSON")
}

#[test]
fn every_file_begins_with_its_schema_and_obeys_it() {
    let all = shipped();
    assert!(all.len() > 2, "the files are not where they are looked for");
    for (path, kind) in all {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).expect("a file");
        let first = text.lines().next().unwrap_or_default();
        let relative = first
            .strip_prefix(EDITOR_LINE)
            .unwrap_or_else(|| panic!("{name} does not begin with `{EDITOR_LINE}…`"));
        let named = path.parent().expect("a folder").join(relative);
        let expected = root().join(format!("docs/schema/{kind}.json"));
        assert_eq!(
            named.canonicalize().ok(),
            expected.canonicalize().ok(),
            "{name} names the schema {relative}"
        );
        let validator = jsonschema::validator_for(&schema(&expected)).expect("a schema");
        let document = Document::read(&name, text.as_bytes())
            .unwrap_or_else(|mistakes| panic!("{}", render(&mistakes, false)));
        let errors: Vec<String> = validator
            .iter_errors(document.value())
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

#[test]
fn every_file_lints_clean() {
    let all: Vec<Linted> = shipped()
        .into_iter()
        .map(|(path, _)| Linted {
            name: path.display().to_string(),
            bytes: std::fs::read(&path).expect("a file"),
            folder: path.parent().expect("a folder").to_owned(),
        })
        .collect();
    let known = read_all(None).unwrap_or_else(|_| panic!("the built-in suites do not load"));
    let mistakes = lint(&all, known);
    assert!(mistakes.is_empty(), "{}", render(&mistakes, false));
}

#[test]
fn a_suite_is_called_as_its_file() {
    for (path, kind) in shipped().into_iter().filter(|(_, kind)| *kind != "target") {
        let text = std::fs::read(&path).expect("a file");
        let document = Document::read("file", &text).expect("it parses");
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        assert_eq!(document.value()[kind].as_str(), stem, "{}", path.display());
    }
}

#[test]
fn generated_files_are_as_generated() {
    let stale: Vec<String> = pages(&builtin())
        .into_iter()
        .filter(|(name, text)| {
            std::fs::read_to_string(root().join(name)).ok().as_ref() != Some(text)
        })
        .map(|(name, _)| name)
        .collect();
    assert!(
        stale.is_empty(),
        "stale: {}; run `cargo run -- docs --write`",
        stale.join(", ")
    );
}
