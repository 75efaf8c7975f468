//! Places in a file.

use std::fmt;
use std::sync::OnceLock;

/// Bytes `start..end` of a [`Source`]; both lie on character boundaries of its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let narrow =
            |at: usize| u32::try_from(at).expect("a source is at most MAX_FILE_BYTES long");
        Self {
            start: narrow(start),
            end: narrow(end.max(start)),
        }
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Line and column, both from 1; the column counts characters, a tab as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// The text of one file, without a byte order mark, and the name to show for it.
pub struct Source {
    name: String,
    text: String,
    line_starts: OnceLock<Vec<u32>>,
}

impl Source {
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            line_starts: OnceLock::new(),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text under `span`; empty when the span belongs to another file.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// Where byte `at` is. Past the end, the end; inside a character, that character.
    pub fn position(&self, at: u32) -> Position {
        let at = self.text.floor_char_boundary(at as usize);
        let line = self.line_index(at);
        Position {
            line: line + 1,
            column: self.text[self.line_start(line)..at].chars().count() + 1,
        }
    }

    /// Index (from 0) of the line that holds byte `at`.
    pub(crate) fn line_index(&self, at: usize) -> usize {
        self.line_starts()
            .partition_point(|&start| start as usize <= at)
            .saturating_sub(1)
    }

    /// Bytes of line `index` (from 0), without its line end.
    pub(crate) fn line_range(&self, index: usize) -> std::ops::Range<usize> {
        let start = self.line_start(index);
        let next = self
            .line_starts()
            .get(index + 1)
            .map_or(self.text.len(), |&next| next as usize);
        let line = &self.text[start..next];
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        start..start + line.len()
    }

    fn line_start(&self, index: usize) -> usize {
        self.line_starts()
            .get(index)
            .map_or(self.text.len(), |&start| start as usize)
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let after_breaks = self
                .text
                .bytes()
                .zip(1u32..)
                .filter(|(byte, _)| *byte == b'\n');
            std::iter::once(0)
                .chain(after_breaks.map(|(_, next)| next))
                .collect()
        })
    }
}

/// Leaves the text out: a target file may hold what must not be printed.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?}, {} bytes)", self.name, self.text.len())
    }
}

/// Turns the character indices of the parser into byte offsets.
pub(super) struct CharIndex<'t> {
    text: &'t str,
    /// Behind each character of several bytes: its index, and the bytes beyond one a character up to its end.
    wide: Vec<(u32, u32)>,
    /// How many of them lie before what was asked for last: who reads goes forwards, a step at a time.
    passed: usize,
}

impl<'t> CharIndex<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut wide = Vec::new();
        let (mut characters, mut beyond) = (0, 0);
        for byte in text.bytes() {
            // A byte that goes on with a character is one beyond; what leads it counts as the character.
            match byte {
                0x80..=0xbf => {
                    beyond += 1;
                    if let Some((_, last)) = wide.last_mut() {
                        *last = beyond;
                    }
                }
                _ => {
                    if byte >= 0xc0 {
                        wide.push((characters, beyond));
                    }
                    characters += 1;
                }
            }
        }
        Self {
            text,
            wide,
            passed: 0,
        }
    }

    /// Byte offset of character `index`; the length of the text when there is none.
    pub(super) fn byte(&mut self, index: usize) -> usize {
        let is_before = |(at, _): &(u32, u32)| (*at as usize) < index;
        while self.wide.get(self.passed).is_some_and(is_before) {
            self.passed += 1;
        }
        while self.passed > 0 && !is_before(&self.wide[self.passed - 1]) {
            self.passed -= 1;
        }
        let beyond = match self.passed {
            0 => 0,
            some => self.wide[some - 1].1 as usize,
        };
        (index + beyond).min(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_end_at_newlines() {
        let source = Source::new("s.yaml", "a: é\r\nbß: c\n");
        let at = |byte| {
            let Position { line, column } = source.position(byte);
            (line, column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(5), (1, 5));
        assert_eq!(at(4), (1, 4), "inside é counts as é");
        assert_eq!(at(7), (2, 1));
        assert_eq!(at(12), (2, 5));
        assert_eq!(at(9999), (3, 1));
        assert_eq!(&source.text()[source.line_range(0)], "a: é");
        assert_eq!(&source.text()[source.line_range(7)], "");
    }

    #[test]
    fn character_indices_become_bytes() {
        let text: String = "aé漢".repeat(100);
        let mut index = CharIndex::new(&text);
        for (n, (byte, _)) in text.char_indices().enumerate() {
            assert_eq!(index.byte(n), byte);
        }
        assert_eq!(index.byte(1), 1);
        assert_eq!(index.byte(300), text.len());
        assert_eq!(index.byte(10_000), text.len());
        assert_eq!(CharIndex::new("abc").byte(2), 2);
    }

    #[test]
    fn debug_keeps_the_text_out() {
        assert_eq!(
            format!("{:?}", Source::new("t", "secret")),
            "Source(\"t\", 6 bytes)"
        );
    }
}
