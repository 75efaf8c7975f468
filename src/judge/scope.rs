use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::text::regex;
use crate::journal::{Exchange, RecordedAnswer};
use crate::suite::model::Capture;
use crate::suite::plan::{Bindings, Plan, PlanScope};
use crate::suite::template::{Found, Scope, fill_text};

/// Names that expectations refer to: captures, values of the attempt, then everything of the plan.
pub struct AttemptScope<'a> {
    pub plan: &'a Plan,
    pub bindings: &'a Bindings,
    pub values: &'a Map<String, Value>,
    pub captured: &'a HashMap<String, Value>,
    /// The exchange that is looked at, for `${request.…}`.
    pub exchange: Option<&'a Exchange>,
}

impl Scope for AttemptScope<'_> {
    fn find(&self, path: &[&str]) -> Option<Found> {
        let name = match path {
            ["credentials", rest @ ..] => format!("shown.{}", rest.join(".")),
            _ => path.join("."),
        };
        if let Some(value) = self.captured.get(&name).or_else(|| self.values.get(&name)) {
            return Some(Found::Literal(value.clone()));
        }
        if let (["request", what], Some(exchange)) = (path, self.exchange) {
            let value = match *what {
                "method" => json!(exchange.request.method),
                "target" => json!(exchange.request.target.text()),
                "path" => json!(
                    exchange
                        .request
                        .target
                        .text()
                        .split('?')
                        .next()
                        .unwrap_or_default()
                ),
                _ => return None,
            };
            return Some(Found::Literal(value));
        }
        if let (["answer", "status"], Some(answer)) =
            (path, self.exchange.and_then(|e| e.answer.as_ref()))
        {
            return Some(Found::Literal(json!(answer.status)));
        }
        PlanScope {
            target: &self.plan.target,
            lists: &self.plan.lists,
            bindings: self.bindings,
        }
        .find(path)
    }
}

/// A capture with the references in its texts filled; what cannot be filled stays as it is and finds nothing.
pub fn resolved(rule: &Capture, scope: &dyn Scope) -> Capture {
    let filled = |text: &Option<String>| {
        text.as_ref()
            .map(|text| fill_text(text, scope).unwrap_or_else(|_| text.clone()))
    };
    if let Some(maker) = filled(&rule.made_by) {
        let found = scope.find(&["operations", &maker, "makes"]);
        let text = |member: &str| match &found {
            Some(Found::Template(makes) | Found::Literal(makes)) => {
                makes.get(member)?.as_str().map(str::to_owned)
            }
            None => None,
        };
        // What makes nothing has no path that anything is found at.
        let json = text("json").or_else(|| found.is_none().then(String::new));
        return Capture {
            json,
            header: text("header"),
            matches: text("matches"),
            ..rule.clone()
        };
    }
    Capture {
        json: filled(&rule.json),
        header: filled(&rule.header),
        cookie: filled(&rule.cookie),
        matches: filled(&rule.matches),
        ..rule.clone()
    }
}

/// The value that a capture finds in an answer. The same function serves the run (on the answer as it came) and the
/// judge (on the recorded one), so both see the same, but for secrets.
pub fn capture(capture: &Capture, answer: &RecordedAnswer) -> Option<Value> {
    let found = if let Some(path) = &capture.json {
        let body: Value = serde_json::from_slice(&answer.body.0).ok()?;
        let path = serde_json_path::JsonPath::parse(path).ok()?;
        path.query(&body)
            .first()
            .filter(|value| !value.is_null())?
            .clone()
    } else if let Some(name) = &capture.header {
        json!(answer.header(name).first()?)
    } else if let Some(name) = &capture.cookie {
        let lines = answer.header("set-cookie");
        let value = lines.iter().find_map(|line| {
            let (key, rest) = line.split_once('=')?;
            (key.trim() == name)
                .then(|| rest.split(';').next().unwrap_or_default().trim().to_owned())
        })?;
        json!(value)
    } else {
        json!(answer.body.text())
    };
    match &capture.matches {
        None => Some(found),
        Some(pattern) => {
            let pattern = regex(pattern).ok()?;
            let text = crate::suite::template::show(&found);
            let groups = pattern.captures(&text)?;
            Some(json!(groups.get(1).or_else(|| groups.get(0))?.as_str()))
        }
    }
}
