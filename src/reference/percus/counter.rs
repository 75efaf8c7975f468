//! How often a project was played: a number that grows by what it is told, under an idempotency key if it has one.

use std::time::Instant;

use serde_json::json;

use super::access::Access;
use super::{Percus, projects};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;
use crate::reference::idempotency::Once;
use crate::reference::operation::Operation;

pub const FLAWS: &[Flaw] = &[flaw(
    "idempotency-of-post-alone",
    "Looks at the idempotency keys of POST alone.",
    "draft-ietf-httpapi-idempotency-key-header §1",
)];

const PLAYS: &str = "/api/projects/{id}/plays";

const BY: &[Member] = &[required("by", Kind::Integer(1, 1000))];

pub const ROUTES: &[Route<Percus>] = &[Route {
    operation: Operation {
        body: r#"{"by":1}"#,
        id_from: "list-projects",
        ..Operation::new("count-plays", "PATCH", PLAYS, &["manager", "admin"], 200)
    },
    access: Access::Manage,
    schema: Some(BY),
    run: count,
}];

fn count(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let flaws = call.app.flaws();
    if flaws.has("idempotency-of-post-alone") {
        return count_now(call);
    }
    let once = Once {
        owner: &call.caller.id,
        project: call.id(),
        request: call.request,
        needs_key: false,
        now: Instant::now(),
        keep: Response::clone,
        flaws,
    };
    call.app.uploads.once(&once, || count_now(call))
}

fn count_now(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let at = projects::position(call, &state.projects)?;
    let project = &mut state.projects[at];
    project.plays = project
        .plays
        .saturating_add(call.integer("by").unwrap_or(0));
    Ok(Response::json(200, &json!({ "plays": project.plays })))
}
