use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::read::{JournalError, RunRecord};
use super::record::{Exchange, ExchangeId, Record};

/// Where records go. Each record is one `write` of one line, so that whatever ends the process leaves whole lines, and
/// at most one cut one at the end.
///
/// A run may have a hundred thousand exchanges, so those of a journal with a file are in the file alone; they are read
/// again when the run is over, as far as a verdict rests on them.
pub struct Journal {
    sink: Mutex<Sink>,
}

struct Sink {
    /// All records of a journal in memory; of one with a file all but the exchanges that were written to it.
    records: Vec<Record>,
    file: Option<Kept>,
}

struct Kept {
    file: File,
    /// Octets written.
    length: u64,
    /// Where the line of an exchange begins, and its length.
    places: HashMap<ExchangeId, (u64, usize)>,
}

impl Journal {
    /// Keeps records in memory only; for `prove`, which needs no file.
    pub fn in_memory() -> Self {
        Self::of(Vec::new(), None)
    }

    /// A file without a name in the folder for temporary ones, or memory where that cannot be written to.
    pub fn unnamed() -> Self {
        match unnamed_file() {
            Ok(file) => Self::of(Vec::new(), Some(file)),
            Err(_) => Self::in_memory(),
        }
    }

    /// A new file; an existing one is replaced.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(true)
            .open(path)?;
        Ok(Self::of(Vec::new(), Some(file)))
    }

    /// Goes on with a file whose records were read before. A last line that was cut is ended first.
    pub fn append(path: &Path, records: Vec<Record>, ends_cut: bool) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).open(path)?;
        if ends_cut {
            file.write_all(b"\n")?;
        }
        let length = file.seek(SeekFrom::End(0))?;
        let journal = Self::of(records, Some(file));
        if let Some(kept) = &mut journal.sink().file {
            kept.length = length;
        }
        Ok(journal)
    }

    fn of(records: Vec<Record>, file: Option<File>) -> Self {
        let file = file.map(|file| Kept {
            file,
            length: 0,
            places: HashMap::new(),
        });
        Self {
            sink: Mutex::new(Sink { records, file }),
        }
    }

    /// Writes one record. Fails when the disk does; the record is kept in memory then.
    pub fn write(&self, record: Record) -> io::Result<()> {
        let mut sink = self.sink();
        let written = match &mut sink.file {
            Some(kept) => kept.write(&record),
            None => Ok(false),
        };
        if !matches!(written, Ok(true)) {
            sink.records.push(record);
        }
        written.map(drop)
    }

    /// The run as far as it came, out of memory: nothing is written to this journal any more. Of a journal with a file
    /// only those exchanges are in it that steps and verdicts name, each by itself; how many there were it knows all the
    /// same.
    pub fn finish(&self) -> Result<RunRecord, JournalError> {
        let mut sink = self.sink();
        let records = std::mem::take(&mut sink.records);
        let mut run = RunRecord::from_records(records)?;
        if let Some(kept) = &mut sink.file {
            let mut named: HashSet<ExchangeId> = run.named_exchanges().collect();
            named.retain(|id| kept.places.contains_key(id));
            run.exchange_count += kept.places.len();
            for id in named {
                run.exchanges.insert(id, kept.read(id)?);
            }
        }
        Ok(run)
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Whether the record can be read again from the file.
    fn write(&mut self, record: &Record) -> io::Result<bool> {
        let mut line = serde_json::to_vec(record).map_err(io::Error::other)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        let begins = self.length;
        self.length += line.len() as u64;
        if let Record::Exchange(exchange) = record {
            self.places.insert(exchange.id, (begins, line.len()));
            return Ok(true);
        }
        Ok(false)
    }

    fn read(&mut self, id: ExchangeId) -> Result<Arc<Exchange>, JournalError> {
        let (begins, length) = self.places[&id];
        let mut line = vec![0; length];
        self.file.seek(SeekFrom::Start(begins))?;
        self.file.read_exact(&mut line)?;
        let says = match serde_json::from_slice(&line) {
            Ok(Record::Exchange(exchange)) => return Ok(exchange),
            Ok(_) => "it is not the exchange that was written there".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(JournalError::Exchange { id, says })
    }
}

/// A file that is gone as soon as nobody has it open.
fn unnamed_file() -> io::Result<File> {
    let name = format!("proofmark-{:032x}.jsonl", rand::random::<u128>());
    let path = std::env::temp_dir().join(name);
    let mut options = OpenOptions::new();
    options.create_new(true).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    // Where a file cannot go while it is open, it is no unnamed one.
    std::fs::remove_file(&path)?;
    Ok(file)
}
