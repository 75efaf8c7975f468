//! Words of a target file that no check asks for, values that nobody has, and parameters of the wrong kind.

use std::collections::BTreeSet;

use serde_json::Value;

use super::library::Library;
use super::load::{Document, Mistake, escape};
use super::model::{Check, Domain, OperationEntry, TargetFile};
use super::plan::{ATTEMPT_VALUES, RANDOM, RUNNER};
use super::target::Target;
use super::template::references;
use super::unmeant::misspelt;
use super::words;

pub(super) fn mistakes(
    document: &Document,
    file: &TargetFile,
    target: &Target,
    library: &Library,
) -> Vec<Mistake> {
    let mut found = Vec::new();
    kinds(document, file, library, &mut found);
    placeholders(document, file, target, library, &mut found);
    params(document, file, library, &mut found);
    found
}

/// A word of one's own is no mistake; one that is nearly a word that checks ask for is that one.
fn kinds(document: &Document, file: &TargetFile, library: &Library, found: &mut Vec<Mistake>) {
    let words = library.words();
    let (mut of_operations, mut of_principals) = words::of_contracts(library);
    of_operations.extend(words.operations.keys().cloned());
    of_principals.extend(words.principals.keys().cloned());
    // What the file's own limits ask for.
    let limits = serde_json::to_value(&file.rate_limits).unwrap_or_default();
    let own = texts(&limits);
    of_principals.extend(own.iter().map(|text| (*text).to_owned()));
    let mut look = |pointer: String, kinds: &[String], known: &BTreeSet<String>| {
        let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        for (at, kind) in kinds.iter().enumerate() {
            if let Some(meant) = misspelt(kind, &known) {
                let says = format!("no check asks for `{kind}`");
                let mistake = document.mistake_at(&format!("{pointer}/is/{at}"), says);
                found.push(mistake.label(format!("did you mean `{meant}`?")));
            }
        }
    };
    for (name, entry) in &file.operations {
        if let Some(OperationEntry::Spec(spec)) = entry {
            let pointer = format!("/operations/{}", escape(name));
            look(pointer, &spec.kinds, &of_operations);
        }
    }
    for (name, principal) in &file.principals {
        let pointer = format!("/principals/{}", escape(name));
        look(pointer, &principal.kinds, &of_principals);
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(members) => members.values().flat_map(texts).collect(),
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text],
        _ => Vec::new(),
    }
}

/// Placeholders of the file's own operations that neither a principal nor a check fills.
fn placeholders(
    document: &Document,
    file: &TargetFile,
    target: &Target,
    library: &Library,
    found: &mut Vec<Mistake>,
) {
    let of_principals = target
        .principals
        .values()
        .flat_map(|one| one.values.keys().map(String::as_str));
    let mut known: BTreeSet<&str> = of_principals.collect();
    known.extend(ATTEMPT_VALUES);
    known.extend([RUNNER, RANDOM]);
    known.extend(library.given().iter().map(String::as_str));
    let made = target
        .operations
        .values()
        .filter_map(|one| one.makes.as_ref());
    known.extend(made.map(|makes| makes.value.as_str()));
    for (name, entry) in &file.operations {
        let Some(entry) = entry else { continue };
        let pointer = format!("/operations/{}", escape(name));
        let (line, at) = match entry {
            OperationEntry::RequestLine(line) => (Some(line), pointer),
            OperationEntry::Spec(spec) => (spec.request.as_ref(), format!("{pointer}/request")),
        };
        let Some(line) = line else { continue };
        for one in references(line).unwrap_or_default() {
            if one.path.contains('.') || known.contains(one.path) {
                continue;
            }
            let says = format!("no principal has a value `{}`", one.path);
            let mistake = document.mistake_in_text(&at, one.start..one.end, says);
            found.push(match misspelt(one.path, &known) {
                Some(meant) => mistake.label(format!("did you mean `{meant}`?")),
                None => mistake.help("write it under `values` of those who use the operation"),
            });
        }
    }
}

/// A parameter is of the kind of its default, in this contract or else in another.
fn params(document: &Document, file: &TargetFile, library: &Library, found: &mut Vec<Mistake>) {
    let own = library.contract(&file.contract).into_iter();
    let all: Vec<_> = own.chain(library.contracts.values()).collect();
    for (name, value) in &file.params {
        let mut defaults = all
            .iter()
            .filter_map(|one| Some(&one.parameters.get(name)?.default));
        let Some(default) = defaults.find(|default| !default.is_null()) else {
            let is_one = value.is_number() || value.is_boolean();
            if is_one && library.checks().any(|(_, check)| runs_over(check, name)) {
                let pointer = format!("/params/{}", escape(name));
                let says = format!("`{name}` is a list or a map, and this is {}", kind(value));
                found.push(document.mistake_at(&pointer, says));
            }
            continue;
        };
        let is_filled_later = value.as_str().is_some_and(|text| text.contains("${"))
            || default.as_str().is_some_and(|text| text.contains("${"));
        // One is as good as a list of one, where either is a status.
        let is_status = |value: &Value| value.is_number() || value.is_array();
        let is_alike = kind(value) == kind(default)
            || is_status(value) && is_status(default) && !is_list_of_texts(default);
        if value.is_null() || is_filled_later || is_alike {
            continue;
        }
        let pointer = format!("/params/{}", escape(name));
        let says = format!("`{name}` is {}, and this is {}", kind(default), kind(value));
        let shown: String = default.to_string().chars().take(80).collect();
        found.push(
            document
                .mistake_at(&pointer, says)
                .help(format!("such as {shown}")),
        );
    }
}

/// Whether the check has a case for each member of the parameter.
fn runs_over(check: &Check, param: &str) -> bool {
    check.for_each.values().any(|domain| match domain {
        Domain::Selected(selected) => selected.param.as_deref() == Some(param),
        Domain::Values(_) => false,
    })
}

fn is_list_of_texts(value: &Value) -> bool {
    value
        .as_array()
        .is_some_and(|items| items.iter().any(Value::is_string))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
