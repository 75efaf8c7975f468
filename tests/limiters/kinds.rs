//! How requests are counted is told, and the threshold found exactly, time after time: of every kind that the reference
//! deployment has, and of limiters that are in use.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proofmark::journal::Journal;
use proofmark::judge::Verdict;
use proofmark::reference::{Contract, Covers, Deployment, Kind, Limit, Per, Settings};
use proofmark::run;
use proofmark::suite::gather::library;
use proofmark::suite::target_file::load;
use proofmark::suite::{Library, Plan, Secrets, Wanted, expand};
use proofmark::wire::Roots;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::libraries::{STRATEGIES, Slowapi, start_fastify, start_slowapi};
use crate::limited::{self, TURN};
use crate::nginx::Nginx;
use crate::{haproxy, is_installed};

/// Runs of each kind, each from addresses of its own.
const RUNS: u8 = 20;

/// A machine that is busy with other tests may be too late for an answer, and then it is asked again. It is never told the
/// wrong one.
const TRIES: u8 = 20;

/// Runs at the same time: more of them would keep each other from being quick.
const AT_ONCE: usize = 10;

const KIND: &str = "RL-KIND-01";
const THRESHOLD: [&str; 2] = ["RL-LIMIT-01", "RL-LIMIT-02"];

/// A deployment that is asked again and again, from other addresses each time.
pub struct Asked {
    what: String,
    /// For the kind and for the threshold.
    plans: [Plan; 2],
    secrets: Secrets,
    roots: Roots,
    /// Whether the kind that the target file says is the true one.
    is_true: bool,
    /// Addresses of other deployments differ in this.
    number: u8,
}

impl Asked {
    /// `text` is a target file with one limit by address.
    pub fn new(what: &str, library: &Library, text: &str, folder: &Path, number: u8) -> Self {
        let load = || {
            let loaded = load("target.yaml", text.as_bytes(), folder, library, &|_| None);
            loaded.unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
        };
        let plan = |checks: &[&str]| {
            let target = load().target;
            let contract = target.contract.clone();
            let wanted = Wanted {
                checks: checks.iter().map(|check| (*check).to_owned()).collect(),
                suites: Vec::new(),
            };
            expand(library, target, &contract, &wanted)
        };
        let loaded = load();
        Self {
            what: what.to_owned(),
            plans: [plan(&[KIND]), plan(&THRESHOLD)],
            secrets: loaded.secrets,
            roots: loaded.roots,
            is_true: true,
            number,
        }
    }

    /// What the checks of a plan say.
    async fn said(&self, plan: &Plan, run: u8, time: u8) -> Vec<(String, Verdict)> {
        let mut plan = plan.clone();
        let from = |place| Ipv4Addr::new(127, 1 + self.number, run, 5 * time + place).into();
        plan.target.addresses = (1..6).map(from).collect();
        let journal = Arc::new(Journal::in_memory());
        let settings = run::Settings {
            jobs: 4,
            roots: self.roots.clone(),
            stop: run::Stop::default(),
        };
        let (plan, observer) = (Arc::new(plan), Arc::new(run::Silent));
        let secrets = self.secrets.clone();
        run::run(&plan, secrets, &settings, journal.clone(), observer)
            .await
            .unwrap();
        let run = journal.finish().unwrap();
        run.verdicts.into_iter().collect()
    }

    fn is_expected(&self, case: &str, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Fail { .. } => case.starts_with(KIND) && !self.is_true,
            Verdict::Pass { .. } => !case.starts_with(KIND) || self.is_true,
            _ => false,
        }
    }

    /// Until all is decided; how many times it was not, and what was wrong.
    async fn ask(&self, run: u8) -> (u8, Vec<String>) {
        let mut time = 0;
        for plan in &self.plans {
            let mut open = true;
            let before = time;
            while open {
                if time - before == TRIES {
                    return (time, vec![format!("{}: never decided", self.what)]);
                }
                let said = self.said(plan, run, time).await;
                time += 1;
                let is_open = |verdict: &Verdict| matches!(verdict, Verdict::Inconclusive { .. });
                let wrong = |(case, verdict): &&(String, Verdict)| {
                    !is_open(verdict) && !self.is_expected(case, verdict)
                };
                let says = |(case, verdict)| format!("{} {case}: {verdict:?}", self.what);
                let wrong: Vec<String> = said.iter().filter(wrong).cloned().map(says).collect();
                assert!(!said.is_empty(), "{}: nothing was asked", self.what);
                if !wrong.is_empty() {
                    return (time, wrong);
                }
                open = said.iter().any(|(_, verdict)| is_open(verdict));
            }
        }
        (time - self.plans.len() as u8, Vec::new())
    }
}

/// All of them so many times, many at the same time.
pub async fn all_told(deployments: Vec<Asked>, runs: u8) {
    let _alone = TURN.acquire_many(limited::AT_ONCE).await;
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut asked = JoinSet::new();
    let mut times = BTreeMap::new();
    let deployments: Vec<Arc<Asked>> = deployments.into_iter().map(Arc::new).collect();
    for run in 0..runs {
        for one in &deployments {
            let (one, permits) = (one.clone(), permits.clone());
            asked.spawn(async move {
                let _permit = permits.acquire().await;
                (one.what.clone(), one.ask(run).await)
            });
        }
    }
    let mut all_wrong = Vec::new();
    while let Some(joined) = asked.join_next().await {
        let (what, (again, wrong)) = joined.unwrap();
        *times.entry(what).or_insert(0) += u32::from(again);
        all_wrong.extend(wrong);
    }
    for (what, again) in &times {
        println!("{what}: told in {runs} runs, asked {again} times more");
    }
    assert!(all_wrong.is_empty(), "{}", all_wrong.join("\n"));
}

const WINDOW: Duration = Duration::from_secs(3);

fn start(kind: Kind) -> Deployment {
    let limit = Limit {
        name: "player-address",
        requests: 10,
        window: WINDOW,
        kind,
        per: Per::Address,
        covers: Covers::Named(vec!["status"]),
    };
    let none: [&str; 0] = [];
    let flaws = Contract::Percus.catalogue().select(none).unwrap();
    Deployment::start(Contract::Percus, flaws, Settings::with_limits(vec![limit])).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_the_reference_is_told_every_time() {
    let kinds = [
        Kind::Fixed,
        Kind::SlidingLog,
        Kind::SlidingCounter,
        Kind::TokenBucket,
        Kind::Gcra,
    ];
    let deployments: Vec<Deployment> = kinds.into_iter().map(start).collect();
    let library = library(None).expect("the built-in suites");
    let mut asked = Vec::new();
    for (number, (kind, deployment)) in (0..).zip(kinds.iter().zip(&deployments)) {
        let (what, text) = (format!("{kind:?}"), deployment.target_file());
        asked.push(Asked::new(&what, &library, &text, Path::new("."), number));
    }
    all_told(asked, RUNS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_declared_wrongly_is_told_from_the_true_one() {
    let kinds = [
        Kind::Fixed,
        Kind::SlidingLog,
        Kind::SlidingCounter,
        Kind::TokenBucket,
    ];
    let deployments: Vec<Deployment> = kinds.into_iter().map(start).collect();
    let library = library(None).expect("the built-in suites");
    let mut asked = Vec::new();
    for (kind, deployment) in kinds.iter().zip(&deployments) {
        for declared in kinds.iter().filter(|other| other != &kind) {
            let (own, other) = (kind.word(), declared.word());
            let text = deployment.target_file();
            let text = text.replace(&format!("kind: {own}"), &format!("kind: {other}"));
            let what = format!("{own} declared as {other}");
            let number = 100 + asked.len() as u8;
            asked.push(Asked {
                is_true: false,
                ..Asked::new(&what, &library, &text, Path::new("."), number)
            });
        }
    }
    all_told(asked, 1).await;
}

/// nginx, HAProxy, fastify and slowapi, as many of them as are installed.
async fn real_ones_are_told(runs: u8) {
    let library = library(None).expect("the built-in suites");
    let mut asked = Vec::new();
    let mut ask = |what: &str, folder: &Path| {
        let text = std::fs::read_to_string(folder.join("target.yaml")).unwrap();
        let number = 200 + asked.len() as u8;
        asked.push(Asked::new(what, &library, &text, folder, number));
    };
    let nginx = match is_installed("nginx", "nginx-light") {
        true => Some(Nginx::start(&[]).await),
        false => None,
    };
    if let Some(nginx) = &nginx {
        ask("nginx limit_req", nginx.folder.path());
    }
    let mut programs = Vec::new();
    if let Some(started) = haproxy::start(haproxy::BY_ADDRESS, 20).await {
        programs.push(("HAProxy stick table".to_owned(), started));
    }
    if let Some(started) = start_fastify("false").await {
        programs.push(("@fastify/rate-limit".to_owned(), started));
    }
    for (strategy, kind) in STRATEGIES {
        let terms = Slowapi {
            key: "address",
            trust: "192.0.2.1",
            strategy,
        };
        if let Some(started) = start_slowapi(terms, kind).await {
            programs.push((format!("slowapi {strategy}"), started));
        }
    }
    for (what, (_, folder)) in &programs {
        ask(what, folder.path());
    }
    all_told(asked, runs).await;
    for (_, (program, _)) in programs {
        program.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limiters_that_are_in_use_are_told() {
    real_ones_are_told(3).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn limiters_that_are_in_use_are_told_every_time() {
    real_ones_are_told(RUNS).await;
}
