//! Whether the credentials that we have are taken at all. One that has run out would otherwise be reported as hundreds of
//! broken promises.

use std::collections::{BTreeSet, HashMap};
use std::io;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::case::fresh_values;
use super::field::Field;
use super::possession::asks_for_nonce;
use super::prepare::prepare;
use super::scope::{Proofs, RequestScope};
use super::send::Subject;
use crate::suite::model::{
    CredentialSource, Expectation, OneOrMany, Operation, Principal, Send, Step,
};
use crate::suite::plan::{Bindings, Plan};
use crate::suite::template::fill_text;
use crate::suite::{plan::PlanScope, rate_limits};

/// Operations that one credential is shown to at most. One is enough where it is taken.
const MOST_LOOKS: usize = 6;

/// The answer that contracts give to those who are let in.
const ACCEPTED: &str = "accepted";

/// What the looks say.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Standing {
    /// Why nothing can be judged as somebody, by principal.
    pub refused: Vec<(String, String)>,
    /// An operation that was asked for, where each that was is answered 404.
    pub nothing_found: Option<String>,
}

/// Shows the credential of everybody whom these cases send as to what it should open. Those who spend rate limits are
/// left alone, so that their limits are whole when they are measured.
pub(super) async fn look(field: &Field<'_>, cases: &[usize]) -> io::Result<Standing> {
    let plan = field.plan;
    let mut standing = Standing::default();
    let mut statuses = Vec::new();
    for name in senders(plan, cases) {
        let mut answers = Vec::new();
        for operation in should_open(plan, name) {
            if field.stop.is_asked() {
                return Ok(Standing::default());
            }
            let Some(status) = status(field, operation, name).await? else {
                continue;
            };
            answers.push(status);
            if status != Some(401) && status != Some(404) {
                break;
            }
        }
        if !answers.is_empty() && answers.iter().all(|status| *status == Some(401)) {
            let says = format!(
                "the credential of `{name}` is refused (401) by every operation that it should open: has it run out?"
            );
            standing.refused.push((name.to_owned(), says));
        }
        statuses.extend(answers);
    }
    if !statuses.is_empty() && statuses.iter().all(|status| *status == Some(404)) {
        let mut all = plan.target.operations.values();
        let read = all.find(|one| one.method == "GET" && !one.path.contains("${"));
        standing.nothing_found = Some(read.map_or_else(String::new, |one| {
            format!("GET {}{}", plan.target.prefix, one.path)
        }));
    }
    Ok(standing)
}

/// Who must be let in for these cases to be judged, by name, as far as no rate limit is spent that way. Whose credential
/// is there to be refused is none of them.
fn senders<'p>(plan: &'p Plan, cases: &[usize]) -> BTreeSet<&'p str> {
    let mut found = BTreeSet::new();
    let cases = cases.iter().filter_map(|at| plan.cases.get(*at));
    for case in cases.filter(|case| case.skip.is_none()) {
        let Some(planned) = plan.checks.get(&case.check) else {
            continue;
        };
        if !rate_limits::purses(&plan.target, &case.bindings).is_empty() {
            continue;
        }
        let scope = PlanScope {
            target: &plan.target,
            lists: &plan.lists,
            bindings: &case.bindings,
        };
        let steps = planned.check.steps.iter().filter_map(|step| match step {
            Step::Send(send) if is_control(send) => Some(send.as_ref()),
            _ => None,
        });
        for send in planned.check.control.iter().chain(steps) {
            let named = send.principal.as_deref();
            let named = named.and_then(|text| fill_text(text, &scope).ok());
            let known = named.and_then(|name| plan.target.principals.get_key_value(&name));
            if let Some((name, principal)) = known
                && is_given(plan, principal)
                && !plan.target.absent_principals.contains_key(name)
            {
                found.insert(name.as_str());
            }
        }
    }
    found
}

/// Whether it says who it is by what stands in the target file. What was just fetched has not run out, so that its refusal
/// is the target's doing.
fn is_given(plan: &Plan, principal: &Principal) -> bool {
    let kinds = &plan.target.credentials;
    let is_login = |kind: &String| kinds.get(kind).is_some_and(|one| !one.context);
    let logins = principal.credentials.iter();
    let mut logins = logins.filter(|(kind, _)| is_login(kind)).peekable();
    logins.peek().is_some()
        && logins.all(|(_, source)| matches!(source, CredentialSource::Literal(_)))
}

/// Whether this must be answered as a working target answers it.
fn is_control(send: &Send) -> bool {
    let accepted = Expectation::Answer(ACCEPTED.to_owned());
    let expected = send.expect.as_ref().map_or(&[][..], OneOrMany::as_slice);
    send.control.is_some() || expected.contains(&accepted)
}

/// Reads that are not for everybody, and that this principal may use with all of its credentials; those without an id
/// in their path first.
fn should_open<'p>(plan: &'p Plan, principal: &str) -> Vec<&'p str> {
    let own = |one: &Operation| {
        one.method == "GET"
            && one.allow.is_some()
            && one.without.is_empty()
            && plan.target.may(principal, one)
    };
    let all = plan.target.operations.iter();
    let mut found: Vec<_> = all.filter(|(_, one)| own(one)).collect();
    found.sort_by_key(|(_, one)| one.path.contains("${"));
    let names = found.into_iter().map(|(name, _)| name.as_str());
    names.take(MOST_LOOKS).collect()
}

/// The status of the answer, `Some(None)` where none came. `None`: the request cannot be made.
async fn status(
    field: &Field<'_>,
    operation: &str,
    principal: &str,
) -> io::Result<Option<Option<u16>>> {
    let send = json!({ "send": operation, "as": principal });
    let Ok(send) = serde_json::from_value::<Send>(send) else {
        return Ok(None);
    };
    let (values, captured, credentials) = (fresh_values(), HashMap::new(), HashMap::new());
    let bindings: Bindings = Map::<String, Value>::new();
    let mut scope = RequestScope {
        plan: field.plan,
        bindings: &bindings,
        values: &values,
        captured: &captured,
        placeholders: Map::new(),
        given: IndexMap::new(),
        proofs: Proofs::default(),
        credentials: &credentials,
        secrets: field.keyring.secrets(),
    };
    // A second time for who asks for a nonce (RFC 9449 §9).
    for _ in 0..2 {
        // A credential that cannot be had is a doubt of each case, with its reason.
        let Ok(request) = prepare(field, &send, &mut scope).await else {
            return Ok(None);
        };
        let sends_as = field.sends_as(&send, &scope);
        field.keep_to_budgets(&sends_as).await;
        let learn = |_: &_| Vec::new();
        let sent = field.line.send(&request, Subject::default(), learn).await?;
        match sent.raw {
            Some(answer) if asks_for_nonce(&answer) && answer.status == 401 => {}
            answer => return Ok(Some(answer.map(|answer| answer.status))),
        }
    }
    Ok(Some(Some(401)))
}
