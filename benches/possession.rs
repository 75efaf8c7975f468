//! What a fresh proof of possession costs beside the request that carries it: processor time of whole runs with and
//! without one, and of bare ES256 signatures by the fastest library, all in one run. A request with a proof should cost
//! at most 1.3 signatures more; the last line says how many it is.
//!
//! `cargo bench --bench possession`; Linux only, where the kernel tells the time of each thread.

#![expect(clippy::print_stdout, reason = "says what it measured")]

mod answering;

use std::path::Path;
use std::sync::Arc;

use answering::{SERVER, serve};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use proofmark::journal::Journal;
use proofmark::run::{Settings, Silent, Stop, run};
use proofmark::suite::gather::library;
use proofmark::suite::{Library, Plan, Secrets, Wanted, expand, target_file};
use proofmark::wire::Roots;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REQUESTS: usize = 400;
const ROUNDS: usize = 9;

/// Nanoseconds that the threads of this process have been on a processor, but for the server's: what a target does with a
/// proof is not what the proof costs us.
fn processor_ns() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    tasks
        .filter_map(|task| {
            let folder = task.ok()?.path();
            let name = std::fs::read_to_string(folder.join("comm")).ok()?;
            let spent = std::fs::read_to_string(folder.join("schedstat")).ok()?;
            (name.trim() != SERVER).then_some(())?;
            spent.split(' ').next()?.parse::<u64>().ok()
        })
        .sum()
}

fn suite() -> String {
    let mut text = "suite: many\ntitle: Many checks\nchecks:\n".to_owned();
    for n in 0..REQUESTS {
        text.push_str(&format!(
            "- id: DPOP-MANY-{n:04}\n  title: It answers\n  level: must\n  source: none\n  steps:\n    - send: me\n      as: user\n      \
             expect: accepted\n  remedy: none\n  proved_by: [challenge-missing]\n"
        ));
    }
    text
}

/// A plan of [`REQUESTS`] requests whose token goes out in this way.
fn plan(library: &Library, port: u16, pem: &str, carriage: &str) -> (Arc<Plan>, Secrets) {
    let indented: String = pem.lines().map(|line| format!("  {line}\n")).collect();
    let target = format!(
        "target: bench\ncontract: dpop-resource-server\nurl: https://localhost:{port}\nca_pem: |\n{indented}\
         secrets: {{ token: nothing-secret, key: {key:?} }}\n\
         credentials: {{ token: {carriage} }}\n\
         principals: {{ user: {{ roles: [user], credentials: {{ token: '${{secret.token}}' }}, proof_key: '${{secret.key}}' }} }}\n\
         operations: {{ me: {{ request: GET /me, allow: [user] }} }}\n\
         consent: {{ max_requests_per_second: 1000000 }}\n",
        key = String::from_utf8(fixture("ec.pkcs8.pem")).expect("PEM is text"),
    );
    let loaded = target_file::load("bench", target.as_bytes(), Path::new("."), library, &|_| {
        None
    })
    .unwrap_or_else(|mistakes| panic!("{}", proofmark::suite::load::render(&mistakes, false)));
    let wanted = Wanted {
        checks: vec!["DPOP-MANY-*".to_owned()],
        suites: Vec::new(),
    };
    let plan = expand(library, loaded.target, "dpop-resource-server", &wanted);
    assert_eq!(
        plan.cases.iter().filter(|case| case.skip.is_none()).count(),
        REQUESTS
    );
    (Arc::new(plan), loaded.secrets)
}

fn fixture(name: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/keys/");
    std::fs::read(format!("{path}{name}")).expect("it is there")
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads");
    let (port, pem) = serve();
    let folder = tempfile::tempdir().expect("a folder for the suite");
    std::fs::write(folder.path().join("many.yaml"), suite()).expect("a fresh folder");
    let library = library(Some(folder.path())).expect("the suite is right");
    let bearer = "{ header: Authorization, scheme: Bearer }";
    let proven = "{ header: Authorization, scheme: DPoP, proof: { algorithm: ES256 } }";
    let roots = Roots::only(pem.clone());
    let whole = |carriage: &str| {
        let (plan, secrets) = plan(&library, port, &pem, carriage);
        let began = processor_ns();
        let settings = Settings {
            jobs: 8,
            roots: roots.clone(),
            stop: Stop::default(),
        };
        let journal = Arc::new(Journal::in_memory());
        let done = runtime.block_on(run(&plan, secrets, &settings, journal, Arc::new(Silent)));
        assert!(!done.expect("nobody stops it").interrupted);
        (processor_ns() - began) as f64 / REQUESTS as f64
    };
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &fixture("ec.pkcs8.der"));
    let (key, random) = (key.expect("a key"), SystemRandom::new());
    let signatures = || {
        let began = processor_ns();
        for _ in 0..REQUESTS {
            std::hint::black_box(key.sign(&random, &[7; 300]).expect("it signs"));
        }
        (processor_ns() - began) as f64 / REQUESTS as f64
    };
    // The first of each warms caches.
    let _ = (whole(bearer), whole(proven), signatures());
    let mut more = Vec::new();
    for _ in 0..ROUNDS {
        let (without, with, bare) = (whole(bearer), whole(proven), signatures());
        println!(
            "request {:.0} us, with a proof {:.0} us, signature {:.1} us",
            without / 1e3,
            with / 1e3,
            bare / 1e3
        );
        more.push((with - without) / bare);
    }
    more.sort_by(f64::total_cmp);
    println!(
        "a proof costs {:.2} signatures (median of {ROUNDS}, from {:.2} to {:.2})",
        more[ROUNDS / 2],
        more[0],
        more[ROUNDS - 1]
    );
}
