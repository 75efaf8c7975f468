//! Runs all cases of a plan, as many at once as allowed.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use rand::RngExt;
use serde_json::Map;
use tokio::sync::{Mutex, OnceCell, RwLock, Semaphore};
use tokio::task::JoinSet;

use super::budgets::Budgets;
use super::case::{attempt, subject};
use super::clock::Clock;
use super::field::Field;
use super::forge::Forger;
use super::keyring::Keyring;
use super::outside::Outside;
use super::pace::Pace;
use super::possession::Nonces;
use super::prepare::{Fault, prepare};
use super::purses::Purses;
use super::race::MOST_OF_A_BURST;
use super::scope::{Proofs, RequestScope};
use super::send::{Line, Sent};
use super::shown_secrets::ShownSecrets;
use super::silence::Silence;
use super::stop::Stop;
use crate::jose::forgery::Strangers;
use crate::journal::{
    Doubt, End, Exchange, Exchanges, Head, JOURNAL_VERSION, Journal, Record, Redactor, RunRecord,
};
use crate::judge::{ShownAgain, Verdict, judge, needs_another_attempt, status_contains};
use crate::suite::model::{Carriage, Check, Expectation, OneOrMany, Transport};
use crate::suite::plan::{Case, Plan};
use crate::suite::rate_limits;
use crate::suite::template::fill_number;
use crate::suite::{Secrets, Target};
use crate::wire::probe::{Probe, ProbeAnswer};
use crate::wire::{Bounds, Client, ClientConfig, Failure, Origin, Phase, Roots};

/// Default cap on requests per second where the target file sets none.
const DEFAULT_RATE: u32 = 50;
const DEFAULT_PATIENCE_S: u64 = 60;

/// How to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Cases at the same time, at least 1.
    pub jobs: usize,
    pub roots: Roots,
    /// Set from outside to end the run early; what was reached is kept.
    pub stop: Stop,
}

/// Is told how the run goes on. Called from several tasks.
pub trait Observer: Send + Sync {
    fn begins(&self, _cases: usize) {}
    fn decided(&self, _case: &Case, _verdict: &Verdict) {}
}

/// Tells nobody.
pub struct Silent;
impl Observer for Silent {}

/// What a run leaves behind beside its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub interrupted: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("cannot write the journal: {0}")]
    Journal(#[from] io::Error),
    #[error(transparent)]
    Client(#[from] crate::wire::ClientError),
    /// A port of ours, for the target to call, could not be opened.
    #[error("{0}")]
    Outside(String),
    /// Nothing was sent, and the journal is empty still.
    #[error("nobody answers at {origin}: {failure}")]
    Nobody { origin: Origin, failure: Failure },
}

/// Runs a plan from its beginning.
pub async fn run(
    plan: &Arc<Plan>,
    secrets: Secrets,
    settings: &Settings,
    journal: Arc<Journal>,
    observer: Arc<dyn Observer>,
) -> Result<Outcome, RunError> {
    let client = reach(&plan.target, settings).await?;
    journal.write(Record::Head(Box::new(Head {
        journal: JOURNAL_VERSION,
        proofmark: env!("CARGO_PKG_VERSION").to_owned(),
        started: jiff::Timestamp::now().to_string(),
        plan: without_secrets(plan, &secrets),
    })))?;
    carry_out(plan, client, secrets, settings, journal, observer, None).await
}

/// A client within the limits of the target, where somebody listens. A run against an address where nobody does would
/// say the same two hundred times.
async fn reach(target: &Target, settings: &Settings) -> Result<Client, RunError> {
    let client = Client::new(ClientConfig {
        bounds: bounds(target),
        roots: settings.roots.clone(),
        ..ClientConfig::default()
    })?;
    let origin = &target.https;
    let failure = match client.probe(origin, &Probe::Connect).await {
        ProbeAnswer::Connect(answer) => answer.failure,
        _ => None,
    };
    match failure {
        // Whoever closes or resets is there, if only to do that.
        Some(
            failure
            @ (Failure::Refused | Failure::Unresolved(_) | Failure::Timeout(Phase::Connect)),
        ) => Err(RunError::Nobody {
            origin: origin.clone(),
            failure,
        }),
        _ => Ok(client),
    }
}

/// The plan for the journal. It refers to secrets by name; this is for one that the target file holds a second time
/// where it is none, such as in the path of an operation.
fn without_secrets(plan: &Arc<Plan>, secrets: &Secrets) -> Arc<Plan> {
    let mut redactor = Redactor::new(rand::rng().random());
    redactor.learn_all(secrets.iter());
    let Ok(value) = serde_json::to_value(&plan.target) else {
        return plan.clone();
    };
    let shown = super::record::known_replaced(value.clone(), &redactor);
    match serde_json::from_value(shown.clone()) {
        Ok(target) if shown != value => Arc::new(Plan {
            target,
            ..Plan::clone(plan)
        }),
        _ => plan.clone(),
    }
}

/// Goes on with a run that did not come to its end: cases without a verdict are carried out from their beginning.
pub async fn resume(
    earlier: &RunRecord,
    secrets: Secrets,
    settings: &Settings,
    journal: Arc<Journal>,
    observer: Arc<dyn Observer>,
) -> Result<Outcome, RunError> {
    let plan = earlier.head.plan.clone();
    let client = reach(&plan.target, settings).await?;
    carry_out(
        &plan,
        client,
        secrets,
        settings,
        journal,
        observer,
        Some(earlier),
    )
    .await
}

async fn carry_out(
    plan: &Arc<Plan>,
    client: Client,
    secrets: Secrets,
    settings: &Settings,
    journal: Arc<Journal>,
    observer: Arc<dyn Observer>,
    earlier: Option<&RunRecord>,
) -> Result<Outcome, RunError> {
    let target = &plan.target;
    let is_decided = |case: &str| earlier.is_some_and(|run| run.verdicts.contains_key(case));
    let last_id = earlier.and_then(|run| run.exchanges.keys().map(|id| id.0).max());
    let next_id = last_id.unwrap_or(0) + 1;
    let mut redactor = Redactor::new(rand::rng().random());
    redactor.learn_all(secrets.iter());
    let strangers = Arc::new(Strangers::new());
    let outside = Outside::open(plan, &secrets, &strangers).map_err(RunError::Outside)?;
    outside.teach(&mut redactor);
    let began = Instant::now();
    let permits = Arc::new(Semaphore::new(settings.jobs.max(1)));
    let shared = Arc::new(Shared {
        plan: plan.clone(),
        line: Line {
            client,
            pace: Pace::new(
                target
                    .consent
                    .max_requests_per_second
                    .unwrap_or(DEFAULT_RATE),
            ),
            redactor: RwLock::new(redactor),
            journal: journal.clone(),
            began,
            next_id: AtomicU64::new(next_id),
            room: super::record::Room::default(),
            patience_ms: AtomicU64::new(target.limits.retry_s.unwrap_or(DEFAULT_PATIENCE_S) * 1000),
            outside,
            nonces: Nonces::default(),
            clients: Default::default(),
            clock: Clock::default(),
            shown_secrets: ShownSecrets::at(&target.secret_members),
            silence: Silence::of(target),
            shown_again: std::sync::Mutex::new(ShownAgain::at(&target.secret_members)),
        },
        forger: Forger::new(secrets.clone(), strangers),
        keyring: Keyring::new(secrets, settings.roots.clone()),
        observed: Observations::default(),
        purses: Purses::default(),
        budgets: Budgets::new(Arc::clone(&permits)),
        bursting: Semaphore::new(bursting_at_once(&target.https.host)),
        observer,
        failed: Mutex::new(None),
        stop: settings.stop.clone(),
    });
    let open: Vec<usize> = (0..plan.cases.len())
        .filter(|at| !is_decided(&plan.cases[*at].id))
        .collect();
    if !open.is_empty() && dates_something(plan) {
        shared.line.ask_time(target).await?;
    }
    shared.observer.begins(open.len());
    let mut tasks = JoinSet::new();
    // Those that spend a rate limit mostly wait, so they take nobody's place; and the sooner they begin, the sooner all
    // is done.
    let (spending, open): (Vec<usize>, Vec<usize>) = open.into_iter().partition(|at| {
        let case = &plan.cases[*at];
        case.skip.is_none() && !rate_limits::purses(target, &case.bindings).is_empty()
    });
    let others = rate_limits::ordinary_principals(plan, &open);
    let (shared_purses, spending): (Vec<usize>, Vec<usize>) =
        spending.into_iter().partition(|at| {
            let bindings = &plan.cases[*at].bindings;
            rate_limits::shares_with_others(target, bindings, &others)
        });
    for at in spending {
        let shared = shared.clone();
        tasks.spawn(async move { shared.case(at).await });
    }
    let is = |at: &usize, what: fn(&Check) -> bool| {
        let planned = plan.checks.get(&plan.cases[*at].check);
        planned.is_some_and(|planned| what(&planned.check))
    };
    let (last, open): (Vec<usize>, Vec<usize>) =
        open.into_iter().partition(|at| is(at, |check| check.last));
    let (alone, together): (Vec<usize>, Vec<usize>) =
        open.into_iter().partition(|at| is(at, |check| check.alone));
    for at in together {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            break;
        };
        if shared.stopped() {
            break;
        }
        let shared = shared.clone();
        tasks.spawn(async move {
            shared.case(at).await;
            drop(permit);
        });
        // A task that is over takes its room, tens of kilobytes, until somebody asks for it.
        while let Some(joined) = tasks.try_join_next() {
            resume_panic(joined);
        }
    }
    while let Some(joined) = tasks.join_next().await {
        resume_panic(joined);
    }
    for at in alone {
        if !shared.stopped() {
            shared.case(at).await;
        }
    }
    // What ordinary requests are counted against must be left alone for a window before it is measured.
    shared.purses.spent_by_others(
        shared_purses
            .iter()
            .flat_map(|at| rate_limits::purses(target, &plan.cases[*at].bindings)),
    );
    for at in shared_purses {
        let shared = shared.clone();
        tasks.spawn(async move { shared.case(at).await });
    }
    while let Some(joined) = tasks.join_next().await {
        resume_panic(joined);
    }
    for at in last {
        if !shared.stopped() {
            shared.case(at).await;
        }
    }
    let interrupted = settings.stop.is_asked();
    if let Some(error) = shared.failed.lock().await.take() {
        return Err(RunError::Journal(error));
    }
    journal.write(Record::End(End {
        interrupted,
        wall_ms: began.elapsed().as_millis() as u64,
        exchanges: shared.line.next_id.load(Ordering::Relaxed) - next_id,
        clock_ahead_s: Some(shared.line.clock.ahead()).filter(|ahead| *ahead != 0),
    }))?;
    Ok(Outcome { interrupted })
}

/// Whether anything that we make says when it was made.
fn dates_something(plan: &Plan) -> bool {
    let target = &plan.target;
    let is_proven = |carriage: &Carriage| carriage.proof.is_some();
    !plan.forgeries.is_empty()
        || target.issuer.is_some()
        || target.credentials.values().any(is_proven)
}

/// A panic in a task is a fault of ours; it goes on where it can be seen.
fn resume_panic(joined: Result<(), tokio::task::JoinError>) {
    if let Err(error) = joined
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

fn bounds(target: &Target) -> Bounds {
    let (own, limits) = (Bounds::default(), &target.limits);
    Bounds {
        connect: limits.connect_s.map_or(own.connect, Duration::from_secs),
        answer: limits.answer_s.map_or(own.answer, Duration::from_secs),
        body: limits.body_bytes.unwrap_or(own.body),
        ..own
    }
}

/// How many cases send bursts at a time. A target on this machine shares our processors: where too many send, none is
/// done before the window of its limit is over.
fn bursting_at_once(host: &str) -> usize {
    let is_here = host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    match is_here {
        true => 8,
        false => 64,
    }
}

struct Shared {
    plan: Arc<Plan>,
    line: Line,
    keyring: Keyring,
    forger: Forger,
    observed: Observations,
    purses: Purses,
    budgets: Budgets,
    bursting: Semaphore,
    observer: Arc<dyn Observer>,
    failed: Mutex<Option<io::Error>>,
    stop: Stop,
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stop.is_asked()
    }

    /// Carries out one case and decides it. A journal that cannot be written ends the run.
    async fn case(&self, at: usize) {
        if let Err(error) = self.try_case(&self.plan.cases[at]).await {
            self.failed.lock().await.get_or_insert(error);
            self.stop.ask();
        }
    }

    async fn try_case(&self, case: &Case) -> io::Result<()> {
        let mut attempts = Vec::new();
        let mut exchanges = Exchanges::new();
        if let (None, Some(planned)) = (&case.skip, self.plan.checks.get(&case.check)) {
            let field = Field {
                plan: &self.plan,
                line: &self.line,
                keyring: &self.keyring,
                forger: &self.forger,
                observed: &self.observed,
                budgets: &self.budgets,
                bursting: &self.bursting,
                stop: &self.stop,
            };
            let wanted = rate_limits::purses(&self.plan.target, &case.bindings);
            let mut purses = self.purses.hold(&wanted).await;
            for number in 1.. {
                purses.rest(&self.stop).await;
                if self.stopped() {
                    return Ok(());
                }
                let walked = attempt(&field, case, &planned.check, number).await?;
                purses.spent();
                let Some((made, outcome, seen)) = walked else {
                    // Undecided: a resumed run begins this case anew.
                    return Ok(());
                };
                self.line
                    .journal
                    .write(Record::Attempt(Box::new(made.clone())))?;
                attempts.push(made);
                exchanges.extend(seen);
                if !needs_another_attempt(&self.plan, case, number, &outcome) {
                    break;
                }
                if self.stopped() {
                    return Ok(());
                }
            }
        }
        let verdict = judge(&self.plan, case, &attempts, &exchanges);
        self.observer.decided(case, &verdict);
        self.line.journal.write(Record::Verdict {
            case: case.id.clone(),
            verdict,
        })
    }
}

type Look = Arc<OnceCell<Result<(Arc<Exchange>, Option<crate::journal::RecordedAnswer>), Fault>>>;

/// Answers to named situations, provoked once for the first attempts of all checks, and once more for the second ones.
#[derive(Default)]
pub struct Observations(Mutex<HashMap<(String, u32), Look>>);

impl Observations {
    /// The answer to a situation; whoever asks first sends.
    pub async fn look(
        &self,
        field: &Field<'_>,
        name: &str,
        number: u32,
    ) -> io::Result<Result<Sent, Fault>> {
        let cell = self
            .0
            .lock()
            .await
            .entry((name.to_owned(), number))
            .or_default()
            .clone();
        let seen = cell.get_or_try_init(|| provoke(field, name)).await?;
        Ok(seen.clone().map(|(exchange, raw)| Sent { exchange, raw }))
    }
}

async fn provoke(
    field: &Field<'_>,
    name: &str,
) -> io::Result<Result<(Arc<Exchange>, Option<crate::journal::RecordedAnswer>), Fault>> {
    let Some(planned) = field.plan.situations.get(name) else {
        return Ok(Err(Fault::Doubt(
            Doubt::Harness,
            format!("the plan has no situation `{name}`"),
        )));
    };
    let (values, captured, credentials) =
        (super::case::fresh_values(), HashMap::new(), HashMap::new());
    let mut scope = RequestScope {
        plan: field.plan,
        bindings: &planned.bindings,
        values: &values,
        captured: &captured,
        placeholders: Map::new(),
        given: IndexMap::new(),
        proofs: Proofs::default(),
        credentials: &credentials,
        secrets: field.keyring.secrets(),
    };
    let request = match prepare(field, &planned.situation.request, &mut scope).await {
        Ok(request) => request,
        Err(fault) => return Ok(Err(fault)),
    };
    let status = Expectation::Conditions(Box::new(crate::suite::model::Conditions {
        status: Some(planned.situation.status.clone()),
        ..Default::default()
    }));
    let mut subject = subject(
        field.plan,
        [&Some(OneOrMany::One(status)), &None, &None, &None],
    );
    // There, to be refused is an answer.
    subject.connection |= planned.situation.request.over == Some(Transport::Plain);
    let Some(most) = &planned.situation.at_most else {
        let sends_as = field.sends_as(&planned.situation.request, &scope);
        field.keep_to_budgets(&sends_as).await;
        let sent = field.line.send(&request, subject, |_| Vec::new()).await?;
        return Ok(Ok((sent.exchange, sent.raw)));
    };
    let number = |value| fill_number(value, &scope).map(|number| number as usize);
    let most = number(most).unwrap_or(1).clamp(1, MOST_OF_A_BURST);
    let from = planned.situation.from.as_ref().and_then(number);
    let client = match from.and_then(|place| field.plan.target.addresses.get(place)) {
        Some(address) => field.line.client_from(*address),
        None => field.line.client.clone(),
    };
    let mut sent = None;
    for _ in 0..most {
        let once = std::slice::from_ref(&request);
        let all = field
            .line
            .send_together(&client, once, subject, |_| Vec::new());
        sent = all.await?.into_iter().next();
        let status = sent
            .as_ref()
            .and_then(|sent| Some(sent.raw.as_ref()?.status));
        let is_it = |status| status_contains(&planned.situation.status, status, &scope);
        if field.stop.is_asked() || status.is_some_and(|status| is_it(status) == Ok(true)) {
            break;
        }
    }
    let none = || Fault::Doubt(Doubt::Harness, "nothing was sent".to_owned());
    Ok(sent.map(|sent| (sent.exchange, sent.raw)).ok_or_else(none))
}
