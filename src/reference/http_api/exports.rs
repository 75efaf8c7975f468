//! Several notes at a time: the children of one, and exports.

use serde_json::{Value, json};

use super::HttpApi;
use super::access::Access;
use super::notes::Note;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;
use crate::reference::operation::Operation;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "children-of-any-note-listed",
        "Lists the children of a note for whoever knows its id.",
        "OWASP API1:2023",
    ),
    flaw(
        "exports-looked-up-by-id-alone",
        "Exports every note whose id is named.",
        "OWASP API1:2023",
    ),
    flaw(
        "everybodys-notes-exported",
        "Exports everybody's notes where no ids are named.",
        "OWASP API1:2023",
    ),
    flaw(
        "first-id-of-export-checked",
        "Checks the owner of the first of several notes that are to be exported, and exports them all.",
        "OWASP API1:2023",
    ),
    flaw(
        "export-ids-read-as-patterns",
        "Takes * and % among the ids of an export for any note.",
        "good practice",
    ),
];

pub const CHILDREN: &str = "/notes/{id}/children";

pub const ROUTES: &[Route<HttpApi>] = &[
    Route {
        operation: Operation {
            id_from: "list-notes",
            ..Operation::new("list-child-notes", "GET", CHILDREN, &["user"], 200)
        },
        access: Access::Read,
        schema: None,
        run: children,
    },
    Route {
        operation: Operation::new("export-notes", "GET", "/notes/export", &["user"], 200),
        access: Access::Read,
        schema: None,
        run: export,
    },
];

fn children(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let is_open = call.app.flaws().has("children-of-any-note-listed");
    let state = call.app.state();
    let mut notes = state.notes.iter();
    let parent = notes
        .find(|note| note.id == call.id())
        .filter(|note| note.owner == call.caller.account || is_open)
        .ok_or_else(Error::not_found)?;
    let children = state
        .notes
        .iter()
        .filter(|note| note.parent.as_ref() == Some(&parent.id));
    Ok(listed(children))
}

/// The caller's notes, or those of them whose ids `ids` names; one id that is not the caller's refuses them all.
fn export(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let flaws = call.app.flaws();
    let state = call.app.state();
    let is_own = |note: &Note| note.owner == call.caller.account;
    let Some(ids) = call.request.parameter("ids") else {
        let everybodys = flaws.has("everybodys-notes-exported");
        return Ok(listed(
            state.notes.iter().filter(|note| is_own(note) || everybodys),
        ));
    };
    let mut found = Vec::new();
    for (number, id) in ids.split(',').enumerate() {
        if matches!(id, "*" | "%") && flaws.has("export-ids-read-as-patterns") {
            found.extend(&state.notes);
            continue;
        }
        let is_checked = !flaws.has("exports-looked-up-by-id-alone")
            && (number == 0 || !flaws.has("first-id-of-export-checked"));
        let note = state.notes.iter().find(|note| note.id == id);
        let note = note.filter(|note| is_own(note) || !is_checked);
        found.push(note.ok_or_else(Error::not_found)?);
    }
    Ok(listed(found.into_iter()))
}

fn listed<'a>(notes: impl Iterator<Item = &'a Note>) -> Response {
    let items: Vec<Value> = notes.map(Note::shown).collect();
    Response::json(200, &json!({ "total": items.len(), "items": items }))
}
