//! What may happen to a file that `--journal` names and that is there already.

use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::output::Fault;
use crate::journal::MARK_OPEN;
use crate::suite::Target;

/// How the first and the last line of a journal begin.
const HEAD: &str = r#"{"record":"head""#;
const END: &str = r#"{"record":"end""#;
const VERDICT: &str = r#"{"record":"verdict""#;
const INTERRUPTED: &str = r#"{"record":"end","interrupted":true"#;

/// Makes room for a new journal. A journal that ended early holds what cost time to get, and another file is none of
/// ours; the journal of a run that came to its end is evidence, and is kept as `PATH.1`, or under the next number that is
/// free, which is told.
pub fn make_room(path: &Path) -> Result<Option<PathBuf>, Fault> {
    if path.as_os_str() == "-" {
        return Err(Fault::Usage(
            "`--journal -`: a journal is read again when the run is over, so it needs a file; `--report json=-` writes to \
             standard output"
                .to_owned(),
        ));
    }
    // What is no file, such as a pipe, is written and never read.
    if !path.is_file() {
        return Ok(None);
    }
    let Ok(file) = std::fs::File::open(path) else {
        return Ok(None);
    };
    let lines = std::io::BufReader::new(file).split(b'\n');
    let mut lines = lines.map_while(Result::ok).filter(|line| !line.is_empty());
    let Some(first) = lines.next() else {
        return Ok(None);
    };
    let begins = |line: &[u8], text: &str| line.starts_with(text.as_bytes());
    if !begins(&first, HEAD) {
        let says = "is no journal of Proofmark; name another file";
        return Err(Fault::Usage(format!("{} {says}", path.display())));
    }
    let (mut last, mut is_decided) = (Vec::new(), false);
    for line in lines {
        is_decided |= begins(&line, VERDICT);
        last = line;
    }
    if begins(&last, END) && !begins(&last, INTERRUPTED) {
        return kept(path).map(Some);
    }
    if is_decided {
        let says =
            "is the journal of a run that ended early; go on with it (`--resume`), or remove it";
        return Err(Fault::Usage(format!("{} {says}", path.display())));
    }
    // Nothing was found out before that run ended.
    Ok(None)
}

fn kept(path: &Path) -> Result<PathBuf, Fault> {
    let numbered = (1u32..).map(|number| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    });
    let free = numbered.into_iter().find(|name| !name.exists());
    let free = free.unwrap_or_else(|| path.with_extension("old"));
    std::fs::rename(path, &free).map_err(|error| Fault::file(path.to_owned(), error))?;
    Ok(free)
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

/// Whether a run can be gone on with: the target file says what it said when the run began. The error is a sentence.
pub fn is_of_the_same(then: &Target, now: &Target) -> Result<(), String> {
    if then.https != now.https {
        return Err(format!(
            "the journal is of another target, {}, and this is {}; `--resume` needs the same one",
            then.https, now.https
        ));
    }
    let members = |target: &Target| match serde_json::to_value(target) {
        Ok(serde_json::Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    let (then, now) = (members(then), members(now));
    // How findings are shown, and not what is looked for.
    let shown = ["secret_variables", "ca_file"];
    let all = then
        .keys()
        .chain(now.keys().filter(|name| !then.contains_key(*name)));
    let changed: Vec<String> = all
        .filter(|name| !shown.contains(&name.as_str()) && then.get(*name) != now.get(*name))
        // What held a secret is in the journal under its name.
        .filter(|name| {
            !then
                .get(*name)
                .is_some_and(|one| one.to_string().contains(MARK_OPEN))
        })
        .map(|name| format!("`{name}`"))
        .collect();
    match changed.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "the target file has changed since the run of the journal began: {}; start anew without `--resume`",
            changed.join(", ")
        )),
    }
}
