//! Library + target → plan. Pure.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::forging;
use super::library::Library;
use super::model::{
    Body, Check, DeclaredLevel, Domain, Level, Operation, Selected, Send, Step, method_writes,
};
use super::pattern;
use super::plan::{
    ATTEMPT_VALUES, Bindings, Case, Plan, PlanScope, PlannedCheck, PlannedSituation, Skip,
    SkipReason,
};
use super::target::Target;
use super::template::{Scope, fill_text, fill_value, references};
use crate::wire::Scheme;

/// Which checks the user asked for; empty lists ask for all.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub checks: Vec<String>,
    pub suites: Vec<String>,
}

/// Upper bound on the cases of one check; a matrix over it is a mistake in the suite or an enormous target.
pub const MAX_CASES_PER_CHECK: usize = 5_000;

/// Expands every check that the contract includes and the user wants.
pub fn expand(library: &Library, target: Target, contract: &str, wanted: &Wanted) -> Plan {
    let lists = library.lists();
    let selection = library
        .contract(contract)
        .map(|contract| contract.checks.clone());
    let expander = Expander {
        target: &target,
        lists: &lists,
        library,
    };
    let mut situations = IndexMap::new();
    for (name, situation) in library.situations() {
        if let Ok(all) = expander.product(&situation.for_each)
            && let Some(bindings) = all.into_iter().find(|bindings| {
                expander
                    .unusable_request(&situation.request, bindings, &[])
                    .is_none()
            })
        {
            situations.insert(
                name.clone(),
                PlannedSituation {
                    situation: situation.clone(),
                    bindings,
                },
            );
        }
    }
    let expander = Expander {
        target: &target,
        lists: &lists,
        library,
    };
    let mut checks = IndexMap::new();
    let mut cases = Vec::new();
    for (suite, check) in library.checks() {
        let included = selection
            .as_ref()
            .is_none_or(|s| s.include.iter().any(|p| pattern::matches(p, &check.id)));
        let asked = (wanted.checks.is_empty()
            || wanted.checks.iter().any(|p| pattern::matches(p, &check.id)))
            && (wanted.suites.is_empty()
                || wanted.suites.iter().any(|s| pattern::matches(s, suite)));
        if !included || !asked {
            continue;
        }
        let level = level(check, &target);
        checks.insert(
            check.id.clone(),
            PlannedCheck {
                suite: suite.to_owned(),
                level,
                check: check.clone(),
            },
        );
        let excluded = selection.as_ref().and_then(|s| {
            s.exclude
                .iter()
                .find(|(p, _)| pattern::matches(p, &check.id))
                .map(|(_, reason)| reason.clone())
        });
        match excluded {
            Some(says) => cases.push(skipped(check, SkipReason::NotApplicable, says)),
            None => cases.extend(expander.cases(check, &situations)),
        }
    }
    let forgeries = forging::used(library, &target, &lists, &checks, &cases);
    Plan {
        target,
        lists,
        situations,
        forgeries,
        checks,
        cases,
    }
}

fn level(check: &Check, target: &Target) -> Level {
    let own = check.level.by_default();
    let declared = target
        .levels
        .iter()
        .rev()
        .find(|(p, _)| pattern::matches(p, &check.id))
        .map(|(_, level)| *level);
    match check.level {
        DeclaredLevel::Contract => declared.unwrap_or(own),
        _ => declared.unwrap_or(own),
    }
}

fn skipped(check: &Check, reason: SkipReason, says: String) -> Case {
    Case {
        id: check.id.clone(),
        check: check.id.clone(),
        bindings: Bindings::new(),
        skip: Some(Skip { reason, says }),
    }
}

struct Expander<'a> {
    target: &'a Target,
    lists: &'a IndexMap<String, Vec<Value>>,
    library: &'a Library,
}

impl Expander<'_> {
    fn cases(&self, check: &Check, situations: &IndexMap<String, PlannedSituation>) -> Vec<Case> {
        if let Some(skip) = self.unmet_need(check) {
            return vec![skipped(check, skip.reason, skip.says)];
        }
        let all = match self.product(&check.for_each) {
            Ok(all) => all,
            Err(says) => return vec![skipped(check, SkipReason::Missing, says)],
        };
        all.into_iter()
            .map(|bindings| {
                let skip = self.unusable(check, &bindings, situations);
                Case {
                    id: label(&check.id, &bindings),
                    check: check.id.clone(),
                    bindings,
                    skip,
                }
            })
            .collect()
    }

    fn unmet_need(&self, check: &Check) -> Option<Skip> {
        let needs = &check.needs;
        let consent = &self.target.consent;
        for asked in &needs.consent {
            let given = match asked.as_str() {
                "load" => consent.load,
                "destructive" => consent.destructive,
                _ => consent.writes,
            };
            if !given {
                return Some(Skip {
                    reason: SkipReason::Consent,
                    says: format!("the target file does not consent to `{asked}`"),
                });
            }
        }
        if let Some(feature) = needs
            .features
            .iter()
            .find(|f| !self.target.features.contains(f))
        {
            return Some(missing(format!(
                "neither contract nor target file declare the feature `{feature}`"
            )));
        }
        if let Some(param) = needs
            .params
            .iter()
            .find(|p| !self.target.params.contains_key(*p))
        {
            return Some(missing(format!(
                "neither contract nor target file set the parameter `{param}`"
            )));
        }
        if check.rotates() && self.target.issuer.is_none() {
            return Some(missing(
                "the target file has no `issuer`, so the keys that the target trusts are not ours to change"
                    .to_owned(),
            ));
        }
        if needs.dns_name && self.target.https.host.parse::<std::net::IpAddr>().is_ok() {
            return Some(missing(
                "the target is reached by an IP address, and this holds for DNS names".to_owned(),
            ));
        }
        if needs.plain_address && self.target.plain.is_none() {
            return Some(missing(
                "the target has no plain-HTTP address to try".to_owned(),
            ));
        }
        None
    }

    /// All combinations, or why there are none.
    fn product(&self, for_each: &IndexMap<String, Domain>) -> Result<Vec<Bindings>, String> {
        let mut all = vec![Bindings::new()];
        for (name, domain) in for_each {
            let mut next = Vec::new();
            let mut why = None;
            for bindings in &all {
                match self.values(domain, bindings) {
                    Ok(values) => next.extend(values.into_iter().map(|value| {
                        let mut bindings = bindings.clone();
                        bindings.insert(name.clone(), value);
                        bindings
                    })),
                    Err(says) => why = Some(says),
                }
                if next.len() > MAX_CASES_PER_CHECK {
                    next.truncate(MAX_CASES_PER_CHECK);
                    break;
                }
            }
            if next.is_empty() {
                return Err(why.unwrap_or_else(|| format!("there is no `{name}` to run over")));
            }
            all = next;
        }
        Ok(all)
    }

    fn values(&self, domain: &Domain, bindings: &Bindings) -> Result<Vec<Value>, String> {
        let selected = match domain {
            Domain::Values(values) => return Ok(values.clone()),
            Domain::Selected(selected) => selected,
        };
        let mut values = self.select(selected, bindings)?;
        if let Some(most) = selected.take {
            values.truncate(most);
        }
        Ok(values)
    }

    fn select(&self, selected: &Selected, bindings: &Bindings) -> Result<Vec<Value>, String> {
        let target = self.target;
        let not: Vec<&str> = selected
            .not
            .as_deref()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        if let Some(words) = &selected.operations {
            let words = fill_text(words, &self.scope(bindings)).map_err(|e| e.to_string())?;
            let words: Vec<&str> = words.split_whitespace().collect();
            let found: Vec<Value> = target
                .operations
                .iter()
                .filter(|(name, _)| words.iter().all(|word| self.operation_is(name, word)))
                .filter(|(name, _)| !not.iter().any(|word| self.operation_is(name, word)))
                .map(|(name, _)| json!(name))
                .collect();
            return some(found, || {
                format!("the target has no operation that is {}", quoted(&words))
            });
        }
        if let Some(words) = &selected.principals {
            let words: Vec<&str> = words.split_whitespace().collect();
            let on = selected
                .on
                .as_ref()
                .and_then(|on| bindings.get(on))
                .and_then(Value::as_str);
            let found: Vec<Value> = target
                .principals
                .keys()
                .filter(|name| words.iter().all(|word| self.principal_is(name, word, on)))
                .filter(|name| !not.iter().any(|word| self.principal_is(name, word, on)))
                .map(|name| json!(name))
                .collect();
            let of = on.map(|on| format!(" for `{on}`")).unwrap_or_default();
            return some(found, || {
                format!("the target has no principal that is {}{of}", quoted(&words))
            });
        }
        if let Some(name) = &selected.list {
            return some(self.lists.get(name).cloned().unwrap_or_default(), || {
                format!("the list `{name}` is empty")
            });
        }
        if let Some(words) = &selected.situations {
            let words: Vec<&str> = words.split_whitespace().collect();
            let is = |name: &String, kinds: &Vec<String>, words: &str| {
                words
                    .split('|')
                    .any(|word| word == name || kinds.iter().any(|k| k == word))
            };
            let found: Vec<Value> = self
                .library
                .situations()
                .filter(|(name, s)| {
                    words == ["all"] || words.iter().all(|word| is(name, &s.kinds, word))
                })
                .filter(|(name, s)| !not.iter().any(|word| is(name, &s.kinds, word)))
                .map(|(name, _)| json!(name))
                .collect();
            return some(found, || format!("no situation is {}", quoted(&words)));
        }
        if !selected.forgeries.is_empty() {
            let found: Vec<Value> = selected
                .forgeries
                .iter()
                .flat_map(|id| self.library.variants(id))
                .map(|(name, _)| json!(name))
                .collect();
            return some(found, || {
                format!(
                    "the catalogue has no forgery {}",
                    selected.forgeries.join(", ")
                )
            });
        }
        if let Some(variable) = &selected.violations {
            let operation = bindings
                .get(variable)
                .and_then(Value::as_str)
                .unwrap_or_default();
            let found = target
                .operations
                .get(operation)
                .map(|o| o.violations.keys().map(|v| json!(v)).collect());
            return some(found.unwrap_or_default(), || {
                format!("operation `{operation}` lists no `violations` of its schema")
            });
        }
        if let Some(param) = &selected.param {
            let found = match target.params.get(param) {
                Some(Value::Array(items)) => items
                    .iter()
                    .filter(|item| !not.iter().any(|word| item.as_str() == Some(word)))
                    .cloned()
                    .collect(),
                Some(Value::Object(members)) => members
                    .iter()
                    .map(|(name, value)| json!({"name": name, "value": value}))
                    .collect(),
                _ => Vec::new(),
            };
            return some(found, || {
                if target.params.contains_key(param) {
                    format!("the parameter `{param}` holds nothing that this is about")
                } else {
                    format!("neither contract nor target file set the parameter `{param}`")
                }
            });
        }
        Ok(Vec::new())
    }

    fn operation_is(&self, name: &str, words: &str) -> bool {
        words
            .split('|')
            .any(|word| self.operation_is_one(name, word))
    }

    fn operation_is_one(&self, name: &str, word: &str) -> bool {
        let target = self.target;
        let Some(operation) = target.operations.get(name) else {
            return false;
        };
        match word {
            "public" => operation.allow.is_none(),
            "protected" => operation.allow.is_some(),
            "read" => matches!(operation.method.as_str(), "GET"),
            "write" => operation.writes(),
            "with-body" => operation.body.is_some(),
            "with-state" => operation.state.is_some(),
            "with-token" => target.principals.keys().any(|principal| {
                self.principal_is_one(principal, "allowed", Some(name))
                    && forging::token_kind(target, principal).is_some()
            }),
            "with-violations" => !operation.violations.is_empty(),
            "restricted" => self
                .target
                .principals
                .keys()
                .any(|principal| self.principal_is(principal, "forbidden", Some(name))),
            _ => {
                word == name
                    || operation.method == word
                    || operation.kinds.iter().any(|kind| kind == word)
            }
        }
    }

    fn principal_is(&self, name: &str, words: &str, on: Option<&str>) -> bool {
        words
            .split('|')
            .any(|word| self.principal_is_one(name, word, on))
    }

    fn principal_is_one(&self, name: &str, word: &str, on: Option<&str>) -> bool {
        let target = self.target;
        let Some(principal) = target.principals.get(name) else {
            return false;
        };
        let authenticated = principal
            .credentials
            .keys()
            .any(|kind| target.credentials.get(kind).is_some_and(|c| !c.context));
        let ordinary =
            principal.kinds.is_empty() || principal.kinds.iter().all(|kind| kind == "ordinary");
        let operation = on.and_then(|on| target.operations.get(on));
        match word {
            "anonymous" => name == "anonymous",
            "authenticated" => authenticated,
            "ordinary" => ordinary && authenticated,
            "with-token" => forging::token_kind(target, name).is_some(),
            "entitled" => operation.is_some_and(|o| target.may(name, o)),
            "allowed" => ordinary && operation.is_some_and(|o| target.may(name, o)),
            "forbidden" => {
                ordinary && authenticated && operation.is_some_and(|o| !target.may(name, o))
            }
            "unentitled" => operation.is_some_and(|o| !target.may(name, o)),
            "other-tenant" if operation.is_none() && on.is_some() => on
                .and_then(|on| target.principals.get(on))
                .is_some_and(|other| {
                    other.tenant.is_some()
                        && principal.tenant.is_some()
                        && other.tenant != principal.tenant
                }),
            "same-role" => on
                .and_then(|on| target.principals.get(on))
                .is_some_and(|other| {
                    principal
                        .roles
                        .iter()
                        .any(|role| other.roles.contains(role))
                }),
            _ => {
                word == name
                    || principal.roles.iter().any(|role| role == word)
                    || principal.kinds.iter().any(|kind| kind == word)
            }
        }
    }

    /// Why a case cannot be run on this target.
    fn unusable(
        &self,
        check: &Check,
        bindings: &Bindings,
        situations: &IndexMap<String, PlannedSituation>,
    ) -> Option<Skip> {
        let captured = captured_names(check);
        let sends = check
            .control
            .iter()
            .chain(&check.always)
            .chain(check.steps.iter().filter_map(|step| match step {
                Step::Send(send) => Some(&**send),
                _ => None,
            }));
        if let Some(skip) = sends
            .into_iter()
            .find_map(|send| self.unusable_request(send, bindings, &captured))
        {
            return Some(skip);
        }
        let scope = self.scope(bindings);
        for step in &check.steps {
            if let Step::Probe(probe) = step
                && probe.probe.is_of_tls()
                && self.target.https.scheme == Scheme::Http
            {
                return Some(missing("the target does not speak TLS".to_owned()));
            }
            if let Step::Observe(observe) = step
                && let Ok(name) = fill_text(&observe.observe, &scope)
                && !situations.contains_key(&name)
            {
                let why = self
                    .library
                    .situation(&name)
                    .and_then(|s| self.why_no_situation(s))
                    .unwrap_or_else(|| missing(format!("the situation `{name}` is not known")));
                return Some(why);
            }
        }
        None
    }

    fn why_no_situation(&self, situation: &super::model::Situation) -> Option<Skip> {
        match self.product(&situation.for_each) {
            Err(says) => Some(missing(says)),
            Ok(all) => all
                .iter()
                .find_map(|bindings| self.unusable_request(&situation.request, bindings, &[])),
        }
    }

    fn unusable_request(
        &self,
        send: &Send,
        bindings: &Bindings,
        captured: &[&str],
    ) -> Option<Skip> {
        let scope = self.scope(bindings);
        if let Some(given) = &send.given
            && scope.find(&given.split('.').collect::<Vec<_>>()).is_none()
        {
            return None;
        }
        let principal = send
            .principal
            .as_deref()
            .map_or(Ok("anonymous".to_owned()), |p| fill_text(p, &scope));
        let principals = [
            principal,
            send.values_of
                .as_deref()
                .map_or(Ok(String::new()), |p| fill_text(p, &scope)),
        ];
        for name in principals
            .into_iter()
            .flatten()
            .filter(|name| !name.is_empty())
        {
            if !self.target.principals.contains_key(&name) {
                return Some(missing(format!("the target has no principal `{name}`")));
            }
            if let Some(says) = self.target.absent_principals.get(&name) {
                return Some(missing(format!("{says}, which `{name}` needs")));
            }
        }
        if let Some(Ok(forgery)) = send.token.as_ref().map(|text| fill_text(text, &scope)) {
            let sender = send
                .principal
                .as_deref()
                .map_or(Ok("anonymous".to_owned()), |p| fill_text(p, &scope))
                .ok()?;
            if let Some(says) = forging::unmet(self.library, self.target, &sender, &forgery) {
                return Some(missing(says));
            }
        }
        let unpublished = references(&send.send)
            .unwrap_or_default()
            .iter()
            .any(|one| {
                one.path.ends_with(".jwks")
                    && scope
                        .find(&one.path.split('.').collect::<Vec<_>>())
                        .is_none()
            });
        if unpublished {
            return Some(missing(
                "neither contract nor target file say under `tokens` where the keys are published"
                    .to_owned(),
            ));
        }
        let operation = fill_text(&send.send, &scope).ok()?;
        let method = send
            .method
            .as_deref()
            .and_then(|method| fill_text(method, &scope).ok());
        let writes = match (
            operation.split_once(' '),
            self.target.operations.get(&operation),
        ) {
            (Some((own, _)), _) => method_writes(method.as_deref().unwrap_or(own)),
            (None, Some(found)) => match method {
                Some(method) => method_writes(&method) && !found.harmless,
                None => found.writes(),
            },
            (None, None) => {
                return Some(missing(format!(
                    "the target has no operation `{operation}`"
                )));
            }
        };
        if let Some(found) = self.target.operations.get(&operation)
            && let Some(name) = self.unfilled(send, found, bindings, captured)
        {
            return Some(missing(format!(
                "the target file gives no value for `{name}`, which `{operation}` needs"
            )));
        }
        if writes && !self.target.consent.writes {
            return Some(Skip {
                reason: SkipReason::Consent,
                says: "the target file does not consent to `writes`".to_owned(),
            });
        }
        let second = |version: &String| version == "2";
        if send.http.as_ref().is_some_and(second) && self.target.https.scheme == Scheme::Http {
            return Some(missing("HTTP/2 is chosen in TLS".to_owned()));
        }
        if send.over == Some(super::model::Transport::Plain) && self.target.plain.is_none() {
            return Some(missing(
                "the target has no plain-HTTP address to try".to_owned(),
            ));
        }
        None
    }

    /// The first placeholder of an operation that nothing fills.
    fn unfilled(
        &self,
        send: &Send,
        operation: &Operation,
        bindings: &Bindings,
        captured: &[&str],
    ) -> Option<String> {
        let scope = self.scope(bindings);
        let sender = send.values_of.as_ref().or(send.principal.as_ref());
        let owner = sender
            .map_or(Ok("anonymous".to_owned()), |name| fill_text(name, &scope))
            .ok()?;
        let values = self
            .target
            .principals
            .get(&owner)
            .map(|principal| &principal.values);
        // A body of the step's own stands in the place of the operation's, unless it is laid over it.
        let own_body = matches!(
            &send.body,
            None | Some(Body::Patch(_) | Body::Texts(_) | Body::AsForm(()))
        );
        let body = match &operation.body {
            Some(body) if own_body => serde_json::to_string(body).unwrap_or_default(),
            _ => String::new(),
        };
        let path = if send.target.is_none() {
            operation.path.as_str()
        } else {
            ""
        };
        [path, &body]
            .into_iter()
            .flat_map(|text| references(text).unwrap_or_default())
            .map(|reference| reference.path)
            .find_map(|name| {
                let given = name.starts_with("secret.")
                    || send.values.contains_key(name)
                    || captured.contains(&name)
                    || ATTEMPT_VALUES.contains(&name)
                    || scope.find(&name.split('.').collect::<Vec<_>>()).is_some()
                    || values
                        .and_then(|values| values.get(name))
                        .is_some_and(|value| fill_value(value, &scope).is_ok());
                (!given).then(|| name.to_owned())
            })
    }

    fn scope<'s>(&'s self, bindings: &'s Bindings) -> PlanScope<'s> {
        PlanScope {
            target: self.target,
            lists: self.lists,
            bindings,
        }
    }
}

/// Everything that some step of a check captures.
fn captured_names(check: &Check) -> Vec<&str> {
    let steps = check.steps.iter().flat_map(|step| match step {
        Step::Send(step) => step.capture.keys().collect::<Vec<_>>(),
        Step::Observe(step) => step.capture.keys().collect(),
        Step::Resend(step) => step.capture.keys().collect(),
        Step::Wait(_) | Step::Probe(_) | Step::Rotate(_) => Vec::new(),
    });
    let control = check.control.iter().flat_map(|send| send.capture.keys());
    steps.chain(control).map(String::as_str).collect()
}

fn missing(says: String) -> Skip {
    Skip {
        reason: SkipReason::Missing,
        says,
    }
}

fn some(found: Vec<Value>, says: impl FnOnce() -> String) -> Result<Vec<Value>, String> {
    if found.is_empty() {
        Err(says())
    } else {
        Ok(found)
    }
}

fn quoted(words: &[&str]) -> String {
    format!("`{}`", words.join("` and `"))
}

fn label(id: &str, bindings: &Bindings) -> String {
    if bindings.is_empty() {
        return id.to_owned();
    }
    let values: Vec<String> = bindings
        .values()
        .map(|value| match value {
            Value::Object(members) => members
                .get("name")
                .map(super::template::show)
                .unwrap_or_else(|| value.to_string()),
            other => super::template::show(other),
        })
        .map(|text| {
            if text.chars().count() > 60 {
                text.chars().take(57).chain("...".chars()).collect()
            } else {
                text
            }
        })
        .collect();
    format!("{id}[{}]", values.join(", "))
}
