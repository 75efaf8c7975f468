//! Faults on demand, as staging systems have them: `X-Fault: after-commit` has an upload fail when it is done,
//! `X-Fault: slow` has it, and who reads a template, take its time.

use std::time::Duration;

use crate::reference::edge::errors::Error;
use crate::reference::gap;
use crate::reference::http::Request;

const HEADER: &str = "x-fault";
const SLOW: Duration = Duration::from_millis(300);

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
