//! One file, read: its value, and where each part of it stands.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::mistake::Mistake;
use super::span::{Source, Span};
use super::tree::{Found, Style};
use super::yaml;

/// Larger files are refused.
pub const MAX_FILE_BYTES: usize = 4 << 20;

/// A YAML file as a JSON value whose parts can be found again in the text by JSON pointer (RFC 6901).
///
/// A file that parses but breaks a rule of the dialect (a duplicate key, a tag) still becomes a document; its mistakes
/// are held back, and [`super::decode`] reports them together with its own and yields nothing.
///
/// A file without mistakes needs its places no more once it has become a type, so only its text is kept then, and read
/// again if a place in it is asked for after all.
#[derive(Debug)]
pub struct Document {
    source: Arc<Source>,
    read: OnceLock<yaml::Read>,
}

impl Document {
    /// Reads the bytes of a file; `name` is the path to show for it. Refuses more than [`MAX_FILE_BYTES`], what is not
    /// UTF-8 (a byte order mark is fine), broken syntax, nesting over 64 and aliases that repeat over 20 000 values.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Vec<Mistake>> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let refused = |text: String, at: Range<usize>, says: String| {
            Mistake::new(
                &Arc::new(Source::new(name, text)),
                Span::new(at.start, at.end),
                says,
            )
        };
        if bytes.len() > MAX_FILE_BYTES {
            let says = format!(
                "the file has {} bytes, and at most {MAX_FILE_BYTES} are read",
                bytes.len()
            );
            return Err(vec![
                refused(String::new(), 0..0, says).help("split the file"),
            ]);
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let (at, len) = (error.valid_up_to(), error.error_len().unwrap_or(1));
                let mut says = format!("byte 0x{:02x} is not part of UTF-8 text", bytes[at]);
                if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
                    says = "the file is UTF-16".into();
                }
                // Up to the broken character the text is as it was; there the replacement character is shown.
                let shown =
                    String::from_utf8_lossy(&bytes[..bytes.len().min(at + len + 200)]).into_owned();
                let end = at + shown[at..].chars().next().map_or(0, char::len_utf8);
                return Err(vec![
                    refused(shown, at..end, says).help("save the file as UTF-8"),
                ]);
            }
        };
        Self::parse(Arc::new(Source::new(name, text)))
    }

    fn parse(source: Arc<Source>) -> Result<Self, Vec<Mistake>> {
        let read = yaml::read(&source)?;
        Ok(Self {
            source,
            read: OnceLock::from(read),
        })
    }

    fn read_again(&self) -> &yaml::Read {
        self.read
            .get_or_init(|| yaml::read(&self.source).expect("it was read before"))
    }

    /// The value by itself; what else is known of the file is read again where it is asked for.
    pub(super) fn take(&mut self) -> Value {
        self.read_again();
        self.read.take().expect("just read").value
    }

    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The whole value; keys are in the order of the file. While [`Self::held`] is not empty it is only what could be
    /// made of the file.
    pub fn value(&self) -> &Value {
        &self.read_again().value
    }

    /// Mistakes of the dialect that reading recovered from.
    pub fn held(&self) -> &[Mistake] {
        &self.read_again().mistakes
    }

    pub(super) fn has_holes(&self) -> bool {
        self.read_again().has_holes
    }

    /// Where the value at `pointer` stands. For a value that was left out (`key:`), its key; for a pointer that leads
    /// nowhere, the nearest value above that exists.
    pub fn span(&self, pointer: &str) -> Span {
        let node = self.find(pointer).node;
        if node.span.is_empty() && !node.key.is_empty() {
            node.key
        } else {
            node.span
        }
    }

    /// Where the key of the value at `pointer` stands. An item of a list and the root have none: then the first key in
    /// it, or else the value. For a pointer that leads nowhere, of the nearest value above that exists.
    pub fn key_span(&self, pointer: &str) -> Span {
        let node = self.find(pointer).node;
        if !node.key.is_empty() {
            return node.key;
        }
        let first = self.read_again().tree.children(node).first();
        match first {
            Some(first) if node.style == Style::Map => first.key,
            _ => node.span,
        }
    }

    /// A mistake in the value at `pointer`.
    pub fn mistake_at(&self, pointer: &str, says: impl Into<String>) -> Mistake {
        Mistake::new(&self.source, self.span(pointer), says)
    }

    /// A mistake about the key of the value at `pointer`, or about a map as a whole.
    pub fn mistake_at_key(&self, pointer: &str, says: impl Into<String>) -> Mistake {
        Mistake::new(&self.source, self.key_span(pointer), says)
    }

    /// A mistake in bytes `within` of the string at `pointer`. Points at exactly these when the string is written
    /// plainly on one line or in quotes without escapes, else at the whole value.
    pub fn mistake_in_text(
        &self,
        pointer: &str,
        within: Range<usize>,
        says: impl Into<String>,
    ) -> Mistake {
        let span = self
            .span_in_text(pointer, within)
            .unwrap_or_else(|| self.span(pointer));
        Mistake::new(&self.source, span, says)
    }

    fn span_in_text(&self, pointer: &str, within: Range<usize>) -> Option<Span> {
        let found = self.find(pointer);
        let text = found.value.as_str().filter(|_| found.exact)?;
        text.get(within.clone())?;
        let written = self.source.slice(found.node.span);
        let offset = match found.node.style {
            Style::Plain => 0,
            Style::Quoted => 1,
            _ => return None,
        };
        if written.get(offset..written.len().checked_sub(offset)?)? != text {
            return None;
        }
        let start = found.node.span.start as usize + offset;
        Some(Span::new(start + within.start, start + within.end))
    }

    fn find(&self, pointer: &str) -> Found<'_> {
        let read = self.read_again();
        read.tree.find(&read.value, pointer)
    }
}
