//! Notes: each belongs to one account. Conditional requests (RFC 9110 §13), search, and changes in batches.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::access::Access;
use super::accounts::Account;
use super::{HttpApi, State};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, invalid, optional, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::gap::pause;
use crate::reference::http::Response;
use crate::reference::operation::Operation;
use crate::reference::secret::random_id;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "notes-looked-up-by-id-alone",
        "Shows, changes and deletes a note for whoever knows its id.",
        "OWASP API1:2023",
    ),
    flaw(
        "foreign-note-told",
        "Answers 403 for a note of somebody else, 404 for none.",
        "RFC 9110 §15.5.4",
    ),
    flaw(
        "foreign-notes-searched",
        "Shows everybody's notes when the list is searched.",
        "OWASP API1:2023",
    ),
    flaw(
        "foreign-note-prepared",
        "Prepares a note for thirty milliseconds before it looks whose it is.",
        "CWE-208",
    ),
    flaw(
        "foreign-notes-counted",
        "Counts everybody's notes in the total of a list.",
        "OWASP API1:2023",
    ),
    flaw(
        "last-owner-filter-used",
        "Checks the first of several owner parameters and uses the last.",
        "good practice",
    ),
    flaw(
        "note-owner-taken-from-body",
        "Gives a new note to the owner that the body names.",
        "OWASP API3:2023",
    ),
    flaw(
        "parent-note-unchecked",
        "Lets a note refer to somebody else's, and shows its title.",
        "OWASP API1:2023",
    ),
    flaw(
        "batch-checks-first-item-only",
        "Checks the owner of the first note of a batch and changes them all.",
        "OWASP API1:2023",
    ),
    flaw(
        "body-on-not-modified",
        "Sends the note although it says that it has not changed.",
        "RFC 9110 §15.4.5",
    ),
    flaw(
        "id-zero-is-any-note",
        "Shows the first note that it finds for the ids 0 and null.",
        "good practice",
    ),
    flaw(
        "colleagues-notes-shown",
        "Shows a note to whoever of the owner's tenant and role knows its id.",
        "OWASP API1:2023",
    ),
    flaw(
        "colleagues-notes-changed",
        "Lets whoever of the owner's tenant and role knows its id change a note.",
        "OWASP API1:2023",
    ),
    flaw(
        "colleagues-notes-deleted",
        "Lets whoever of the owner's tenant and role knows its id delete a note.",
        "OWASP API1:2023",
    ),
    flaw(
        "colleagues-notes-listed",
        "Lists the notes of everybody of the caller's tenant and role.",
        "OWASP API1:2023",
    ),
    flaw(
        "search-crashes-on-percent",
        "Answers 500 to a search for a percent sign.",
        "RFC 9110 §15.6",
    ),
];

/// What the flaw of that name takes.
const PREPARED: Duration = Duration::from_millis(30);

pub const ITEM: &str = "/notes/{id}";
const READERS: &[&str] = &["user", "reader", "admin"];
const WRITERS: &[&str] = &["user", "admin"];

const NEW: &[Member] = &[
    required("title", Kind::Text(1, 100)),
    optional("text", Kind::Text(0, 10_000)),
    optional("priority", Kind::Integer(0, 9)),
    optional("colour", Kind::OneOf(&["white", "yellow", "blue"])),
    optional("parent", Kind::Text(1, 64)),
];
const CHANGE: &[Member] = &[
    optional("title", Kind::Text(1, 100)),
    optional("text", Kind::Text(0, 10_000)),
    optional("priority", Kind::Integer(0, 9)),
];
const BATCH: &[Member] = &[required("items", Kind::Objects(50))];

pub const ROUTES: &[Route<HttpApi>] = &[
    Route {
        operation: Operation::new("list-notes", "GET", "/notes", READERS, 200),
        access: Access::Read,
        schema: None,
        run: list,
    },
    Route {
        operation: Operation {
            body: r#"{"title":"Milk","text":"and bread","priority":1,"colour":"blue"}"#,
            read_by: "list-notes",
            ..Operation::new("create-note", "POST", "/notes", WRITERS, 201)
        },
        access: Access::Write,
        schema: Some(NEW),
        run: create,
    },
    Route {
        operation: Operation {
            id_from: "list-notes",
            ..Operation::new("show-note", "GET", ITEM, &["user"], 200)
        },
        access: Access::Read,
        schema: None,
        run: show,
    },
    Route {
        operation: Operation {
            body: r#"{"title":"Milk","text":"and butter"}"#,
            read_by: "show-note",
            id_from: "list-notes",
            ..Operation::new("replace-note", "PUT", ITEM, &["user"], 200)
        },
        access: Access::Write,
        schema: Some(NEW),
        run: change,
    },
    Route {
        operation: Operation {
            body: r#"{"text":"and cheese"}"#,
            read_by: "show-note",
            id_from: "list-notes",
            ..Operation::new("update-note", "PATCH", ITEM, &["user"], 200)
        },
        access: Access::Write,
        schema: Some(CHANGE),
        run: change,
    },
    Route {
        operation: Operation {
            read_by: "list-notes",
            id_from: "create-note",
            ..Operation::new("delete-note", "DELETE", ITEM, &["user"], 204)
        },
        access: Access::Write,
        schema: None,
        run: delete,
    },
    Route {
        operation: Operation {
            body: r#"{"items":[{"id":"$note_id","title":"Batched"}]}"#,
            read_by: "list-notes",
            ..Operation::new("batch-notes", "POST", "/notes/batch", &["user"], 200)
        },
        access: Access::Write,
        schema: Some(BATCH),
        run: batch,
    },
];

#[derive(Clone, Debug)]
pub struct Note {
    pub id: String,
    pub owner: String,
    pub title: String,
    text: String,
    priority: i64,
    pub parent: Option<String>,
}

impl Note {
    pub fn seeded(account: &Account) -> Self {
        Self {
            id: random_id(),
            owner: account.id.clone(),
            title: "First note".to_owned(),
            text: super::canary(),
            priority: 1,
            parent: None,
        }
    }

    pub fn shown(&self) -> Value {
        json!({
            "id": self.id, "owner": self.owner, "title": self.title, "text": self.text, "priority": self.priority,
            "parent": self.parent,
        })
    }

    /// A strong validator (RFC 9110 §8.8.3).
    fn tag(&self) -> String {
        let hash = digest(&SHA256, self.shown().to_string().as_bytes());
        format!("\"{}\"", hex::encode(&hash.as_ref()[..12]))
    }
}

fn is_visible(call: &Call<'_, HttpApi>, note: &Note) -> bool {
    note.owner == call.caller.account || call.app.flaws().has("notes-looked-up-by-id-alone")
}

/// Where the note of the path is, when it is the caller's; with the flaw `opens`, that of anybody of his tenant and role.
fn position(call: &Call<'_, HttpApi>, state: &State, opens: &str) -> Result<usize, Error> {
    let notes = &state.notes;
    if matches!(call.id(), "0" | "null")
        && call.app.flaws().has("id-zero-is-any-note")
        && let Some(at) = notes.iter().position(|note| !is_visible(call, note))
    {
        return Ok(at);
    }
    let at = notes
        .iter()
        .position(|note| note.id == call.id())
        .ok_or_else(Error::not_found)?;
    let is_colleagues = state.are_colleagues(&notes[at].owner, &call.caller.account);
    if is_visible(call, &notes[at]) || (is_colleagues && call.app.flaws().has(opens)) {
        return Ok(at);
    }
    if call.app.flaws().has("foreign-note-prepared") {
        pause(PREPARED);
    }
    if call.app.flaws().has("foreign-note-told") {
        return Err(Error::new(403, "FORBIDDEN", "This note is not yours."));
    }
    Err(Error::not_found())
}

/// Whether a list of entity tags names this one (RFC 9110 §13.1.1, §13.1.2).
fn names(list: &str, tag: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item) == tag)
}

fn check_match(call: &Call<'_, HttpApi>, note: &Note) -> Result<(), Error> {
    match call.request.fields.get("if-match") {
        Some(list) if !names(list, &note.tag()) => Err(Error::new(
            412,
            "PRECONDITION_FAILED",
            "The note is no longer the one that you know.",
        )),
        _ => Ok(()),
    }
}

fn show(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let state = call.app.state();
    let note = &state.notes[position(call, &state, "colleagues-notes-shown")?];
    let tag = note.tag();
    if let Some(list) = call.request.fields.get("if-none-match")
        && names(list, &tag)
    {
        let mut response = personal(Response::new(304).field("ETag", tag));
        if call.app.flaws().has("body-on-not-modified") {
            response.body = note.shown().to_string().into_bytes();
            response.forbidden_body = true;
            response.close = true;
        }
        return Ok(response);
    }
    Ok(personal(
        Response::json(200, &note.shown()).field("ETag", tag),
    ))
}

/// For the caller's own cache, to be asked about every time.
fn personal(response: Response) -> Response {
    response.field("Cache-Control", "private, no-cache")
}

fn list(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let flaws = call.app.flaws();
    let parameters = call.request.parameters();
    let values = |name: &str| -> Vec<&str> {
        parameters
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
            .collect()
    };
    let owners = values("owner");
    let is_own = |owner: &&str| *owner == call.caller.account || *owner == "me";
    let owner = match owners.as_slice() {
        [] => call.caller.account.as_str(),
        [first, .., last] if is_own(first) && flaws.has("last-owner-filter-used") => last,
        all if all.iter().all(is_own) => call.caller.account.as_str(),
        _ => return Err(invalid(&call.app.edge, "owner can only be yourself.")),
    };
    let sought = values("search").first().copied();
    if sought.is_some_and(|text| text.contains('%')) && flaws.has("search-crashes-on-percent") {
        return Err(Error::internal());
    }
    let limit = match values("limit").first() {
        None => 100,
        Some(digits) => digits
            .parse()
            .ok()
            .filter(|limit| (1..=1000).contains(limit))
            .ok_or_else(|| invalid(&call.app.edge, "limit is a number from 1 to 1000."))?,
    };
    let by_title = match values("sort").first() {
        None | Some(&"created") => false,
        Some(&"title") => true,
        Some(_) => return Err(invalid(&call.app.edge, "sort is created or title.")),
    };
    let everybodys = sought.is_some() && flaws.has("foreign-notes-searched");
    let state = call.app.state();
    let mut found: Vec<&Note> = state
        .notes
        .iter()
        .filter(|note| {
            let is_colleagues = state.are_colleagues(&note.owner, &call.caller.account);
            note.owner == owner
                || everybodys
                || (is_colleagues && flaws.has("colleagues-notes-listed"))
        })
        .filter(|note| {
            sought.is_none_or(|text| note.title.contains(text) || note.text.contains(text))
        })
        .collect();
    if by_title {
        found.sort_by(|a, b| a.title.cmp(&b.title));
    }
    let total = if flaws.has("foreign-notes-counted") {
        state.notes.len()
    } else {
        found.len()
    };
    let shown: Vec<Value> = found.iter().take(limit).map(|note| note.shown()).collect();
    Ok(Response::json(
        200,
        &json!({ "total": total, "items": shown }),
    ))
}

fn create(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let app = call.app;
    let flaws = app.flaws();
    let mut state = app.state();
    let mut parent_title = None;
    if let Some(parent) = call.text("parent") {
        let parent = state
            .notes
            .iter()
            .find(|note| {
                note.id == parent
                    && (note.owner == call.caller.account || flaws.has("parent-note-unchecked"))
            })
            .ok_or_else(|| invalid(&app.edge, "parent names no note of yours."))?;
        parent_title = Some(format!("{}: {}", parent.title, parent.text));
    }
    let mut owner = call.caller.account.clone();
    if flaws.has("note-owner-taken-from-body")
        && let Some(named) = ["owner", "owner_id", "ownerId"]
            .iter()
            .find_map(|name| call.unknown.get(*name))
            .and_then(Value::as_str)
    {
        owner = named.to_owned();
    }
    let note = Note {
        id: random_id(),
        owner,
        title: call.text("title").unwrap_or_default().to_owned(),
        text: call.text("text").unwrap_or_default().to_owned(),
        priority: call.integer("priority").unwrap_or(0),
        parent: call.text("parent").map(ToOwned::to_owned),
    };
    let mut shown = note.shown();
    shown["parentTitle"] = Value::from(parent_title);
    let response = Response::json(201, &shown)
        .field("Location", format!("/notes/{}", note.id))
        .field("ETag", note.tag());
    super::make_room(&mut state.notes, 3);
    state.notes.push(note);
    Ok(response)
}

fn change(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let at = position(call, &state, "colleagues-notes-changed")?;
    let note = &mut state.notes[at];
    check_match(call, note)?;
    if let Some(title) = call.text("title") {
        note.title = title.to_owned();
    }
    if let Some(text) = call.text("text") {
        note.text = text.to_owned();
    }
    if let Some(priority) = call.integer("priority") {
        note.priority = priority;
    }
    Ok(Response::json(200, &note.shown()).field("ETag", note.tag()))
}

fn delete(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let at = position(call, &state, "colleagues-notes-deleted")?;
    check_match(call, &state.notes[at])?;
    state.notes.remove(at);
    Ok(Response::new(204))
}

/// All or nothing: one item that is not the caller's refuses the batch.
fn batch(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let app = call.app;
    let items = call
        .body
        .get("items")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let mut state = app.state();
    let mut changes = Vec::new();
    for (number, item) in items.iter().enumerate() {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        let title = text("title")
            .filter(|title| (1..=100).contains(&title.chars().count()))
            .ok_or_else(|| invalid(&app.edge, "Every item needs a title."))?;
        let is_checked = number == 0 || !app.flaws().has("batch-checks-first-item-only");
        let at = state
            .notes
            .iter()
            .position(|note| Some(note.id.as_str()) == text("id"))
            .filter(|at| !is_checked || is_visible(call, &state.notes[*at]))
            .ok_or_else(|| invalid(&app.edge, "An item names no note of yours."))?;
        changes.push((at, title.to_owned()));
    }
    let mut shown = Vec::new();
    for (at, title) in changes {
        state.notes[at].title = title;
        shown.push(state.notes[at].shown());
    }
    Ok(Response::json(200, &json!({ "items": shown })))
}
