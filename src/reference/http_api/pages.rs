//! Pages for browsers, and the headers that go with them (CSP3, Permissions Policy, COOP, COEP).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::HttpApi;
use super::access::Access;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "page-csp-unsafe-inline",
        "Allows inline scripts on its pages.",
        "CSP3",
    ),
    flaw(
        "page-csp-any-script-host",
        "Allows scripts from any host on its pages.",
        "CSP3",
    ),
    flaw(
        "page-csp-without-base-uri",
        "Leaves base-uri out of the policy of its pages.",
        "CSP3",
    ),
    flaw(
        "page-csp-without-default",
        "Leaves default-src and object-src out of the policy of its pages.",
        "CSP3",
    ),
    flaw(
        "page-nonce-fixed",
        "Uses the same nonce for every page.",
        "CSP3 §7.1",
    ),
    flaw("page-nonce-short", "Uses nonces of 32 bits.", "CSP3 §7.1"),
    flaw(
        "page-framable",
        "Lets anybody frame its pages.",
        "CSP3 frame-ancestors",
    ),
    flaw(
        "page-frame-options-allow-from",
        "Rules framing by X-Frame-Options: ALLOW-FROM alone.",
        "HTML §X-Frame-Options",
    ),
    flaw(
        "page-framing-contradicts",
        "Lets a partner frame its pages by CSP and nobody by X-Frame-Options.",
        "CSP3 frame-ancestors",
    ),
    flaw(
        "permissions-policy-old-syntax",
        "Writes Permissions-Policy in the syntax of Feature-Policy.",
        "Permissions Policy",
    ),
    flaw(
        "permissions-policy-open",
        "Allows the camera to every origin.",
        "Permissions Policy",
    ),
    flaw(
        "feature-policy-alone",
        "Sends Feature-Policy in place of Permissions-Policy.",
        "Permissions Policy",
    ),
    flaw(
        "opener-policy-misspelt",
        "Writes sameorigin in Cross-Origin-Opener-Policy.",
        "HTML §COOP",
    ),
    flaw(
        "opener-policy-open",
        "Sends Cross-Origin-Opener-Policy: unsafe-none.",
        "HTML §COOP",
    ),
    flaw(
        "embedder-policy-missing",
        "Leaves Cross-Origin-Embedder-Policy out, though isolation is declared.",
        "HTML §COEP",
    ),
    flaw(
        "page-without-charset",
        "Sends pages without a charset.",
        "RFC 9110 §8.3",
    ),
];

pub const ROUTES: &[Route<HttpApi>] = &[
    Route {
        operation: Operation {
            name: "home",
            method: "GET",
            path: "/",
            who: &["anonymous"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: Access::Everybody,
        schema: None,
        run: home,
    },
    Route {
        operation: Operation {
            name: "account-page",
            method: "GET",
            path: "/account",
            who: &["user", "reader", "admin"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: Access::Read,
        schema: None,
        run: account,
    },
    Route {
        operation: Operation {
            name: "public-info",
            method: "GET",
            path: "/info",
            who: &["anonymous"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: Access::Everybody,
        schema: None,
        run: info,
    },
];

fn home(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    Ok(page(call.app, "Notes", "<p>Keep notes here.</p>"))
}

fn account(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let state = call.app.state();
    let mut list = String::new();
    for note in &state.notes {
        if note.owner == call.caller.account {
            list.push_str(&format!("<li>{}</li>", escape(&note.title)));
        }
    }
    Ok(page(call.app, "Your notes", &format!("<ul>{list}</ul>")))
}

/// What is the same for everybody.
fn info(call: &Call<'_, HttpApi>) -> Result<Response, Error> {
    let shown =
        serde_json::json!({ "name": "notes", "documentation": format!("{}/", call.app.origin) });
    Ok(Response::json(200, &shown).holds(Holds::Public))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

fn page(app: &HttpApi, title: &str, content: &str) -> Response {
    let flaws = app.flaws();
    let nonce = if flaws.has("page-nonce-fixed") {
        "Zml4ZWRmaXhlZGZpeGVkZml4".to_owned()
    } else if flaws.has("page-nonce-short") {
        STANDARD.encode(rand::random::<[u8; 4]>())
    } else {
        STANDARD.encode(rand::random::<[u8; 18]>())
    };
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style nonce=\"{nonce}\">body{{font-family:sans-serif}}</style></head><body><h1>{title}</h1>{content}\
         <script nonce=\"{nonce}\">document.documentElement.dataset.ready = \"yes\";</script></body></html>\n"
    );
    Response::new(200)
        .body("text/html; charset=utf-8", html.into_bytes())
        .field("Content-Security-Policy", policy(app, &nonce))
}

fn policy(app: &HttpApi, nonce: &str) -> String {
    let flaws = app.flaws();
    let scripts = match () {
        () if flaws.has("page-csp-unsafe-inline") => "script-src 'self' 'unsafe-inline'".to_owned(),
        () if flaws.has("page-csp-any-script-host") => format!("script-src 'nonce-{nonce}' *"),
        () => format!("script-src 'nonce-{nonce}'"),
    };
    let mut directives = vec![
        scripts,
        format!("style-src 'nonce-{nonce}'"),
        "img-src 'self'".to_owned(),
        "connect-src 'self'".to_owned(),
        "form-action 'self'".to_owned(),
    ];
    if !flaws.has("page-csp-without-default") {
        directives.insert(0, "default-src 'none'; object-src 'none'".to_owned());
    }
    if !flaws.has("page-csp-without-base-uri") {
        directives.push("base-uri 'none'".to_owned());
    }
    if flaws.has("page-framing-contradicts") {
        directives.push("frame-ancestors https://partner.invalid".to_owned());
    } else if !flaws.has("page-framable") && !flaws.has("page-frame-options-allow-from") {
        directives.push("frame-ancestors 'none'".to_owned());
    }
    directives.join("; ")
}

const COOP: &str = "Cross-Origin-Opener-Policy";
const COEP: &str = "Cross-Origin-Embedder-Policy";
const PERMISSIONS: &str = "Permissions-Policy";
const CLOSED: &str = "camera=(), geolocation=(), microphone=()";

/// Headers of pages, error pages of flawed deployments included.
pub fn decorate(app: &HttpApi, response: &mut Response) {
    if !response.is_html() || response.get("content-disposition").is_some() {
        return;
    }
    let flaws = app.flaws();
    response.set_default(COOP, "same-origin");
    response.set_default(COEP, "require-corp");
    response.set_default(PERMISSIONS, CLOSED);
    if flaws.has("page-framable") {
        response.remove("X-Frame-Options");
    }
    if flaws.has("feature-policy-alone") {
        response.remove(PERMISSIONS);
    }
    if flaws.has("embedder-policy-missing") {
        response.remove(COEP);
    }
    for (id, name, value) in [
        (
            "page-frame-options-allow-from",
            "X-Frame-Options",
            "ALLOW-FROM https://partner.invalid",
        ),
        (
            "permissions-policy-old-syntax",
            PERMISSIONS,
            "camera 'none'; geolocation 'none'",
        ),
        (
            "permissions-policy-open",
            PERMISSIONS,
            "camera=*, geolocation=(), microphone=()",
        ),
        ("feature-policy-alone", "Feature-Policy", "camera 'none'"),
        ("opener-policy-misspelt", COOP, "sameorigin"),
        ("opener-policy-open", COOP, "unsafe-none"),
        ("page-without-charset", "Content-Type", "text/html"),
    ] {
        if flaws.has(id) {
            response.set(name, value);
        }
    }
}
