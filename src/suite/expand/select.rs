//! What the variables of a matrix run over.

use serde_json::{Value, json};

use super::Expander;
use crate::suite::forging;
use crate::suite::model::{Domain, LimitKind, Nodes, RateLimit, Selected};
use crate::suite::plan::Bindings;
use crate::suite::rate_limits;
use crate::suite::template::fill_text;

impl Expander<'_> {
    pub(super) fn values(
        &self,
        domain: &Domain,
        bindings: &Bindings,
    ) -> Result<Vec<Value>, String> {
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
        let not = selected.not.as_deref().unwrap_or_default();
        let not = fill_text(not, &self.scope(bindings)).map_err(|error| error.to_string())?;
        let not: Vec<&str> = not.split_whitespace().collect();
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
            let words = fill_text(words, &self.scope(bindings)).map_err(|e| e.to_string())?;
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
            let found = target.operations.get(operation).map(|o| {
                let names = o.violations.keys().map(String::as_str);
                names
                    .filter(|name| !not.contains(name))
                    .map(|name| json!(name))
                    .collect()
            });
            return some(found.unwrap_or_default(), || {
                format!("operation `{operation}` lists no `violations` of its schema")
            });
        }
        if let Some(words) = &selected.rate_limits {
            let words: Vec<&str> = words.split_whitespace().collect();
            let beside = selected
                .on
                .as_ref()
                .and_then(|on| bindings.get(on)?.get("name")?.as_str())
                .and_then(|name| target.rate_limits.get(name));
            // Nothing that is said of windows is true of what is under way at the same time.
            let is_asked = |name: &str, limit: &RateLimit| {
                !limit.is_of_concurrency()
                    || words
                        .iter()
                        .flat_map(|words| words.split('|'))
                        .any(|word| word == LimitKind::Concurrency.word() || word == name)
            };
            let is = |name: &str, limit: &RateLimit, words: &str| {
                words.split('|').any(|word| {
                    word == "all"
                        || word == name
                        || word == limit.per.word()
                        || limit.kind.is_some_and(|kind| word == kind.word())
                        || (word == "with-kind" && limit.kind.is_some())
                        || (word == "with-write" && limit.write.is_some())
                        || (word == "with-batch" && limit.batch.is_some())
                        || (word == "with-operations" && !limit.operations.is_empty())
                        || (word == "apart" && beside.is_some_and(|other| limit.is_apart(other)))
                })
            };
            let found: Vec<Value> = target
                .rate_limits
                .iter()
                .filter(|(name, limit)| is_asked(name, limit))
                .filter(|(name, limit)| words.iter().all(|word| is(name, limit, word)))
                .filter(|(name, limit)| !not.iter().any(|word| is(name, limit, word)))
                .map(|(name, limit)| rate_limits::binding(name, limit))
                .collect();
            return some(found, || match target.unstated_limits.as_slice() {
                [] => format!(
                    "neither contract nor target file declare a rate limit that is {}",
                    quoted(&words)
                ),
                open => {
                    let open: Vec<&str> = open.iter().map(String::as_str).collect();
                    format!("the target file states no thresholds for {}", quoted(&open))
                }
            });
        }
        if let Some(words) = &selected.nodes {
            let first = usize::from(*words == Nodes::Others);
            let found = match target.nodes.len() {
                0 | 1 => Vec::new(),
                many => (first..many).map(|number| json!(number)).collect(),
            };
            return some(found, || {
                "the target file does not list several `nodes`".to_owned()
            });
        }
        if let Some(param) = &selected.param {
            let found = match target.params.get(param) {
                Some(Value::Array(items)) => items
                    .iter()
                    .filter(|item| !not.iter().any(|word| item.as_str() == Some(word)))
                    .cloned()
                    .collect(),
                Some(Value::String(one)) => vec![json!(one)],
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
            "made" => operation.made_by.is_some(),
            "with-token" => target.principals.keys().any(|principal| {
                self.principal_is_one(principal, "allowed", Some(name))
                    && forging::token_kind(target, principal).is_some()
            }),
            "with-proof" => target.principals.keys().any(|principal| {
                self.principal_is_one(principal, "entitled", Some(name))
                    && forging::bound_kind(target, principal).is_some()
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
            "with-proof" => forging::bound_kind(target, name).is_some(),
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
            // A right that the owner lacks may be that to see what others have.
            "other-owner" if operation.is_none() && on.is_some() => on
                .and_then(|on| Some((on, target.principals.get(on)?)))
                .is_some_and(|(on, owner)| {
                    principal.kinds.iter().any(|kind| kind == word)
                        && principal.tenant == owner.tenant
                        && principal
                            .roles
                            .iter()
                            .all(|role| owner.roles.contains(role))
                        && target.user(name) != target.user(on)
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
