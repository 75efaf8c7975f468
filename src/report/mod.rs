//! What people and programs read about a run. Every report is a function of the journal; nothing here does I/O.

mod curl;
mod explanation;
mod explanation_page;
mod json;
mod junit;
mod reasons;
mod remedy;
mod terminal;
mod view;
mod visible;
mod words_page;

pub use curl::curl;
pub use explanation::{
    ContractLevel, ExplainedAnswer, ExplainedFlaw, ExplainedParameter, Explanation,
};
pub use explanation_page::{catalogue, page};
pub use json::{REPORT_VERSION, Report, json, report};
pub use junit::junit;
pub use terminal::{Detail, Paint, terminal};
pub use view::{CaseView, CheckView, Conformity, Counts, Standing, View};

pub use visible::visible;
pub use words_page::words_page;
