use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use super::record::Record;

/// Where records go. Each record is one `write` of one line, so that whatever ends the process leaves whole lines, and
/// at most one cut one at the end.
pub struct Journal {
    sink: Mutex<Sink>,
}

enum Sink {
    Memory(Vec<Record>),
    Both(File, Vec<Record>),
}

impl Journal {
    /// Keeps records in memory only; for `prove`, which needs no file.
    pub fn in_memory() -> Self {
        Self {
            sink: Mutex::new(Sink::Memory(Vec::new())),
        }
    }

    /// A new file; an existing one is replaced.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .open(path)?;
        Ok(Self {
            sink: Mutex::new(Sink::Both(file, Vec::new())),
        })
    }

    /// Goes on with a file whose records were read before. A last line that was cut is ended first.
    pub fn append(path: &Path, records: Vec<Record>, ends_cut: bool) -> io::Result<Self> {
        let mut file = OpenOptions::new().append(true).open(path)?;
        if ends_cut {
            file.write_all(b"\n")?;
        }
        Ok(Self {
            sink: Mutex::new(Sink::Both(file, records)),
        })
    }

    /// Writes one record. Fails when the disk does; the record is kept in memory all the same.
    pub fn write(&self, record: Record) -> io::Result<()> {
        let mut sink = self
            .sink
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        match &mut *sink {
            Sink::Memory(records) => {
                records.push(record);
                Ok(())
            }
            Sink::Both(file, records) => {
                let written = write_line(file, &record);
                records.push(record);
                written
            }
        }
    }

    /// Everything written so far, out of memory: nothing is written to this journal any more.
    pub fn take_records(&self) -> Vec<Record> {
        let mut sink = self
            .sink
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        match &mut *sink {
            Sink::Memory(records) | Sink::Both(_, records) => std::mem::take(records),
        }
    }

    /// Everything written so far.
    pub fn records(&self) -> Vec<Record> {
        let sink = self
            .sink
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        match &*sink {
            Sink::Memory(records) | Sink::Both(_, records) => records.clone(),
        }
    }
}

fn write_line(file: &mut File, record: &Record) -> io::Result<()> {
    let mut line = serde_json::to_vec(record).map_err(io::Error::other)?;
    line.push(b'\n');
    file.write_all(&line)
}
