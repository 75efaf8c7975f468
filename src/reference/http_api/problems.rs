//! Errors as problem details (RFC 9457).

use serde_json::{Map, Value};

use super::access::Access;
use super::{HttpApi, language};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::errors::{Envelope, Error, PROBLEM};
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Request, Response};
use crate::reference::operation::Operation;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "problem-content-type-json",
        "Labels problem details as application/json.",
        "RFC 9457 §3",
    ),
    flaw(
        "problem-type-random",
        "Makes up a new type for every problem.",
        "RFC 9457 §3.1.1",
    ),
    flaw(
        "problem-type-no-uri",
        "Writes a sentence into type.",
        "RFC 9457 §3.1.1",
    ),
    flaw(
        "problem-title-number",
        "Writes a number into title.",
        "RFC 9457 §3.1.3",
    ),
    flaw(
        "problem-body-list",
        "Puts the problem into a list of one.",
        "RFC 9457 §3.1",
    ),
    flaw(
        "problem-instance-open",
        "Counts problems, and shows each to whoever asks for its number.",
        "RFC 9457 §5",
    ),
    flaw(
        "problem-instance-constant",
        "Gives every problem the same instance.",
        "RFC 9457 §3.1.5",
    ),
];

pub const ENVELOPE: Envelope = Envelope {
    content_type: PROBLEM,
    status_member: "status",
    message_member: "detail",
    build,
};

pub const ROUTES: &[Route<HttpApi>] = &[Route {
    operation: Operation {
        name: "problem",
        method: "GET",
        path: "/problems/{id}",
        who: &[],
        body: "",
        status: 404,
        read_by: "",
        id_from: "",
    },
    access: Access::Read,
    schema: None,
    run: show,
}];

/// A problem as it was told, with what was asked.
pub struct Told {
    number: usize,
    target: String,
    body: String,
}

/// Most problems kept by the flaw that shows them.
const KEPT: usize = 64;

fn build(error: &Error, id: &str) -> Map<String, Value> {
    let title = http::StatusCode::from_u16(error.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error");
    let mut members = Map::new();
    members.insert("type".to_owned(), Value::from("about:blank"));
    members.insert("title".to_owned(), Value::from(title));
    members.insert("status".to_owned(), Value::from(error.status));
    members.insert("detail".to_owned(), Value::from(error.message.as_str()));
    members.insert(
        "instance".to_owned(),
        Value::from(format!("urn:request:{id}")),
    );
    // The token endpoint has codes of its own (RFC 6749 §5.2).
    if error
        .code
        .starts_with(|first: char| first.is_ascii_lowercase())
    {
        members.insert("error".to_owned(), Value::from(error.code));
    }
    members
}

/// Bends problem details, as a flaw has it.
pub fn decorate(app: &HttpApi, request: &Request, response: &mut Response) {
    let flaws = app.flaws();
    let is_problem = response
        .get("content-type")
        .is_some_and(|media_type| media_type == ENVELOPE.content_type);
    if !is_problem {
        return;
    }
    if flaws.has("problem-content-type-json") {
        response.set("Content-Type", "application/json");
    }
    let Ok(Value::Object(mut members)) = serde_json::from_slice(&response.body) else {
        return;
    };
    language::translate(request, response, &mut members, flaws);
    let mut bend = |id: &str, name: &str, value: Value| {
        if flaws.has(id) {
            members.insert(name.to_owned(), value);
        }
    };
    let random = format!("https://errors.invalid/{:032x}", rand::random::<u128>());
    bend("problem-type-random", "type", Value::from(random));
    bend(
        "problem-type-no-uri",
        "type",
        Value::from("a bad request, sorry"),
    );
    bend("problem-title-number", "title", Value::from(17));
    bend(
        "problem-instance-constant",
        "instance",
        Value::from("urn:request:0"),
    );
    if flaws.has("problem-instance-open") {
        let mut state = app.state();
        let number = state.problems.back().map_or(1, |told| told.number + 1);
        members.insert(
            "instance".to_owned(),
            Value::from(format!("/problems/{number}")),
        );
        if state.problems.len() >= KEPT {
            state.problems.pop_front();
        }
        state.problems.push_back(Told {
            number,
            target: request.target.chars().take(1000).collect(),
            body: Value::Object(members.clone()).to_string(),
        });
    }
    let body = Value::Object(members);
    let body = if flaws.has("problem-body-list") {
        Value::Array(vec![body])
    } else {
        body
    };
    response.body = body.to_string().into_bytes();
}

/// Problems are for those whom they were told; nobody can look one up.
fn show(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    if !call.app.flaws().has("problem-instance-open") {
        return Err(Error::not_found());
    }
    let state = call.app.state();
    let told = state
        .problems
        .iter()
        .find(|told| told.number.to_string() == call.id())
        .ok_or_else(Error::not_found)?;
    Ok(Response::json(
        200,
        &serde_json::json!({ "asked": told.target, "told": told.body }),
    ))
}
