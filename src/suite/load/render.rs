//! Mistakes as a person sees them in a terminal.

use std::collections::BTreeSet;
use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Element, Level, Renderer, Snippet, normalize_untrusted_str,
};

use super::mistake::Mistake;
use super::span::{Source, Span};

/// Most mistakes that [`render`] draws; the last line counts them all.
pub const MAX_SHOWN: usize = 100;

/// Longest line that is shown whole, in characters; of a longer one, this much around the mistake.
const MAX_LINE: usize = 120;
/// Stands for the beginning of a line that is left out.
const CUT: &str = "... ";
/// Two places that are at most this many lines apart are shown in one piece of text.
const NEAR_LINES: usize = 6;

/// Draws the mistakes in order of file and place, each with its line and a caret, and counts them on the last line.
/// Control characters of the file are made visible; `colour` adds ANSI styles. Empty when there are none.
pub fn render(mistakes: &[Mistake], colour: bool) -> String {
    if mistakes.is_empty() {
        return String::new();
    }
    let renderer = if colour {
        Renderer::styled().hyperlink(false)
    } else {
        Renderer::plain()
    };
    let mut sorted: Vec<&Mistake> = mistakes.iter().collect();
    sorted.sort_by(|a, b| a.order(b));
    let mut page = String::new();
    for mistake in sorted.iter().take(MAX_SHOWN) {
        page.push_str(&drawn(mistake, &renderer));
        page.push_str("\n\n");
    }
    page.push_str(&count(mistakes));
    page.push('\n');
    page
}

fn count(mistakes: &[Mistake]) -> String {
    let files: BTreeSet<&str> = mistakes.iter().map(|m| m.file.name()).collect();
    let counted = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    let mut line = format!(
        "{} in {}",
        counted(mistakes.len(), "mistake"),
        counted(files.len(), "file")
    );
    if mistakes.len() > MAX_SHOWN {
        line.push_str(&format!(", the first {MAX_SHOWN} of them above"));
    }
    line
}

fn drawn(mistake: &Mistake, renderer: &Renderer) -> String {
    let mut elements: Vec<Element<'static>> = Vec::new();
    let label = mistake.label.as_deref();
    let main = Mark::new(&mistake.file, mistake.at, label, AnnotationKind::Primary);
    let also = mistake.also.as_deref();
    let also = also.map(|also| {
        Mark::new(
            &also.file,
            also.at,
            Some(&also.label),
            AnnotationKind::Context,
        )
    });

    let mut headers = vec![main.header()];
    match also {
        Some(also) if also.is_near(&main) => elements.push(snippet(&[main, also]).into()),
        Some(also) => {
            headers.push(also.header());
            elements.push(snippet(&[main]).into());
            elements.push(snippet(&[also]).into());
        }
        None => elements.push(snippet(&[main]).into()),
    }
    for help in mistake.help.iter().flat_map(|help| help.lines()) {
        elements.push(Level::HELP.message(visible(help)).into());
    }
    let title = Level::ERROR.primary_title(visible(&mistake.says));
    let mut page = renderer.render(&[title.elements(elements)]);

    // The renderer counts columns in the text that it is given: where that was cut, they are put right.
    let mut from = page.find('\n').unwrap_or(0);
    for Header { drawn, real } in headers {
        let Some(at) = page[from..].find(&drawn).map(|at| from + at) else {
            break;
        };
        page.replace_range(at..at + drawn.len(), &real);
        from = at + real.len();
    }
    page
}

/// `file:line:column` as the renderer draws it, and as it should be.
struct Header {
    drawn: String,
    real: String,
}

/// One annotated place, with its line cut to what is shown.
struct Mark<'m> {
    file: &'m Source,
    line: usize,
    /// Bytes of the file that are shown of the line.
    window: Range<usize>,
    /// Bytes of the file that are underlined: those of `at` on its first line.
    underlined: Range<usize>,
    label: Option<&'m str>,
    kind: AnnotationKind,
}

impl<'m> Mark<'m> {
    fn new(file: &'m Source, at: Span, label: Option<&'m str>, kind: AnnotationKind) -> Self {
        let start = file.text().floor_char_boundary(at.start as usize);
        let line = file.line_index(start);
        let whole = file.line_range(line);
        let start = start.min(whole.end);
        let end = file.text().floor_char_boundary(at.end as usize);
        let underlined = start..end.clamp(start, whole.end);
        let window = window(file.text(), &whole, start);
        let shown_end = underlined.end.min(window.end);
        Self {
            file,
            line,
            window,
            underlined: start..shown_end,
            label,
            kind,
        }
    }

    /// Whether one piece of text can show both.
    fn is_near(&self, other: &Self) -> bool {
        std::ptr::eq(self.file, other.file) && self.line.abs_diff(other.line) <= NEAR_LINES && {
            let lines = self.line.min(other.line)..=self.line.max(other.line);
            let whole = |index| self.file.line_range(index).len() <= MAX_LINE;
            lines.into_iter().all(whole)
        }
    }

    fn header(&self) -> Header {
        let name = visible(self.file.name());
        let real = self.file.position(self.underlined.start as u32);
        let cut = self.file.text()[self.window.start..self.underlined.start]
            .chars()
            .count();
        let column = cut + CUT.len() * usize::from(self.is_cut()) + 1;
        Header {
            drawn: format!("{name}:{}:{column}", real.line),
            real: format!("{name}:{}:{}", real.line, real.column),
        }
    }

    /// Whether the beginning of the line is left out.
    fn is_cut(&self) -> bool {
        self.window.start > self.file.line_range(self.line).start
    }
}

/// The bytes of a line to show: all of it, or around byte `at` when it is long.
fn window(text: &str, line: &Range<usize>, at: usize) -> Range<usize> {
    if line.len() <= MAX_LINE {
        return line.clone();
    }
    let before = text[line.start..at]
        .char_indices()
        .rev()
        .take(MAX_LINE / 4)
        .last();
    let start = before.map_or(at, |(n, _)| line.start + n);
    let rest = &text[start..line.end];
    let end = rest
        .char_indices()
        .nth(MAX_LINE)
        .map_or(line.end, |(n, _)| start + n);
    start..end
}

/// One piece of text with the marks of one file on it.
fn snippet(marks: &[Mark<'_>]) -> Snippet<'static, Annotation<'static>> {
    let first = marks
        .iter()
        .min_by_key(|m| m.line)
        .expect("a snippet shows a place");
    let last = marks
        .iter()
        .max_by_key(|m| m.line)
        .expect("a snippet shows a place");
    let shown = first.window.start..last.window.end;
    let mut text = String::new();
    if first.is_cut() {
        text.push_str(CUT);
    }
    let shift = text.len();
    text.push_str(&first.file.text()[shown.clone()]);
    if shown.end < last.file.line_range(last.line).end {
        text.push_str(" ...");
    }
    let annotations = marks.iter().map(|mark| {
        let place = |at: usize| at - shown.start + shift;
        let span = place(mark.underlined.start)..place(mark.underlined.end);
        mark.kind.span(span).label(mark.label.map(visible))
    });
    let annotations: Vec<_> = annotations.collect();
    Snippet::source(text)
        .line_start(first.line + 1)
        .path(visible(first.file.name()))
        .annotations(annotations)
}

fn visible(text: &str) -> String {
    normalize_untrusted_str(&text.replace('\n', " "))
}
