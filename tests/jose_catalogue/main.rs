//! The catalogue of forgeries: it loads, it covers what peers and requirements list, and each forgery is a
//! single fault.

mod deployment;
mod faults;
mod forgiving;
mod lenient;
mod mapping;
mod proofs;
mod single_fault;

use std::sync::OnceLock;

use proofmark::jose::forgery::{Catalogue, Entry};

/// Every file of `suites/forgeries`, in order of name.
fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(read)
}

fn read() -> Catalogue {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/suites/forgeries");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let entries = files.iter().flat_map(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        let options = serde_saphyr::options! { strict_booleans: true };
        let entries: Vec<Entry> = serde_saphyr::from_str_with_options(&text, options)
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        entries
    });
    Catalogue::new(entries).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn every_entry_says_what_it_tries_and_where_from() {
    let catalogue = catalogue();
    assert!(catalogue.entries().len() > 80);
    for entry in catalogue.entries() {
        assert!(
            entry.tries.ends_with('.') && entry.tries.len() > 20,
            "{}",
            entry.id
        );
        assert!(
            entry.source.contains("RFC") || entry.source.contains("CVE"),
            "{}",
            entry.id
        );
    }
}

#[test]
fn entries_survive_json_and_fit_their_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(Entry)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for entry in catalogue().entries() {
        let json = serde_json::to_value(entry).unwrap();
        validator
            .validate(&json)
            .unwrap_or_else(|e| panic!("{}: {e}", entry.id));
        assert_eq!(&serde_json::from_value::<Entry>(json).unwrap(), entry);
    }
}

#[test]
fn unknown_words_are_refused() {
    for text in [
        r#"{"id":"a","tries":"","source":"","needs":[],"chnage":{}}"#,
        r#"{"id":"a","tries":"","source":"","needs":["luck"]}"#,
        r#"{"id":"a","tries":"","source":"","needs":[],"change":{"sign":"me"}}"#,
        r#"{"id":"a","tries":"","source":"","needs":[],"change":{"header":{"sett":{}}}}"#,
        r#"{"id":"a","tries":"","source":"","needs":[],"change":{"sign":{"hmac":{"key":{"text":""},"as":1}}}}"#,
    ] {
        assert!(serde_json::from_str::<Entry>(text).is_err(), "{text}");
    }
    let entry = |id: &str, needs: &str| {
        let text = format!(r#"{{"id":"{id}","tries":"","source":"","needs":[{needs}]}}"#);
        serde_json::from_str::<Entry>(&text).unwrap()
    };
    let fault = |entries: Vec<Entry>| Catalogue::new(entries).unwrap_err().to_string();
    let all = r#""token","minting-key""#;
    assert!(fault(vec![entry("a", all), entry("a", all)]).contains("twice"));
    assert!(fault(vec![entry("A b", all)]).contains("words"));
    assert_eq!(
        fault(vec![entry("a", r#""token""#)]),
        "forgery `a` says that it needs [token], but all its variants need [token, minting-key]"
    );
}

#[test]
fn names_stand_for_their_variants() {
    let catalogue = catalogue();
    assert_eq!(catalogue.named("alg-none").count(), 11);
    assert_eq!(catalogue.named("alg-none/nul").count(), 1);
    assert_eq!(catalogue.named("alg").count(), 0);
    assert!(catalogue.get("alg-none").is_none() && catalogue.get("alg-absent").is_some());
}
