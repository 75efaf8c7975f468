//! The tenant of a request: `X-Project-Key`, judged before anything else.

use super::oauth::METADATA_PATH;
use super::{Pers, Role};
use crate::reference::dpop::binding;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Request;
use crate::reference::secret::Hashed;
use crate::reference::token::KEY_SET_PATH;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "default-tenant-when-missing",
        "Serves the first tenant when the project key is missing.",
        "PERS API, Project Identification",
    ),
    flaw(
        "default-tenant-when-unknown",
        "Serves the first tenant when the project key is well formed but of nobody.",
        "PERS API, Project Identification",
    ),
    flaw(
        "project-key-case-ignored",
        "Takes a project key in upper case.",
        "PERS API, Project Identification",
    ),
    flaw(
        "project-key-tail-ignored",
        "Looks at the first 64 characters of a project key only.",
        "PERS API, Project Identification",
    ),
    flaw(
        "project-key-prefix-unchecked",
        "Takes any prefix before the project key.",
        "PERS API, Project Identification",
    ),
    flaw(
        "first-project-key-taken",
        "Takes the first of two project keys.",
        "PERS API, Project Identification",
    ),
    flaw(
        "project-key-list-accepted",
        "Takes the first of a list of project keys in one line.",
        "PERS API, Project Identification",
    ),
    flaw(
        "administrators-need-project-key",
        "Refuses an administrator who names no project, although the token does.",
        "PERS API, Project Identification",
    ),
    flaw(
        "administrators-without-key-in-first-tenant",
        "Serves the first tenant to every administrator who names no project.",
        "PERS API, Project Identification",
    ),
    flaw(
        "project-key-judged-after-token",
        "Judges the token before the project key.",
        "PERS API, Project Identification",
    ),
];

pub const A: &str = "tenant-a";
pub const B: &str = "tenant-b";
/// Demands a nonce in every proof.
pub const C: &str = "tenant-c";
pub const ALL: [&str; 3] = [A, B, C];

const PREFIX: &str = "pk_test_";

/// The tenant that the header names; `None` where there is no header.
pub fn named(app: &Pers, request: &Request) -> Result<Option<&'static str>, Error> {
    let flaws = app.flaws();
    let lines: Vec<&[u8]> = request.fields.all("x-project-key").collect();
    let line = match lines.as_slice() {
        [] if flaws.has("default-tenant-when-missing") => return Ok(Some(A)),
        [] => return Ok(None),
        [line] => line,
        [line, ..] if flaws.has("first-project-key-taken") => line,
        [_, _, ..] => return Err(refusal()),
    };
    let mut key = std::str::from_utf8(line).map_err(|_| refusal())?.to_owned();
    if flaws.has("project-key-list-accepted")
        && let Some((first, _)) = key.split_once(',')
    {
        key = first.trim().to_owned();
    }
    if flaws.has("project-key-case-ignored") {
        key = key.to_ascii_lowercase();
    }
    if flaws.has("project-key-tail-ignored") && !key.starts_with(PREFIX) {
        key = key.chars().take(64).collect();
    }
    if flaws.has("project-key-prefix-unchecked")
        && !key.starts_with(PREFIX)
        && let Some((_, bare)) = key.rsplit_once('_')
    {
        key = bare.to_owned();
    }
    let digits = key.strip_prefix(PREFIX).unwrap_or(&key);
    let is_well_formed = digits.len() == 64
        && digits
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_well_formed {
        return Err(refusal());
    }
    match app.project_keys.get(&Hashed::of(&key)) {
        Some(tenant) => Ok(Some(tenant)),
        None if flaws.has("default-tenant-when-unknown") => Ok(Some(A)),
        None => Err(refusal()),
    }
}

/// Refuses a request without a sound project key. An administrator's token carries the tenant, so it may stand alone.
pub fn gate(app: &Pers, request: &Request) -> Result<(), Error> {
    if is_of_issuer(request) {
        return Ok(());
    }
    if app.flaws().has("project-key-judged-after-token")
        && let Some(token) = binding::token(request, app.flaws())
        && app.issuer.verify(&token, app.flaws()).is_none()
    {
        return Err(super::access::unknown_token(app));
    }
    if named(app, request)?.is_some() || carries_tenant(app, request) {
        return Ok(());
    }
    Err(refusal())
}

/// Key set and metadata are for everybody who deals with tokens, whatever project they are of.
pub fn is_of_issuer(request: &Request) -> bool {
    request
        .path()
        .strip_prefix("/v2")
        .is_some_and(|path| [KEY_SET_PATH, METADATA_PATH].contains(&path))
}

fn carries_tenant(app: &Pers, request: &Request) -> bool {
    let Some(token) = binding::token(request, app.flaws()) else {
        return false;
    };
    let flaws = app.flaws();
    app.issuer
        .verify(&token, flaws)
        .is_some_and(|claims| claims.role == Role::Admin.name())
        && !flaws.has("administrators-need-project-key")
}

/// The same for a missing, a malformed and an unknown key.
pub fn refusal() -> Error {
    Error::new(
        400,
        "PROJECT_KEY_INVALID",
        "Please name your project with a valid X-Project-Key",
    )
}
