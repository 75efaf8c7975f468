//! The words that checks ask for: what operations and principals of a target file may be, features, parameters.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::library::Library;
use super::model::OperationEntry;
use super::template::references;

/// Words that are found out from the rest of the file, and never written under `is`.
const FOUND_OUT: [&str; 17] = [
    "public",
    "protected",
    "read",
    "write",
    "with-body",
    "with-state",
    "made",
    "with-token",
    "with-proof",
    "with-violations",
    "restricted",
    "anonymous",
    "authenticated",
    "entitled",
    "allowed",
    "forbidden",
    "unentitled",
];

/// Each word with the ids of the checks that ask for it.
#[derive(Debug, Clone, Default)]
pub struct Words {
    pub operations: BTreeMap<String, BTreeSet<String>>,
    pub principals: BTreeMap<String, BTreeSet<String>>,
    pub features: BTreeMap<String, BTreeSet<String>>,
    pub params: BTreeMap<String, BTreeSet<String>>,
}

impl Words {
    pub fn of(library: &Library) -> Self {
        let mut words = Words::default();
        for (_, check) in library.checks() {
            let Ok(value) = serde_json::to_value(check) else {
                continue;
            };
            words.selected(&value, &check.id);
            words.referred(&value, &check.id);
            note(&mut words.features, &check.needs.features, &check.id);
            note(&mut words.params, &check.needs.params, &check.id);
        }
        for (name, situation) in library.situations() {
            if let Ok(value) = serde_json::to_value(situation) {
                words.selected(&value, &format!("situation `{name}`"));
                words.referred(&value, &format!("situation `{name}`"));
            }
        }
        words
    }

    /// Domains of a matrix, wherever they stand.
    fn selected(&mut self, value: &Value, id: &str) {
        match value {
            Value::Object(members) => {
                for (kind, into) in [
                    ("operations", &mut self.operations),
                    ("principals", &mut self.principals),
                ] {
                    let asked = members.get(kind).and_then(Value::as_str);
                    let banned = members.get("not").and_then(Value::as_str);
                    for text in asked.into_iter().chain(asked.and(banned)) {
                        let written = text.split_whitespace().flat_map(|word| word.split('|'));
                        let written = written.filter(|word| is_written(word));
                        note(into, written, id);
                    }
                }
                members
                    .values()
                    .for_each(|member| self.selected(member, id));
            }
            Value::Array(items) => items.iter().for_each(|item| self.selected(item, id)),
            _ => {}
        }
    }

    /// `${param.NAME}`, wherever it stands.
    fn referred(&mut self, value: &Value, id: &str) {
        match value {
            Value::Object(members) => {
                if let Some(name) = members.get("param").and_then(Value::as_str) {
                    note(&mut self.params, [name], id);
                }
                for (key, member) in members {
                    self.referred(&Value::String(key.clone()), id);
                    self.referred(member, id);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.referred(item, id)),
            Value::String(text) => {
                let found = references(text).unwrap_or_default();
                let names = found.iter().filter_map(|one| {
                    let name = one.path.strip_prefix("param.")?;
                    name.split('.').next()
                });
                note(&mut self.params, names, id);
            }
            _ => {}
        }
    }
}

/// What contracts say that their own operations and principals are.
pub(super) fn of_contracts(library: &Library) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut operations, mut principals) = (BTreeSet::new(), BTreeSet::new());
    for contract in library.contracts.values() {
        for entry in contract.operations.values() {
            if let OperationEntry::Spec(spec) = entry {
                operations.extend(spec.kinds.iter().cloned());
            }
        }
        for principal in contract.principals.values() {
            principals.extend(principal.kinds.iter().cloned());
        }
    }
    (operations, principals)
}

/// Names that the checks give values to: `values`, `capture`, and the variables of a matrix.
pub(super) fn given(library: &Library) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for (_, check) in library.checks() {
        if let Ok(check) = serde_json::to_value(check) {
            given_by(&check, &mut known);
        }
    }
    known
}

fn given_by(value: &Value, known: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                if matches!(key.as_str(), "values" | "capture" | "for_each")
                    && let Value::Object(named) = member
                {
                    known.extend(named.keys().cloned());
                }
                given_by(member, known);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| given_by(item, known)),
        _ => {}
    }
}

fn is_written(word: &str) -> bool {
    let is_method = word.chars().all(|c| c.is_ascii_uppercase());
    !word.is_empty() && !is_method && !word.contains("${") && !FOUND_OUT.contains(&word)
}

fn note<W: AsRef<str>>(
    into: &mut BTreeMap<String, BTreeSet<String>>,
    words: impl IntoIterator<Item = W>,
    id: &str,
) {
    for word in words {
        let ids = into.entry(word.as_ref().to_owned()).or_default();
        ids.insert(id.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::gather::library;
    use crate::suite::model::Check;

    #[test]
    fn words_are_those_that_are_written() {
        let library = library(None).unwrap();
        let words = Words::of(&library);
        assert!(words.operations.contains_key("personal"));
        assert!(words.operations["item"].len() > 1);
        assert!(!words.operations.contains_key("protected"));
        assert!(!words.operations.contains_key("GET"));
        assert!(words.principals.contains_key("other-tenant"));
        assert!(words.features.contains_key("tenants"));
        let reads = |check: &Check| {
            let text = serde_json::to_string(check).unwrap();
            text.contains("${param.header_set}")
        };
        let (_, reader) = library.checks().find(|(_, check)| reads(check)).unwrap();
        assert!(words.params["header_set"].contains(&reader.id));
    }
}
