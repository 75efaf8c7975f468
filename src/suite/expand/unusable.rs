//! Why a case, or a request of it, cannot be sent to this target.

use indexmap::IndexMap;
use serde_json::Value;

use super::{Expander, missing, no_load};
use crate::suite::forging;
use crate::suite::model::{
    Body, Check, Compare, Operation, Send, Situation, Step, Transport, method_writes,
};
use crate::suite::plan::{
    ATTEMPT_VALUES, Bindings, PlannedSituation, RANDOM, RUNNER, Skip, SkipReason,
};
use crate::suite::rate_limits::ordinary_purses;
use crate::suite::template::{Scope, fill_number, fill_text, fill_value, references};
use crate::wire::Scheme;

/// Windows of a declared limit that a comparison may take.
const MOST_WINDOWS: usize = 5;

impl Expander<'_> {
    /// Why a case cannot be run on this target.
    pub(super) fn unusable(
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
            .chain(check.steps.iter().flat_map(Step::requests));
        if let Some(skip) = sends
            .into_iter()
            .find_map(|send| self.unusable_request(send, bindings, &captured))
        {
            return Some(skip);
        }
        let scope = self.scope(bindings);
        for step in &check.steps {
            if let Step::Compare(compare) = step
                && let Some(skip) = self.beyond_limits(compare, bindings)
            {
                return Some(skip);
            }
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

    /// Why a comparison would take for ever: a declared limit counts its requests and lets few of them through.
    fn beyond_limits(&self, compare: &Compare, bindings: &Bindings) -> Option<Skip> {
        let scope = self.scope(bindings);
        let filled = |text: &str| fill_text(text, &scope).unwrap_or_default();
        let times = fill_number(&compare.times, &scope).unwrap_or_default() as usize;
        let all = times * compare.runs() * compare.compare.len();
        let purses = compare.compare.iter().flat_map(|send| {
            let principal = send.principal.as_deref();
            let principal = principal.map_or("anonymous".to_owned(), filled);
            ordinary_purses(self.target, &filled(&send.send), &principal)
        });
        let narrow = purses
            .into_iter()
            .find(|purse| all * purse.spends as usize > MOST_WINDOWS * purse.requests as usize)?;
        Some(missing(format!(
            "the limit `{}` lets {} of the {all} requests through in {} s, so that their times cannot be compared",
            narrow.limit, narrow.requests, narrow.window_s
        )))
    }

    fn why_no_situation(&self, situation: &Situation) -> Option<Skip> {
        if situation.at_most.is_some() && !self.target.consent.load {
            return Some(no_load());
        }
        match self.product(&situation.for_each) {
            Err(says) => Some(missing(says)),
            Ok(all) => all
                .iter()
                .find_map(|bindings| self.unusable_request(&situation.request, bindings, &[])),
        }
    }

    pub(super) fn unusable_request(
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
        let sender = send
            .principal
            .as_deref()
            .map_or(Ok("anonymous".to_owned()), |p| fill_text(p, &scope))
            .ok();
        let owner = send
            .values_of
            .as_deref()
            .and_then(|p| fill_text(p, &scope).ok());
        for name in sender.iter().chain(&owner).filter(|name| !name.is_empty()) {
            if !self.target.principals.contains_key(name) {
                return Some(missing(format!("the target has no principal `{name}`")));
            }
            if let Some(says) = self.target.absent_principals.get(name) {
                return Some(missing(format!("{says}, which `{name}` needs")));
            }
        }
        if let Some(Ok(forgery)) = send.token.as_ref().map(|text| fill_text(text, &scope))
            && let Some(says) =
                forging::unmet(self.library, self.target, sender.as_ref()?, &forgery)
        {
            return Some(missing(says));
        }
        if let Some(Ok(forgery)) = send.proof.as_ref().map(|text| fill_text(text, &scope))
            && let Some(says) =
                forging::unmet_of_proof(self.library, self.target, sender.as_ref()?, &forgery)
        {
            return Some(missing(says));
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
            (None, Some(found)) => match &method {
                Some(method) => method_writes(method) && !found.harmless,
                None => found.writes(),
            },
            (None, None) => {
                return Some(missing(format!(
                    "the target has no operation `{operation}`"
                )));
            }
        };
        if let Some(found) = self.target.operations.get(&operation)
            && send.target.is_none()
            && let Some(made) = self.target.made_value(found)
            && method.as_deref().unwrap_or(&found.method) == "DELETE"
            && !self.gives(send, made, bindings)
        {
            return Some(missing(format!(
                "what `{operation}` deletes must have been made for that, and here nothing makes `{made}`"
            )));
        }
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
        if send.over == Some(Transport::Plain) && self.target.plain.is_none() {
            return Some(missing(
                "the target has no plain-HTTP address to try".to_owned(),
            ));
        }
        None
    }

    /// Whether the step has a value of its own for a placeholder.
    fn gives(&self, send: &Send, placeholder: &str, bindings: &Bindings) -> bool {
        let scope = self.scope(bindings);
        let filled = |name: &String| fill_text(name, &scope).is_ok_and(|name| name == placeholder);
        send.values.keys().any(filled)
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
            None | Some(Body::Patch(_) | Body::Texts(_) | Body::Doubled(_) | Body::AsForm(()))
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
                    || self.gives(send, name, bindings)
                    || captured.contains(&name)
                    || ATTEMPT_VALUES.contains(&name)
                    || scope.find(&name.split('.').collect::<Vec<_>>()).is_some()
                    || values
                        .and_then(|values| values.get(name))
                        .is_some_and(|value| fill_value(value, &scope).is_ok() || is_secret(value));
                (!given).then(|| name.to_owned())
            })
    }
}

/// Whether it is filled when a request is made, and not before.
fn is_secret(value: &Value) -> bool {
    let all = value.as_str().map(references);
    all.is_some_and(|all| {
        all.is_ok_and(|all| {
            !all.is_empty() && all.iter().all(|one| one.path.starts_with("secret."))
        })
    })
}

/// Everything that some step of a check captures, and what the requests of a race are told apart by.
fn captured_names(check: &Check) -> Vec<&str> {
    let steps = check.steps.iter().filter_map(Step::sayings);
    let control = check.control.iter().map(Send::sayings);
    let captures = steps.chain(control).filter_map(|sayings| sayings.capture);
    let names = captures.flat_map(IndexMap::keys).map(String::as_str);
    names.chain([RUNNER, RANDOM]).collect()
}
