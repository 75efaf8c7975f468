//! The player's side: what a program with an API credential reads and uploads, in the one project of the credential.

use serde_json::json;

use super::access::Access;
use super::{Percus, projects, templates};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;
use crate::reference::operation::Operation;

pub const FLAWS: &[Flaw] = &[flaw(
    "project-of-key-ignored",
    "Lets an API credential reach every project.",
    "Percus API Security, API credentials",
)];

pub const CONFIG: &str = "/player/projects/{id}/config";
const OF_PROJECT: &str = "/player/projects/{id}/templates";
const TEMPLATE: &str = "/player/templates/{id}";
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
];

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
