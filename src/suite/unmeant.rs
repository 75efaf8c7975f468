//! What a target file says and cannot mean: names that nothing has, and values out of bounds. Each would otherwise take
//! checks away without a word.

use std::collections::BTreeSet;

use serde_json::Value;

use super::library::Library;
use super::load::{Document, Mistake, escape, nearest};
use super::model::{OperationEntry, StatusSet, TargetFile};
use super::target::Target;
use super::template::references;

/// Methods of RFC 9110 and RFC 5789; any other is taken as it is, unless it looks like one of these.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// Nobody waits longer for one answer.
const A_DAY_S: u64 = 24 * 3600;

pub(super) fn mistakes(
    document: &Document,
    file: &TargetFile,
    target: &Target,
    library: &Library,
) -> Vec<Mistake> {
    let mut found = Vec::new();
    roles(document, file, target, &mut found);
    operations(document, file, &mut found);
    features(document, file, library, &mut found);
    levels(document, file, library, &mut found);
    secrets(document, file, &mut found);
    if file.consent.max_requests_per_second == Some(0) {
        found.push(
            document
                .mistake_at(
                    "/consent/max_requests_per_second",
                    "at no request a second nothing can be sent",
                )
                .help("leave it out for the default, or write 1 or more"),
        );
    }
    let limits = &file.limits;
    for (name, seconds) in [
        ("connect_s", limits.connect_s),
        ("answer_s", limits.answer_s),
        ("retry_s", limits.retry_s),
    ] {
        if seconds.is_some_and(|seconds| seconds > A_DAY_S) {
            let says = format!("`{name}` is {A_DAY_S} at most, which is a day");
            found.push(document.mistake_at(&format!("/limits/{name}"), says));
        }
    }
    found
}

/// A role that nobody holds may be one that there is no credential for; one that is nearly another's name is that one.
fn roles(document: &Document, file: &TargetFile, target: &Target, found: &mut Vec<Mistake>) {
    let held: BTreeSet<&str> = target
        .principals
        .values()
        .flat_map(|principal| principal.roles.iter().map(String::as_str))
        .collect();
    for name in file.operations.keys() {
        let allow = target
            .operations
            .get(name)
            .and_then(|one| one.allow.as_ref());
        for (at, role) in allow.into_iter().flatten().enumerate() {
            let pointer = format!("/operations/{}/allow/{at}", escape(name));
            if let Some(meant) = misspelt(role, &held)
                && document.value().pointer(&pointer).and_then(Value::as_str) == Some(role)
            {
                let says = format!("no principal has the role `{role}`");
                let mistake = document.mistake_at(&pointer, says);
                found.push(mistake.label(format!("did you mean `{meant}`?")));
            }
        }
    }
}

fn operations(document: &Document, file: &TargetFile, found: &mut Vec<Mistake>) {
    let methods = BTreeSet::from(METHODS);
    for (name, entry) in &file.operations {
        let pointer = format!("/operations/{}", escape(name));
        let (line, at) = match entry {
            Some(OperationEntry::RequestLine(line)) => (Some(line), pointer.clone()),
            Some(OperationEntry::Spec(spec)) => {
                if let Some(says) = spec.success.as_ref().and_then(no_status) {
                    found.push(
                        document
                            .mistake_at(&format!("{pointer}/success"), says)
                            .help("write a status such as `201`, a class such as `2xx`, or a list"),
                    );
                }
                (spec.request.as_ref(), format!("{pointer}/request"))
            }
            None => continue,
        };
        let method = line.and_then(|line| line.split(' ').next());
        if let Some(method) = method
            && let Some(meant) = meant(method, &methods)
        {
            let says = format!("there is no method `{method}`");
            let mistake = document.mistake_in_text(&at, 0..method.len(), says);
            found.push(mistake.label(format!("did you mean `{meant}`?")));
        }
    }
}

fn no_status(set: &StatusSet) -> Option<String> {
    match set {
        StatusSet::Code(100..=599) => None,
        StatusSet::Code(code) => Some(format!("{code} is no status; they go from 100 to 599")),
        StatusSet::List(sets) => sets.iter().find_map(no_status),
        StatusSet::Text(text) if text.contains("${") => None,
        StatusSet::Text(text) => {
            let is_class = matches!(text.as_bytes(), [b'1'..=b'5', b'x', b'x']);
            let is_code = text
                .parse()
                .is_ok_and(|code: u16| (100..=599).contains(&code));
            (!is_class && !is_code).then(|| format!("`{text}` is no status"))
        }
    }
}

fn features(document: &Document, file: &TargetFile, library: &Library, found: &mut Vec<Mistake>) {
    let mut known: BTreeSet<&str> = library
        .checks()
        .flat_map(|(_, check)| check.needs.features.iter().map(String::as_str))
        .collect();
    let of_contracts = library.contracts.values();
    known.extend(of_contracts.flat_map(|one| one.features.iter().map(String::as_str)));
    for (at, feature) in file.features.iter().enumerate() {
        if let Some(meant) = meant(feature, &known) {
            let says = format!("no check asks for `{feature}`");
            let mistake = document.mistake_at(&format!("/features/{at}"), says);
            found.push(mistake.label(format!("did you mean `{meant}`?")));
        }
    }
}

fn levels(document: &Document, file: &TargetFile, library: &Library, found: &mut Vec<Mistake>) {
    let known: BTreeSet<&str> = library
        .checks()
        .map(|(_, check)| check.id.as_str())
        .collect();
    for id in file.levels.keys() {
        if known.contains(id.as_str()) || id.contains('*') {
            continue;
        }
        let pointer = format!("/levels/{}", escape(id));
        let mistake = document.mistake_at_key(&pointer, format!("there is no check `{id}`"));
        found.push(match meant(id, &known) {
            Some(meant) => mistake.label(format!("did you mean `{meant}`?")),
            None => mistake.help("`proofmark list` shows all"),
        });
    }
}

/// References to secrets that the file does not have. Contracts may refer to such, since a target may lack them.
fn secrets(document: &Document, file: &TargetFile, found: &mut Vec<Mistake>) {
    let known: BTreeSet<&str> = file.secrets.keys().map(String::as_str).collect();
    let mut open = vec![(String::new(), document.value())];
    while let Some((pointer, value)) = open.pop() {
        match value {
            Value::Object(members) => {
                let members = members.iter().rev();
                open.extend(
                    members.map(|(key, value)| (format!("{pointer}/{}", escape(key)), value)),
                );
            }
            Value::Array(items) => {
                let items = items.iter().enumerate().rev();
                open.extend(items.map(|(at, value)| (format!("{pointer}/{at}"), value)));
            }
            Value::String(text) => {
                for one in references(text).unwrap_or_default() {
                    let Some(name) = one.path.strip_prefix("secret.") else {
                        continue;
                    };
                    if known.contains(name) {
                        continue;
                    }
                    let says = format!("the file has no secret `{name}`");
                    let mistake = document.mistake_in_text(&pointer, one.start..one.end, says);
                    found.push(match meant(name, &known) {
                        Some(meant) => mistake.label(format!("did you mean `{meant}`?")),
                        None => mistake.help("name it under `secrets`"),
                    });
                }
            }
            _ => {}
        }
    }
}

/// The same for names that are often alike, as `editor` and `auditor` or `tier1` and `tier2` are: one slip, and no digit.
pub(super) fn misspelt<'k>(name: &str, known: &BTreeSet<&'k str>) -> Option<&'k str> {
    let slip = |meant: &&str| {
        let letters = |text: &str| !text.contains(|c: char| c.is_ascii_digit());
        strsim::damerau_levenshtein(name, meant) == 1 && letters(name) && letters(meant)
    };
    meant(name, known).filter(slip)
}

/// The name that a name which nothing has is nearly.
fn meant<'k>(name: &str, known: &BTreeSet<&'k str>) -> Option<&'k str> {
    if known.contains(name) {
        return None;
    }
    nearest(name, known.iter().copied())
}
