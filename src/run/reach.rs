//! Whether an API is where the target file says, looked at once before the cases. What is wrong with the address, or with
//! whom we trust, would otherwise be said once for each of them.

use std::time::Duration;

use super::schedule::{RunError, Settings};
use crate::suite::model::{ProbeKind, Step, Transport};
use crate::suite::plan::{Case, Plan, PlanScope};
use crate::suite::template::fill_text;
use crate::suite::{Target, model};
use crate::wire::probe::{Probe, ProbeAnswer};
use crate::wire::{
    AUTHORITY_AS_SERVER, Bounds, Client, ClientConfig, Failure, NO_TLS, Outcome, Phase, Request,
    Scheme, Version,
};

/// Times that is looked before something is taken for what it is: one connection may break by chance.
const LOOKS: usize = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// What came of the look.
pub(super) struct Reached {
    /// Within the limits of the target.
    pub client: Client,
    /// What was asked and answered, if it was sent.
    pub look: (Request, Outcome),
    /// Why nothing that is sent over TLS can be answered, in a sentence, although somebody speaks TLS there.
    pub shut: Option<String>,
}

/// Looks at the address. `Err` where nobody listens, and where what listens is no server of HTTP and the plan asks
/// about more than connections. No credential is sent.
pub(super) async fn reach(plan: &Plan, settings: &Settings) -> Result<Reached, RunError> {
    let target = &plan.target;
    let client = Client::new(ClientConfig {
        bounds: bounds(target),
        roots: settings.roots.clone(),
        ..ClientConfig::default()
    })?;
    let origin = target.https.clone();
    let failure = match client.probe(&origin, &Probe::Connect).await {
        ProbeAnswer::Connect(answer) => answer.failure,
        _ => None,
    };
    // Whoever closes or resets is there, if only to do that.
    if let Some(
        failure @ (Failure::Refused | Failure::Unresolved(_) | Failure::Timeout(Phase::Connect)),
    ) = failure
    {
        return Err(RunError::Nobody { origin, failure });
    }
    let mut paths = paths(target).into_iter().cycle();
    let mut tries = 0;
    loop {
        let request = request(target, &paths.next().unwrap_or_else(|| "/".to_owned()));
        let outcome = client.send(&request).await;
        tries += 1;
        let (shut, fault) = match &outcome.answer {
            Ok(_) => (None, None),
            Err(failure) => told(failure, &outcome, target),
        };
        if fault.is_some() && tries < LOOKS && !settings.stop.is_asked() {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        return match fault {
            Some(fault) if asks_for_answers(plan) => Err(fault),
            _ => Ok(Reached {
                client,
                look: (request, outcome),
                shut,
            }),
        };
    }
}

/// What a failure says of the address: why it is shut to us, or that no API is there.
fn told(
    failure: &Failure,
    outcome: &Outcome,
    target: &Target,
) -> (Option<String>, Option<RunError>) {
    let origin = &target.https;
    let (origin, failure) = (origin.clone(), failure.clone());
    let is_secured = origin.scheme == Scheme::Http || outcome.connection.tls.is_some();
    match &failure {
        Failure::Tls(reason) if reason != NO_TLS => {
            let hint = match reason == AUTHORITY_AS_SERVER {
                true => {
                    "openssl makes such a one unless it is told `-addext basicConstraints=critical,CA:FALSE`"
                }
                false => {
                    "if the certificate is right, `ca_file` in the target file has to name its root"
                }
            };
            let says = format!("no connection to {origin} comes about: TLS: {reason}; {hint}");
            (Some(says), None)
        }
        Failure::Tls(_) | Failure::Closed | Failure::Reset | Failure::Timeout(_) if !is_secured => {
            (None, Some(RunError::NoTls { origin, failure }))
        }
        _ => (None, Some(RunError::NoHttp { origin, failure })),
    }
}

/// Whether some case needs an answer at the address with TLS: all but probes of connections, and what is sent in plain
/// text.
fn asks_for_answers(plan: &Plan) -> bool {
    plan.cases
        .iter()
        .any(|case| case.skip.is_none() && needs_answer(plan, case))
}

/// The same of one case.
pub(super) fn needs_answer(plan: &Plan, case: &Case) -> bool {
    let Some(planned) = plan.checks.get(&case.check) else {
        return false;
    };
    let is_plain = |send: &model::Send| send.over == Some(Transport::Plain);
    let scope = PlanScope {
        target: &plan.target,
        lists: &plan.lists,
        bindings: &case.bindings,
    };
    let check = &planned.check;
    !check.control.iter().all(is_plain)
        || !check.steps.iter().all(|step| match step {
            Step::Send(send) => is_plain(send),
            Step::Observe(observe) => fill_text(&observe.observe, &scope)
                .ok()
                .and_then(|name| plan.situations.get(&name))
                .is_some_and(|planned| is_plain(&planned.situation.request)),
            Step::Probe(probe) => !matches!(
                probe.probe,
                ProbeKind::Token | ProbeKind::ShownAgain | ProbeKind::Drawn
            ),
            // The request of a step before.
            Step::Resend(_) | Step::Wait(_) => true,
            Step::Race(race) => race.race.iter().all(|runners| is_plain(runners.request())),
            Step::Burst(_) | Step::Rotate(_) | Step::Poll(_) | Step::Compare(_) => false,
        })
}

/// What is asked for: the base of the API, and an operation of it in case the base is nothing that it answers to.
fn paths(target: &Target) -> Vec<String> {
    let base = match target.prefix.as_str() {
        "" => "/",
        prefix => prefix,
    };
    let mut reads = target.operations.values();
    let read = reads.find(|one| one.method == "GET" && !one.path.contains("${"));
    let read = read.map(|one| format!("{}{}", target.prefix, one.path));
    [Some(base.to_owned()), read]
        .into_iter()
        .flatten()
        .collect()
}

fn request(target: &Target, path: &str) -> Request {
    Request {
        origin: target.https.clone(),
        version: Version::H1,
        method: "GET".to_owned(),
        target: path.as_bytes().to_vec(),
        headers: vec![("Host".to_owned(), target.https.authority().into_bytes())],
        body: bytes::Bytes::new(),
        fresh_connection: false,
        await_continue: false,
        cut: None,
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
