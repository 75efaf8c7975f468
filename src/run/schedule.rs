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
use super::hopeless::{Hopeless, untried};
use super::keyring::Keyring;
use super::named_credentials::NamedCredentials;
use super::outside::Outside;
use super::pace::Pace;
use super::possession::Nonces;
use super::prepare::{Fault, prepare};
use super::purses::Purses;
use super::race::MOST_OF_A_BURST;
use super::reach::{Reached, reach};
use super::refusal;
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
use crate::suite::Secrets;
use crate::suite::model::{Check, Expectation, OneOrMany, Rotation, Transport};
use crate::suite::plan::{Case, Plan};
use crate::suite::rate_limits;
use crate::suite::template::fill_number;
use crate::wire::{Failure, Origin, Roots};

/// Default cap on requests per second where the target file sets none.
pub const DEFAULT_RATE: u32 = 50;
const DEFAULT_PATIENCE_S: u64 = 60;

/// What is under way when the run is asked to end has this long to clean up.
const GRACE: Duration = Duration::from_secs(5);

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
    /// What whoever started the run should know now, in one sentence.
    fn noticed(&self, _says: &str) {}
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
    #[error(
        "{origin} does not speak TLS ({failure}), so that nothing but connections can be judged; is the port right?"
    )]
    NoTls { origin: Origin, failure: Failure },
    #[error("what listens at {origin} does not answer as HTTP does: {failure}")]
    NoHttp { origin: Origin, failure: Failure },
    #[error(
        "every operation is answered 404, such as {request} at {origin}, also to those who may use it: is `url` right?"
    )]
    NothingFound { origin: Origin, request: String },
}

/// Runs a plan from its beginning.
pub async fn run(
    plan: &Arc<Plan>,
    secrets: Secrets,
    settings: &Settings,
    journal: Arc<Journal>,
    observer: Arc<dyn Observer>,
) -> Result<Outcome, RunError> {
    let reached = reach(plan, settings).await?;
    journal.write(Record::Head(Box::new(Head {
        journal: JOURNAL_VERSION,
        proofmark: env!("CARGO_PKG_VERSION").to_owned(),
        started: jiff::Timestamp::now().to_string(),
        plan: without_secrets(plan, &secrets),
    })))?;
    carry_out(plan, reached, secrets, settings, journal, observer, None).await
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
    let reached = reach(&plan, settings).await?;
    carry_out(
        &plan,
        reached,
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
    reached: Reached,
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
    let Reached { client, look, shut } = reached;
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
        named: NamedCredentials::default(),
        bursting: Semaphore::new(bursting_at_once(&target.https.host)),
        observer,
        failed: Mutex::new(None),
        stop: settings.stop.clone(),
        hopeless: Hopeless::default(),
    });
    let open: Vec<usize> = (0..plan.cases.len())
        .filter(|at| !is_decided(&plan.cases[*at].id))
        .collect();
    if !open.is_empty() {
        let (request, outcome) = look;
        let path = String::from_utf8_lossy(&request.target).into_owned();
        let asked = format!("GET {path}");
        let budgets = &shared.budgets;
        budgets
            .turn(target, &asked, "anonymous", &shared.stop)
            .await;
        shared.line.keep_look(&request, outcome).await?;
    }
    if let Some(says) = shut {
        shared.observer.noticed(&says);
        shared.hopeless.shut(says);
    } else {
        shared.look_at_credentials(&open).await?;
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

/// A panic in a task is a fault of ours; it goes on where it can be seen.
fn resume_panic(joined: Result<(), tokio::task::JoinError>) {
    if let Err(error) = joined
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
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
    named: NamedCredentials,
    bursting: Semaphore,
    observer: Arc<dyn Observer>,
    failed: Mutex<Option<io::Error>>,
    stop: Stop,
    hopeless: Hopeless,
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stop.is_asked()
    }

    fn field(&self) -> Field<'_> {
        Field {
            plan: &self.plan,
            line: &self.line,
            keyring: &self.keyring,
            forger: &self.forger,
            observed: &self.observed,
            budgets: &self.budgets,
            named: &self.named,
            bursting: &self.bursting,
            stop: &self.stop,
        }
    }

    /// Finds out who is refused by everything, and whether there is anything at all.
    async fn look_at_credentials(&self, open: &[usize]) -> Result<(), RunError> {
        let standing = refusal::look(&self.field(), open).await?;
        if let Some(request) = standing.nothing_found {
            let origin = self.plan.target.https.clone();
            return Err(RunError::NothingFound { origin, request });
        }
        for (principal, says) in standing.refused {
            self.observer.noticed(&says);
            self.keyring.refuse(&principal, says);
        }
        Ok(())
    }

    /// Returns when the run was asked to end, and what was under way had time to.
    async fn out_of_grace(&self) {
        self.stop.asked().await;
        tokio::time::sleep(GRACE).await;
        // What is under way does not come to that any more.
        if let Some(issuer) = &self.line.outside.issuer {
            let _ = issuer.rotate(Rotation::Restore);
        }
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
            let field = self.field();
            let wanted = rate_limits::purses(&self.plan.target, &case.bindings);
            let mut purses = self.purses.hold(&wanted).await;
            for number in 1.. {
                if let Some(says) = self.hopeless.reason(&self.plan, case) {
                    let made = untried(case, &planned.check, number, says);
                    self.line
                        .journal
                        .write(Record::Attempt(Box::new(made.clone())))?;
                    attempts.push(made);
                    break;
                }
                purses.rest(&self.stop).await;
                if self.stopped() {
                    return Ok(());
                }
                let walked = tokio::select! {
                    walked = attempt(&field, case, &planned.check, number) => walked?,
                    () = self.out_of_grace() => None,
                };
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
        if let Some(says) = self.hopeless.count(&self.plan.target.https, &exchanges) {
            self.observer.noticed(&says);
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
