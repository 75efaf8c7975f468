//! The journal is the run: it can be cut anywhere, gone on with, and judged again.

mod deployment;

use std::sync::Arc;

use deployment::bare::{CONTRACT, TOKEN};
use deployment::{Door, Files, Reply, Request, json, proofmark, serve, start, verdicts};
use proofmark::journal::{Record, RunRecord, read};
use proofmark::judge::judge;
use proofmark::reference::Contract;
use tokio::sync::Notify;

/// Many small checks: some hold, some fail, some cannot be judged.
fn checks() -> String {
    let mut checks = String::new();
    for n in 0..60 {
        let expect = match n % 4 {
            0 => "status: 404",
            1 => "header: { X-None: present }",
            _ => "status: 2xx",
        };
        let to = if n % 4 == 3 { "things" } else { "me" };
        checks.push_str(&format!(
            "\n- id: BARE-MANY-{n:04}\n  title: One of many\n  level: must\n  source: none\n  control: [{{ send: {to}, as: user }}]\n  \
             steps:\n    - send: {to}\n      as: user\n      expect: {{ {expect} }}\n  remedy: none\n  proved_by: [challenge-missing]\n"
        ));
    }
    checks
}

/// Texts of more than one octet a character, for cuts within.
fn reply(request: &Request) -> Reply {
    if request.target == "/things" {
        Reply::Keep(json("404 Nötig", "{\"näh\": \"\\u0007 ‹…› 🦀\"}"))
    } else {
        Reply::Keep(json("200 OK", "{\"grüße\": \"🦀\"}"))
    }
}

/// Tells when so many requests have come.
async fn site(after: usize) -> (deployment::Site, Arc<Notify>) {
    let reached = Arc::new(Notify::new());
    let tell = Arc::clone(&reached);
    let site = serve(Door::Open, move |request, number| {
        if number == after {
            tell.notify_one();
        }
        reply(request)
    })
    .await;
    (site, reached)
}

fn files(site: &deployment::Site) -> Files {
    let files = Files::new(CONTRACT, &checks());
    files.target(
        site,
        "bare",
        &format!("secrets: {{ token: {TOKEN} }}\nconsent: {{ max_requests_per_second: 150 }}\n"),
    );
    files
}

async fn broken_off(signal: &str) -> (Files, deployment::Site, Option<i32>) {
    let (site, reached) = site(60).await;
    let files = files(&site);
    let child = start(&files.run(), &[]);
    reached.notified().await;
    let pid = child.id().expect("it runs").to_string();
    let sent = tokio::process::Command::new("kill")
        .args([signal, &pid])
        .status()
        .await
        .unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().await.unwrap();
    (files, site, output.status.code())
}

fn record(files: &Files) -> RunRecord {
    let file = std::fs::File::open(files.path("journal.jsonl")).unwrap();
    let (records, _) = read(std::io::BufReader::new(file)).unwrap();
    RunRecord::from_records(records).unwrap()
}

/// Goes on, and holds the verdicts against those of a run that nobody broke off.
async fn goes_on(files: &Files) {
    let before = record(files).verdicts.len();
    assert!(before < 60, "broken off too late to show anything");
    let report = proofmark(
        &[
            "report".to_owned(),
            files.path("journal.jsonl").display().to_string(),
        ],
        &[],
    )
    .await;
    report.in_order();
    let mut arguments = files.run();
    arguments.push("--resume".to_owned());
    let resumed = proofmark(&arguments, &[]).await;
    resumed.in_order();
    let (site, _) = site(usize::MAX).await;
    let whole = self::files(&site);
    let ran = proofmark(&whole.run(), &[]).await;
    assert_eq!(resumed.code, ran.code, "{}", resumed.text());
    assert_eq!(
        verdicts(&files.path("journal.jsonl")),
        verdicts(&whole.path("journal.jsonl"))
    );
    judged_again(&record(files));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_is_gone_on_with() {
    let (files, _site, code) = broken_off("-KILL").await;
    assert_eq!(code, None);
    assert_eq!(record(&files).end, None);
    goes_on(&files).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_says_so_and_is_gone_on_with() {
    let (files, _site, code) = broken_off("-INT").await;
    assert_eq!(code, Some(130));
    assert!(record(&files).end.is_some_and(|end| end.interrupted));
    goes_on(&files).await;
}

/// A case that would wait for the better part of an hour, ended as CI ends what takes too long.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_wait_ends_at_once_and_cleans_up() {
    let check = |wait: &str| {
        format!(
            "\n- id: BARE-WAIT-01\n  title: Waits\n  level: must\n  source: none\n  steps:\n    - {{ send: me, as: user }}\n    \
             - {{ wait: {wait} }}\n    - send: me\n      as: user\n      expect: {{ status: 2xx }}\n  \
             always: [{{ send: things }}]\n  remedy: none\n  proved_by: [challenge-missing]\n"
        )
    };
    // The first request is the look that every run begins with.
    let (site, reached) = site(1).await;
    let files = Files::new(CONTRACT, &check("3000"));
    files.target(&site, "bare", &format!("secrets: {{ token: {TOKEN} }}\n"));
    let child = start(&files.run(), &[]);
    reached.notified().await;
    let pid = child.id().expect("it runs").to_string();
    let sent = tokio::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status()
        .await
        .unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(130));
    let run = record(&files);
    assert!(run.verdicts.is_empty());
    let asked: Vec<String> = run
        .exchanges
        .values()
        .map(|exchange| exchange.request.target.text().into_owned())
        .collect();
    assert!(asked.iter().any(|target| target == "/things"), "{asked:?}");
}

/// What cost time to get is not written over by a run that forgot `--resume`; nor is a file of somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_journal_that_came_to_its_end_makes_room() {
    let (files, site, _) = broken_off("-KILL").await;
    let journal = files.path("journal.jsonl");
    let before = std::fs::read(&journal).unwrap();
    let asked = site.requests().len();
    let again = proofmark(&files.run(), &[]).await;
    assert_eq!(again.code, Some(2), "{}", again.text());
    assert!(again.text().contains("ended early"), "{}", again.text());
    assert_eq!(std::fs::read(&journal).unwrap(), before);

    std::fs::write(&journal, "notes of mine\n").unwrap();
    let again = proofmark(&files.run(), &[]).await;
    assert_eq!(again.code, Some(2), "{}", again.text());
    assert!(
        again.text().contains("no journal of Proofmark"),
        "{}",
        again.text()
    );
    assert_eq!(std::fs::read(&journal).unwrap(), b"notes of mine\n");
    assert_eq!(site.requests().len(), asked);

    std::fs::remove_file(&journal).unwrap();
    let whole = proofmark(&files.run(), &[]).await;
    whole.in_order();
    let finished = std::fs::read(&journal).unwrap();
    let once_more = proofmark(&files.run(), &[]).await;
    assert_eq!(once_more.code, whole.code, "{}", once_more.text());
    let kept = std::fs::read(files.path("journal.jsonl.1")).unwrap();
    assert_eq!(kept, finished, "the finished journal is kept");
    assert_ne!(std::fs::read(&journal).unwrap(), finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_not_gone_on_with_by_another_target_file() {
    let (files, site, _) = broken_off("-KILL").await;
    let asked = site.requests().len();
    files.target(
        &site,
        "bare",
        &format!("secrets: {{ token: {TOKEN} }}\nconsent: {{ max_requests_per_second: 149 }}\n"),
    );
    let mut arguments = files.run();
    arguments.push("--resume".to_owned());
    let ran = proofmark(&arguments, &[]).await;
    assert_eq!(ran.code, Some(2), "{}", ran.text());
    let says = "has changed since the run of the journal began: `consent`";
    assert!(ran.text().contains(says), "{}", ran.text());
    assert_eq!(site.requests().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_cannot_be_standard_output() {
    let (site, _) = site(usize::MAX).await;
    let files = files(&site);
    let mut arguments = files.run();
    let path = arguments.last_mut().unwrap();
    *path = "-".to_owned();
    let ran = proofmark(&arguments, &[]).await;
    assert_eq!(ran.code, Some(2), "{}", ran.text());
    assert_eq!(site.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_cannot_be_written_is_said_before_anything_is_sent() {
    let (site, _) = site(usize::MAX).await;
    let files = files(&site);
    let mut arguments = files.run();
    arguments.extend([
        "--report".to_owned(),
        format!("json={}", files.path("none/report.json").display()),
    ]);
    let ran = proofmark(&arguments, &[]).await;
    assert_eq!(ran.code, Some(2), "{}", ran.text());
    assert!(ran.text().contains("there is no folder"), "{}", ran.text());
    assert!(site.requests().is_empty());
}

/// The last record cut at every octet, alone and with a resumed run's records below it.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_cut_anywhere_is_read_up_to_there() {
    let (site, _) = site(usize::MAX).await;
    let files = files(&site);
    proofmark(&files.run(), &[]).await.in_order();
    let journal = std::fs::read(files.path("journal.jsonl")).unwrap();
    let lines: Vec<&[u8]> = journal.split_inclusive(|octet| *octet == b'\n').collect();
    let head = lines[0];
    let mut kinds = std::collections::BTreeSet::new();
    for line in &lines[1..] {
        let record: Record = serde_json::from_slice(line).unwrap();
        let kind = match &record {
            Record::Exchange(exchange) if exchange.request.target.text() == "/things" => "things",
            Record::Exchange(_) => "exchange",
            Record::Attempt(_) => "attempt",
            Record::Verdict { .. } => "verdict",
            _ => "end",
        };
        if !kinds.insert(kind) {
            continue;
        }
        for cut in 0..line.len() {
            let kept = [head, &line[..cut]].concat();
            let (records, was_cut) = read(kept.as_slice()).unwrap();
            // All but the line end: the record is whole.
            let whole = cut + 1 == line.len();
            assert_eq!(records.len(), if whole { 2 } else { 1 }, "{kind} at {cut}");
            assert_eq!(was_cut, cut > 0 && !whole, "{kind} at {cut}");
            let resumed = [&kept[..], b"\n", line].concat();
            let (records, _) = read(resumed.as_slice()).unwrap();
            assert_eq!(records.len(), if whole { 3 } else { 2 }, "{kind} at {cut}");
        }
    }
    assert_eq!(kinds.len(), 5, "{kinds:?}");
}

fn judged_again(run: &RunRecord) {
    assert!(!run.verdicts.is_empty());
    for case in &run.head.plan.cases {
        let Some(recorded) = run.verdicts.get(&case.id) else {
            panic!("{} has no verdict", case.id);
        };
        let again = judge(
            &run.head.plan,
            case,
            run.attempts_of(&case.id),
            &run.exchanges,
        );
        assert_eq!(
            serde_json::to_string(&again).unwrap(),
            serde_json::to_string(recorded).unwrap(),
            "{}",
            case.id
        );
    }
}

/// Of each contract with the flaw in the middle of its list, and of one without; `prove` sees the others.
#[tokio::test(flavor = "multi_thread")]
async fn judging_a_journal_again_gives_the_same_verdicts() {
    let flawed = Contract::ALL.iter().map(|contract| {
        let flaws = contract.catalogue().flaws();
        (contract, Some(flaws[flaws.len() / 2].id))
    });
    let correct = Contract::ALL
        .iter()
        .take(1)
        .map(|contract| (contract, None));
    let mut runs = tokio::task::JoinSet::new();
    for (contract, flaw) in flawed.chain(correct) {
        runs.spawn(async move {
            let folder = tempfile::tempdir().unwrap();
            let journal = folder.path().join("journal.jsonl");
            let mut arguments = vec![
                "run".to_owned(),
                "--target".to_owned(),
                format!("reference:{}", contract.name()),
                "--journal".to_owned(),
                journal.display().to_string(),
            ];
            if let Some(flaw) = flaw {
                arguments.extend(["--flaw".to_owned(), flaw.to_owned()]);
            }
            let ran = proofmark(&arguments, &[]).await;
            ran.in_order();
            let file = std::fs::File::open(&journal).unwrap();
            let (records, cut) = read(std::io::BufReader::new(file)).unwrap();
            assert!(!cut);
            judged_again(&RunRecord::from_records(records).unwrap());
        });
    }
    while let Some(ended) = runs.join_next().await {
        ended.unwrap();
    }
}
