//! Projects of an organization.

use serde_json::{Value, json};

use super::access::{Access, Caller, Scope};
use super::{Percus, State};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, optional, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;
use crate::reference::operation::Operation;
use crate::reference::secret::random_id;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "projects-looked-up-by-id-alone",
        "Shows, changes and deletes a project for whoever knows its id.",
        "OWASP API1:2023",
    ),
    flaw(
        "foreign-project-told",
        "Answers 403 for a project of others, 404 for none.",
        "RFC 9110 §15.5.4",
    ),
    flaw(
        "projects-of-all-organizations-listed",
        "Lists the projects of every organization.",
        "OWASP API1:2023",
    ),
    flaw(
        "project-owner-taken-from-body",
        "Makes a new project in the organization that the body names.",
        "OWASP API3:2023",
    ),
    flaw(
        "credentials-outlive-project",
        "Keeps the API credentials of a project that was deleted.",
        "good practice",
    ),
];

pub const ITEM: &str = "/api/projects/{id}";
const EVERYBODY: &[&str] = &["manager", "admin", "viewer"];
const MANAGERS: &[&str] = &["manager", "admin"];
const ADMINS: &[&str] = &["admin"];
/// Most projects kept; the oldest that was not there from the beginning makes room.
const KEPT: usize = 1000;

const NEW: &[Member] = &[
    required("name", Kind::Text(1, 100)),
    optional("theme", Kind::OneOf(&["light", "dark"])),
    optional("volume", Kind::Integer(0, 100)),
    optional("credentialLimit", Kind::Integer(1, 1000)),
];
const CHANGE: &[Member] = &[
    optional("name", Kind::Text(1, 100)),
    optional("theme", Kind::OneOf(&["light", "dark"])),
    optional("volume", Kind::Integer(0, 100)),
];

pub const ROUTES: &[Route<Percus>] = &[
    Route {
        operation: Operation::new("list-projects", "GET", "/api/projects", EVERYBODY, 200),
        access: Access::Read,
        schema: None,
        run: list,
    },
    Route {
        operation: Operation {
            body: r#"{"name":"Spring","theme":"light","volume":50}"#,
            read_by: "list-projects",
            ..Operation::new("create-project", "POST", "/api/projects", ADMINS, 201)
        },
        access: Access::Administer,
        schema: Some(NEW),
        run: create,
    },
    Route {
        operation: Operation {
            id_from: "list-projects",
            ..Operation::new("show-project", "GET", ITEM, EVERYBODY, 200)
        },
        access: Access::Read,
        schema: None,
        run: show,
    },
    Route {
        operation: Operation {
            body: r#"{"volume":70}"#,
            read_by: "show-project",
            id_from: "list-projects",
            ..Operation::new("update-project", "PATCH", ITEM, MANAGERS, 200)
        },
        access: Access::Manage,
        schema: Some(CHANGE),
        run: update,
    },
    Route {
        operation: Operation {
            read_by: "list-projects",
            id_from: "create-project",
            ..Operation::new("delete-project", "DELETE", ITEM, ADMINS, 204)
        },
        access: Access::Administer,
        schema: None,
        run: delete,
    },
];

#[derive(Clone, Debug)]
pub struct Project {
    pub id: String,
    pub organization: String,
    name: String,
    theme: String,
    volume: i64,
    /// How often it was played.
    pub plays: i64,
    /// How many API credentials it may have at a time, where its maker bounds them.
    pub most_credentials: Option<usize>,
}

impl Project {
    pub fn seeded(organization: &str) -> Self {
        Self {
            id: random_id(),
            organization: organization.to_owned(),
            name: format!("canary-{}", random_id()),
            theme: "light".to_owned(),
            volume: 50,
            plays: 0,
            most_credentials: None,
        }
    }

    pub fn shown(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "theme": self.theme, "volume": self.volume })
    }
}

/// Whether the caller reaches the project.
pub fn is_reached(caller: &Caller, project: &Project) -> bool {
    match &caller.scope {
        Scope::Organization(organization) => *organization == project.organization,
        Scope::Projects(ids) => ids.contains(&project.id),
    }
}

/// Whether the caller reaches the project with this id.
pub fn reaches(caller: &Caller, id: &str, state: &State) -> bool {
    state
        .projects
        .iter()
        .any(|project| project.id == id && is_reached(caller, project))
}

/// Where the project of the path is, when the caller reaches it.
pub fn position(call: &Call<'_, Percus>, projects: &[Project]) -> Result<usize, Error> {
    let flaws = call.app.flaws();
    let at = projects
        .iter()
        .position(|project| project.id == call.id())
        .ok_or_else(Error::not_found)?;
    if is_reached(&call.caller, &projects[at]) || flaws.has("projects-looked-up-by-id-alone") {
        return Ok(at);
    }
    if flaws.has("foreign-project-told") {
        return Err(Error::new(403, "FORBIDDEN", "This project is not yours."));
    }
    Err(Error::not_found())
}

fn list(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let everywhere = call.app.flaws().has("projects-of-all-organizations-listed");
    let state = call.app.state();
    let shown: Vec<Value> = state
        .projects
        .iter()
        .filter(|project| is_reached(&call.caller, project) || everywhere)
        .map(Project::shown)
        .collect();
    Ok(Response::json(
        200,
        &json!({ "total": shown.len(), "items": shown }),
    ))
}

fn show(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let state = call.app.state();
    let at = position(call, &state.projects)?;
    Ok(Response::json(200, &state.projects[at].shown()))
}

fn create(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let app = call.app;
    let mut organization = match &call.caller.scope {
        Scope::Organization(organization) => *organization,
        Scope::Projects(_) => super::ORGANIZATION,
    }
    .to_owned();
    if app.flaws().has("project-owner-taken-from-body")
        && let Some(named) = call.unknown.get("organization").and_then(Value::as_str)
    {
        organization = named.to_owned();
    }
    let mut project = Project {
        id: random_id(),
        organization,
        name: String::new(),
        theme: "light".to_owned(),
        volume: 50,
        plays: 0,
        most_credentials: call
            .integer("credentialLimit")
            .and_then(|most| usize::try_from(most).ok()),
    };
    change(call, &mut project);
    let response = Response::json(201, &project.shown())
        .field("Location", format!("/api/projects/{}", project.id));
    let mut state = app.state();
    super::make_room(&mut state.projects, app.seeded.projects, KEPT);
    state.projects.push(project);
    Ok(response)
}

fn change(call: &Call<'_, Percus>, project: &mut Project) {
    if let Some(name) = call.text("name") {
        project.name = name.to_owned();
    }
    if let Some(theme) = call.text("theme") {
        project.theme = theme.to_owned();
    }
    if let Some(volume) = call.integer("volume") {
        project.volume = volume;
    }
}

fn update(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let at = position(call, &state.projects)?;
    change(call, &mut state.projects[at]);
    Ok(Response::json(200, &state.projects[at].shown()))
}

/// With everything that is in it.
fn delete(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let at = position(call, &state.projects)?;
    let project = state.projects.remove(at);
    state
        .templates
        .retain(|template| template.project != project.id);
    if !call.app.flaws().has("credentials-outlive-project") {
        state
            .credentials
            .retain(|credential| credential.project != project.id);
    }
    Ok(Response::new(204))
}
