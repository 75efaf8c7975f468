//! The player's side: what a program with an API credential reads and uploads, in the one project of the credential.

use serde_json::json;

use super::access::Access;
use super::{Percus, projects, templates};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;
use crate::reference::secret::{Hashed, random_hex};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "project-of-key-ignored",
        "Lets an API credential reach every project.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "session-outlives-credential",
        "Takes a session for good that was opened with a credential which has been revoked since.",
        "good practice",
    ),
];

pub const CONFIG: &str = "/player/projects/{id}/config";
const OF_PROJECT: &str = "/player/projects/{id}/templates";
const TEMPLATE: &str = "/player/templates/{id}";
const SESSIONS: &str = "/player/sessions";
/// Most sessions kept; the oldest makes room.
const KEPT: usize = 1000;
const PLAYER: &[&str] = &["player"];

pub const ROUTES: &[Route<Percus>] = &[
    Route {
        operation: Operation {
            id_from: "$project_id",
            ..Operation::new("player-config", "GET", CONFIG, PLAYER, 200)
        },
        access: Access::Player,
        schema: None,
        run: config,
    },
    Route {
        operation: Operation {
            id_from: "$project_id",
            ..Operation::new("player-templates", "GET", OF_PROJECT, PLAYER, 200)
        },
        access: Access::Player,
        schema: None,
        run: templates::list,
    },
    Route {
        operation: Operation {
            body: r#"{"name":"Welcome","kind":"overlay","content":"Hello"}"#,
            read_by: "player-templates",
            id_from: "$project_id",
            ..Operation::new("player-upload", "POST", OF_PROJECT, PLAYER, 201)
        },
        access: Access::PlayerWrite,
        schema: Some(templates::NEW),
        run: templates::upload,
    },
    Route {
        operation: Operation {
            id_from: "$template_id",
            ..Operation::new("player-template", "GET", TEMPLATE, PLAYER, 200)
        },
        access: Access::Player,
        schema: None,
        run: templates::show,
    },
    Route {
        operation: Operation::new("player-session", "POST", SESSIONS, PLAYER, 201),
        access: Access::Player,
        schema: None,
        run: open,
    },
];

/// A session of a player, in the place of the credential that opened it.
pub struct Session {
    pub token: Hashed,
    /// The id of that credential.
    pub of: String,
}

fn open(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let token = format!("ps_{}", random_hex());
    let mut state = call.app.state();
    let spare = (state.sessions.len() + 1).saturating_sub(KEPT);
    state.sessions.drain(..spare);
    state.sessions.push(Session {
        token: Hashed::of(&token),
        of: call.caller.credential.clone(),
    });
    Ok(Response::json(201, &json!({ "session": token })).holds(Holds::Secret))
}

/// Whether a flawed deployment waives the project for the caller, because it is a program.
pub fn is_any_project_open(call: &Call<'_, Percus>) -> bool {
    call.request.path().starts_with("/player/") && call.app.flaws().has("project-of-key-ignored")
}

fn config(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let any_project = is_any_project_open(call);
    let state = call.app.state();
    let project = state
        .projects
        .iter()
        .find(|project| {
            project.id == call.id() && (projects::is_reached(&call.caller, project) || any_project)
        })
        .ok_or_else(Error::not_found)?;
    Ok(Response::json(
        200,
        &json!({ "player": "1.0", "project": project.shown() }),
    ))
}
