//! Values that aliases repeat, with limits: a few lines of YAML can stand for billions of values.

use std::collections::HashMap;

use serde_json::Value;

use super::span::Span;
use super::tree::{Node, Style};

/// Values that the aliases of a file may repeat in all; text counts one more for each 32 bytes.
const MAX_REPEATED: usize = 20_000;
/// Values that may stand under anchors in all, counted in the same way, once for each anchor above them.
const MAX_ANCHORED: usize = 200_000;

/// A finished value. `weight` is what it costs to repeat it, `height` how deep it is.
#[derive(Clone)]
pub(super) struct Built {
    pub value: Value,
    pub node: Node,
    pub weight: usize,
    pub height: usize,
}

impl Built {
    pub(super) fn scalar(value: Value, span: Span, style: Style) -> Self {
        let weight = 1 + value.as_str().map_or(0, |text| text.len() / 32);
        Self {
            value,
            node: Node::scalar(span, style),
            weight,
            height: 0,
        }
    }
}

/// The anchors of a document by the parser's number for them; 0 is no anchor. What is refused is said in a sentence.
#[derive(Default)]
pub(super) struct Anchors {
    /// `None` while the value is still being read.
    values: HashMap<usize, Option<Built>>,
    anchored: usize,
    repeated: usize,
}

impl Anchors {
    /// A list or map with this anchor begins.
    pub(super) fn open(&mut self, anchor: usize) {
        if anchor > 0 {
            self.values.insert(anchor, None);
        }
    }

    /// Remembers a finished value.
    pub(super) fn keep(&mut self, anchor: usize, built: &Built) -> Result<(), String> {
        if anchor == 0 {
            return Ok(());
        }
        self.anchored += built.weight;
        if self.anchored > MAX_ANCHORED {
            return Err(format!(
                "more than {MAX_ANCHORED} values stand under anchors"
            ));
        }
        self.values.insert(anchor, Some(built.clone()));
        Ok(())
    }

    /// The value that an alias stands for.
    pub(super) fn repeat(&mut self, anchor: usize) -> Result<Built, String> {
        let value = self.values.get(&anchor).ok_or("no anchor has this name")?;
        let built = value
            .as_ref()
            .ok_or("this alias stands inside the value that it repeats")?;
        self.repeated += built.weight;
        if self.repeated > MAX_REPEATED {
            return Err(format!(
                "the aliases of this file repeat more than {MAX_REPEATED} values"
            ));
        }
        Ok(built.clone())
    }
}
