//! Collects `suites/` into the binary, in name order: the folder is the registry.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let mut out = String::new();
    for (constant, folder) in [
        ("SUITES", "suites"),
        ("CONTRACTS", "suites/contracts"),
        ("FORGERIES", "suites/forgeries"),
    ] {
        let path = Path::new(&root).join(folder);
        println!("cargo::rerun-if-changed={}", path.display());
        let mut files: Vec<_> = fs::read_dir(&path)
            .map(|entries| {
                entries
                    .filter_map(Result::ok)
                    .map(|entry| entry.path())
                    .collect()
            })
            .unwrap_or_default();
        files.retain(|file: &std::path::PathBuf| file.extension().is_some_and(|e| e == "yaml"));
        files.sort();
        writeln!(out, "pub const {constant}: &[(&str, &str)] = &[").expect("a string takes it");
        for file in files {
            println!("cargo::rerun-if-changed={}", file.display());
            let name = file
                .file_name()
                .and_then(|n| n.to_str())
                .expect("suite files have UTF-8 names");
            writeln!(
                out,
                "    ({:?}, include_str!({:?})),",
                format!("{folder}/{name}"),
                file
            )
            .expect("a string takes it");
        }
        writeln!(out, "];").expect("a string takes it");
    }
    let to = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("suites.rs");
    // A copied `target` may share this file by a hard link; what others read must not change under them.
    let _ = fs::remove_file(&to);
    fs::write(to, out).expect("OUT_DIR can be written");
}
