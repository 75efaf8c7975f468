//! Where each value of a document was written.
//!
//! The tree runs parallel to the JSON value: the n-th entry of a map or list is the n-th child of its node. So it
//! holds no names and costs 28 bytes a value, and a JSON pointer is looked up by walking both.

use serde_json::Value;

use super::span::Span;

/// How a value was written, as far as it matters for pointing into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    /// A block scalar, or the place of an alias: its text is not the text of the value.
    Opaque,
    List,
    Map,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// Empty for a value that was left out (`key:`).
    pub span: Span,
    /// The key of a map's entry; empty for an item of a list and for the root.
    pub key: Span,
    pub style: Style,
    first: u32,
    len: u32,
}

impl Node {
    pub(super) fn scalar(span: Span, style: Style) -> Self {
        Self {
            span,
            key: Span::default(),
            style,
            first: 0,
            len: 0,
        }
    }
}

/// The nodes of one document. Children of a node are neighbours; an alias shares those of its anchor.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    root: Node,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            root: Node::scalar(Span::default(), Style::Plain),
        }
    }

    /// Stores `children` and makes the node that holds them.
    pub(super) fn collection(
        &mut self,
        span: Span,
        style: Style,
        children: impl ExactSizeIterator<Item = Node>,
    ) -> Node {
        let narrow = |n: usize| u32::try_from(n).expect("a document has fewer nodes than bytes");
        let node = Node {
            first: narrow(self.nodes.len()),
            len: narrow(children.len()),
            ..Node::scalar(span, style)
        };
        self.nodes.extend(children);
        node
    }

    pub(super) fn set_root(&mut self, root: Node) {
        self.root = root;
    }

    pub(super) fn children(&self, node: Node) -> &[Node] {
        &self.nodes[node.first as usize..][..node.len as usize]
    }

    /// Walks `pointer` (RFC 6901) down `value`, which must be the value of this tree. Where the pointer leads nowhere,
    /// stops at the last place that exists.
    pub(super) fn find<'v>(&self, value: &'v Value, pointer: &str) -> Found<'v> {
        let mut found = Found {
            node: self.root,
            value,
            exact: true,
        };
        for token in pointer.split('/').skip(1) {
            let next = match found.value {
                Value::Object(map) => {
                    let name = token.replace("~1", "/").replace("~0", "~");
                    let mut entries = map.iter().enumerate();
                    entries.find_map(|(n, (key, value))| (*key == name).then_some((n, value)))
                }
                Value::Array(list) => token.parse().ok().and_then(|n| Some((n, list.get(n)?))),
                _ => None,
            };
            let next =
                next.and_then(|(n, value)| Some((*self.children(found.node).get(n)?, value)));
            match next {
                Some((node, value)) => (found.node, found.value) = (node, value),
                None => {
                    found.exact = false;
                    break;
                }
            }
        }
        found
    }
}

/// Where a pointer led.
pub(super) struct Found<'v> {
    pub node: Node,
    pub value: &'v Value,
    /// Whether the pointer was followed to its end.
    pub exact: bool,
}

/// A name as a reference token of a JSON pointer (RFC 6901 §3).
pub(in crate::suite) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Appends one reference token to a JSON pointer.
pub(in crate::suite) fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    match token.contains(['~', '/']) {
        true => pointer.push_str(&escape(token)),
        false => pointer.push_str(token),
    }
}
