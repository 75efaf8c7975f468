//! From the events of the YAML parser to one JSON value and the tree of its places.
//!
//! One plain dialect, so that a file means what it looks like: YAML 1.2 with the scalars of `scalar`, one document a
//! file, text keys that occur once, anchors and aliases but no merge keys and no tags. Each departure is a mistake that
//! reading recovers from; only broken syntax and the limits end it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;

use super::anchors::{Anchors, Built};
use super::mistake::Mistake;
use super::scalar;
use super::span::{CharIndex, Source, Span};
use super::syntax;
use super::tree::{Node, Style, Tree};
use super::wording::{quoted, type_of};

/// Deepest nesting of lists and maps, with aliases followed.
const MAX_DEPTH: usize = 64;

#[derive(Debug)]
pub(super) struct Read {
    pub value: Value,
    pub tree: Tree,
    /// What was wrong but could be read over.
    pub mistakes: Vec<Mistake>,
    /// Part of a map was left out, so a field that seems to be missing may not be.
    pub has_holes: bool,
}

/// Reads the one document of `source`. `Err` is the mistake that made reading on pointless, after those before it.
pub(super) fn read(source: &Arc<Source>) -> Result<Read, Vec<Mistake>> {
    let mut builder = Builder::new(source);
    for event in Parser::new_from_str(source.text()) {
        let step = match event {
            Ok((event, at)) => builder.event(event, at),
            Err(error) => {
                let at = builder.index.byte(error.marker().index());
                Err(syntax::explain(source, at, error.info()))
            }
        };
        match step {
            Ok(Next::More) => {}
            Ok(Next::Enough) => break,
            Err(last) => {
                builder.mistakes.push(last);
                return Err(builder.mistakes);
            }
        }
    }
    builder.tree.set_root(builder.root.node);
    Ok(Read {
        value: builder.root.value,
        tree: builder.tree,
        mistakes: builder.mistakes,
        has_holes: builder.has_holes,
    })
}

#[derive(PartialEq)]
enum Next {
    More,
    Enough,
}

struct Builder<'s> {
    source: &'s Arc<Source>,
    index: CharIndex<'s>,
    tree: Tree,
    frames: Vec<Frame>,
    /// Finished children of all open frames, those of the innermost last: their places, and their values, of maps with
    /// the key.
    children: Vec<Node>,
    values: Vec<(String, Value)>,
    anchors: Anchors,
    root: Built,
    documents: usize,
    /// End of the last thing that takes up room: a block ends there, not where the parser notices its end.
    content_to: usize,
    mistakes: Vec<Mistake>,
    has_holes: bool,
}

/// A list or map that is still open.
struct Frame {
    start: usize,
    anchor: usize,
    /// In `children` and in `values`.
    first_child: usize,
    weight: usize,
    height: usize,
    content: Content,
}

enum Content {
    List,
    Map(Key, Names),
}

/// The keys of a map that grew large, to look for one given twice; those of a small one are looked through.
type Names = HashMap<String, usize>;

/// Keys of a small map.
const FEW_KEYS: usize = 16;

/// What a map expects next.
enum Key {
    Awaited,
    /// The value of this key.
    Given(String, Span),
    /// A value whose key was a mistake: it is read over.
    Dropped,
}

impl<'s> Builder<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        Self {
            source,
            index: CharIndex::new(source.text()),
            tree: Tree::new(),
            frames: Vec::new(),
            children: Vec::new(),
            values: Vec::new(),
            anchors: Anchors::default(),
            root: Built::scalar(Value::Null, Span::default(), Style::Plain),
            documents: 0,
            content_to: 0,
            mistakes: Vec::new(),
            has_holes: false,
        }
    }

    fn event(&mut self, event: Event<'_>, at: saphyr_parser::Span) -> Result<Next, Mistake> {
        let start = self.index.byte(at.start.index());
        let end = self.index.byte(at.end.index()).max(start);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let second = Span::new(start, end);
                    self.mistake(second, "a second document starts here").help = Some(
                        "a file holds one document: split the file, or remove the `---`".into(),
                    );
                    return Ok(Next::Enough);
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let start = self.past_properties(anchor, tag.is_some(), start, end);
                let span = self.trimmed(start, end);
                self.content_to = self.content_to.max(span.range().end);
                let is_key = self.awaits_key();
                let built = self.scalar(text, style, tag.is_some(), span, is_key);
                if is_key {
                    self.keep(anchor, &built)?;
                    self.key(built);
                } else {
                    self.finish(anchor, built)?;
                }
            }
            Event::SequenceStart(anchor, tag) => {
                let start = self.past_properties(anchor, tag.is_some(), start, end);
                self.open(start, end, anchor, Content::List)?;
            }
            Event::MappingStart(anchor, tag) => {
                let start = self.past_properties(anchor, tag.is_some(), start, end);
                self.open(start, end, anchor, Content::Map(Key::Awaited, Names::new()))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(end)?,
            Event::Alias(anchor) => {
                self.content_to = end;
                self.alias(anchor, Span::new(start, end))?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(Next::More)
    }

    fn mistake(&mut self, at: Span, says: impl Into<String>) -> &mut Mistake {
        self.mistakes.push(Mistake::new(self.source, at, says));
        self.mistakes.last_mut().expect("just pushed")
    }

    fn awaits_key(&self) -> bool {
        let content = self.frames.last().map(|frame| &frame.content);
        matches!(content, Some(Content::Map(Key::Awaited, _)))
    }

    /// The span without the white space at its end, which the parser counts in for blocks.
    fn trimmed(&self, start: usize, end: usize) -> Span {
        let text = &self.source.text()[start..end];
        Span::new(
            start,
            start + text.trim_end_matches([' ', '\t', '\r', '\n']).len(),
        )
    }

    /// Where a node itself begins, past its anchor and its tag, which is a mistake.
    fn past_properties(&mut self, anchor: usize, tagged: bool, start: usize, end: usize) -> usize {
        let mut at = start;
        if anchor == 0 && !tagged {
            return at;
        }
        let source = Arc::clone(self.source);
        let ends_name = |c: char| c.is_whitespace() || ",[]{}".contains(c);
        loop {
            let rest = &source.text()[at..end];
            let len = rest.find(ends_name).unwrap_or(rest.len());
            match rest.chars().next() {
                Some('&') if anchor > 0 => {}
                Some('!') if tagged => {
                    self.mistake(Span::new(at, at + len), "tags are not allowed")
                        .help =
                        Some("remove the tag; put a value in quotes to make it a string".into());
                }
                Some('#') => {
                    at += rest.find('\n').unwrap_or(rest.len());
                    continue;
                }
                _ => return at,
            }
            let after = &rest[len..];
            at += len + after.len() - after.trim_start().len();
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tagged: bool,
        span: Span,
        is_key: bool,
    ) -> Built {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Opaque,
        };
        let resolved = match style {
            Style::Plain if !tagged => scalar::resolve(&text),
            _ => Ok(None),
        };
        if resolved == Err(scalar::NotExact) && !is_key {
            let says = format!(
                "the number {} is too large to be kept exactly",
                quoted(&text)
            );
            self.mistake(span, says).help = Some("if it is meant as text, put it in quotes".into());
        }
        let value = match resolved {
            Ok(Some(value)) => value,
            Ok(None) | Err(scalar::NotExact) => Value::String(text.into_owned()),
        };
        Built::scalar(value, span, style)
    }

    /// Takes a scalar as the next key of the innermost map.
    fn key(&mut self, built: Built) {
        let span = built.node.span;
        let plain = built.node.style == Style::Plain;
        let mut next = match built.value {
            Value::String(name) if plain && name == "<<" => {
                self.has_holes = true;
                self.mistake(span, "merge keys are not part of YAML 1.2")
                    .help =
                    Some("write the fields out; an alias can stand for a whole value".into());
                Key::Dropped
            }
            Value::String(name) => Key::Given(name, span),
            _ if span.is_empty() => {
                self.mistake(span, "a key is missing before the `:`");
                Key::Dropped
            }
            other => {
                let name = self.source.slice(span).to_owned();
                let found = type_of(&other);
                let says = format!("the key {} is {found}, and keys are strings", quoted(&name));
                self.mistake(span, says).help = Some(format!("put it in quotes: \"{other}\""));
                Key::Given(name, span)
            }
        };
        if let Key::Given(name, _) = &next
            && let Some(first) = self.earlier(name)
        {
            let says = format!("the key {} is given twice", quoted(name));
            let twice = Mistake::new(self.source, span, says)
                .label("given again here")
                .also_at(self.source, first, "first given here");
            self.mistakes.push(twice);
            next = Key::Dropped;
        }
        self.await_value(next);
    }

    /// Where the innermost map has the key already.
    fn earlier(&mut self, name: &str) -> Option<Span> {
        let frame = self.frames.last_mut()?;
        let first_child = frame.first_child;
        let Content::Map(_, names) = &mut frame.content else {
            return None;
        };
        let keys = self.values[first_child..].iter().map(|(key, _)| key);
        let position = if keys.len() <= FEW_KEYS {
            keys.clone().position(|key| key == name)
        } else {
            for (at, key) in keys.enumerate().skip(names.len()) {
                names.insert(key.clone(), at);
            }
            names.get(name).copied()
        };
        Some(self.children.get(first_child + position?)?.key)
    }

    fn await_value(&mut self, next: Key) {
        if let Some(Frame {
            content: Content::Map(key, _),
            ..
        }) = self.frames.last_mut()
        {
            *key = next;
        }
    }

    fn open(
        &mut self,
        start: usize,
        end: usize,
        anchor: usize,
        content: Content,
    ) -> Result<(), Mistake> {
        if self.frames.len() == MAX_DEPTH {
            return Err(self.too_deep(Span::new(start, end)));
        }
        self.anchors.open(anchor);
        self.frames.push(Frame {
            start,
            anchor,
            first_child: self.children.len(),
            weight: 1,
            height: 1,
            content,
        });
        Ok(())
    }

    fn too_deep(&self, at: Span) -> Mistake {
        let says = format!("lists and maps are nested more than {MAX_DEPTH} deep here");
        Mistake::new(self.source, at, says)
    }

    fn close(&mut self, end: usize) -> Result<(), Mistake> {
        let frame = self.frames.pop().expect("the parser closes what it opened");
        let start = frame.start.min(end);
        let in_brackets = self.source.text()[start..].starts_with(['{', '[']);
        if in_brackets {
            self.content_to = end;
        }
        let span = Span::new(start, if in_brackets { end } else { self.content_to });
        let values = self.values.drain(frame.first_child..);
        let (value, style) = match frame.content {
            Content::List => (values.map(|(_, item)| item).collect(), Style::List),
            Content::Map(..) => (Value::Object(values.collect()), Style::Map),
        };
        let children = self.children.drain(frame.first_child..);
        let node = self.tree.collection(span, style, children);
        let built = Built {
            value,
            node,
            weight: frame.weight,
            height: frame.height,
        };
        self.finish(frame.anchor, built)
    }

    fn alias(&mut self, anchor: usize, at: Span) -> Result<(), Mistake> {
        let built = self.anchors.repeat(anchor);
        let mut built = built.map_err(|says| Mistake::new(self.source, at, says))?;
        if self.frames.len() + built.height > MAX_DEPTH {
            return Err(self.too_deep(at));
        }
        built.node.span = at;
        if !matches!(built.node.style, Style::List | Style::Map) {
            built.node.style = Style::Opaque;
        }
        if self.awaits_key() {
            match built.value {
                Value::Array(_) | Value::Object(_) => self.odd_key(at),
                _ => self.key(built),
            }
        } else {
            self.place(built);
        }
        Ok(())
    }

    fn odd_key(&mut self, at: Span) {
        self.mistake(at, "a list or a map cannot be a key").help = Some("keys are strings".into());
        self.await_value(Key::Dropped);
    }

    /// Remembers a value for the aliases of its anchor.
    fn keep(&mut self, anchor: usize, built: &Built) -> Result<(), Mistake> {
        let kept = self.anchors.keep(anchor, built);
        kept.map_err(|says| Mistake::new(self.source, built.node.span, says))
    }

    fn finish(&mut self, anchor: usize, built: Built) -> Result<(), Mistake> {
        self.keep(anchor, &built)?;
        if self.awaits_key() {
            self.odd_key(built.node.span);
        } else {
            self.place(built);
        }
        Ok(())
    }

    /// Puts a value where one is expected: into the innermost list or map, or at the root.
    fn place(&mut self, mut built: Built) {
        let Some(frame) = self.frames.last_mut() else {
            self.root = built;
            return;
        };
        frame.weight += built.weight;
        frame.height = frame.height.max(built.height + 1);
        let name = match &mut frame.content {
            Content::List => {
                built.node.key = Span::default();
                String::new()
            }
            Content::Map(key, _) => match std::mem::replace(key, Key::Awaited) {
                Key::Given(name, at) => {
                    built.node.key = at;
                    name
                }
                Key::Awaited | Key::Dropped => return,
            },
        };
        self.values.push((name, built.value));
        self.children.push(built.node);
    }
}
