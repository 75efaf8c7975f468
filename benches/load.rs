//! How long it takes until there is a plan: a library of 5 000 checks from YAML, the built-in ones among them (wanted:
//! under 100 ms in a release build), and `--help` (wanted: under 20 ms).

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};
use proofmark::suite::gather::library;
use proofmark::suite::target_file;
use proofmark::suite::{Wanted, expand};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CHECKS: usize = 5_000;
const FILES: usize = 20;

/// As many checks as are wanted beside the built-in ones, and like those: a matrix, a control, a step with two
/// expectations, prose.
fn suites(folder: &Path) {
    let built_in = library(None).expect("the built-in suites are right");
    let own = CHECKS - built_in.checks().count();
    std::fs::create_dir_all(folder.join("contracts")).expect("a fresh folder");
    for file in 0..FILES {
        let mut text = format!("suite: many-{file}\ntitle: Many checks\nchecks:\n");
        for n in (file..own).step_by(FILES) {
            let _ = write!(
                text,
                "- id: MANY-{file:02}-{n:04}\n  title: Without a credential there is a challenge\n  level: must\n  \
                 source: RFC 9110 §15.5.2\n  why: Clients learn from the challenge how to go on.\n  for_each:\n    \
                 operation: {{ operations: protected read }}\n    principal: {{ principals: allowed, on: operation, take: 1 }}\n  \
                 control: [{{ send: \"${{operation}}\", as: \"${{principal}}\", control: accepted }}]\n  steps:\n    \
                 - send: ${{operation}}\n      expect:\n        - unauthenticated\n        \
                 - header: {{ WWW-Authenticate: present }}\n  remedy: Name the scheme in `WWW-Authenticate`.\n  \
                 proved_by: [challenge-missing]\n"
            );
        }
        std::fs::write(folder.join(format!("many-{file}.yaml")), text).expect("a fresh folder");
    }
}

const TARGET: &str = "target: bench\ncontract: http-api\nurl: https://localhost:1\n\
    secrets: { token: nothing-secret }\n\
    principals: { user: { roles: [user], credentials: { token: '${secret.token}' } } }\n\
    operations: { me: { request: GET /me, allow: [user] } }\n";

fn load(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the suites");
    suites(folder.path());
    criterion.bench_function("load 5000 checks", |bencher| {
        bencher.iter(|| library(Some(black_box(folder.path()))).expect("the suites are right"));
    });
    let library = library(Some(folder.path())).expect("the suites are right");
    let loaded = target_file::load(
        "bench",
        TARGET.as_bytes(),
        Path::new("."),
        &library,
        &|_| None,
    )
    .expect("the target is right");
    criterion.bench_function("expand 5000 checks", |bencher| {
        let wanted = Wanted {
            checks: vec!["MANY-*".to_owned()],
            suites: Vec::new(),
        };
        bencher.iter(|| {
            expand(
                &library,
                loaded.target.clone(),
                "http-api",
                black_box(&wanted),
            )
        });
    });
}

fn start(criterion: &mut Criterion) {
    criterion.bench_function("start: --help", |bencher| {
        bencher.iter(|| {
            let status = Command::new(env!("CARGO_BIN_EXE_proofmark"))
                .arg("--help")
                .stdout(Stdio::null())
                .status();
            assert!(status.expect("it starts").success());
        });
    });
}

criterion_group!(benches, load, start);
criterion_main!(benches);
