//! The trace that a request is part of (W3C Trace Context): what is told of it comes back in `Traceresponse`.

use super::HttpApi;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Request, Response};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "trace-echoed-raw",
        "Sends back whatever traceparent says, markup and all.",
        "W3C Trace Context §3.2",
    ),
    flaw(
        "traceparent-crashes",
        "Answers 500 to a traceparent that it cannot read.",
        "W3C Trace Context §3.2",
    ),
];

/// Octets of a `traceparent` of version 00.
const LENGTH: usize = 55;

fn sent(request: &Request) -> Option<&str> {
    request.fields.get("traceparent")
}

/// The trace id of a well-formed field: 32 hexadecimal digits, not all of them 0.
fn trace_id(field: &str) -> Option<&str> {
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let parts: Vec<&str> = field.split('-').collect();
    match parts.as_slice() {
        ["00", trace, parent, flags]
            if field.len() == LENGTH
                && is_hex(trace, 32)
                && is_hex(parent, 16)
                && is_hex(flags, 2)
                && trace.bytes().any(|b| b != b'0') =>
        {
            Some(trace)
        }
        _ => None,
    }
}

/// Whether the flawed deployment chokes on the field.
pub fn judge(app: &HttpApi, request: &Request) -> Result<(), Error> {
    match sent(request) {
        Some(field) if trace_id(field).is_none() && app.flaws().has("traceparent-crashes") => {
            Err(Error::internal())
        }
        _ => Ok(()),
    }
}

/// A field that cannot be read is passed over, and the trace begins anew.
pub fn decorate(app: &HttpApi, request: &Request, response: &mut Response) {
    let Some(field) = sent(request) else {
        return;
    };
    let trace = match trace_id(field) {
        None if app.flaws().has("trace-echoed-raw") => field.to_owned(),
        None => format!("{:032x}", rand::random::<u128>()),
        Some(trace) => trace.to_owned(),
    };
    let span = rand::random::<u64>();
    response.set("Traceresponse", format!("00-{trace}-{span:016x}-01"));
}

#[cfg(test)]
mod tests {
    use super::trace_id;

    #[test]
    fn only_what_is_well_formed_is_taken_over() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace_id(good), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for bad in [
            &good.replace("4736", "473G"),
            &good.replace("00-4", "01-4"),
            &good.replace("-01", ""),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "<script>",
        ] {
            assert_eq!(trace_id(bad), None, "{bad}");
        }
    }
}
