//! What a step is about, seen from its expectations: whether a 429 or a broken connection would be an answer to it.

use crate::suite::model::{Conditions, Expectation, OneOrMany, StatusSet};
use crate::suite::plan::Plan;

const MAX_NESTING: u8 = 12;

/// Whether any expectation names a way for the connection to end.
pub fn awaits_connection_end<'a>(
    plan: &Plan,
    expectations: impl IntoIterator<Item = &'a OneOrMany<Expectation>>,
) -> bool {
    any(plan, expectations, &|conditions| {
        conditions.connection.is_some()
    })
}

/// Whether any expectation names 429, 502, 503 or 504.
pub fn awaits_overload<'a>(
    plan: &Plan,
    expectations: impl IntoIterator<Item = &'a OneOrMany<Expectation>>,
) -> bool {
    any(plan, expectations, &|conditions| {
        conditions.status.as_ref().is_some_and(names_overload)
    })
}

fn names_overload(set: &StatusSet) -> bool {
    match set {
        StatusSet::Code(code) => matches!(code, 429 | 502 | 503 | 504),
        StatusSet::Text(text) => matches!(text.as_str(), "429" | "502" | "503" | "504"),
        StatusSet::List(sets) => sets.iter().any(names_overload),
    }
}

fn any<'a>(
    plan: &Plan,
    expectations: impl IntoIterator<Item = &'a OneOrMany<Expectation>>,
    test: &dyn Fn(&Conditions) -> bool,
) -> bool {
    expectations
        .into_iter()
        .flat_map(OneOrMany::as_slice)
        .any(|expectation| has(plan, expectation, test, 0))
}

fn has(
    plan: &Plan,
    expectation: &Expectation,
    test: &dyn Fn(&Conditions) -> bool,
    depth: u8,
) -> bool {
    if depth > MAX_NESTING {
        return false;
    }
    let named = |name: &String| plan.target.answers.get(name);
    let conditions = match expectation {
        Expectation::Answer(name) => match named(name) {
            Some(conditions) => conditions,
            None => return false,
        },
        Expectation::Conditions(conditions) => conditions,
    };
    conditions_have(plan, conditions, test, depth)
}

fn conditions_have(
    plan: &Plan,
    conditions: &Conditions,
    test: &dyn Fn(&Conditions) -> bool,
    depth: u8,
) -> bool {
    if depth > MAX_NESTING {
        return false;
    }
    let when = conditions.when.as_deref();
    test(conditions)
        || when.is_some_and(|when| conditions_have(plan, when, test, depth + 1))
        || conditions
            .any_of
            .iter()
            .chain(conditions.not.as_deref())
            .any(|inner| has(plan, inner, test, depth + 1))
        || conditions
            .answer
            .as_ref()
            .is_some_and(|name| has(plan, &Expectation::Answer(name.clone()), test, depth + 1))
}
