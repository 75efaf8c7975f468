//! Errors, and the body that tells of them. The shape is the contract's; what may not be in it is the same for all.

use serde_json::{Map, Value};

use super::Edge;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Body, Request, Response};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "html-404-page",
        "Answers an unknown route with the HTML page of its framework.",
        "good practice",
    ),
    flaw(
        "body-on-head-error",
        "Sends the error body although the method was HEAD.",
        "RFC 9110 §9.3.2",
    ),
    flaw(
        "debug-page-for-browsers",
        "Answers errors with a debug page when Accept asks for text/html.",
        "good practice",
    ),
    flaw(
        "error-status-member-wrong",
        "Writes 400 into every error body, whatever the status of the answer.",
        "contract",
    ),
    flaw(
        "error-status-member-text",
        "Writes the status into error bodies as a string.",
        "contract",
    ),
    flaw(
        "error-content-type-html",
        "Labels the JSON of error answers as text/html.",
        "RFC 9110 §8.3",
    ),
    flaw(
        "error-content-type-missing",
        "Sends error bodies without a Content-Type.",
        "RFC 9110 §8.3",
    ),
    flaw(
        "backtrace-told",
        "Puts a backtrace into the message of 400 answers.",
        "OWASP API8:2023",
    ),
    flaw(
        "internal-path-told",
        "Puts the path of its source file into the message of 404 answers.",
        "CWE-497",
    ),
    flaw(
        "internal-host-told",
        "Puts the private address of its database into the message of 404 answers.",
        "CWE-497",
    ),
    flaw(
        "database-error-told",
        "Lets quotes through to the database and puts what it says into the message.",
        "CWE-209",
    ),
    flaw(
        "request-dumped-into-error",
        "Puts the header lines of the request, credentials included, into the message of 400 answers.",
        "CWE-209",
    ),
    flaw(
        "path-reflected-as-html",
        "Answers an unknown route with an HTML page that holds the decoded path.",
        "CWE-79",
    ),
    flaw(
        "template-evaluated",
        "Puts the query into the message of 400 and 404 answers after evaluating {{7*7}} in it.",
        "CWE-1336",
    ),
    flaw(
        "error-json-concatenated",
        "Glues the query into the JSON of 400 and 404 answers without escaping it.",
        "RFC 8259 §7",
    ),
    flaw(
        "input-copied-to-header",
        "Copies the decoded query into a header line of 400 and 404 answers.",
        "RFC 9112 §11.1",
    ),
];

/// Faults of deployments whose contract lists the members of an error body.
pub const ENVELOPE_FLAWS: &[Flaw] = &[
    flaw(
        "error-message-renamed-on-404",
        "Calls the message msg in 404 bodies.",
        "contract",
    ),
    flaw(
        "error-message-missing-on-400",
        "Leaves the message out of 400 bodies.",
        "contract",
    ),
];

/// Faults of deployments that fail on demand.
pub const FAULT_FLAWS: &[Flaw] = &[flaw(
    "html-500-page",
    "Answers 500 with the HTML page of its framework.",
    "good practice",
)];

/// Faults of deployments with operations that may contradict what is there.
pub const CONFLICT_FLAWS: &[Flaw] = &[flaw(
    "conflict-told-as-text",
    "Answers 409 with a sentence, in place of the error body of the contract.",
    "good practice",
)];

/// Flaws of deployments whose contract lists every member of an error body.
pub const CLOSED_FLAWS: &[Flaw] = &[flaw(
    "error-member-added",
    "Adds a member to error bodies that the contract does not know.",
    "contract",
)];

/// The media type of problem details (RFC 9457 §3).
pub const PROBLEM: &str = "application/problem+json";

/// A refusal, before it has a form.
#[derive(Clone, Debug)]
pub struct Error {
    pub status: u16,
    /// Stable, for programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// Header lines that go with the refusal.
    pub fields: Vec<(&'static str, String)>,
    /// Members beside those that every error of the contract has.
    pub members: Vec<(&'static str, Value)>,
}

impl Error {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fields: Vec::new(),
            members: Vec::new(),
        }
    }

    pub fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    pub fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// 400: the request cannot be understood.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, "MALFORMED_REQUEST", message)
    }

    pub fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "There is no such resource.")
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "CONFLICT", message)
    }

    pub fn internal() -> Self {
        Self::new(500, "INTERNAL_ERROR", "Something went wrong.")
    }
}

/// The shape of error bodies in a contract.
#[derive(Clone, Copy)]
pub struct Envelope {
    pub content_type: &'static str,
    /// The member that repeats the HTTP status.
    pub status_member: &'static str,
    /// The member with the text for people.
    pub message_member: &'static str,
    /// Builds the body from the error and the id of the request.
    pub build: fn(&Error, &str) -> Map<String, Value>,
}

/// The answer for an error.
pub fn render(edge: &Edge, request: &Request, error: &Error, id: &str) -> Response {
    let flaws = &edge.flaws;
    let mut response = Response::new(error.status);
    for (name, value) in &error.fields {
        response.add(name, value.clone());
    }
    if error.status < 400 {
        return response;
    }
    if error.status == 429 && flaws.has_if_declared("limit-refusal-without-body") {
        return response;
    }
    if error.status == 404 && flaws.has("html-404-page") {
        return response.body("text/html; charset=utf-8", PAGE_404.to_vec());
    }
    if error.status == 500 && flaws.has_if_declared("html-500-page") {
        return response.body("text/html; charset=utf-8", PAGE_500.to_vec());
    }
    if error.status == 409 && flaws.has_if_declared("conflict-told-as-text") {
        return response.body(
            "text/plain; charset=utf-8",
            error.message.as_bytes().to_vec(),
        );
    }
    if error.status == 404 && flaws.has("path-reflected-as-html") {
        let path = super::paths::percent::decode(&request.target);
        let page = format!("<!doctype html><h1>404</h1><p>Nothing at {path}</p>");
        return response.body("text/html; charset=utf-8", page.into_bytes());
    }
    let wants_page = request
        .fields
        .get("accept")
        .is_some_and(|accept| accept.contains("text/html"));
    if wants_page && flaws.has("debug-page-for-browsers") {
        return response.body("text/html; charset=utf-8", DEBUG_PAGE.to_vec());
    }

    let told = Error {
        message: message(edge, request, error),
        ..error.clone()
    };
    let envelope = edge.envelope;
    let mut members = (envelope.build)(&told, id);
    for (name, value) in &error.members {
        members.insert((*name).to_owned(), value.clone());
    }
    if error.status == 404
        && flaws.has_if_declared("error-message-renamed-on-404")
        && let Some(text) = members.remove(envelope.message_member)
    {
        members.insert("msg".to_owned(), text);
    }
    if error.status == 400 && flaws.has_if_declared("error-message-missing-on-400") {
        members.remove(envelope.message_member);
    }
    if flaws.has_if_declared("error-member-added") {
        members.insert("debug".to_owned(), Value::Bool(false));
    }
    if flaws.has("error-status-member-wrong") {
        members.insert(envelope.status_member.to_owned(), Value::from(400));
    }
    if flaws.has("error-status-member-text") {
        members.insert(
            envelope.status_member.to_owned(),
            Value::from(error.status.to_string()),
        );
    }
    let mut body = Value::Object(members).to_string();
    let echoes = matches!(error.status, 400 | 404);
    if echoes && flaws.has("error-json-concatenated") {
        let query = super::paths::percent::decode(request.query().unwrap_or_default());
        body = body.replacen(&told.message, &format!("{} {query}", told.message), 1);
    }
    if echoes && flaws.has("input-copied-to-header") {
        let query = super::paths::percent::decode(request.query().unwrap_or_default());
        if !query.is_empty() {
            response.add("X-Requested", query);
        }
    }
    response = response.body(envelope.content_type, body.into_bytes());
    if flaws.has("error-content-type-html") {
        response.set("Content-Type", "text/html; charset=utf-8");
    }
    if flaws.has("error-content-type-missing") {
        response.remove("Content-Type");
    }
    if request.method == "HEAD" && flaws.has("body-on-head-error") {
        response.forbidden_body = true;
        response.close = true;
    }
    response
}

/// The text for people, with what a flawed deployment lets slip.
fn message(edge: &Edge, request: &Request, error: &Error) -> String {
    let flaws = &edge.flaws;
    let mut message = error.message.clone();
    if error.status == 400 && flaws.has("backtrace-told") {
        message.push_str(BACKTRACE);
    }
    if error.status == 404 && flaws.has("internal-path-told") {
        message.push_str(" (looked up in /usr/src/app/dist/routes/table.js)");
    }
    if error.status == 404 && flaws.has("internal-host-told") {
        message.push_str(" (asked 10.20.0.17:5432, db-primary.internal)");
    }
    if error.status == 400 && flaws.has("request-dumped-into-error") {
        for (name, value) in request.fields.iter() {
            message.push_str(&format!("; {name}: {}", String::from_utf8_lossy(value)));
        }
    }
    if matches!(error.status, 400 | 404) && flaws.has("template-evaluated") {
        let input = super::paths::percent::decode(&request.target);
        let input = format!(" {input} {}", body_text(request));
        let evaluated = input.replace("{{7*7}}", "49").replace("${7*7}", "49");
        if evaluated != input {
            message.push_str(&evaluated);
        }
    }
    message
}

fn body_text(request: &Request) -> String {
    match &request.body {
        Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Body::TooLarge => String::new(),
    }
}

/// What the flawed deployment's database says to a quote, a backslash or a NUL in the input.
pub fn database_complaint(edge: &Edge, request: &Request) -> Option<Error> {
    let target = super::paths::percent::decode(&request.target);
    let body = body_text(request);
    let body = serde_json::from_str::<Value>(&body).map_or(body, |value| strings(&value));
    let is_odd = target.contains(['\'', '\\', '\0']) || body.contains(['\'', '\\', '\0']);
    (is_odd && edge.flaws.has("database-error-told")).then(|| {
        Error::malformed("ERROR: syntax error at or near \"'\" at character 42 (SQLSTATE 42601)")
    })
}

/// All strings of a document, one after the other. The document comes from our own parser, which bounds its depth.
fn strings(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(strings).collect(),
        Value::Object(members) => members.values().map(strings).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

const PAGE_404: &[u8] =
    b"<!doctype html><html><head><title>404</title></head><body><h1>Not Found</h1></body></html>";

const PAGE_500: &[u8] =
    b"<!doctype html><html><head><title>500</title></head><body><h1>Internal Server Error</h1></body></html>";

const DEBUG_PAGE: &[u8] = b"<!doctype html><html><head><title>Error - Debugger</title></head><body>\
<h1>Unhandled error</h1><pre>Traceback (most recent call last):\n  File \"/app/server.py\", line 88, in handle\n\
    raise Refused()</pre></body></html>";

const BACKTRACE: &str = "\nthread 'worker-3' panicked at src/handlers/intake.rs:88:14:\nstack backtrace:\n   0: \
0x55d0c0ffee10 - std::backtrace_rs::backtrace\n             at src/handlers/intake.rs:88:14";
