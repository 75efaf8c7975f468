//! Proofmark: a conformance harness and fuzzer for the security promises of HTTP APIs.
//!
//! Data flows one way: `suite` loads and plans, `run` executes over `wire`, `journal` keeps what happened,
//! `judge` derives verdicts from it, `report` renders them; `fuzz` has the bodies of the fuzz targets. `reference` holds the deployments that prove the checks.

pub mod cli;
pub mod fuzz;
pub mod jose;
pub mod journal;
pub mod judge;
pub mod prove;
pub mod reference;
pub mod report;
pub mod run;
pub mod suite;
pub mod wire;
