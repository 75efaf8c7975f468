//! The reference deployments: correct servers with small switchable faults, which prove that every check can fail.
//!
//! [`Deployment::start`] serves one contract over real TLS with a throw-away authority. What all deployments share is
//! in `edge` (one file a promise) and `dispatch` (the order of judgement); what is a contract's own, in its folder.
//! A [`Flaw`] is declared in the file of the line that it bends, and nowhere else.

mod appdirect;
mod authority;
mod cors;
mod counted;
mod dispatch;
pub(crate) mod dpop;
mod edge;
mod fetch;
mod flaw;
pub(crate) mod gap;
mod h1;
mod h1_head;
mod h2;
pub(crate) mod http;
mod http_api;
mod idempotency;
mod intraverse;
mod listen;
mod old_tls;
mod operation;
mod password;
mod percus;
mod pers;
pub(crate) mod rate_limit;
mod secret;
mod serve;
mod site;
mod target_file;
mod token;

#[cfg(test)]
mod tests;

pub use flaw::{Catalogue, Flaw, FlawSet, UnknownFlaw};
pub use operation::Operation;
pub use rate_limit::{Covers, Kind, Limit, Per};
pub use serve::{Contract, Deployment, Settings};
