//! Which principals' credentials a check names as `${credentials.PRINCIPAL.KIND}`.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::suite::model::Check;
use crate::suite::plan::Bindings;

const BEFORE: &str = "${credentials.";

/// By check; each is looked through once in a run.
#[derive(Default)]
pub struct NamedCredentials(Mutex<HashMap<String, Arc<BTreeSet<String>>>>);

impl NamedCredentials {
    /// Principals, or variables of the matrix that stand for some.
    pub fn principals(&self, check: &Check, bindings: &Bindings) -> BTreeSet<String> {
        let mut found = BTreeSet::clone(&self.of_check(check));
        bindings
            .values()
            .for_each(|value| in_value(value, &mut found));
        found
    }

    fn of_check(&self, check: &Check) -> Arc<BTreeSet<String>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&check.id) {
            return found.clone();
        }
        let mut found = BTreeSet::new();
        in_text(
            &serde_json::to_string(check).unwrap_or_default(),
            &mut found,
        );
        let found = Arc::new(found);
        known.insert(check.id.clone(), found.clone());
        found
    }
}

fn in_value(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => in_text(text, found),
        Value::Array(items) => items.iter().for_each(|item| in_value(item, found)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            in_text(name, found);
            in_value(member, found);
        }),
        _ => {}
    }
}

fn in_text(text: &str, found: &mut BTreeSet<String>) {
    for (at, _) in text.match_indices(BEFORE) {
        let name = text[at + BEFORE.len()..].split(['}', '|']).next();
        if let Some((principal, _)) = name.and_then(|name| name.split_once('.')) {
            found.insert(principal.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn principals_are_found_in_checks_and_in_what_they_run_over() {
        let check: Check = serde_json::from_value(json!({
            "id": "X-ONE-01", "title": "t", "level": "must", "source": "s", "remedy": "r", "proved_by": ["f"],
            "steps": [{"send": "op", "headers": {"A": "${credentials.user.token} ${credentials.user.key|base64}"}}],
        }))
        .unwrap();
        let Value::Object(bindings) =
            json!({"to": {"${credentials.other.login}": ["${credentials.it.context}"]}})
        else {
            panic!("it is an object")
        };
        let named = NamedCredentials::default();
        for _ in 0..2 {
            let all = named.principals(&check, &bindings);
            assert_eq!(all.into_iter().collect::<Vec<_>>(), ["it", "other", "user"]);
        }
        assert_eq!(
            named
                .principals(&check, &Bindings::new())
                .into_iter()
                .collect::<Vec<_>>(),
            ["user"]
        );
    }
}
