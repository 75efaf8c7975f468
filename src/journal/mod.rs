//! The journal: an append-only JSON Lines file of plan, exchanges, attempts and verdicts. The journal *is* the run;
//! secrets are replaced by their names before anything enters it.

mod forms;
mod needles;
mod octets;
mod pieces;
mod read;
mod record;
mod redact;
mod write;

pub use octets::Octets;
pub use read::{JournalError, RunRecord, read};
pub use record::{
    Attempt, Call, Doubt, End, Exchange, ExchangeId, Exchanges, Head, JOURNAL_VERSION, Phase,
    Record, RecordedAnswer, RecordedRequest, Slot, StepTaken,
};
pub use redact::{MARK_CLOSE, MARK_OPEN, Redactor};
pub use write::Journal;
