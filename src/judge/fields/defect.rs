use serde::{Deserialize, Serialize};

/// Characters that a [`Defect`] holds at most, after escaping.
pub const MAX_SAYS: usize = 300;

/// Characters of a field line that one quotation in a [`Defect`] shows at most.
const MAX_QUOTED: usize = 48;

/// One sentence that says what is wrong with a field and where.
///
/// Printable ASCII only (everything else is escaped as `\u{…}`) and at most [`MAX_SAYS`] characters, so it may be
/// shown anywhere. It may quote up to 48 characters of the field; of a cookie's value it never does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{says}")]
pub struct Defect {
    pub says: String,
}

impl Defect {
    /// Escapes and shortens `sentence`.
    pub fn new(sentence: impl AsRef<str>) -> Self {
        let mut says = String::new();
        let mut length = 0;
        for c in sentence.as_ref().chars() {
            let before = says.len();
            if matches!(c, ' '..='~') {
                says.push(c);
            } else {
                says.extend(c.escape_unicode());
            }
            length += says.len() - before;
            if length > MAX_SAYS - 3 {
                says.truncate(before);
                says.push_str("...");
                break;
            }
        }
        Self { says }
    }
}

/// The beginning of `text` between backquotes, for a [`Defect`].
pub(super) fn quote(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(MAX_QUOTED).collect();
    let more = if chars.next().is_some() { "..." } else { "" };
    format!("`{start}{more}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_printable_and_short() {
        let defect = Defect::new("a\r\n\u{1b}[31m\u{202e}b\u{fffd}");
        assert_eq!(defect.says, r"a\u{d}\u{a}\u{1b}[31m\u{202e}b\u{fffd}");
        assert_eq!(Defect::new("\u{1}".repeat(5000)).says.len(), 298);
        assert_eq!(Defect::new("x".repeat(5000)).says.len(), MAX_SAYS);
        assert_eq!(quote(&"é".repeat(60)), format!("`{}...`", "é".repeat(48)));
    }
}
