//! What a fresh proof of possession costs beside the request that carries it: processor time of whole runs with and
//! without one, and of bare ES256 signatures by the fastest library, all in one run. A request with a proof should cost
//! at most 1.3 signatures more; the last lines say how many it is.
//!
//! A signature costs more between two requests, whose work has put its tables out of the caches, than in a loop of nothing
//! else. So both are measured: the loop, and runs in which each decided case is followed by one bare signature.
//!
//! `cargo bench --bench possession`; Linux only, where the kernel tells the time of each thread.

#![expect(clippy::print_stdout, reason = "says what it measured")]

mod answering;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use answering::{SERVER, serve};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use proofmark::journal::Journal;
use proofmark::judge::Verdict;
use proofmark::run::{Observer, Settings, Silent, Stop, run};
use proofmark::suite::gather::library;
use proofmark::suite::plan::{Case, Plan};
use proofmark::suite::{Library, Secrets, Wanted, expand, target_file};
use proofmark::wire::Roots;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REQUESTS: usize = 2_000;
const ROUNDS: usize = 15;

/// Nanoseconds that the threads of this process have been on a processor, but for the server's: what a target does with a
/// proof is not what the proof costs us.
fn processor_ns() -> u64 {
    threads_ns(|name| name != SERVER)
}

fn threads_ns(is_counted: impl Fn(&str) -> bool) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    tasks
        .filter_map(|task| {
            let folder = task.ok()?.path();
            let name = std::fs::read_to_string(folder.join("comm")).ok()?;
            let spent = std::fs::read_to_string(folder.join("schedstat")).ok()?;
            is_counted(name.trim()).then_some(())?;
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

/// Signs once for every case that is decided, with nothing of ours around it.
struct Signing {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signing {
    fn sign(&self) {
        std::hint::black_box(self.key.sign(&self.random, &[7; 300]).expect("it signs"));
    }
}

impl Observer for Signing {
    fn decided(&self, _: &Case, _: &Verdict) {
        self.sign();
    }
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
    let whole = |carriage: &str, observer: Arc<dyn Observer>| {
        let (plan, secrets) = plan(&library, port, &pem, carriage);
        let began = processor_ns();
        let settings = Settings {
            jobs: 8,
            roots: roots.clone(),
            stop: Stop::default(),
        };
        let journal = Arc::new(Journal::in_memory());
        let done = runtime.block_on(run(&plan, secrets, &settings, journal, observer));
        assert!(!done.expect("nobody stops it").interrupted);
        (processor_ns() - began) as f64 / REQUESTS as f64
    };
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &fixture("ec.pkcs8.der"));
    let signing = Arc::new(Signing {
        key: key.expect("a key"),
        random: SystemRandom::new(),
    });
    let looped = || {
        let began = processor_ns();
        (0..REQUESTS).for_each(|_| signing.sign());
        (processor_ns() - began) as f64 / REQUESTS as f64
    };
    let round = || {
        let without = whole(bearer, Arc::new(Silent));
        let with = whole(proven, Arc::new(Silent));
        let signed = whole(bearer, signing.clone());
        (without, with, signed, looped())
    };
    // The first of each warms caches.
    round();
    let (began, all_began) = (Instant::now(), threads_ns(|_| true));
    whole(proven, Arc::new(Silent));
    let all = (threads_ns(|_| true) - all_began) as f64;
    let at_work = all / began.elapsed().as_nanos() as f64;
    let rounds: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
    let median = |of: fn(&(f64, f64, f64, f64)) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[ROUNDS / 2] / 1e3
    };
    let (without, with) = (median(|round| round.0), median(|round| round.1));
    let (signed, looped) = (median(|round| round.2), median(|round| round.3));
    let between = signed - without;
    println!(
        "request {without:.1} us, with a proof {with:.1} us (medians of {ROUNDS} rounds of {REQUESTS})"
    );
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    println!("with proofs {at_work:.1} of {cores} cores are at work, those of the server included");
    println!("a signature costs {looped:.1} us in a loop, {between:.1} us between requests");
    println!(
        "a proof costs {:.2} signatures made in a loop, {:.2} made between requests",
        (with - without) / looped,
        (with - without) / between
    );
}
