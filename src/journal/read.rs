use std::collections::HashMap;
use std::io::{self, BufRead};

use super::record::{Attempt, End, Exchange, ExchangeId, Exchanges, Head, JOURNAL_VERSION, Record};
use crate::judge::Verdict;

/// Longest line that is read; a journal of ours stays far below it.
const MAX_LINE_BYTES: usize = 256 * 1024 * 1024;

/// A journal, put in order: everything that judge and reports read.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    pub head: Head,
    /// All of them, or those that steps and verdicts name.
    pub exchanges: Exchanges,
    /// How many there were.
    pub exchange_count: usize,
    /// Attempts by case, in the order they were made.
    pub attempts: HashMap<String, Vec<Attempt>>,
    /// Verdicts by case. A case without one was not reached.
    pub verdicts: HashMap<String, Verdict>,
    /// Absent where the run did not come to its end.
    pub end: Option<End>,
    /// The last line was cut short; the run died while writing it.
    pub cut: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot read the journal: {0}")]
    Io(#[from] io::Error),
    #[error("line {line} of the journal is no record: {says}")]
    Record { line: usize, says: String },
    /// The file was changed while the run wrote to it.
    #[error("what was written to the journal at octet {begins} cannot be read again: {says}")]
    Again { begins: u64, says: String },
    #[error(
        "the journal does not begin with its head: the run ended before it sent anything and can be started anew without \
         `--resume`, or this is no journal of Proofmark"
    )]
    NoHead,
    #[error(
        "the first line of the journal is incomplete: the run died while it wrote it, and nothing was recorded"
    )]
    CutHead,
    #[error(
        "the journal has version {0}, and this proofmark reads versions up to {JOURNAL_VERSION}; use a newer one"
    )]
    Version(u32),
}

impl RunRecord {
    /// Puts records in order. Refuses records without a head.
    pub fn from_records(records: impl IntoIterator<Item = Record>) -> Result<Self, JournalError> {
        let mut records = records.into_iter();
        let Some(Record::Head(head)) = records.next() else {
            return Err(JournalError::NoHead);
        };
        let mut run = RunRecord {
            head: *head,
            exchanges: Exchanges::new(),
            exchange_count: 0,
            attempts: HashMap::new(),
            verdicts: HashMap::new(),
            end: None,
            cut: false,
        };
        for record in records {
            match record {
                Record::Head(_) => {}
                Record::Exchange(exchange) => drop(run.exchanges.insert(exchange.id, exchange)),
                Record::Attempt(attempt) => {
                    let attempts = run.attempts.entry(attempt.case.clone()).or_default();
                    // A resumed run begins an undecided case anew; what the earlier one tried does not count.
                    if attempt.number == 1 {
                        attempts.clear();
                    }
                    attempts.push(*attempt);
                }
                Record::Verdict { case, verdict } => drop(run.verdicts.insert(case, verdict)),
                Record::End(end) => run.end = Some(end),
            }
        }
        run.exchange_count = run.exchanges.len();
        Ok(run)
    }

    /// `None` also where it was left out, as [`RunRecord::exchanges`] says.
    pub fn exchange(&self, id: ExchangeId) -> Option<&Exchange> {
        self.exchanges.get(&id).map(AsRef::as_ref)
    }

    /// The exchanges that steps and verdicts name, each by itself; not all of those that a race or burst sent.
    pub(super) fn named_exchanges(&self) -> impl Iterator<Item = ExchangeId> {
        let attempts = self.attempts.values().flatten();
        let taken = attempts
            .flat_map(|attempt| &attempt.steps)
            .filter_map(|step| step.exchange);
        taken.chain(self.verdicts.values().flat_map(Verdict::exchanges))
    }

    /// Attempts of one case; none where it was skipped or not reached.
    pub fn attempts_of(&self, case: &str) -> &[Attempt] {
        self.attempts.get(case).map_or(&[], Vec::as_slice)
    }
}

/// Reads a journal. A line that was cut short is left out and noted; any other line that is no record is refused.
pub fn read(mut input: impl BufRead) -> Result<(Vec<Record>, bool), JournalError> {
    let mut records = Vec::new();
    let mut line = Vec::new();
    let mut number = 0;
    let mut cut = false;
    loop {
        line.clear();
        let length =
            io::Read::take(&mut input, MAX_LINE_BYTES as u64).read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok((records, cut));
        }
        number += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if number == 1 {
            check_version(&line)?;
        }
        // Without its line end: in a string that was cut off, that would be a character that JSON forbids.
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        match serde_json::from_slice(line) {
            Ok(record) => records.push(record),
            // The run died while writing this line; a resumed run went on below it.
            Err(error) if error.is_eof() && number > 1 => cut = true,
            Err(error) => {
                return Err(JournalError::Record {
                    line: number,
                    says: error.to_string(),
                });
            }
        }
    }
}

fn check_version(line: &[u8]) -> Result<(), JournalError> {
    #[derive(serde::Deserialize)]
    struct Version {
        journal: u32,
    }
    match serde_json::from_slice::<Version>(line) {
        Ok(version) if version.journal > JOURNAL_VERSION => {
            Err(JournalError::Version(version.journal))
        }
        Ok(_) => Ok(()),
        Err(error) if error.is_eof() && line.starts_with(br#"{"record":"head""#) => {
            Err(JournalError::CutHead)
        }
        Err(_) => Err(JournalError::NoHead),
    }
}
