//! A redirect by parameter: to our own pages and nowhere else.

use super::HttpApi;
use super::access::Access;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::invalid;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;
use crate::reference::operation::Operation;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "open-redirect",
        "Redirects to wherever the parameter says.",
        "OWASP Unvalidated Redirects",
    ),
    flaw(
        "open-redirect-by-double-slash",
        "Redirects to any parameter that begins with a slash, and so to //evil.",
        "OWASP Unvalidated Redirects",
    ),
    flaw(
        "token-in-redirect",
        "Appends the caller's token to the address that it redirects to.",
        "RFC 6750 §5.3",
    ),
    flaw(
        "redirect-down-to-http",
        "Redirects from https to http.",
        "RFC 9110 §15.4",
    ),
];

pub const ROUTES: &[Route<HttpApi>] = &[Route {
    operation: Operation {
        name: "go",
        method: "GET",
        path: "/go",
        who: &["user", "reader", "admin"],
        body: "",
        status: 303,
        read_by: "",
        id_from: "",
    },
    access: Access::Read,
    schema: None,
    run: go,
}];

/// Parameters that frameworks take for a target; the first that is there counts.
const PARAMETERS: [&str; 4] = ["next", "redirect", "return_to", "url"];
const PLACES: [&str; 4] = ["/", "/notes", "/me", "/account"];

fn go(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let app = call.app;
    let flaws = app.flaws();
    let asked = PARAMETERS
        .iter()
        .find_map(|name| call.request.parameter(name))
        .unwrap_or_else(|| "/notes".to_owned());
    let is_ours = PLACES.contains(&asked.as_str());
    let is_let_through = flaws.has("open-redirect")
        || (flaws.has("open-redirect-by-double-slash") && asked.starts_with('/'));
    if !is_ours && !is_let_through {
        return Err(invalid(&app.edge, "There is no such place here."));
    }
    let mut location = asked;
    if flaws.has("redirect-down-to-http") {
        location = format!("http://localhost{location}");
    }
    if flaws.has("token-in-redirect") {
        let token = app
            .issuer
            .mint(&call.caller.account, call.caller.tenant, "reader", flaws);
        location.push_str(&format!("?token={token}"));
    }
    Ok(Response::new(303).field("Location", location))
}
