//! Security headers of every answer, with what can be wrong about each.

use super::Edge;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Request, Response, Version};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "nosniff-missing-on-errors",
        "Sends X-Content-Type-Options with successes only.",
        "Fetch §determine nosniff",
    ),
    flaw(
        "nosniff-misspelt",
        "Writes no-sniff.",
        "Fetch §determine nosniff",
    ),
    flaw(
        "nosniff-sent-twice",
        "Sends two X-Content-Type-Options lines that differ.",
        "RFC 9110 §5.3",
    ),
    flaw(
        "nosniff-missing-on-head",
        "Leaves X-Content-Type-Options out of answers to HEAD.",
        "RFC 9110 §9.3.2",
    ),
    flaw(
        "nosniff-missing-on-413",
        "Leaves X-Content-Type-Options out where the body was too large.",
        "good practice",
    ),
    flaw(
        "frame-options-sent-twice",
        "Sends two X-Frame-Options lines that differ.",
        "RFC 7034 §2",
    ),
    flaw(
        "hsts-missing",
        "Never sends Strict-Transport-Security.",
        "RFC 6797 §7.1",
    ),
    flaw(
        "hsts-missing-on-errors",
        "Sends Strict-Transport-Security with successes only.",
        "RFC 6797 §7.1",
    ),
    flaw(
        "hsts-sent-twice",
        "Sends two Strict-Transport-Security lines that differ.",
        "RFC 6797 §6.1",
    ),
    flaw(
        "hsts-max-age-malformed",
        "Writes max-age=1y.",
        "RFC 6797 §6.1.1",
    ),
    flaw(
        "hsts-directive-repeated",
        "Names max-age twice in one line.",
        "RFC 6797 §6.1",
    ),
    flaw(
        "hsts-comma-separated",
        "Separates the directives by a comma.",
        "RFC 6797 §6.1",
    ),
    flaw(
        "hsts-max-age-short",
        "Asks for HTTPS for five minutes.",
        "RFC 6797 §6.1.1",
    ),
    flaw(
        "hsts-max-age-zero",
        "Sends max-age=0, which takes the promise back.",
        "RFC 6797 §6.1.1",
    ),
    flaw(
        "hsts-preload-alone",
        "Asks for preloading without includeSubDomains.",
        "RFC 6797 §6.1.2",
    ),
    flaw(
        "csp-missing",
        "Never sends Content-Security-Policy.",
        "CSP3",
    ),
    flaw(
        "csp-missing-on-404",
        "Leaves Content-Security-Policy out of 404 answers.",
        "OWASP REST Security",
    ),
    flaw(
        "csp-report-only",
        "Sends the policy as Content-Security-Policy-Report-Only.",
        "CSP3",
    ),
    flaw(
        "csp-keyword-unquoted",
        "Writes the keywords of its policy without quotes, so that they name hosts.",
        "CSP3",
    ),
    flaw(
        "csp-directive-repeated",
        "Names a directive of its policy a second time, which browsers ignore.",
        "CSP3",
    ),
    flaw(
        "referrer-policy-unsafe",
        "Sends Referrer-Policy: unsafe-url.",
        "Referrer Policy §4.1",
    ),
    flaw(
        "referrer-policy-unknown",
        "Sends a Referrer-Policy that nobody knows.",
        "Referrer Policy §4.1",
    ),
    flaw(
        "security-headers-missing-on-errors",
        "Adds its security headers in the handler of successes.",
        "good practice",
    ),
    flaw(
        "security-headers-missing-on-options",
        "Answers OPTIONS before the layer that adds security headers.",
        "good practice",
    ),
    flaw(
        "security-headers-missing-over-h2",
        "Adds its security headers to HTTP/1.1 answers only.",
        "good practice",
    ),
    flaw(
        "server-version-told",
        "Names its product and version in Server.",
        "RFC 9110 §10.2.4",
    ),
    flaw(
        "powered-by-told",
        "Names its framework and version in X-Powered-By.",
        "RFC 9110 §10.2.4",
    ),
    flaw(
        "backend-host-told",
        "Names the private host of its back end in Via.",
        "RFC 9110 §7.6.3",
    ),
    flaw(
        "key-pinning-sent",
        "Sends Public-Key-Pins, which browsers gave up.",
        "good practice",
    ),
    flaw(
        "timing-allowed-for-all",
        "Sends Timing-Allow-Origin: * with personal data.",
        "Fetch §TAO check",
    ),
    flaw(
        "report-endpoint-foreign",
        "Sends browser reports to a host that nobody declared.",
        "Reporting API",
    ),
];

/// Faults of deployments whose contract leaves these headers to good practice.
pub const FREE_FLAWS: &[Flaw] = &[
    flaw(
        "xss-protection-on",
        "Sends X-XSS-Protection: 1; mode=block.",
        "OWASP Secure Headers",
    ),
    flaw(
        "resource-policy-cross-origin",
        "Sends Cross-Origin-Resource-Policy: cross-origin with private data.",
        "Fetch §CORP",
    ),
    flaw(
        "resource-policy-invalid",
        "Sends Cross-Origin-Resource-Policy: self.",
        "Fetch §CORP",
    ),
];

/// Faults of deployments whose contract states the values of these headers.
pub const FIXED_FLAWS: &[Flaw] = &[
    flaw(
        "frame-options-missing-on-errors",
        "Sends X-Frame-Options with successes only.",
        "contract",
    ),
    flaw(
        "frame-options-sameorigin",
        "Sends X-Frame-Options: SAMEORIGIN where the contract says DENY.",
        "contract",
    ),
    flaw(
        "xss-protection-off",
        "Sends X-XSS-Protection: 0 where the contract says 1; mode=block.",
        "contract",
    ),
    flaw(
        "xss-protection-missing",
        "Never sends X-XSS-Protection, which the contract wants.",
        "contract",
    ),
    flaw(
        "hsts-without-subdomains",
        "Leaves includeSubDomains out, which the contract wants.",
        "contract",
    ),
    flaw(
        "csp-default-widened",
        "Adds a foreign host to the default-src of the contract.",
        "contract",
    ),
    flaw(
        "referrer-policy-altered",
        "Sends Referrer-Policy: no-referrer where the contract says strict-origin-when-cross-origin.",
        "contract",
    ),
];

const HSTS: &str = "Strict-Transport-Security";
const XCTO: &str = "X-Content-Type-Options";
const XFO: &str = "X-Frame-Options";
const XSSP: &str = "X-XSS-Protection";
const CSP: &str = "Content-Security-Policy";
const REFERRER: &str = "Referrer-Policy";
const CORP: &str = "Cross-Origin-Resource-Policy";

pub fn apply(edge: &Edge, request: &Request, response: &mut Response) {
    for (name, value) in edge.headers {
        // HSTS over plain HTTP means nothing and is forbidden (RFC 6797 §7.2).
        if *name != HSTS || request.encrypted {
            response.set_default(name, value);
        }
    }
    bend(edge, request, response);
}

fn bend(edge: &Edge, request: &Request, response: &mut Response) {
    let flaws = &edge.flaws;
    let is_error = response.status >= 400;
    let mut missing = Vec::new();
    let mut drop_when = |id: &str, applies: bool, name: &'static str| {
        if applies && flaws.has(id) {
            missing.push(name);
        }
    };
    drop_when("nosniff-missing-on-errors", is_error, XCTO);
    drop_when("nosniff-missing-on-head", request.method == "HEAD", XCTO);
    drop_when("nosniff-missing-on-413", response.status == 413, XCTO);
    drop_when("hsts-missing", true, HSTS);
    drop_when("hsts-missing-on-errors", is_error, HSTS);
    drop_when("csp-missing", true, CSP);
    drop_when("csp-missing-on-404", response.status == 404, CSP);
    for (name, _) in edge.headers {
        drop_when("security-headers-missing-on-errors", is_error, name);
        drop_when(
            "security-headers-missing-on-options",
            request.method == "OPTIONS",
            name,
        );
        drop_when(
            "security-headers-missing-over-h2",
            request.version == Version::H2,
            name,
        );
    }
    for name in missing {
        response.remove(name);
    }

    if flaws.has("nosniff-misspelt") {
        response.set(XCTO, "no-sniff");
    }
    if flaws.has("nosniff-sent-twice") {
        response.add(XCTO, "none");
    }
    if flaws.has("frame-options-sent-twice") {
        response.add(XFO, "SAMEORIGIN");
    }
    if request.encrypted {
        bend_hsts(edge, response);
    }
    bend_csp(edge, response);
    for (id, name, value) in [
        ("referrer-policy-unsafe", REFERRER, "unsafe-url"),
        ("referrer-policy-unknown", REFERRER, "no-referer"),
        ("server-version-told", "Server", "nginx/1.18.0 (Ubuntu)"),
        ("powered-by-told", "X-Powered-By", "Express 4.17.1"),
        ("backend-host-told", "Via", "1.1 web-03.internal.corp:8080"),
        (
            "key-pinning-sent",
            "Public-Key-Pins",
            "pin-sha256=\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"; max-age=60",
        ),
        ("timing-allowed-for-all", "Timing-Allow-Origin", "*"),
        (
            "report-endpoint-foreign",
            "Reporting-Endpoints",
            "default=\"https://collector.invalid/reports\"",
        ),
    ] {
        if flaws.has(id) {
            response.set(name, value);
        }
    }

    let is_fixed = edge.headers.iter().any(|(name, _)| *name == XSSP);
    let altered: &[(&str, &str, &str)] = if is_fixed {
        &[
            ("frame-options-sameorigin", XFO, "SAMEORIGIN"),
            ("xss-protection-off", XSSP, "0"),
            ("referrer-policy-altered", REFERRER, "no-referrer"),
        ]
    } else {
        &[
            ("xss-protection-on", XSSP, "1; mode=block"),
            ("resource-policy-cross-origin", CORP, "cross-origin"),
            ("resource-policy-invalid", CORP, "self"),
        ]
    };
    for (id, name, value) in altered {
        if flaws.has(id) {
            response.set(name, *value);
        }
    }
    if is_fixed && flaws.has("xss-protection-missing") {
        response.remove(XSSP);
    }
    if is_fixed && is_error && flaws.has("frame-options-missing-on-errors") {
        response.remove(XFO);
    }
}

fn bend_hsts(edge: &Edge, response: &mut Response) {
    let flaws = &edge.flaws;
    for (id, value) in [
        ("hsts-max-age-malformed", "max-age=1y; includeSubDomains"),
        (
            "hsts-directive-repeated",
            "max-age=31536000; includeSubDomains; max-age=31536000",
        ),
        (
            "hsts-comma-separated",
            "max-age=31536000, includeSubDomains",
        ),
        ("hsts-max-age-short", "max-age=300; includeSubDomains"),
        ("hsts-max-age-zero", "max-age=0; includeSubDomains"),
        ("hsts-preload-alone", "max-age=31536000; preload"),
    ] {
        if flaws.has(id) {
            response.set(HSTS, value);
        }
    }
    if flaws.has("hsts-sent-twice") {
        response.add(HSTS, "max-age=63072000");
    }
    if flaws.has_if_declared("hsts-without-subdomains") {
        response.set(HSTS, "max-age=31536000");
    }
}

fn bend_csp(edge: &Edge, response: &mut Response) {
    let flaws = &edge.flaws;
    let Some(policy) = response.get(CSP).map(ToOwned::to_owned) else {
        return;
    };
    if flaws.has("csp-report-only") {
        response.remove(CSP);
        response.set("Content-Security-Policy-Report-Only", policy.as_str());
    }
    if flaws.has("csp-keyword-unquoted") {
        response.set(CSP, policy.replace('\'', ""));
    }
    if flaws.has("csp-directive-repeated") {
        response.set(CSP, format!("{policy}; default-src 'self'"));
    }
    if flaws.has_if_declared("csp-default-widened") {
        response.set(CSP, format!("{policy} https://cdn.invalid"));
    }
}
