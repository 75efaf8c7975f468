//! Sessions of browsers: a cookie that only the server reads, and proof of intent for what changes something
//! (RFC 6265, OWASP CSRF Prevention).

use serde_json::json;

use super::HttpApi;
use super::access::Access;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{self, Kind, Member, required};
use crate::reference::edge::challenge::{self, Unknown};
use crate::reference::edge::credentials::cookie;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Request, Response};
use crate::reference::operation::Operation;
use crate::reference::password;
use crate::reference::secret::{Hashed, random_hex};
use crate::reference::token::now;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "cookie-without-secure",
        "Sets the session cookie without Secure.",
        "RFC 6265 §4.1.2.5",
    ),
    flaw(
        "cookie-without-httponly",
        "Sets the session cookie without HttpOnly.",
        "RFC 6265 §4.1.2.6",
    ),
    flaw(
        "cookie-without-samesite",
        "Sets the session cookie without SameSite.",
        "RFC 6265bis §4.1.2.7",
    ),
    flaw(
        "cookie-samesite-none",
        "Sets the session cookie with SameSite=None.",
        "RFC 6265bis §4.1.2.7",
    ),
    flaw(
        "host-cookie-with-domain",
        "Sets a __Host- cookie with a Domain.",
        "RFC 6265bis §4.1.3",
    ),
    flaw(
        "cookie-for-parent-domain",
        "Sets the session cookie, without prefix, for a parent domain.",
        "RFC 6265 §4.1.2.3",
    ),
    flaw(
        "cookie-lives-a-year",
        "Keeps the session cookie, and the session, for a year.",
        "RFC 6265 §4.1.2.2",
    ),
    flaw(
        "session-cookie-with-every-error",
        "Begins a session with every error, in a cookie that scripts may read.",
        "RFC 6265 §4.1.2.6",
    ),
    flaw(
        "prefixed-cookie-with-every-error",
        "Sets a __Secure- cookie without Secure with every error.",
        "RFC 6265bis §4.1.3",
    ),
    flaw(
        "parent-domain-cookie-with-every-error",
        "Sets a cookie for a parent domain with every error.",
        "RFC 6265 §4.1.2.3",
    ),
    flaw(
        "csrf-unchecked",
        "Takes the cookie alone as the caller's will.",
        "OWASP CSRF Prevention",
    ),
    flaw(
        "csrf-token-optional",
        "Asks for no CSRF token where the request has no Origin.",
        "OWASP CSRF Prevention",
    ),
    flaw(
        "forms-taken-by-cookie",
        "Reads forms of other sites, and takes the cookie alone as the caller's will.",
        "OWASP CSRF Prevention",
    ),
    flaw(
        "json-named-anywhere",
        "Reads whatever has json somewhere in its media type, and takes the cookie alone as the caller's will.",
        "OWASP CSRF Prevention",
    ),
    flaw(
        "clear-site-data-unquoted",
        "Writes the directives of Clear-Site-Data without quotes.",
        "Clear Site Data §3.1",
    ),
    flaw(
        "clear-site-data-missing",
        "Ends a session without Clear-Site-Data.",
        "Clear Site Data §3.1",
    ),
];

const LOGIN: &[Member] = &[
    required("email", Kind::Text(3, 200)),
    required("password", Kind::Text(1, 200)),
];

pub const ROUTES: &[Route<HttpApi>] = &[
    Route {
        operation: Operation {
            name: "login",
            method: "POST",
            path: "/session",
            who: &["anonymous"],
            body: r#"{"email":"$user_email","password":"$user_password"}"#,
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: Access::Everybody,
        schema: Some(LOGIN),
        run: login,
    },
    Route {
        operation: Operation {
            name: "logout",
            method: "DELETE",
            path: "/session",
            who: &["user"],
            body: "",
            status: 204,
            read_by: "me",
            id_from: "",
        },
        access: Access::Read,
        schema: None,
        run: logout,
    },
];

#[derive(Clone, Debug)]
pub struct Session {
    pub account: String,
    csrf: Hashed,
    until: u64,
}

/// Seconds.
const LIFETIME: u64 = 3600;
const NAME: &str = "__Host-session";
const BARE_NAME: &str = "session";
/// Most sessions kept.
const KEPT: usize = 2000;

fn cookie_name(app: &HttpApi) -> &'static str {
    let flaws = app.flaws();
    if flaws.has("cookie-without-secure") || flaws.has("cookie-for-parent-domain") {
        BARE_NAME
    } else {
        NAME
    }
}

/// The session of the cookie, when it is good.
pub fn of(app: &HttpApi, request: &Request) -> Option<Session> {
    let id = cookie(request, cookie_name(app))?;
    let session = app.state().sessions.get(&Hashed::of(&id)).cloned()?;
    (session.until > now()).then_some(session)
}

/// Browsers send cookies without being asked: an unsafe method must come from our own origin and with the token of
/// the session.
pub fn check_intent(app: &HttpApi, session: &Session, request: &Request) -> Result<(), Error> {
    let flaws = app.flaws();
    if request.is_safe() || flaws.has("csrf-unchecked") || body::is_taken_by_cookie(request, flaws)
    {
        return Ok(());
    }
    let refusal = || {
        Err(Error::new(
            403,
            "CSRF",
            "The request does not show that you meant it.",
        ))
    };
    match request.fields.get("origin") {
        Some(origin) if origin != app.origin => return refusal(),
        None if flaws.has("csrf-token-optional") => return Ok(()),
        _ => {}
    }
    match request.fields.get("x-csrf-token") {
        Some(token) if Hashed::of(token) == session.csrf => Ok(()),
        _ => refusal(),
    }
}

fn login(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let app = call.app;
    let flaws = app.flaws();
    let email = call.text("email").unwrap_or_default();
    let found = {
        let state = app.state();
        state
            .accounts
            .iter()
            .find(|account| account.email == email)
            .map(|account| (account.id.clone(), account.password))
    };
    let candidate = call.text("password").unwrap_or_default();
    let is_right = password::verify(found.as_ref().map(|(_, p)| *p), candidate, flaws);
    let account = match found {
        Some((id, _)) if is_right => id,
        found => {
            let mut error = challenge::unauthenticated(&app.edge, "Bearer", Unknown::Invalid);
            error.message = if found.is_none() && flaws.has("unknown-account-told") {
                "There is no such account.".to_owned()
            } else {
                "E-mail or password is wrong.".to_owned()
            };
            return Err(error);
        }
    };
    let lifetime = if flaws.has("cookie-lives-a-year") {
        31_536_000
    } else {
        LIFETIME
    };
    let (id, csrf) = (random_hex(), random_hex());
    let session = Session {
        account,
        csrf: Hashed::of(&csrf),
        until: now() + lifetime,
    };
    let mut state = app.state();
    if state.sessions.len() >= KEPT {
        let time = now();
        state.sessions.retain(|_, session| session.until > time);
    }
    if state.sessions.len() >= KEPT {
        return Err(
            Error::new(503, "TOO_MANY_SESSIONS", "Come back later.").field("Retry-After", "60")
        );
    }
    state.sessions.insert(Hashed::of(&id), session);
    Ok(Response::json(200, &json!({ "csrfToken": csrf }))
        .field("Set-Cookie", set_cookie(app, &id, lifetime))
        .holds(Holds::Secret))
}

fn set_cookie(app: &HttpApi, id: &str, lifetime: u64) -> String {
    let flaws = app.flaws();
    let mut cookie = format!("{}={id}; Path=/; Max-Age={lifetime}", cookie_name(app));
    if !flaws.has("cookie-without-secure") {
        cookie.push_str("; Secure");
    }
    if !flaws.has("cookie-without-httponly") {
        cookie.push_str("; HttpOnly");
    }
    if flaws.has("cookie-samesite-none") {
        cookie.push_str("; SameSite=None");
    } else if !flaws.has("cookie-without-samesite") {
        cookie.push_str("; SameSite=Lax");
    }
    if flaws.has("host-cookie-with-domain") {
        cookie.push_str("; Domain=localhost");
    }
    if flaws.has("cookie-for-parent-domain") {
        cookie.push_str("; Domain=.example.com");
    }
    cookie
}

fn logout(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let app = call.app;
    let flaws = app.flaws();
    if let Some(id) = cookie(call.request, cookie_name(app)) {
        app.state().sessions.remove(&Hashed::of(&id));
    }
    let response = Response::new(204).field("Set-Cookie", set_cookie(app, "", 0));
    Ok(if flaws.has("clear-site-data-missing") {
        response
    } else if flaws.has("clear-site-data-unquoted") {
        response.field("Clear-Site-Data", "cookies, storage")
    } else {
        response.field("Clear-Site-Data", "\"cookies\", \"storage\"")
    })
}

/// The cookies that a flawed deployment sets where nobody asked for one.
pub fn decorate(app: &HttpApi, response: &mut Response) {
    if response.status < 400 {
        return;
    }
    let session = format!("session={}; Secure; SameSite=Lax; Path=/", random_hex());
    for (id, cookie) in [
        ("session-cookie-with-every-error", session.as_str()),
        (
            "prefixed-cookie-with-every-error",
            "__Secure-hint=1; HttpOnly; SameSite=Lax; Path=/",
        ),
        (
            "parent-domain-cookie-with-every-error",
            "hint=1; Secure; HttpOnly; SameSite=Lax; Path=/; Domain=localdomain",
        ),
    ] {
        if app.flaws().has(id) {
            response.add("Set-Cookie", cookie);
        }
    }
}
