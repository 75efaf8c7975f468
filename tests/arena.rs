//! Published libraries with known weaknesses: each is found out by what it accepts, and its repaired twin is clean.
//!
//! `PROOFMARK_ARENA` is the folder with the servers, `ARENA` the one that its `setup.sh` installed the libraries into.

#![expect(
    clippy::print_stdout,
    reason = "says what it found, or what it would need"
)]

mod deployment;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use deployment::program::{Findings, Program, findings_of, proofs_of, tokens_of};
use tokio::process::Command;
use tokio::sync::Semaphore;

/// The target files.
const PUBLISHED: &str = "published-key.yaml";
const SHARED: &str = "shared-secret.yaml";
/// Of the targets with a shared secret; long enough to be none that everybody tries first.
const SECRET: &str = "arena-secret-of-this-test-7f21c9d0e4b8a653";

/// A library, the target file that fits, and the check and the forgery that name the weakness of the one variant.
const PAIRS: &[(&str, &str, &str, &str)] = &[
    (
        "js-jwt-simple-10555",
        PUBLISHED,
        "JWT-ALG-01",
        "key-confusion/spki-pem",
    ),
    (
        "js-jsonwebtoken-23540",
        PUBLISHED,
        "JWT-NONE-01",
        "alg-none-of-unknown-key",
    ),
    (
        "js-fast-jwt-30144",
        PUBLISHED,
        "JWT-ISS-01",
        "issuer/array-evil-first",
    ),
    (
        "js-fast-jwt-44351",
        SHARED,
        "JWT-KEY-01",
        "kid-unknown-blank",
    ),
    (
        "js-jws-65945",
        SHARED,
        "JWT-KEY-01",
        "blank-secret/unknown-tenant",
    ),
    (
        "py-pyjwt-53861",
        PUBLISHED,
        "JWT-ISS-01",
        "issuer/last-character-gone",
    ),
    ("py-pyjwt-151", SHARED, "JWT-SIG-01", "claims-elevated/role"),
    (
        "py-python-jose-33663",
        PUBLISHED,
        "JWT-ALG-01",
        "key-confusion/openssh",
    ),
    (
        "py-authlib-27962",
        PUBLISHED,
        "JWT-HDR-01",
        "jwk-embedded/kid-of-it",
    ),
    (
        "py-jwcrypto-3102",
        PUBLISHED,
        "JWT-FMT-02",
        "jwe-to-public-key/claims",
    ),
    (
        "rs-jsonwebtoken-25537",
        SHARED,
        "JWT-NBF-01",
        "nbf-of-odd-type/text-in-future",
    ),
];

/// What current versions truly do otherwise than a `must` says; `docs/real-libraries.md` says where.
const DEPARTURES: &[(&str, &[&str])] = &[
    ("rs-jsonwebtoken-25537", &["JWT-CRIT-01"]),
    ("js-dpop-oauth2dpop", &["DPOP-SIG-02"]),
    (
        "js-dpop-solid",
        &["DPOP-ATH-02", "DPOP-BIND-01", "DPOP-HDR-02"],
    ),
];

fn departures(id: &str) -> &'static [&'static str] {
    let of_it = DEPARTURES.iter().find(|(other, _)| *other == id);
    of_it.map_or(&[], |(_, checks)| checks)
}

const CORRECT: &[(&str, &str)] = &[("ok-express", PUBLISHED), ("ok-nginx", SHARED)];

/// The folders, where both variables are set and something is installed.
fn arena() -> Option<(PathBuf, PathBuf)> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(servers), Some(libraries)) = (folder("PROOFMARK_ARENA"), folder("ARENA")) else {
        println!(
            "needs PROOFMARK_ARENA, a folder with servers, and ARENA, where their libraries are installed"
        );
        return None;
    };
    if !libraries.join("js-jws-65945").is_dir() {
        println!(
            "needs the libraries in {}; setup.sh installs them",
            libraries.display()
        );
        return None;
    }
    Some((servers, libraries))
}

async fn findings(
    folders: &(PathBuf, PathBuf),
    id: &str,
    variant: &str,
    target: &str,
) -> Option<Findings> {
    let (servers, libraries) = folders;
    let run = |port: u16| server(servers, libraries, id, variant, port);
    let program = Program::start(run).await?;
    let found = tokens_of(&program, target, SECRET).await;
    program.end().await;
    Some(found)
}

fn server(servers: &Path, libraries: &Path, id: &str, variant: &str, port: u16) -> Command {
    let mut command = Command::new(servers.join("run"));
    command
        .args([id, variant, &port.to_string()])
        .env("ARENA", libraries)
        .env("ARENA_SECRET", SECRET)
        .env("ARENA_LIMIT", "100000");
    command
}

/// A server that limits, the value of ARENA_LIMIT, the target file, and what is found at it.
const LIMITERS: &[(&str, &str, &str, &str, &[&str])] = &[
    (
        "js-fastify-hops",
        "vulnerable",
        "20",
        "limited.yaml",
        &["RL-BYP-01", "RL-BYP-08"],
    ),
    ("js-fastify-hops", "patched", "20", "limited.yaml", &[]),
    (
        "py-litestar-59152",
        "vulnerable",
        "20",
        "limited.yaml",
        &["RL-BYP-01", "RL-BYP-08", "RL-CONC-01"],
    ),
    (
        "py-litestar-59152",
        "patched",
        "20",
        "limited.yaml",
        &["RL-CONC-01"],
    ),
    ("ok-express", "patched", "20", "limited.yaml", &[]),
    ("ok-nginx", "patched", "2", "limited-nginx.yaml", &[]),
];

/// Timing that was too coarse makes a check inconclusive, and then it is tried again.
const TRIES: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_limiter_that_believes_its_clients_is_found_out() {
    let Some((servers, libraries)) = arena() else {
        return;
    };
    let mut wrong = Vec::new();
    for &(id, variant, limit, target, wanted) in LIMITERS {
        let run = |port: u16| {
            let mut command = server(&servers, &libraries, id, variant, port);
            command.env("ARENA_LIMIT", limit);
            command
        };
        let mut says = String::new();
        for _ in 0..TRIES {
            let Some(program) = Program::start(run).await else {
                says = "does not start".to_owned();
                break;
            };
            let url = format!("http://127.0.0.1:{}", program.port);
            let found = findings_of(&url, target, SECRET, "RL-*").await;
            program.end().await;
            let must = found.at(&["must"]);
            println!(
                "{id:24} {variant:10} must: {must:?} should: {:?} advice: {:?} open: {:?}",
                found.at(&["should"]),
                found.at(&["advice"]),
                found.doubts
            );
            says.clear();
            if must != wanted {
                says = format!("expected {wanted:?}: {found:#?}");
            } else if found.passed < 12 {
                says = format!("hardly tried: {found:#?}");
            }
            // More than is expected is no matter of timing.
            if says.is_empty() || must.iter().any(|check| !wanted.contains(check)) {
                break;
            }
        }
        if !says.is_empty() {
            wrong.push(format!("{id} {variant} {says}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_answers_that_anybody_may_read_is_found_out() {
    let Some((servers, libraries)) = arena() else {
        return;
    };
    for (variant, wanted) in [
        (
            "vulnerable",
            &["IDEM-ERR-02", "IDEM-SCOPE-02", "IDEM-SCOPE-03"][..],
        ),
        ("patched", &[]),
    ] {
        let id = "py-asgi-idempotency";
        let run = |port: u16| server(&servers, &libraries, id, variant, port);
        let program = Program::start(run).await.expect("the server starts");
        let url = format!("http://127.0.0.1:{}", program.port);
        let found = findings_of(&url, "orders.yaml", SECRET, "IDEM-*").await;
        program.end().await;
        println!(
            "{id:24} {variant:10} should: {:?} advice: {:?}",
            found.at(&["should"]),
            found.at(&["advice"])
        );
        assert_eq!(found.at(&["must"]), wanted, "{found:#?}");
        assert!(found.passed >= 2, "{found:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_weak_library_is_found_out_and_every_repaired_one_is_clean() {
    let Some(folders) = arena().map(Arc::new) else {
        return;
    };
    let pairs = PAIRS.iter().flat_map(|&(id, target, check, forgery)| {
        [
            (id, "vulnerable", target, Some((check, forgery))),
            (id, "patched", target, None),
        ]
    });
    let correct = CORRECT
        .iter()
        .map(|&(id, target)| (id, "patched", target, None));
    // Each is a server and a run of the binary.
    let at_once = Arc::new(Semaphore::new(2));
    let all: Vec<_> = pairs
        .chain(correct)
        .map(|(id, variant, target, wanted)| {
            let (folders, at_once) = (Arc::clone(&folders), Arc::clone(&at_once));
            let task = tokio::spawn(async move {
                let _turn = at_once.acquire().await.unwrap();
                findings(&folders, id, variant, target).await
            });
            (id, variant, wanted, task)
        })
        .collect();
    let mut wrong = Vec::new();
    for (id, variant, wanted, task) in all {
        let Some(found) = task.await.unwrap() else {
            wrong.push(format!("{id} {variant} does not start"));
            continue;
        };
        let must = found.at(&["must"]);
        println!(
            "{id:24} {variant:10} must: {must:?} should: {:?} advice: {:?}",
            found.at(&["should", "contract"]),
            found.at(&["advice"])
        );
        let named = |check: &str, forgery: &str| {
            let failed = found.failed.get(check);
            failed.is_some_and(|failed| failed.cases.iter().any(|case| case.contains(forgery)))
        };
        match wanted {
            Some((check, forgery)) if !named(check, forgery) => {
                wrong.push(format!(
                    "{id} {variant} is not found out by {check} with {forgery}"
                ));
            }
            None if must != departures(id) => {
                wrong.push(format!("{id} {variant} is blamed: {must:?}"));
            }
            _ => {}
        }
        if found.passed < 100 {
            wrong.push(format!("{id} {variant} was hardly tried: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Of a server that verifies proofs: the checks that name what it leaves out, where it does.
const PROOFS: &[(&str, &str, &[&str])] = &[
    (
        "js-dpop-oauth2dpop",
        "vulnerable",
        &[
            "DPOP-HTM-01",
            "DPOP-HTU-01",
            "DPOP-IAT-01",
            "DPOP-JWK-01",
            "DPOP-REPLAY-01",
        ],
    ),
    ("js-dpop-oauth2dpop", "patched", &[]),
    (
        "js-dpop-solid",
        "vulnerable",
        &["DPOP-ATH-01", "DPOP-ATH-02", "DPOP-ATH-03"],
    ),
    ("js-dpop-solid", "patched", &[]),
    ("ok-oauth4webapi-dpop", "patched", &[]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_server_that_takes_weak_proofs_is_found_out() {
    let Some((servers, libraries)) = arena() else {
        return;
    };
    let mut wrong = Vec::new();
    for &(id, variant, wanted) in PROOFS {
        let run = |port: u16| server(&servers, &libraries, id, variant, port);
        let Some(program) = Program::start(run).await else {
            wrong.push(format!("{id} {variant} does not start"));
            continue;
        };
        let found = proofs_of(&program).await;
        program.end().await;
        let must = found.at(&["must", "contract"]);
        println!(
            "{id:24} {variant:10} must: {must:?} should: {:?} advice: {:?}",
            found.at(&["should"]),
            found.at(&["advice"])
        );
        for check in wanted.iter().filter(|check| !must.contains(check)) {
            wrong.push(format!("{id} {variant} is not found out by {check}"));
        }
        if wanted.is_empty() && must != departures(id) {
            wrong.push(format!("{id} {variant} is blamed: {must:?}"));
        }
        if found.passed < 80 {
            wrong.push(format!("{id} {variant} was hardly tried: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Without `origins`: what no API should allow; and with those of the servers.
const UNDECLARED: &str = "cors-undeclared.yaml";
const DECLARED: &str = "cors-declared.yaml";

/// A server that pages of other origins may read, the prefix of its operations, and what names the weakness.
const ORIGINS: &[(&str, &str, &str, &str, &str)] = &[
    (
        "js-hono-cors-54290",
        "",
        UNDECLARED,
        "CORS-DENY-01",
        "a stranger",
    ),
    (
        "py-litestar-25478",
        "",
        DECLARED,
        "CORS-DENY-03",
        "https://app.good.example, a letter for a dot",
    ),
    (
        "py-flask-cors-6844",
        "/a+b",
        DECLARED,
        "CORS-DENY-01",
        "a stranger",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_server_whose_cors_lets_foreign_pages_read_is_found_out() {
    let Some((servers, libraries)) = arena() else {
        return;
    };
    let pairs = ORIGINS
        .iter()
        .flat_map(|&(id, prefix, target, check, case)| {
            [
                (id, "vulnerable", prefix, target, Some((check, case))),
                (id, "patched", prefix, target, None),
            ]
        })
        .chain([("ok-express", "patched", "", DECLARED, None)]);
    let mut wrong = Vec::new();
    for (id, variant, prefix, target, wanted) in pairs {
        let run = |port: u16| server(&servers, &libraries, id, variant, port);
        let Some(program) = Program::start(run).await else {
            wrong.push(format!("{id} {variant} does not start"));
            continue;
        };
        let url = format!("http://127.0.0.1:{}{prefix}", program.port);
        let found = findings_of(&url, target, SECRET, "CORS-DENY-*").await;
        program.end().await;
        let must = found.at(&["must"]);
        println!(
            "{id:24} {variant:10} must: {must:?} advice: {:?}",
            found.at(&["advice"])
        );
        match wanted {
            Some((check, case)) => {
                let failed = found.failed.get(check).filter(|_| must.contains(&check));
                if !failed.is_some_and(|failed| failed.cases.iter().any(|id| id.contains(case))) {
                    wrong.push(format!(
                        "{id} {variant} is not found out by {check} with {case}"
                    ));
                }
            }
            None if !must.is_empty() => wrong.push(format!("{id} {variant} is blamed: {must:?}")),
            None if found.passed == 0 => wrong.push(format!("{id} {variant} was not tried")),
            None => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
