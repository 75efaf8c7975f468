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
/// A run may have a hundred thousand exchanges, so what goes to a file is in the file alone; it is read again when the run
/// is over, exchanges as far as a verdict rests on them.
pub struct Journal {
    sink: Mutex<Sink>,
}

struct Sink {
    /// Of a journal with a file those that an earlier run wrote, and the head.
    records: Vec<Record>,
    file: Option<Kept>,
    /// What the disk did not take.
    unwritten: Vec<Record>,
}

struct Kept {
    file: File,
    /// Octets written.
    length: u64,
    exchanges: HashMap<ExchangeId, Line>,
    /// Attempts, verdicts, and the end.
    others: Vec<Line>,
}

/// Where a line begins, and its length.
type Line = (u64, usize);

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
            exchanges: HashMap::new(),
            others: Vec::new(),
        });
        Self {
            sink: Mutex::new(Sink {
                records,
                file,
                unwritten: Vec::new(),
            }),
        }
    }

    /// Writes one record. Fails when the disk does; the record is kept in memory then.
    pub fn write(&self, record: Record) -> io::Result<()> {
        let mut sink = self.sink();
        let Some(kept) = &mut sink.file else {
            sink.records.push(record);
            return Ok(());
        };
        let written = kept.write(&record);
        match record {
            // It shares its plan with the run.
            Record::Head(_) => sink.records.push(record),
            _ if written.is_err() => sink.unwritten.push(record),
            _ => {}
        }
        written
    }

    /// The run as far as it came, out of memory: nothing is written to this journal any more. Of a journal with a file
    /// only those exchanges are in it that steps and verdicts name, each by itself; how many there were it knows all the
    /// same.
    pub fn finish(&self) -> Result<RunRecord, JournalError> {
        let mut sink = self.sink();
        let mut records = std::mem::take(&mut sink.records);
        if let Some(kept) = &mut sink.file {
            for line in std::mem::take(&mut kept.others) {
                records.push(kept.read(line)?);
            }
        }
        records.append(&mut sink.unwritten);
        let mut run = RunRecord::from_records(records)?;
        if let Some(kept) = &mut sink.file {
            let mut named: HashSet<ExchangeId> = run.named_exchanges().collect();
            named.retain(|id| kept.exchanges.contains_key(id));
            run.exchange_count += kept.exchanges.len();
            for id in named {
                run.exchanges.insert(id, kept.exchange(id)?);
            }
        }
        Ok(run)
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn write(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record).map_err(io::Error::other)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        let place = (self.length, line.len());
        self.length += line.len() as u64;
        match record {
            Record::Head(_) => {}
            Record::Exchange(exchange) => drop(self.exchanges.insert(exchange.id, place)),
            _ => self.others.push(place),
        }
        Ok(())
    }

    fn read(&mut self, (begins, length): Line) -> Result<Record, JournalError> {
        let mut line = vec![0; length];
        self.file.seek(SeekFrom::Start(begins))?;
        self.file.read_exact(&mut line)?;
        serde_json::from_slice(&line).map_err(|error| JournalError::Again {
            begins,
            says: error.to_string(),
        })
    }

    fn exchange(&mut self, id: ExchangeId) -> Result<Arc<Exchange>, JournalError> {
        let line = self.exchanges[&id];
        match self.read(line)? {
            Record::Exchange(exchange) => Ok(exchange),
            _ => Err(JournalError::Again {
                begins: line.0,
                says: format!("it is not the exchange {id} that was written there"),
            }),
        }
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
