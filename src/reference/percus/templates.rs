//! Templates of a project, uploaded by people and by programs. An upload takes an `Idempotency-Key`, and that of a
//! page needs one.

use std::time::Instant;

use serde_json::{Value, json};

use super::Percus;
use super::access::{Access, Caller};
use super::{faults, projects};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, optional, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;
use crate::reference::idempotency::{self, Once};
use crate::reference::operation::Operation;
use crate::reference::secret::random_id;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "templates-looked-up-by-id-alone",
        "Shows and deletes a template for whoever knows its id.",
        "OWASP API1:2023",
    ),
    flaw(
        "templates-of-any-project",
        "Lists and takes templates of any project for whoever knows its id.",
        "OWASP API1:2023",
    ),
    flaw(
        "templates-of-all-projects-searched",
        "Searches the templates of every project.",
        "OWASP API1:2023",
    ),
    flaw(
        "templates-of-all-projects-counted",
        "Counts the templates of every project in the total of a list.",
        "OWASP API1:2023",
    ),
    flaw(
        "idempotency-forgotten-with-object",
        "Forgets the idempotency key of a template that is deleted.",
        "draft-ietf-httpapi-idempotency-key-header §2.6",
    ),
    flaw(
        "idempotency-reads-stored",
        "Repeats the answer to a read under an idempotency key.",
        "good practice",
    ),
];

pub const OF_PROJECT: &str = "/api/projects/{id}/templates";
pub const ITEM: &str = "/api/templates/{id}";
const EVERYBODY: &[&str] = &["manager", "admin", "viewer"];
const MANAGERS: &[&str] = &["manager", "admin"];
/// Most templates kept; the oldest that was not there from the beginning makes room.
const KEPT: usize = 2000;
const BODY: &str = r#"{"name":"Welcome","kind":"overlay","content":"Hello"}"#;

pub const NEW: &[Member] = &[
    required("name", Kind::Text(1, 100)),
    optional("kind", Kind::OneOf(&["overlay", "page"])),
    optional("content", Kind::Text(0, 20_000)),
    optional("weight", Kind::Integer(0, 100)),
];

pub const ROUTES: &[Route<Percus>] = &[
    Route {
        operation: Operation {
            id_from: "list-projects",
            ..Operation::new("list-templates", "GET", OF_PROJECT, EVERYBODY, 200)
        },
        access: Access::Read,
        schema: None,
        run: list,
    },
    Route {
        operation: Operation {
            body: BODY,
            read_by: "list-templates",
            id_from: "list-projects",
            ..Operation::new("upload-template", "POST", OF_PROJECT, MANAGERS, 201)
        },
        access: Access::Manage,
        schema: Some(NEW),
        run: upload,
    },
    Route {
        operation: Operation {
            id_from: "$template_id",
            ..Operation::new("show-template", "GET", ITEM, EVERYBODY, 200)
        },
        access: Access::Read,
        schema: None,
        run: show,
    },
    Route {
        operation: Operation {
            read_by: "list-templates",
            id_from: "upload-template",
            ..Operation::new("delete-template", "DELETE", ITEM, MANAGERS, 204)
        },
        access: Access::Manage,
        schema: None,
        run: delete,
    },
];

#[derive(Clone, Debug)]
pub struct Template {
    pub id: String,
    pub project: String,
    name: String,
    kind: String,
    content: String,
    weight: i64,
}

impl Template {
    pub fn seeded(project: &str) -> Self {
        Self {
            id: random_id(),
            project: project.to_owned(),
            name: "First template".to_owned(),
            kind: "overlay".to_owned(),
            content: format!("canary-{}", random_id()),
            weight: 1,
        }
    }

    fn shown(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "kind": self.kind, "content": self.content, "weight": self.weight,
        })
    }
}

/// Whether the caller reaches the project of the path; in a flawed deployment everybody reaches every one there is.
fn is_open(call: &Call<'_, Percus>) -> bool {
    let state = call.app.state();
    let exists = || state.projects.iter().any(|project| project.id == call.id());
    projects::reaches(&call.caller, call.id(), &state)
        || (exists() && call.app.flaws().has("templates-of-any-project"))
        || (exists() && super::player::is_any_project_open(call))
}

pub fn list(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let app = call.app;
    if call.request.fields.has(idempotency::HEADER) && app.flaws().has("idempotency-reads-stored") {
        return app.uploads.once(&once(call), || list_now(call));
    }
    list_now(call)
}

fn once<'a>(call: &'a Call<'_, Percus>) -> Once<'a> {
    Once {
        owner: &call.caller.id,
        project: call.id(),
        request: call.request,
        // A page is published as soon as it is uploaded.
        needs_key: call.text("kind") == Some("page"),
        now: Instant::now(),
        keep: Response::clone,
        flaws: call.app.flaws(),
    }
}

fn list_now(call: &Call<'_, Percus>) -> Result<Response, Error> {
    if !is_open(call) {
        return Err(Error::not_found());
    }
    let flaws = call.app.flaws();
    let sought = call.request.parameter("search");
    let everywhere = sought.is_some() && flaws.has("templates-of-all-projects-searched");
    let state = call.app.state();
    let found: Vec<Value> = state
        .templates
        .iter()
        .filter(|template| template.project == call.id() || everywhere)
        .filter(|template| {
            sought
                .as_ref()
                .is_none_or(|text| template.name.contains(text) || template.content.contains(text))
        })
        .map(Template::shown)
        .collect();
    let total = if flaws.has("templates-of-all-projects-counted") {
        state.templates.len()
    } else {
        found.len()
    };
    Ok(Response::json(
        200,
        &json!({ "total": total, "items": found }),
    ))
}

pub fn upload(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let app = call.app;
    app.uploads.once(&once(call), || {
        if !is_open(call) {
            return Err(Error::not_found());
        }
        faults::dawdle(call.request);
        let template = Template {
            id: random_id(),
            project: call.id().to_owned(),
            name: call.text("name").unwrap_or_default().to_owned(),
            kind: call.text("kind").unwrap_or("overlay").to_owned(),
            content: call.text("content").unwrap_or_default().to_owned(),
            weight: call.integer("weight").unwrap_or(0),
        };
        let response = Response::json(201, &template.shown())
            .field("Location", format!("/api/templates/{}", template.id));
        let mut state = app.state();
        super::make_room(&mut state.templates, app.seeded.templates, KEPT);
        state.templates.push(template);
        faults::fail(call.request)?;
        Ok(response)
    })
}

/// Where the template of the path is, when the caller reaches its project.
fn position(call: &Call<'_, Percus>, state: &super::State) -> Result<usize, Error> {
    let any_project = call.app.flaws().has("templates-looked-up-by-id-alone");
    let is_reached = |caller: &Caller, template: &Template| {
        projects::reaches(caller, &template.project, state) || any_project
    };
    state
        .templates
        .iter()
        .position(|template| {
            template.id == call.id()
                && (is_reached(&call.caller, template) || super::player::is_any_project_open(call))
        })
        .ok_or_else(Error::not_found)
}

pub fn show(call: &Call<'_, Percus>) -> Result<Response, Error> {
    faults::dawdle(call.request);
    let state = call.app.state();
    let at = position(call, &state)?;
    Ok(Response::json(200, &state.templates[at].shown()))
}

fn delete(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let at = position(call, &state)?;
    let template = state.templates.remove(at);
    if call.app.flaws().has("idempotency-forgotten-with-object") {
        call.app.uploads.forget_answers_with(&template.id);
    }
    Ok(Response::new(204))
}
