//! API credentials of a project, from their making to their end.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::access::{Access, SECRET_HEADER};
use super::credential::{Credential, Secret, hashed, new_secret};
use super::{Percus, State, projects};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, invalid, optional, required};
use crate::reference::edge::challenge;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::gap::gap;
use crate::reference::http::{Request, Response};
use crate::reference::idempotency::Once;
use crate::reference::operation::Operation;
use crate::reference::secret::random_id;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "idempotency-secret-repeated",
        "Shows the secret again when the creation is repeated under its idempotency key.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "credentials-of-any-project",
        "Lists and makes API credentials of any project for any manager.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "credentials-looked-up-by-id-alone",
        "Shows, changes, rotates and revokes an API credential for any manager who knows its id.",
        "OWASP API1:2023",
    ),
    flaw(
        "secret-shown-in-read",
        "Shows the secret when a credential is read.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "secret-shown-in-list",
        "Shows the secrets in the list of credentials.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "secret-shown-in-update",
        "Shows the secret in the answer to a change of its label.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "secret-shown-on-revocation",
        "Shows the secret in the answer to its revocation.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "secret-shown-on-demand",
        "Shows the secret to whoever asks for it with a query parameter.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "secret-masked-at-creation",
        "Shows stars and the last four characters of the secret when a credential is made.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "secret-in-location",
        "Puts the secret into Location.",
        "RFC 9110 §17.9",
    ),
    flaw(
        "secret-in-etag",
        "Makes an ETag of the secret.",
        "RFC 9110 §8.8.3",
    ),
    flaw(
        "secret-on-head",
        "Tells the secret in a header field when a credential is asked for with HEAD.",
        "RFC 9110 §9.3.2",
    ),
    flaw(
        "secret-told-in-error",
        "Repeats a secret that it does not take in the message of the refusal.",
        "CWE-209",
    ),
    flaw(
        "key-without-prefix",
        "Makes keys that do not begin with pk_.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "id-cut-from-secret",
        "Takes the first digits of the secret for the id.",
        "good practice",
    ),
    flaw(
        "id-hashed-from-secret",
        "Takes the first digits of the SHA-256 of the secret for the id.",
        "good practice",
    ),
    flaw(
        "publishable-key-opens-player",
        "Takes a publishable key without its secret.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "secret-read-from-query",
        "Takes key and secret from the query as well.",
        "RFC 6750 §2.3",
    ),
    flaw(
        "second-revocation-fails",
        "Answers 500 when a credential is revoked again.",
        "good practice",
    ),
    flaw(
        "revocation-undone-by-update",
        "Takes over the status of a credential from an update.",
        "OWASP API3:2023",
    ),
    flaw(
        "rotation-keeps-secret",
        "Gives the old secret when a credential is rotated.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "rotation-widens-access",
        "Lets a rotated credential write that could only read before.",
        "good practice",
    ),
    flaw(
        "overlap-ignored",
        "Ends the old secret at once where a rotation asks for an overlap.",
        "good practice",
    ),
    flaw(
        "rotation-unlocked",
        "Notes which secret is to end, and a millisecond later ends that one alone.",
        "good practice",
    ),
    flaw(
        "secret-counted-by-label",
        "Derives the secret from the label and the number of credentials that have it, which it counts a millisecond before.",
        "good practice",
    ),
    flaw(
        "credential-quota-counted-early",
        "Counts the credentials of a project, and makes another a millisecond later.",
        "good practice",
    ),
    flaw(
        "credential-rights-taken-from-body",
        "Gives a new credential the role that the body names.",
        "OWASP API3:2023",
    ),
];

pub const OF_PROJECT: &str = "/api/projects/{id}/credentials";
pub const ITEM: &str = "/api/credentials/{id}";
const REVOKE: &str = "/api/credentials/{id}/revoke";
const ROTATE: &str = "/api/credentials/{id}/rotate";
const MANAGERS: &[&str] = &["manager", "admin"];
/// Most credentials kept; the oldest that was not there from the beginning makes room.
const KEPT: usize = 1000;

const LONGEST_OVERLAP: Duration = Duration::from_secs(3600);

const NEW: &[Member] = &[
    required("label", Kind::Text(1, 100)),
    optional("access", Kind::OneOf(&["read", "write"])),
    optional("expiresIn", Kind::Integer(1, 31_536_000)),
    optional("address", Kind::Text(2, 45)),
];
const CHANGE: &[Member] = &[
    optional("label", Kind::Text(1, 100)),
    optional("access", Kind::OneOf(&["read", "write"])),
];

pub const ROUTES: &[Route<Percus>] = &[
    Route {
        operation: Operation {
            id_from: "list-projects",
            ..Operation::new("list-credentials", "GET", OF_PROJECT, MANAGERS, 200)
        },
        access: Access::ManageCredentials,
        schema: None,
        run: list,
    },
    Route {
        operation: Operation {
            body: r#"{"label":"Web shop","access":"read"}"#,
            read_by: "list-credentials",
            id_from: "list-projects",
            ..Operation::new("create-credential", "POST", OF_PROJECT, MANAGERS, 201)
        },
        access: Access::ManageCredentials,
        schema: Some(NEW),
        run: create,
    },
    Route {
        operation: Operation {
            id_from: "$credential_id",
            ..Operation::new("show-credential", "GET", ITEM, MANAGERS, 200)
        },
        access: Access::ManageCredentials,
        schema: None,
        run: show,
    },
    Route {
        operation: Operation {
            body: r#"{"label":"Old web shop"}"#,
            read_by: "show-credential",
            id_from: "$credential_id",
            ..Operation::new("update-credential", "PATCH", ITEM, MANAGERS, 200)
        },
        access: Access::ManageCredentials,
        schema: Some(CHANGE),
        run: update,
    },
    Route {
        operation: Operation {
            read_by: "show-credential",
            id_from: "create-credential",
            ..Operation::new("revoke-credential", "POST", REVOKE, MANAGERS, 200)
        },
        access: Access::ManageCredentials,
        schema: None,
        run: revoke,
    },
    Route {
        operation: Operation {
            read_by: "show-credential",
            id_from: "create-credential",
            ..Operation::new("rotate-credential", "POST", ROTATE, MANAGERS, 200)
        },
        access: Access::ManageCredentials,
        schema: None,
        run: rotate,
    },
];

/// Lets slip the secret that was sent, where a flaw does.
pub fn tell_secret(app: &Percus, request: &Request, error: &mut Error) {
    if let Some(secret) = request.fields.get(SECRET_HEADER)
        && app.flaws().has("secret-told-in-error")
    {
        error.message = format!("{secret} is not a secret that is known");
    }
}

/// 403 unless the caller manages the project of the path, whether it exists or not.
fn check_project(call: &Call<'_, Percus>, state: &State) -> Result<(), Error> {
    let exists = || state.projects.iter().any(|project| project.id == call.id());
    if projects::reaches(&call.caller, call.id(), state)
        || (exists() && call.app.flaws().has("credentials-of-any-project"))
    {
        return Ok(());
    }
    Err(challenge::forbidden(&call.app.edge, None))
}

fn list(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let flaws = call.app.flaws();
    let state = call.app.state();
    check_project(call, &state)?;
    let shown: Vec<Value> = state
        .credentials
        .iter()
        .filter(|credential| credential.project == call.id())
        .map(|credential| credential.shown_in(flaws, "secret-shown-in-list"))
        .collect();
    Ok(Response::json(
        200,
        &json!({ "total": shown.len(), "items": shown }),
    ))
}

fn create(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let once = Once {
        owner: &call.caller.id,
        project: call.id(),
        request: call.request,
        needs_key: false,
        now: Instant::now(),
        keep: match call.app.flaws().has("idempotency-secret-repeated") {
            true => Response::clone,
            false => without_secret,
        },
        flaws: call.app.flaws(),
    };
    call.app.uploads.once(&once, || create_now(call))
}

/// What is kept of the creation for a repetition: the contract has the secret shown once.
fn without_secret(response: &Response) -> Response {
    let mut kept = response.clone();
    if let Ok(Value::Object(mut members)) = serde_json::from_slice(&response.body) {
        members.remove("secret");
        kept.body = Value::Object(members).to_string().into_bytes();
    }
    kept
}

fn create_now(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let app = call.app;
    let flaws = app.flaws();
    let mut state = app.state();
    check_project(call, &state)?;
    let label = call.text("label").unwrap_or_default();
    let secret = match flaws.has("secret-counted-by-label") {
        true => {
            let alike = state.credentials.iter().filter(|one| one.label == label);
            let number = alike.count();
            drop(state);
            gap();
            state = app.state();
            format!("sk_{}", hashed(&format!("{} {label} {number}", call.id())))
        }
        false => new_secret(label, flaws),
    };
    let address = match call.text("address").map(str::parse::<IpAddr>) {
        Some(Err(_)) => return Err(invalid(&app.edge, "`address` is no IP address.")),
        Some(Ok(address)) => Some(address),
        None => None,
    };
    let room = quota(call.id(), &state);
    if room == Some(0) {
        return Err(Error::conflict(
            "The project has as many API credentials as it may have.",
        ));
    }
    if room.is_some() && flaws.has("credential-quota-counted-early") {
        drop(state);
        gap();
        state = app.state();
    }
    let id = match () {
        () if flaws.has("id-cut-from-secret") => secret.chars().skip(3).take(16).collect(),
        () if flaws.has("id-hashed-from-secret") => hashed(&secret).chars().take(32).collect(),
        () => random_id(),
    };
    let key_prefix = match flaws.has("key-without-prefix") {
        true => "",
        false => "pk_",
    };
    let names_role = ["role", "roles", "isAdmin", "scopes"]
        .iter()
        .any(|name| call.unknown.contains_key(*name));
    let credential = Credential {
        id,
        project: call.id().to_owned(),
        key: format!("{key_prefix}{}", random_id()),
        label: label.to_owned(),
        may_write: call.text("access") == Some("write"),
        secret: Secret::of(secret),
        former: Vec::new(),
        fading: None,
        twins: Vec::new(),
        revoked: None,
        expires: call
            .integer("expiresIn")
            .and_then(|seconds| u64::try_from(seconds).ok())
            .and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds))),
        address,
        raised: names_role && flaws.has("credential-rights-taken-from-body"),
    };
    let clear = credential.secret.clear.as_str();
    let place = match flaws.has("secret-in-location") {
        true => clear,
        false => credential.id.as_str(),
    };
    let mut response = credential
        .given(201)
        .field("Location", format!("/api/credentials/{place}"));
    if flaws.has("secret-in-etag") {
        response.add("ETag", format!("\"{clear}\""));
    }
    if flaws.has("secret-masked-at-creation") {
        let body = String::from_utf8_lossy(&response.body);
        response.body = body
            .replace(&clear[3..clear.len() - 4], &"*".repeat(60))
            .into_bytes();
    }
    super::make_room(&mut state.credentials, app.seeded.credentials, KEPT);
    state.credentials.push(credential);
    Ok(response)
}

/// How many more credentials the project may have; `None` where nobody bounds them.
fn quota(project: &str, state: &State) -> Option<usize> {
    let most = state
        .projects
        .iter()
        .find(|one| one.id == project)?
        .most_credentials?;
    let is_active = |one: &&Credential| one.project == project && one.revoked.is_none();
    let there = state.credentials.iter().filter(is_active).count();
    Some(most.saturating_sub(there))
}

/// Where the credential of the path is, when the caller manages its project.
fn position(call: &Call<'_, Percus>, state: &State) -> Result<usize, Error> {
    let any_project = call.app.flaws().has("credentials-looked-up-by-id-alone");
    state
        .credentials
        .iter()
        .position(|credential| {
            credential.id == call.id()
                && (projects::reaches(&call.caller, &credential.project, state) || any_project)
        })
        .ok_or_else(Error::not_found)
}

fn show(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let flaws = call.app.flaws();
    let state = call.app.state();
    let credential = &state.credentials[position(call, &state)?];
    let mut shown = credential.shown_in(flaws, "secret-shown-in-read");
    let query = call.request.query().unwrap_or_default();
    let asks = ["secret", "reveal", "expand", "include"]
        .iter()
        .any(|word| query.contains(word));
    if asks && flaws.has("secret-shown-on-demand") {
        shown["secret"] = Value::from(credential.secret.clear.as_str());
    }
    let mut response = Response::json(200, &shown);
    if call.request.method == "HEAD" && flaws.has("secret-on-head") {
        response.add("X-Credential", credential.secret.clear.as_str());
    }
    Ok(response)
}

fn update(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let flaws = call.app.flaws();
    let mut state = call.app.state();
    let at = position(call, &state)?;
    let credential = &mut state.credentials[at];
    if let Some(label) = call.text("label") {
        credential.label = label.to_owned();
    }
    if let Some(access) = call.text("access") {
        credential.may_write = access == "write";
    }
    let asks = ["status", "revoked", "active"]
        .iter()
        .any(|name| call.unknown.contains_key(*name));
    if asks && flaws.has("revocation-undone-by-update") {
        credential.revoked = None;
    }
    Ok(Response::json(
        200,
        &credential.shown_in(flaws, "secret-shown-in-update"),
    ))
}

/// Ends a credential. To end it again changes nothing.
fn revoke(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let flaws = call.app.flaws();
    let mut state = call.app.state();
    let at = position(call, &state)?;
    let credential = &mut state.credentials[at];
    if credential.revoked.is_some() && flaws.has("second-revocation-fails") {
        return Err(Error::internal());
    }
    credential.revoked.get_or_insert_with(Instant::now);
    Ok(Response::json(
        200,
        &credential.shown_in(flaws, "secret-shown-on-revocation"),
    ))
}

/// A new secret for the same key; the old one ends at once, or after the seconds of the query parameter `overlap`, an
/// hour at most. 409 for a credential that was revoked.
fn rotate(call: &Call<'_, Percus>) -> Result<Response, Error> {
    let flaws = call.app.flaws();
    let mut state = call.app.state();
    let mut at = position(call, &state)?;
    let ending = state.credentials[at].secret.clone();
    if flaws.has("rotation-unlocked") {
        drop(state);
        gap();
        state = call.app.state();
        at = position(call, &state)?;
    }
    let credential = &mut state.credentials[at];
    if credential.revoked.is_some() {
        return Err(Error::conflict("The credential was revoked."));
    }
    if !flaws.has("rotation-keeps-secret") {
        let secret = Secret::of(new_secret(&credential.label, flaws));
        let old = std::mem::replace(&mut credential.secret, secret);
        let overlap = call.request.parameter("overlap");
        let overlap = overlap.and_then(|seconds| seconds.parse().ok());
        credential.fading = overlap
            .filter(|_| !flaws.has("overlap-ignored"))
            .map(|seconds: u64| Duration::from_secs(seconds).min(LONGEST_OVERLAP))
            .map(|overlap| (old.clone(), Instant::now() + overlap));
        if old.is(&ending) {
            credential.former.push(old);
            credential.twins.clear();
        } else {
            // Somebody else has put it there meanwhile.
            credential.twins.push(old);
        }
        // No more than a flaw needs.
        let spare = credential.former.len().saturating_sub(2);
        credential.former.drain(..spare);
    }
    if flaws.has("rotation-widens-access") {
        credential.may_write = true;
    }
    Ok(credential.given(200))
}
