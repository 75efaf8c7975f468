//! The bodies of the fuzz targets over their stored seeds, and over damaged copies of them.

#![expect(clippy::print_stderr, reason = "names the seed that a body panics on")]

use std::path::Path;

use proofmark::fuzz::BODIES;

fn seeds(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(name);
    let mut all: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("the folder can be listed").path())
        .collect();
    all.sort();
    all.into_iter()
        .map(|path| {
            (
                path.display().to_string(),
                std::fs::read(&path).expect("it is read"),
            )
        })
        .collect()
}

#[test]
fn every_seed_passes() {
    for (name, body) in BODIES {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for (path, octets) in seeds {
            eprintln!("{path}");
            body(&octets);
        }
    }
}

/// Each seed cut short, and with one octet changed, in a dozen places.
#[test]
fn damaged_seeds_pass() {
    for (name, body) in BODIES {
        for (path, octets) in seeds(name) {
            for step in 0..12 {
                let at = octets.len() * step / 12;
                eprintln!("{path} at {at}");
                body(&octets[..at]);
                let mut damaged = octets.clone();
                if let Some(octet) = damaged.get_mut(at) {
                    *octet ^= 1 << (step % 8);
                    body(&damaged);
                }
            }
        }
    }
}

#[test]
fn every_body_has_a_target() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    for (name, _) in BODIES {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name}"
        );
        let target =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
        let text = std::fs::read_to_string(target).expect("it is read");
        assert!(
            text.contains(&format!("proofmark::fuzz::{name}(")),
            "{name}"
        );
    }
}
