//! Faults on demand, as staging systems have them: `X-Fault: after-commit` has an upload fail when it is done,
//! `X-Fault: slow` has it, and who reads a template, take its time, `X-Fault: gateway` has the gateway in front give up
//! before the answer comes.

use std::time::Duration;

use crate::reference::edge::errors::Error;
use crate::reference::gap;
use crate::reference::http::{Request, Response};

const HEADER: &str = "x-fault";
const SLOW: Duration = Duration::from_millis(300);

/// Whether the gateway does not wait for the answer to this request.
pub fn is_given_up(request: &Request) -> bool {
    request.fields.get(HEADER) == Some("gateway")
}

/// What it answers instead (RFC 9110 §15.6.5).
pub fn give_up(response: &mut Response) {
    response.status = 504;
    response.remove("Location");
    response.set("Content-Type", "text/plain; charset=utf-8");
    response.body = b"The application did not answer in time.\n".to_vec();
}

/// Before the effect.
pub fn dawdle(request: &Request) {
    if request.fields.get(HEADER) == Some("slow") {
        gap::pause(SLOW);
    }
}

/// After it: 500 where that is asked for.
pub fn fail(request: &Request) -> Result<(), Error> {
    match request.fields.get(HEADER) {
        Some("after-commit") => Err(Error::internal()),
        _ => Ok(()),
    }
}
