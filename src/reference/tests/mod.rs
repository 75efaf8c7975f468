//! The deployments from outside, and some of their flaws.

mod client;
mod dpop;
mod http_api;
mod intraverse;
mod percus;
mod pers;
mod transport;

use super::{Catalogue, Contract};

#[test]
fn flaw_ids_are_kebab_case_and_say_something() {
    for contract in Contract::ALL {
        let catalogue: &Catalogue = contract.catalogue();
        assert!(!catalogue.flaws().is_empty());
        for flaw in catalogue.flaws() {
            assert!(
                flaw.id
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                flaw.id
            );
            assert!(flaw.says.ends_with('.'), "{}", flaw.id);
            assert!(!flaw.source.is_empty(), "{}", flaw.id);
        }
    }
}

#[test]
fn every_declared_flaw_is_asked_for_somewhere() {
    // A flaw that no line asks for bends nothing.
    let mut sources = String::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/reference"
    ))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("sources").flatten() {
            let path = entry.path();
            if path.is_dir() {
                if !path.ends_with("tests") {
                    folders.push(path);
                }
            } else {
                sources.push_str(&std::fs::read_to_string(path).expect("a source"));
            }
        }
    }
    for contract in Contract::ALL {
        for flaw in contract.catalogue().flaws() {
            let quoted = format!("\"{}\"", flaw.id);
            assert!(sources.matches(&quoted).count() >= 2, "{}", flaw.id);
        }
    }
}

#[test]
fn an_unknown_flaw_is_refused_with_the_nearest_name() {
    let error = Contract::Pers
        .catalogue()
        .select(["challenge-mising"])
        .expect_err("unknown");
    assert_eq!(error.nearest, Some("challenge-missing"));
}
