//! Steps in sentences, for the explain page and the catalogue: what is done, and what is expected of the answer. Built
//! from the data alone, so that the page cannot say anything else than what is run.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::forging::{NO_PROOF, RIGHT_PROOF};
use super::model::{
    Body, Capture, Check, Expectation, HeaderChange, Probe, ProbeKind, Rotation, Sayings, Send,
    Since, Spoil, Step, Transport,
};
use super::narrate_poll::{narrate_compare, narrate_poll};
use super::narrate_race::{narrate_burst, narrate_race};
use super::template::{Found, Scope, references, show};
use crate::judge::{brief, describe};
use crate::wire::Cut;

/// One step in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Narration {
    /// What is done: an imperative sentence without a full stop.
    pub does: String,
    /// What is expected of the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expects: Vec<Expected>,
}

/// One expectation in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Expected {
    pub force: Force,
    /// A phrase that reads after "expects".
    pub says: String,
    /// What it means when it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What hangs on an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Force {
    /// A correct target does so; otherwise there is no verdict.
    Control,
    /// The promise, at the check's level.
    Expect,
    Should,
    Advise,
}

/// The steps of a check, controls and clean-up aside. `situation` gives the title of a situation by its name.
pub fn steps(check: &Check, situation: &dyn Fn(&str) -> Option<String>) -> Vec<Narration> {
    check.steps.iter().map(|s| step(s, situation)).collect()
}

/// A request that is a control: what it expects is a condition for a verdict, and is `accepted` where it says nothing.
pub fn control(send: &Send) -> Narration {
    let mut narration = narrate_send(send);
    for expected in &mut narration.expects {
        if expected.force == Force::Expect {
            expected.force = Force::Control;
        }
    }
    if narration.expects.is_empty() {
        narration.expects.push(Expected {
            force: Force::Control,
            says: "the answer `accepted`".to_owned(),
            because: None,
        });
    }
    narration
}

/// A request whose answer is not judged.
pub fn clean_up(send: &Send) -> Narration {
    Narration {
        does: narrate_send(send).does,
        expects: Vec::new(),
    }
}

fn narrate_rotation(rotation: Rotation) -> &'static str {
    match rotation {
        Rotation::Publish => "Publish a new key, and sign with it from now on",
        Rotation::Withdraw => "Take all keys but the newest off the published set",
        Rotation::Swap => {
            "Publish a new key in the place of all others, and sign with it from now on"
        }
        Rotation::SignWithOld => "Sign with the key that was withdrawn",
        Rotation::Fail => "Answer 500 to whoever asks for the keys",
        Rotation::Empty => "Publish an empty key set",
        Rotation::Hang => "Leave whoever asks for the keys without an answer",
        Rotation::Restore => "Publish the keys of the beginning, and sign with them again",
    }
}

fn step(step: &Step, situation: &dyn Fn(&str) -> Option<String>) -> Narration {
    let what = match step {
        Step::Send(send) => return narrate_send(send),
        Step::Observe(observe) => match situation(&observe.observe) {
            Some(title) => format!("Look at the answer to {title}"),
            None => format!("Look at the answer to {}", plain(&observe.observe)),
        },
        Step::Resend(resend) => {
            let own = match resend.fresh_connection {
                true => ", on a connection of its own",
                false => "",
            };
            let node = match &resend.node {
                Some(node) => format!(", {}", to_node(node)),
                None => String::new(),
            };
            format!(
                "Send the request of `{}` again, byte for byte{own}{node}",
                resend.resend
            )
        }
        Step::Wait(wait) => {
            let seconds = plain(&show(&wait.wait));
            let seconds = match wait.share {
                Some(share) => format!("{} % of {seconds} seconds", (share * 100.0).round()),
                None => format!("{seconds} seconds"),
            };
            match wait.since {
                None => format!("Wait for {seconds}"),
                Some(Since::FirstSent) => {
                    format!("Wait until {seconds} after the first request was sent")
                }
                Some(Since::FirstAnswered) => {
                    format!("Wait until {seconds} after the first step was answered")
                }
            }
        }
        Step::Rotate(rotate) => narrate_rotation(rotate.rotate).to_owned(),
        Step::Probe(probe) => narrate_probe(probe),
        Step::Race(race) => narrate_race(race),
        Step::Burst(burst) => narrate_burst(burst),
        Step::Poll(poll) => narrate_poll(poll),
        Step::Compare(compare) => narrate_compare(compare),
    };
    match step.sayings() {
        Some(sayings) => Narration {
            does: finished(what, sayings.save, sayings.capture.into_iter().flatten()),
            expects: expected(sayings),
        },
        None => Narration {
            does: what,
            expects: Vec::new(),
        },
    }
}

fn narrate_probe(probe: &Probe) -> String {
    match probe.probe {
        ProbeKind::TlsVersion => {
            let version = probe.version.as_deref().map_or("…".to_owned(), plain);
            match version.strip_prefix("the ") {
                Some(variable) => format!("Offer the TLS {variable} and nothing newer"),
                None => format!("Offer TLS {version} and nothing newer"),
            }
        }
        ProbeKind::Certificate => "Look at the certificate chain that the target sends".to_owned(),
        ProbeKind::Alpn => format!("Offer {} by ALPN", quoted(&probe.offer)),
        ProbeKind::H2cPriorKnowledge => {
            "Speak HTTP/2 with prior knowledge to the plain-HTTP address".to_owned()
        }
        ProbeKind::H2cUpgrade => "Ask the plain-HTTP address for `Upgrade: h2c`".to_owned(),
        ProbeKind::Token => {
            let whose = probe.principal.as_deref().map_or("…".to_owned(), plain);
            format!("Look at the token that the target issued to {whose}")
        }
        ProbeKind::Drawn => {
            let name = probe.of.as_deref().unwrap_or("…");
            format!("See how much of what was kept as `{name}` is chance")
        }
        ProbeKind::ShownAgain => {
            "Search every answer of the run for every secret that another answer had shown"
                .to_owned()
        }
    }
}

/// Members of `Send` that [`narrate_send`] has words for; any other is shown as it is written.
const SPOKEN: [&str; 28] = [
    "send",
    "as",
    "values_of",
    "values",
    "placeholders",
    "spoil",
    "token",
    "proof",
    "without",
    "method",
    "target",
    "query",
    "headers",
    "body",
    "content_type",
    "over",
    "node",
    "http",
    "fresh_connection",
    "await_continue",
    "cut",
    "given",
    "control",
    "expect",
    "should",
    "advise",
    "save",
    "capture",
];

fn narrate_send(send: &Send) -> Narration {
    let who = send.principal.as_deref().unwrap_or("anonymous");
    let mut what = format!("Send {} as {}", plain(&send.send), whom(who));
    let mut also = |text: String| {
        what.push_str(", ");
        what.push_str(&text);
    };
    if let Some(owner) = &send.values_of {
        also(format!("with the ids of what {} owns", plain(owner)));
    }
    for (name, value) in &send.values {
        also(format!("with {} for {}", brief(&show(value)), plain(name)));
    }
    if let Some(text) = &send.placeholders {
        also(match text.as_str() {
            "unknown" => "with ids of the same form that nothing has".to_owned(),
            text => format!("with {} for every id", plain(text)),
        });
    }
    if let Some(spoil) = &send.spoil {
        also(match serde_json::from_value(Value::String(spoil.clone())) {
            Ok(spoil) => spoilt(spoil).to_owned(),
            Err(_) => format!("with {} done to the credential", plain(spoil)),
        });
    }
    if let Some(forgery) = &send.token {
        also(format!("with its token forged by {}", plain(forgery)));
    }
    match send.proof.as_deref() {
        None => {}
        Some(NO_PROOF) => also("without a proof of possession".to_owned()),
        Some(RIGHT_PROOF) => also("with a right proof of possession".to_owned()),
        Some(forgery) => also(format!(
            "with its proof of possession forged by {}",
            plain(forgery)
        )),
    }
    if !send.without.is_empty() {
        also(format!("without {}", quoted(&send.without)));
    }
    if let Some(method) = &send.method {
        also(format!("with the method {}", plain(method)));
    }
    if let Some(target) = &send.target {
        also(format!("to the path {}", plain(target)));
    }
    for (name, value) in &send.query {
        also(match value {
            Some(value) => format!("with the query parameter `{name}` set to {}", plain(value)),
            None => format!("without the query parameter `{name}`"),
        });
    }
    for (name, change) in &send.headers {
        also(match change {
            HeaderChange::Absent(()) => format!("without `{name}`"),
            HeaderChange::Line(value) => format!("with {}", brief(&format!("{name}: {value}"))),
            HeaderChange::Lines(values) => {
                format!("with `{name}` {} times: {}", values.len(), quoted(values))
            }
        });
    }
    if let Some(body) = &send.body {
        also(narrate_body(body));
    }
    match send.content_type.as_deref() {
        None => {}
        Some("") => also("without a `Content-Type`".to_owned()),
        Some(kind) => also(format!("as {}", plain(kind))),
    }
    match send.over {
        None | Some(Transport::Https) => {}
        Some(Transport::Plain) => also("over plain HTTP".to_owned()),
    }
    if let Some(node) = &send.node {
        also(to_node(node));
    }
    if let Some(version) = &send.http {
        also(format!("over HTTP/{version}"));
    }
    if send.fresh_connection {
        also("on a connection of its own".to_owned());
    }
    if send.await_continue {
        also("waiting for `100 Continue` before the body".to_owned());
    }
    match send.cut {
        None => {}
        Some(Cut::MidBody) => also("and close the connection after half of the body".to_owned()),
        Some(Cut::AfterRequest) => {
            also("and close the connection without reading the answer".to_owned())
        }
        Some(Cut::MidAnswer) => {
            also("and close the connection in the middle of the answer".to_owned())
        }
    }
    if let Ok(Value::Object(members)) = serde_json::to_value(send) {
        for (name, value) in &members {
            if !SPOKEN.contains(&name.as_str()) {
                also(format!(
                    "with {}",
                    brief(&format!("{name}: {}", show(value)))
                ));
            }
        }
    }
    if let Some(given) = &send.given {
        also(format!(
            "where {} is given",
            plain(&format!("${{{}}}", given.trim()))
        ));
    }
    Narration {
        does: finished(what, send.save.as_deref(), &send.capture),
        expects: expected(send.sayings()),
    }
}

fn spoilt(spoil: Spoil) -> &'static str {
    match spoil {
        Spoil::Absent => "without its credential",
        Spoil::Empty => "with nothing where its credential stands",
        Spoil::Blank => "with a blank where its credential stands",
        Spoil::Malformed => "with `x` for a credential",
        Spoil::Unknown => "with a well-formed credential that was never issued",
        Spoil::Truncated => "with the last eight characters of its credential cut off",
        Spoil::Altered => "with one character of its credential altered",
        Spoil::OtherScheme => {
            "with its credential under an authentication scheme that was not asked for"
        }
        Spoil::Bare => "with its credential bare of the scheme",
        Spoil::Twice => "with its credential sent twice",
        Spoil::LowerScheme => "with the scheme of its credential in lower case",
        Spoil::UpperScheme => "with the scheme of its credential in upper case",
        Spoil::TwoSpaces => "with two spaces behind the scheme of its credential",
        Spoil::Tab => "with a tab behind the scheme of its credential",
    }
}

fn narrate_body(body: &Body) -> String {
    match body {
        Body::Json(value) => format!("with the JSON body {}", brief(&value.to_string())),
        Body::Patch(value) => format!("with its body changed by {}", brief(&value.to_string())),
        Body::Text(text) => format!("with the body {}", brief(text)),
        Body::Form(fields) => {
            let fields: Vec<String> = fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("with the form {}", brief(&fields.join("&")))
        }
        Body::Hex(digits) => format!("with the octets {}", brief(digits)),
        Body::Filler(octets) => format!("with a JSON body of {octets} octets"),
        Body::Bomb(octets) => {
            format!("with a compressed JSON body that unpacks to {octets} octets")
        }
        Body::Doubled(name) => format!(
            "with its body, in which the members that {} breaks the schema with stand once more",
            plain(name)
        ),
        Body::Nested(depth) => format!("with a JSON body of arrays nested {depth} deep"),
        Body::Violation(name) => format!(
            "with a body that breaks the schema by {}",
            plain(name).replace("the violation", "the chosen violation")
        ),
        Body::Exchange(principal) => {
            format!("with what {} sends to get its credential", plain(principal))
        }
        Body::AsForm(_) => "with the members of its body as a form".to_owned(),
        Body::Texts(text) => {
            format!(
                "with every text of its body replaced by {}",
                brief(&text.to_string())
            )
        }
        Body::None(()) => "without a body".to_owned(),
    }
}

fn finished<'c>(
    mut what: String,
    save: Option<&str>,
    captures: impl IntoIterator<Item = (&'c String, &'c Capture)>,
) -> String {
    if let Some(name) = save {
        what.push_str(&format!("; call this `{name}`"));
    }
    for (name, capture) in captures {
        let place = match capture {
            Capture {
                json: Some(path), ..
            } => format!("`{path}` of the body"),
            Capture {
                header: Some(field),
                ..
            } => format!("the field `{field}`"),
            Capture {
                cookie: Some(cookie),
                ..
            } => format!("the cookie `{cookie}`"),
            Capture {
                made_by: Some(_), ..
            } => "the id of what it made".to_owned(),
            _ => "the body".to_owned(),
        };
        let part = match &capture.matches {
            Some(pattern) => format!("what {} matches in ", brief(pattern)),
            None => String::new(),
        };
        let of = if capture.each {
            " of each accepted answer"
        } else {
            ""
        };
        what.push_str(&format!("; keep {part}{place}{of} as `{name}`"));
    }
    what
}

fn expected(sayings: Sayings<'_>) -> Vec<Expected> {
    let in_words = |(key, expectation): (&str, &Expectation)| Expected {
        force: match key {
            "control" => Force::Control,
            "expect" => Force::Expect,
            "should" => Force::Should,
            _ => Force::Advise,
        },
        says: describe::expectation(expectation, &Unfilled),
        because: match expectation {
            Expectation::Answer(_) => None,
            Expectation::Conditions(conditions) => conditions.because.clone(),
        },
    };
    sayings.expected().map(in_words).collect()
}

/// References stay as they are written: a page about a check is about no target.
pub(super) struct Unfilled;

impl Scope for Unfilled {
    fn find(&self, _: &[&str]) -> Option<Found> {
        None
    }
}

/// A principal: `user` in backquotes, `${low}` as `the low principal`.
fn whom(text: &str) -> String {
    let said = plain(text);
    let of_a_name = said.starts_with("the ") && !said.contains("principal");
    if of_a_name && !said.contains(" of ") {
        format!("{said} principal")
    } else {
        said
    }
}

fn to_node(node: &Value) -> String {
    match node {
        Value::String(reference) => format!("to {}", plain(reference)),
        number => format!("to node {number}"),
    }
}

/// `${operation}` → `the operation`, `${operation.state}` → `the state of the operation`, `${param.x}` → `the parameter
/// x`; any other text in backquotes, with its references as they are written.
pub(super) fn plain(text: &str) -> String {
    if let Ok(all) = references(text)
        && let [only] = all.as_slice()
        && only.start == 0
        && only.end == text.len()
        && only.filters.is_empty()
    {
        let ways: Option<Vec<String>> =
            only.path.split("??").map(|one| named(one.trim())).collect();
        if let Some(ways) = ways {
            return ways.join(", or else ");
        }
    }
    brief(text)
}

/// A reference in words, where there are some for it.
fn named(path: &str) -> Option<String> {
    let spaced = |name: &str| name.replace(['_', '-'], " ");
    let parts: Vec<&str> = path.split('.').collect();
    Some(match parts.as_slice() {
        [name] => format!("the {}", spaced(name)),
        ["param", name] => format!("the parameter `{name}`"),
        ["list", name] => format!("the list `{name}`"),
        ["operation", "made_by"] => "the operation that makes the object".to_owned(),
        ["operation", "made"] => "the object".to_owned(),
        ["operation", "state_as"] => "who reads the state of the operation".to_owned(),
        ["operation" | "principal", member] => {
            format!("the {} of the {}", spaced(member), parts[0])
        }
        _ => return None,
    })
}

pub(super) fn quoted<T: AsRef<str>>(words: &[T]) -> String {
    let words: Vec<String> = words.iter().map(|word| brief(word.as_ref())).collect();
    match words.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, more)) => format!("{} and {last}", more.join(", ")),
    }
}
