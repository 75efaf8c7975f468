//! HTTP/1.1 over a connection of ours (RFC 9112): what we write is exactly what we were given, what we read is
//! bounded and kept octet for octet.
//!
//! [`exchange`] drives one request and its answer; [`reader`] finds heads and bodies in what arrives; [`head`] and
//! [`framing`] are pure.

mod exchange;
mod framing;
mod head;
mod reader;

#[cfg(test)]
mod tests;

pub(super) use exchange::{cut_off, exchange, exchange_raw, hold};
