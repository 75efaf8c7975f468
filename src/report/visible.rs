use crate::judge::push_visible;

/// The text with everything escaped that a terminal or a reader could be misled by: whatever a target, a journal or a
/// file says reaches a report as data only.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push_visible(&mut out, c));
    out
}
