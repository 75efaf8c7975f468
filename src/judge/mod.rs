//! Exchanges in, verdict out. Everything here is pure: no clock, no network, no randomness.

pub mod fields;
