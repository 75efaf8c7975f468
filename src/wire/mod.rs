//! How bytes travel: the HTTP client, TLS and plain-text probes.

mod message;

pub use message::{
    Answer, Bounds, Connection, Failure, Origin, Outcome, Phase, Request, Scheme, Timing, Version,
};
