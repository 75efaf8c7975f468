//! How bytes travel: the HTTP client, TLS and plain-text probes.
//!
//! [`Client::send`] takes a [`Request`] as it shall be on the wire and gives an [`Outcome`]: an [`Answer`], or one of
//! a closed set of [`Failure`]s. Whatever a peer does ends in one of these, within [`Bounds`]. [`Client::race`] sends
//! several in the same instant, [`Client::send_raw`] octets that are no request. [`Client::probe`] asks what HTTP does
//! not show; see [`probe`].

mod client;
mod dial;
mod http1;
mod http2;
mod library;
mod message;
mod names;
mod pool;
pub mod probe;
mod race;
mod server_tls;
mod tls;

#[cfg(test)]
mod loopback;

pub use client::{Client, ClientConfig};
pub use library::{ConversationError, bounded_body, library_client};
pub use message::{
    Answer, Bounds, Connection, Cut, Failure, Origin, Outcome, Phase, Request, Scheme, Timing,
    Version,
};
pub use names::Overrides;
pub use server_tls::server_tls;
pub use tls::{AUTHORITY_AS_SERVER, ClientError, NO_TLS, Roots};
