//! What an exchange costs beyond the client: the same requests by a bare loop over [`proofmark::wire::Client`] and by a
//! whole run, with journal and judge. The difference divided by [`REQUESTS`] is our own cost (wanted: under 1 ms).

mod answering;

use std::path::Path;
use std::sync::Arc;

use answering::serve;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proofmark::journal::Journal;
use proofmark::run::{Settings, Silent, Stop, run};
use proofmark::suite::gather::library;
use proofmark::suite::{Wanted, expand, target_file};
use proofmark::wire::{Client, ClientConfig, Origin, Request, Roots, Version};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exchanges of one round.
const REQUESTS: usize = 200;

fn exchange(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads");
    let (port, pem) = serve();
    let roots = Roots::only(pem.clone());
    let client = Client::new(ClientConfig {
        roots: roots.clone(),
        ..ClientConfig::default()
    })
    .expect("the certificate is one");
    let request = Request {
        origin: Origin::new(proofmark::wire::Scheme::Https, "localhost", port),
        version: Version::H1,
        method: "GET".to_owned(),
        target: b"/me".to_vec(),
        headers: vec![
            ("Host".to_owned(), format!("localhost:{port}").into_bytes()),
            ("Accept".to_owned(), b"application/json".to_vec()),
            (
                "Authorization".to_owned(),
                b"Bearer nothing-secret".to_vec(),
            ),
        ],
        body: Bytes::new(),
        fresh_connection: false,
        await_continue: false,
        cut: None,
    };

    let folder = tempfile::tempdir().expect("a folder for the suite");
    let mut text = "suite: many\ntitle: Many checks\nchecks:\n".to_owned();
    for n in 0..REQUESTS {
        text.push_str(&format!(
            "- id: MANY-{n:04}\n  title: It answers\n  level: must\n  source: none\n  steps:\n    - send: me\n      as: user\n      \
             expect: [accepted, {{ header: {{ X-Content-Type-Options: {{ equals: nosniff }} }} }}, {{ body: {{ json: true }} }}]\n  \
             remedy: none\n  proved_by: [challenge-missing]\n"
        ));
    }
    std::fs::write(folder.path().join("many.yaml"), text).expect("a fresh folder");
    let library = library(Some(folder.path())).expect("the suite is right");
    let indented: String = pem.lines().map(|line| format!("  {line}\n")).collect();
    let target = format!(
        "target: bench\ncontract: http-api\nurl: https://localhost:{port}\nca_pem: |\n{indented}\
         secrets: {{ token: nothing-secret }}\n\
         principals: {{ user: {{ roles: [user], credentials: {{ token: '${{secret.token}}' }} }} }}\n\
         operations: {{ me: {{ request: GET /me, allow: [user] }} }}\n\
         consent: {{ max_requests_per_second: 1000000 }}\n"
    );
    let loaded = target_file::load(
        "bench",
        target.as_bytes(),
        Path::new("."),
        &library,
        &|_| None,
    )
    .expect("the target is right");
    let wanted = Wanted {
        checks: vec!["MANY-*".to_owned()],
        suites: Vec::new(),
    };
    let plan = Arc::new(expand(&library, loaded.target.clone(), "http-api", &wanted));
    assert_eq!(plan.cases.len(), REQUESTS);

    let mut group = criterion.benchmark_group("exchange");
    group.throughput(Throughput::Elements(REQUESTS as u64));
    group.sample_size(20);
    group.bench_function("bare loop", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                for _ in 0..REQUESTS {
                    let outcome = client.send(&request).await;
                    assert!(outcome.answer.is_ok());
                }
            })
        });
    });
    for jobs in [1, 8] {
        group.bench_function(format!("run, {jobs} at once"), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let journal = Journal::create(&folder.path().join("journal.jsonl"));
                    let settings = Settings {
                        jobs,
                        roots: roots.clone(),
                        stop: Stop::default(),
                    };
                    let done = run(
                        &plan,
                        loaded.secrets.clone(),
                        &settings,
                        Arc::new(journal.expect("the folder is there")),
                        Arc::new(Silent),
                    );
                    assert!(!done.await.expect("the journal can be written").interrupted);
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, exchange);
criterion_main!(benches);
