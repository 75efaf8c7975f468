//! What people and programs read about a run. Every report is a function of the journal; nothing here does I/O.

mod curl;
mod terminal;
mod view;

pub use curl::curl;
pub use terminal::{Paint, terminal};
pub use view::{CaseView, CheckView, Conformity, Counts, Standing, View};
