//! A mistake in a file that a user wrote.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use super::document::Document;
use super::span::{Source, Span};

/// One mistake: where, what is wrong, what to write instead. Collected, never thrown one at a time; [`super::render`]
/// shows them. Texts may quote the file: whoever shows them makes control characters visible.
#[derive(Clone, Debug)]
pub struct Mistake {
    pub file: Arc<Source>,
    pub at: Span,
    /// Stands beside the caret: "did you mean `expect`?".
    pub label: Option<String>,
    /// A second place that explains the first, such as the other one of two equal keys.
    pub also: Option<Box<Also>>,
    /// One sentence without a full stop.
    pub says: String,
    /// What to write instead; each line is shown as one `help`.
    pub help: Option<String>,
}

/// A second place, perhaps in another file, and what there is to see.
#[derive(Clone, Debug)]
pub struct Also {
    pub file: Arc<Source>,
    pub at: Span,
    pub label: String,
}

impl Mistake {
    pub(super) fn new(file: &Arc<Source>, at: Span, says: impl Into<String>) -> Self {
        Self {
            file: Arc::clone(file),
            at,
            label: None,
            also: None,
            says: says.into(),
            help: None,
        }
    }

    /// Sets what stands beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds a line of help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        let help = help.into();
        self.help = Some(match self.help.take() {
            Some(earlier) => format!("{earlier}\n{help}"),
            None => help,
        });
        self
    }

    /// Points at the value at `pointer` of `document` (the same file or another) as well.
    #[must_use]
    pub fn also(self, document: &Document, pointer: &str, label: impl Into<String>) -> Self {
        let at = document.span(pointer);
        self.also_at(document.source(), at, label)
    }

    pub(super) fn also_at(
        mut self,
        file: &Arc<Source>,
        at: Span,
        label: impl Into<String>,
    ) -> Self {
        self.also = Some(Box::new(Also {
            file: Arc::clone(file),
            at,
            label: label.into(),
        }));
        self
    }

    /// Shows other text in place of the file's. It has the same length and the same lines, so that places stay right.
    pub fn show_as(&mut self, text: &str) {
        let other = Arc::new(Source::new(self.file.name(), text));
        if let Some(also) = &mut self.also
            && also.file.name() == self.file.name()
        {
            also.file = Arc::clone(&other);
        }
        self.file = other;
    }

    /// The order in which mistakes are shown: by file, then by place.
    pub(super) fn order(&self, other: &Self) -> std::cmp::Ordering {
        let key = |m: &Self| (m.at.start, m.at.end);
        self.file
            .name()
            .cmp(other.file.name())
            .then_with(|| key(self).cmp(&key(other)))
    }
}

/// `file:line:column: sentence`, for a log line.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.file.position(self.at.start);
        let line = format!(
            "{}:{}:{}: {}",
            self.file.name(),
            at.line,
            at.column,
            self.says
        );
        f.write_str(&annotate_snippets::normalize_untrusted_str(&line))
    }
}

impl std::error::Error for Mistake {}

/// The mistakes in order, as an array of objects with `file`, `line`, `column`, `end_line`, `end_column` (from 1, in
/// characters; the end is the first character after), `says`, and where there is one `label`, `help`, and `also` with
/// a place and a `label` of its own.
pub fn to_json(mistakes: &[Mistake]) -> Value {
    let mut sorted: Vec<&Mistake> = mistakes.iter().collect();
    sorted.sort_by(|a, b| a.order(b));
    sorted.into_iter().map(mistake_json).collect()
}

fn mistake_json(mistake: &Mistake) -> Value {
    let mut object = place_json(&mistake.file, mistake.at);
    object["says"] = json!(mistake.says);
    if let Some(label) = &mistake.label {
        object["label"] = json!(label);
    }
    if let Some(help) = &mistake.help {
        object["help"] = json!(help);
    }
    if let Some(also) = &mistake.also {
        let mut place = place_json(&also.file, also.at);
        place["label"] = json!(also.label);
        object["also"] = place;
    }
    object
}

fn place_json(file: &Source, at: Span) -> Value {
    let (start, end) = (file.position(at.start), file.position(at.end));
    json!({
        "file": file.name(),
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
    })
}
