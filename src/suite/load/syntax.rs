//! Broken YAML, in plain words.

use std::sync::Arc;

use super::mistake::Mistake;
use super::span::{Source, Span};

/// Says what the parser's complaint `info` at byte `at` means to somebody who writes YAML.
pub(super) fn explain(source: &Arc<Source>, at: usize, info: &str) -> Mistake {
    let text = source.text();
    let at = text.floor_char_boundary(at);
    let found = text[at..].chars().next();
    let line_start = source.line_range(source.line_index(at)).start;
    let indent = &text[line_start..at];
    let tab = match indent.find('\t') {
        Some(tab) if indent.trim_matches([' ', '\t']).is_empty() => Some(line_start + tab),
        _ => None,
    };
    let (at, found) = match tab {
        Some(tab) => (tab, Some('\t')),
        None => (at, found),
    };
    let variable = found == Some('{') && text[..at].ends_with('$');
    let (says, help) = if found == Some('\t') || info.contains("tab") {
        (
            "tabs cannot be used for indentation",
            Some("indent with spaces"),
        )
    } else if variable {
        (
            "a `{` cannot stand here",
            Some("between braces or brackets, put text that holds `${…}` in quotes"),
        )
    } else if let Some(c @ ('@' | '`' | '%')) = found {
        let says = match c {
            '@' => "text cannot start with `@`",
            '`' => "text cannot start with a backtick",
            _ => "text cannot start with `%`",
        };
        (says, Some("put it in quotes"))
    } else {
        plain_words(info)
    };
    let named = matches!(found, Some('*' | '&')).then(|| {
        let ends_name = |c: char| c.is_whitespace() || ",[]{}".contains(c);
        text[at..].find(ends_name).unwrap_or(text.len() - at)
    });
    let first = found
        .filter(|c| !matches!(c, '\n' | '\r'))
        .map_or(0, char::len_utf8);
    let end = at + named.unwrap_or(first);
    let mistake = Mistake::new(source, Span::new(at, end), says);
    match help {
        Some(help) => mistake.help(help),
        None => mistake,
    }
}

/// A sentence and what to do. Complaints of the parser that are not listed are clear enough to be passed on.
fn plain_words(info: &str) -> (&str, Option<&'static str>) {
    let has = |part: &str| info.contains(part);
    if has("in quoted scalar") {
        (
            "this quote is not closed before the next line that is not indented",
            Some("add the closing quote, or indent the lines that belong to the text"),
        )
    } else if has("mapping values are not allowed") {
        (
            "a `:` cannot stand here",
            Some(
                "put text that holds `: ` in quotes, and check the indentation of this line and the one before",
            ),
        )
    } else if has("simple key expect") {
        (
            "a key without a `:`, or text that should be in quotes",
            Some("write `key: value`; check the indentation of this line"),
        )
    } else if has("did not find expected key")
        || has("invalid indentation")
        || has("wrongly indented")
    {
        (
            "this line does not fit into the map or list above it",
            Some("give the entries of a map or list the same indentation"),
        )
    } else if has("'-' indicator") {
        (
            "an item of a list is expected here, starting with `- `",
            Some("give the items of a list the same indentation"),
        )
    } else if has("block sequence entries are not allowed") {
        (
            "a list cannot start here",
            Some("start the list on its own line under its key"),
        )
    } else if has("',' or '}'") {
        (
            "a `,` or `}` is expected here",
            Some("close the map that `{` opened"),
        )
    } else if has("',' or ']'") {
        (
            "a `,` or `]` is expected here",
            Some("close the list that `[` opened"),
        )
    } else if has("misplaced bracket") {
        (
            "a bracket that nothing opened",
            Some("put text with brackets in quotes"),
        )
    } else if has("found unexpected end of stream") {
        ("the quotes are never closed", Some("add the closing quote"))
    } else if has("unexpected document indicator") {
        (
            "the quotes are not closed before the document ends",
            Some("add the closing quote"),
        )
    } else if has("invalid trailing content after double-quoted") {
        (
            "nothing may follow the closing quote",
            Some("to write a quote inside quotes, write `\\\"`"),
        )
    } else if has("unknown escape character")
        || has("hexadecimal number")
        || has("Unicode character escape")
    {
        (
            "this escape is not known",
            Some("in double quotes write a backslash as `\\\\`, or use single quotes"),
        )
    } else if has("unknown anchor") {
        (
            "no anchor has this name",
            Some(
                "an alias `*name` repeats a value that was marked with `&name` before; put other text in quotes",
            ),
        )
    } else if has("anchor or alias") {
        (
            "a name is expected after `*` or `&`",
            Some("put text that starts with `*` or `&` in quotes"),
        )
    } else if has("unprintable character") {
        (
            "a control character that YAML does not allow",
            Some("in double quotes, write it as an escape such as `\\x07`"),
        )
    } else if has("recursion limit") {
        ("lists and maps are nested too deep here", None)
    } else if has("tag") {
        (
            "`!` starts a tag, and tags are not allowed",
            Some("put text that starts with `!` in quotes"),
        )
    } else if has("did not find expected node content") || has("did not find expected next token") {
        (
            "a value is expected here",
            Some("put text that starts with a special character in quotes"),
        )
    } else if has("did not find expected <document start>") {
        (
            "this does not belong to the document above",
            Some("check the indentation of this line"),
        )
    } else {
        (info, None)
    }
}
