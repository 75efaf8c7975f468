use std::path::Path;
use std::sync::LazyLock;

use crate::suite::gather::{library, read_strict};
use crate::suite::load::{Mistake, render, to_json};
use crate::suite::model::Suite;
use crate::suite::{Library, target_file};

/// The loader of suites: a file is taken, or its mistakes can be shown, in text and in JSON.
pub fn suite(octets: &[u8]) {
    if let Err(mistakes) = read_strict::<Suite>("fuzz.yaml", octets) {
        shown(&mistakes);
    }
}

/// The loader of target files over the built-in contracts. Files that the octets name are not read: what they hold is
/// no part of the input.
pub fn target(octets: &[u8]) {
    static LIBRARY: LazyLock<Library> =
        LazyLock::new(|| library(None).expect("the built-in library has no mistakes"));
    let names = |word: &[u8]| octets.windows(word.len()).any(|window| window == word);
    if names(b"file:") || names(b"ca_file") {
        return;
    }
    let environment = |name: &str| (!name.is_empty()).then(|| format!("value of {name}"));
    match target_file::load("fuzz.yaml", octets, Path::new("."), &LIBRARY, &environment) {
        Ok(loaded) => {
            // The plan of a run is written into its journal.
            serde_json::to_string(&loaded.target).expect("a target has a JSON text");
        }
        Err(mistakes) => shown(&mistakes),
    }
}

fn shown(mistakes: &[Mistake]) {
    assert!(!mistakes.is_empty(), "a file was refused without a mistake");
    assert!(!render(mistakes, false).is_empty());
    let places = to_json(mistakes);
    for place in places.as_array().expect("a list of mistakes") {
        let at = |name: &str| place[name].as_u64().expect("a place is numbers");
        assert!(at("line") >= 1 && at("column") >= 1);
        assert!((at("end_line"), at("end_column")) >= (at("line"), at("column")));
    }
}
