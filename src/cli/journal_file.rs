//! What may happen to a file that `--journal` names and that is there already.

use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::Path;

use super::output::Fault;

/// How the first and the last line of a journal begin.
const HEAD: &str = r#"{"record":"head""#;
const END: &str = r#"{"record":"end""#;
const INTERRUPTED: &str = r#"{"record":"end","interrupted":true"#;

/// A journal that ended early holds what cost time to get, and another file is none of ours.
pub fn may_be_overwritten(path: &Path) -> Result<(), Fault> {
    // What is no file, such as a pipe, is written and never read.
    if !path.is_file() {
        return Ok(());
    }
    let Ok(file) = std::fs::File::open(path) else {
        return Ok(());
    };
    let lines = std::io::BufReader::new(file).split(b'\n');
    let mut lines = lines.map_while(Result::ok).filter(|line| !line.is_empty());
    let Some(first) = lines.next() else {
        return Ok(());
    };
    let begins = |line: &[u8], text: &str| line.starts_with(text.as_bytes());
    let last = lines.last().unwrap_or_default();
    let says = if !begins(&first, HEAD) {
        "is no journal of Proofmark; name another file"
    } else if !begins(&last, END) || begins(&last, INTERRUPTED) {
        "is the journal of a run that ended early; go on with it (`--resume`), or remove it"
    } else {
        return Ok(());
    };
    Err(Fault::Usage(format!("{} {says}", path.display())))
}

/// Whether the last line was cut, so that what is appended begins a line of its own.
pub fn ends_without_newline(path: &Path) -> std::io::Result<bool> {
    let mut file = std::fs::File::open(path)?;
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last[0] != b'\n')
}
