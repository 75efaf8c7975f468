//! Files: uploaded as text, given back as attachments only.

use serde_json::json;

use super::HttpApi;
use super::access::Access;
use super::accounts::Account;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;
use crate::reference::operation::Operation;
use crate::reference::secret::random_id;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "files-shown-inline",
        "Gives uploaded HTML back to be shown in place, from the origin of the API.",
        "OWASP File Upload",
    ),
    flaw(
        "files-looked-up-by-id-alone",
        "Gives a file to whoever knows its id.",
        "OWASP API1:2023",
    ),
    flaw(
        "colleagues-files-given",
        "Gives a file to whoever of the owner's tenant and role knows its id.",
        "OWASP API1:2023",
    ),
];

pub const ITEM: &str = "/files/{id}";
const TYPES: &[&str] = &["text/plain", "text/html", "image/svg+xml"];

const NEW: &[Member] = &[
    required("name", Kind::Text(1, 100)),
    required("type", Kind::OneOf(TYPES)),
    required("content", Kind::Text(0, 100_000)),
];

pub const ROUTES: &[Route<HttpApi>] = &[
    Route {
        operation: Operation {
            name: "upload-file",
            method: "POST",
            path: "/files",
            who: &["user"],
            body: r#"{"name":"page.html","type":"text/html","content":"<p>hello</p>"}"#,
            status: 201,
            read_by: "download-file",
            id_from: "",
        },
        access: Access::Write,
        schema: Some(NEW),
        run: upload,
    },
    Route {
        operation: Operation {
            name: "download-file",
            method: "GET",
            path: ITEM,
            who: &["user"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "upload-file",
        },
        access: Access::Read,
        schema: None,
        run: download,
    },
];

#[derive(Clone, Debug)]
pub struct File {
    pub id: String,
    owner: String,
    media_type: String,
    content: String,
}

impl File {
    pub fn seeded(account: &Account) -> Self {
        Self {
            id: random_id(),
            owner: account.id.clone(),
            media_type: "text/plain".to_owned(),
            content: super::canary(),
        }
    }
}

fn upload(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let file = File {
        id: random_id(),
        owner: call.caller.account.clone(),
        media_type: call.text("type").unwrap_or("text/plain").to_owned(),
        content: call.text("content").unwrap_or_default().to_owned(),
    };
    let location = format!("/files/{}", file.id);
    let shown = json!({ "id": file.id, "type": file.media_type });
    let mut state = call.app.state();
    super::make_room(&mut state.files, 3);
    state.files.push(file);
    Ok(Response::json(201, &shown).field("Location", location))
}

fn download(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let flaws = call.app.flaws();
    let state = call.app.state();
    let file = state
        .files
        .iter()
        .find(|file| {
            let is_colleagues = state.are_colleagues(&file.owner, &call.caller.account);
            file.id == call.id()
                && (file.owner == call.caller.account
                    || flaws.has("files-looked-up-by-id-alone")
                    || (is_colleagues && flaws.has("colleagues-files-given")))
        })
        .ok_or_else(Error::not_found)?;
    let content_type = format!("{}; charset=utf-8", file.media_type);
    let response = Response::new(200).body(&content_type, file.content.clone().into_bytes());
    if flaws.has("files-shown-inline") {
        return Ok(response.field("Content-Disposition", "inline"));
    }
    Ok(response
        .field("Content-Disposition", "attachment; filename=\"download\"")
        .field(
            "Content-Security-Policy",
            "sandbox; default-src 'none'; frame-ancestors 'none'",
        ))
}
