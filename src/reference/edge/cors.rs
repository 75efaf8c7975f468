//! Which site may read answers in a browser (Fetch §3.2): one, by its exact origin. For deployments whose flaws lie
//! elsewhere.

use crate::reference::http::{Request, Response};

/// The site, and what its pages may send and read.
pub struct Pages {
    pub origin: &'static str,
    /// Request fields.
    pub sent: &'static str,
    /// Response fields; empty for none beyond those that pages may always read.
    pub read: &'static str,
}

fn is_preflight(request: &Request) -> bool {
    request.method == "OPTIONS"
        && request.fields.has("origin")
        && request.fields.has("access-control-request-method")
}

impl Pages {
    /// The answer to a preflight; `None` for any other OPTIONS.
    pub fn preflight(&self, request: &Request, allow: &str) -> Option<Response> {
        if !is_preflight(request) {
            return None;
        }
        let response = Response::new(204).field("Allow", allow);
        if request.fields.get("origin")? != self.origin {
            return Some(response);
        }
        Some(
            response
                .field("Access-Control-Allow-Methods", allow)
                .field("Access-Control-Allow-Headers", self.sent)
                .field("Access-Control-Max-Age", "600"),
        )
    }

    /// Lets the pages read an answer. Whether they are asking is told.
    pub fn decorate(&self, request: &Request, response: &mut Response) -> bool {
        response.add("Vary", "Origin");
        if request.fields.get("origin") != Some(self.origin) {
            return false;
        }
        response.set("Access-Control-Allow-Origin", self.origin);
        response.set("Access-Control-Allow-Credentials", "true");
        if !self.read.is_empty() && !is_preflight(request) {
            response.set("Access-Control-Expose-Headers", self.read);
        }
        true
    }
}
