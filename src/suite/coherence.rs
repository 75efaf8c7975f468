//! Mistakes of meaning in suites and contracts: names that nobody declared, ids that are not one, steps that refer to
//! nothing.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use indexmap::IndexMap;
use serde_json::Value;

use super::gather::{Read, on_all_cores};
use super::load::{Mistake, push_token};
use super::model::{
    Check, Contract, Domain, Expectation, Polled, ProbeKind, SameAs, Sayings, Spoil, Step, Suite,
};
use super::plan::{ATTEMPT_VALUES, RANDOM, RUNNER};
use super::template::{alternatives, references};

/// Answers that suites may name; every contract declares all of them that its checks use.
pub fn mistakes(suites: &[Read<Suite>], contracts: &[Read<Contract>]) -> Vec<Mistake> {
    let mut found = Vec::new();
    let mut ids: HashMap<&str, (usize, usize)> = HashMap::new();
    let lists: HashSet<&str> = suites
        .iter()
        .flat_map(|s| s.value.lists.keys().map(String::as_str))
        .collect();
    let situations: HashSet<&str> = suites
        .iter()
        .flat_map(|s| s.value.situations.keys().map(String::as_str))
        .collect();
    let answers: HashSet<&str> = contracts
        .iter()
        .flat_map(|c| c.value.answers.keys().map(String::as_str))
        .collect();
    let params: HashSet<&str> = contracts
        .iter()
        .flat_map(|c| c.value.parameters.keys().map(String::as_str))
        .collect();
    let known = Known {
        lists,
        situations,
        answers,
        params,
    };
    for (file, suite) in suites.iter().enumerate() {
        for (at, check) in suite.value.checks.iter().enumerate() {
            let pointer = format!("/checks/{at}/id");
            if !well_formed(&check.id) {
                found.push(
                    suite
                        .document
                        .mistake_at(&pointer, format!("`{}` is no check id", check.id))
                        .help(
                            "write capital words and a number with hyphens between, as the checks that `proofmark list` shows",
                        ),
                );
            }
            if let Some((other_file, other_at)) = ids.insert(&check.id, (file, at)) {
                let other = &suites[other_file].document;
                found.push(
                    suite
                        .document
                        .mistake_at(&pointer, format!("two checks have the id `{}`", check.id))
                        .also(other, &format!("/checks/{other_at}/id"), "the other one"),
                );
            }
        }
    }
    let of_suite = |suite: &Read<Suite>| {
        let mut found = Vec::new();
        for (at, check) in suite.value.checks.iter().enumerate() {
            check_mistakes(suite, at, check, &known, &mut found);
        }
        found
    };
    found.extend(on_all_cores(suites, of_suite).into_iter().flatten());
    selection_mistakes(suites, &ids, &mut found);
    found
}

/// A selection names checks that there are, some at least, and has its name for itself.
fn selection_mistakes(
    suites: &[Read<Suite>],
    ids: &HashMap<&str, (usize, usize)>,
    found: &mut Vec<Mistake>,
) {
    let mut homes: HashMap<&str, (usize, String)> = HashMap::new();
    for (file, suite) in suites.iter().enumerate() {
        let document = &suite.document;
        for (name, selection) in &suite.value.selections {
            let here = format!("/selections/{}", escaped(name));
            if let Some((other, pointer)) = homes.insert(name, (file, here.clone())) {
                let says = format!("two selections are called `{name}`");
                found.push(document.mistake_at_key(&here, says).also(
                    &suites[other].document,
                    &pointer,
                    "the other one",
                ));
            }
            if selection.checks.is_empty() {
                found.push(document.mistake_at(
                    &format!("{here}/checks"),
                    "a selection names at least one check",
                ));
            }
            for (at, id) in selection.checks.iter().enumerate() {
                if !ids.contains_key(id.as_str()) {
                    found.push(
                        document
                            .mistake_at(
                                &format!("{here}/checks/{at}"),
                                format!("there is no check `{id}`"),
                            )
                            .help("write the whole id of a check, as `proofmark list` shows it"),
                    );
                }
            }
        }
    }
}

struct Known<'a> {
    lists: HashSet<&'a str>,
    situations: HashSet<&'a str>,
    answers: HashSet<&'a str>,
    params: HashSet<&'a str>,
}

const ROOTS: [&str; 9] = [
    "param",
    "list",
    "value",
    "target",
    "operation",
    "operations",
    "principals",
    "credentials",
    "answer",
];

fn check_mistakes(
    suite: &Read<Suite>,
    at: usize,
    check: &Check,
    known: &Known<'_>,
    found: &mut Vec<Mistake>,
) {
    let document = &suite.document;
    let here = format!("/checks/{at}");
    if check.steps.is_empty() {
        found.push(
            document.mistake_at_key(&format!("{here}/steps"), "a check has at least one step"),
        );
    }
    let judged = check.steps.iter().any(|step| {
        step.sayings()
            .is_some_and(|sayings| sayings.expected().any(|(key, _)| key != "control"))
    });
    if !judged && !check.steps.is_empty() {
        found.push(
            document
                .mistake_at_key(
                    &format!("{here}/steps"),
                    "no step of this check expects anything, so it cannot fail",
                )
                .help("give a step an `expect`, a `should` or an `advise`"),
        );
    }
    for (name, domain) in &check.for_each {
        if let Domain::Selected(selected) = domain {
            let pointer = format!("{here}/for_each/{name}");
            if let Some(list) = &selected.list
                && !known.lists.contains(list.as_str())
            {
                found.push(document.mistake_at(
                    &format!("{pointer}/list"),
                    format!("there is no list `{list}`"),
                ));
            }
        }
    }
    let mut names: HashSet<&str> = check.for_each.keys().map(String::as_str).collect();
    names.extend(ATTEMPT_VALUES);
    names.extend([
        "request",
        "own",
        "senders",
        "proof",
        "another_proof",
        RUNNER,
        RANDOM,
    ]);
    let controls = check.control.iter();
    let before: HashSet<&str> = controls.filter_map(|send| send.save.as_deref()).collect();
    let mut saved: HashSet<&str> = HashSet::new();
    for (index, step) in check.steps.iter().enumerate() {
        let pointer = format!("{here}/steps/{index}");
        if let Step::Observe(observe) = step
            && !observe.observe.contains("${")
            && !known.situations.contains(observe.observe.as_str())
        {
            let says = format!("there is no situation `{}`", observe.observe);
            found.push(document.mistake_at(&format!("{pointer}/observe"), says));
        }
        for (place, name) in sent_again(step) {
            if !saved.contains(name) {
                let says = format!("no earlier step of this check is saved as `{name}`");
                found.push(document.mistake_at(&format!("{pointer}/{place}"), says));
            }
        }
        if let Step::Wait(wait) = step
            && wait
                .share
                .is_some_and(|share| !(0.0..=1.0).contains(&share))
        {
            found.push(
                document.mistake_at(&format!("{pointer}/share"), "a share is between 0 and 1"),
            );
        }
        for (key, expectation) in step.sayings().iter().flat_map(Sayings::expected) {
            for name in looked_back_at(expectation) {
                if !saved.contains(name) && !before.contains(name) {
                    let says = format!("no earlier step of this check is saved as `{name}`");
                    found.push(document.mistake_at(&format!("{pointer}/{key}"), says));
                }
            }
        }
        if matches!(step, Step::Compare(_)) && !check.alone {
            found.push(
                document
                    .mistake_at(
                        &format!("{pointer}/compare"),
                        "times are measured while other checks are under way",
                    )
                    .help("say `alone: true`"),
            );
        }
        if matches!(step, Step::Rotate(_)) && !check.alone {
            found.push(
                document
                    .mistake_at(
                        &format!("{pointer}/rotate"),
                        "keys are changed while other checks are under way",
                    )
                    .help("say `alone: true`"),
            );
        }
        if matches!(step, Step::Probe(probe) if probe.probe == ProbeKind::ShownAgain) && !check.last
        {
            found.push(
                document
                    .mistake_at(
                        &format!("{pointer}/probe"),
                        "answers that come after it are not searched",
                    )
                    .help("say `last: true`"),
            );
        }
        if let Step::Send(send) = step
            && let Some(spoil) = &send.spoil
            && !spoil.contains("${")
            && spoil != "none"
            && serde_json::from_value::<Spoil>(Value::String(spoil.clone())).is_err()
        {
            found.push(document.mistake_at(
                &format!("{pointer}/spoil"),
                format!("`{spoil}` is no way to spoil a credential"),
            ));
        }
        for (key, expectation) in step.sayings().iter().flat_map(Sayings::expected) {
            for name in answer_names(expectation) {
                if !name.contains("${") && !known.answers.contains(name.as_str()) {
                    let says = format!("no contract has an answer `{name}`");
                    found.push(document.mistake_at(&format!("{pointer}/{key}"), says));
                }
            }
        }
        let sent = match step {
            Step::Send(send) => Some(&**send),
            Step::Burst(burst) => Some(&*burst.burst),
            _ => None,
        };
        if let (Some(send), Some(sayings)) = (sent, step.sayings())
            && send.cut.is_some()
        {
            let capture = sayings.capture.filter(|capture| !capture.is_empty());
            let capture = capture.map(|_| "capture");
            let http = send.http.as_deref().filter(|version| *version != "1.1");
            let keys = sayings.expected().map(|(key, _)| key);
            for key in keys.chain(capture).chain(http.map(|_| "http")) {
                found.push(
                    document
                        .mistake_at(
                            &format!("{pointer}/{key}"),
                            "nothing is read of the answer to a request that is cut, and only HTTP/1.1 has a connection \
                             to close for one",
                        )
                        .help("look at the answer to a later request, such as a `resend` of this one"),
                );
            }
        }
        for (at, send) in step.requests().into_iter().enumerate() {
            if send.cut.is_some() && matches!(step, Step::Race(_)) {
                found.push(document.mistake_at(
                    &pointer,
                    "requests of a race are sent whole; `cut` goes with `send` and `burst`",
                ));
            }
            let within = match step {
                Step::Race(_) => format!("{pointer}/race/{at}/of"),
                Step::Burst(_) => format!("{pointer}/burst"),
                Step::Compare(_) => format!("{pointer}/compare/{at}"),
                Step::Poll(poll) => match poll.place(send) {
                    Some(at) => format!("{pointer}/poll/{at}"),
                    None => format!("{pointer}/meanwhile"),
                },
                _ => continue,
            };
            for (key, _) in send.sayings().expected() {
                found.push(
                    document
                        .mistake_at(
                            &format!("{within}/{key}"),
                            "one of many is not judged alone",
                        )
                        .help("write it beside the verb; it is about all of them"),
                );
            }
        }
        let Some(sayings) = step.sayings() else {
            continue;
        };
        saved.extend(sayings.save);
        names.extend(sayings.save);
        let captures = sayings.capture.into_iter().flat_map(IndexMap::keys);
        names.extend(captures.map(String::as_str));
    }
    names.extend(
        check
            .control
            .iter()
            .flat_map(|send| send.capture.keys().map(String::as_str)),
    );
    template_mistakes(suite, at, &names, known, found);
}

/// Every `${…}` of a check refers to something that is known by then.
fn template_mistakes(
    suite: &Read<Suite>,
    check: usize,
    names: &HashSet<&str>,
    known: &Known<'_>,
    found: &mut Vec<Mistake>,
) {
    let document = &suite.document;
    for Placed { pointer, text } in suite.templates.get(check).into_iter().flatten() {
        let all = match references(text) {
            Ok(all) => all,
            Err(error) => {
                found.push(document.mistake_at(pointer, error.to_string()));
                continue;
            }
        };
        let named = all
            .iter()
            .flat_map(|reference| alternatives(reference.path).map(move |path| (reference, path)));
        for (reference, name) in named {
            let mut path = name.split('.');
            let first = path.next().unwrap_or_default();
            let second = path.next().unwrap_or_default();
            let says = match first {
                "param" if !known.params.contains(second) => {
                    format!("no contract has a parameter `{second}`")
                }
                "list" if !known.lists.contains(second) => format!("there is no list `{second}`"),
                _ if names.contains(first) || names.contains(name) || ROOTS.contains(&first) => {
                    continue;
                }
                _ => format!("`{first}` is nothing that this check knows"),
            };
            let range = reference.start..reference.end;
            found.push(document.mistake_in_text(pointer, range, says).help(
                "it may be a variable of `for_each`, a `capture` of an earlier step, `param.NAME`, `list.NAME`, \
                 `target.host`, `canary`, `uuid`, `number` or `credentials.PRINCIPAL.KIND`",
            ));
        }
    }
}

/// A text with references, and the JSON pointer to where it stands.
pub struct Placed {
    pointer: String,
    text: String,
}

/// The texts with references in each check of a suite; of anything else there are none.
pub fn templates(document: &Value) -> Vec<Vec<Placed>> {
    let checks = document.get("checks").and_then(Value::as_array);
    let of_check = |(at, check)| {
        let mut texts = Vec::new();
        collect(check, &mut format!("/checks/{at}"), &mut texts);
        texts
    };
    checks
        .into_iter()
        .flatten()
        .enumerate()
        .map(of_check)
        .collect()
}

/// `pointer` leads to the value, and is as it was afterwards.
fn collect(value: &Value, pointer: &mut String, texts: &mut Vec<Placed>) {
    let length = pointer.len();
    match value {
        Value::String(text) if text.contains("${") => texts.push(Placed {
            pointer: pointer.clone(),
            text: text.clone(),
        }),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let _ = write!(pointer, "/{at}");
                collect(item, pointer, texts);
                pointer.truncate(length);
            }
        }
        Value::Object(members) => {
            for (key, item) in members {
                push_token(pointer, key);
                collect(item, pointer, texts);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

/// A member's name in a JSON Pointer (RFC 6901 §3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Names of earlier steps that a step goes back to, and where it says so.
fn sent_again(step: &Step) -> Vec<(String, &str)> {
    match step {
        Step::Resend(resend) => vec![("resend".to_owned(), resend.resend.as_str())],
        Step::Poll(poll) => {
            let again = poll
                .poll
                .iter()
                .enumerate()
                .filter_map(|(at, one)| match one {
                    Polled::Again(again) => {
                        Some((format!("poll/{at}/resend"), again.resend.as_str()))
                    }
                    Polled::Send(_) => None,
                });
            let since = poll.since.as_deref().map(|name| ("since".to_owned(), name));
            again.chain(since).collect()
        }
        _ => Vec::new(),
    }
}

/// Names of earlier steps that an expectation compares with.
fn looked_back_at(expectation: &Expectation) -> Vec<&str> {
    let Expectation::Conditions(conditions) = expectation else {
        return Vec::new();
    };
    let same = conditions.same_as.iter().map(|same| match same {
        SameAs::Step(step) => step.as_str(),
        SameAs::Rule(rule) => rule.step.as_str(),
    });
    let times = conditions.seconds_since.keys().map(String::as_str);
    let inner = conditions.any_of.iter().chain(conditions.not.as_deref());
    let deeper = inner.flat_map(looked_back_at);
    let when = conditions.when.iter().flat_map(|when| {
        let times = when.seconds_since.keys();
        times.map(String::as_str)
    });
    same.chain(times).chain(deeper).chain(when).collect()
}

fn answer_names(expectation: &Expectation) -> Vec<&String> {
    let conditions = match expectation {
        Expectation::Answer(name) => return vec![name],
        Expectation::Conditions(conditions) => conditions,
    };
    let inner = conditions.any_of.iter().filter_map(|inner| match inner {
        Expectation::Answer(name) => Some(name),
        Expectation::Conditions(_) => None,
    });
    conditions.answer.iter().chain(inner).collect()
}

fn well_formed(id: &str) -> bool {
    let words: Vec<&str> = id.split('-').collect();
    words.len() >= 2
        && words.iter().all(|word| {
            !word.is_empty()
                && word
                    .chars()
                    .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        })
        && words[0].chars().all(|c| c.is_ascii_uppercase())
}
