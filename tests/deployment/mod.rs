//! A deployment of one operation for tests, which answers as badly as it is told to, and the binary that is run at it.

#![allow(dead_code, unused_imports)] // Each test binary uses another part of this room.

pub mod bare;
pub mod program;
mod proofmark;
mod server;

pub use proofmark::{Files, Ran, proofmark, report_forms, start, verdicts};
pub use server::{Authority, Door, Reply, Request, Site, answer, json, serve};
