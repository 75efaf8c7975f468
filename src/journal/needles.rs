//! A search for many secrets at once that can be added to and taken from while a run goes on.
//!
//! An automaton would have to be built anew for each token that a target issues. Here a secret is filed under its first
//! four octets, so adding one costs the same however many there are.

use std::collections::HashMap;

/// Octets under which a needle is filed; shorter ones are not searched for.
pub(super) const START: usize = 4;

/// Bits of the filter that spares most positions of a text the look-up.
const FILTER_BITS: usize = 1 << 16;

/// Something to find, and what stands in its place.
#[derive(Debug)]
pub(super) struct Needle {
    pub(super) pattern: Vec<u8>,
    pub(super) mark: String,
}

/// Where a needle was found.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) mark: &'a str,
}

pub(super) struct Needles {
    by_start: HashMap<[u8; START], Vec<Needle>>,
    filter: Vec<u64>,
    longest: usize,
}

impl Default for Needles {
    fn default() -> Self {
        Self {
            by_start: HashMap::new(),
            filter: vec![0; FILTER_BITS / 64],
            longest: 0,
        }
    }
}

impl Needles {
    /// The first mark of a pattern stays. A pattern shorter than [`START`] is not taken.
    pub(super) fn add(&mut self, pattern: Vec<u8>, mark: String) {
        let Some(start) = start_of(&pattern) else {
            return;
        };
        let (word, bit) = place(start);
        self.filter[word] |= bit;
        self.longest = self.longest.max(pattern.len());
        let filed = self.by_start.entry(start).or_default();
        // Longest first: the first that fits is the longest that does.
        let at = filed.partition_point(|needle| needle.pattern.len() > pattern.len());
        let same_length = filed[at..]
            .iter()
            .take_while(|needle| needle.pattern.len() == pattern.len());
        if !same_length.into_iter().any(|n| n.pattern == pattern) {
            filed.insert(at, Needle { pattern, mark });
        }
    }

    pub(super) fn remove(&mut self, pattern: &[u8]) {
        if let Some(start) = start_of(pattern)
            && let Some(filed) = self.by_start.get_mut(&start)
        {
            filed.retain(|needle| needle.pattern != pattern);
        }
    }

    pub(super) fn holds(&self, pattern: &[u8]) -> bool {
        self.filed(pattern).iter().any(|n| n.pattern == pattern)
    }

    /// Octets of the longest needle that was ever added.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// The needles that begin with the first octets of `text`, longest first.
    fn filed(&self, text: &[u8]) -> &[Needle] {
        let Some(start) = start_of(text) else {
            return &[];
        };
        let (word, bit) = place(start);
        if self.filter[word] & bit == 0 {
            return &[];
        }
        self.by_start.get(&start).map_or(&[], Vec::as_slice)
    }

    /// Whether one of them is the beginning of `text`, or all of it.
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        self.filed(text)
            .iter()
            .any(|needle| text.starts_with(&needle.pattern))
    }

    /// From left to right, at each place the longest, none overlapping.
    pub(super) fn find<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Found<'a>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            while at + START <= text.len() {
                let rest = &text[at..];
                let filed = self.filed(rest);
                if let Some(needle) = filed.iter().find(|n| rest.starts_with(&n.pattern)) {
                    let start = at;
                    at += needle.pattern.len();
                    return Some(Found {
                        start,
                        end: at,
                        mark: &needle.mark,
                    });
                }
                at += 1;
            }
            None
        })
    }

    /// The needle that shares the most octets with the beginning of `text`, if that are `least` or more.
    pub(super) fn begun(&self, text: &[u8], least: usize) -> Option<(usize, &str)> {
        self.filed(text)
            .iter()
            .map(|needle| {
                let same = needle.pattern.iter().zip(text).take_while(|(a, b)| a == b);
                (same.count(), needle.mark.as_str())
            })
            .max_by_key(|(same, _)| *same)
            .filter(|(same, _)| *same >= least)
    }

    /// Where the text ends with the beginning of a needle: the octets that it has of it, `least` or more.
    pub(super) fn cut_off(&self, text: &[u8], least: usize) -> Option<(usize, &str)> {
        let first = text.len().saturating_sub(self.longest);
        (first..(text.len() + 1).saturating_sub(least.max(START))).find_map(|at| {
            let rest = &text[at..];
            let filed = self.filed(rest);
            let begun = filed.iter().find(|n| n.pattern.starts_with(rest))?;
            Some((rest.len(), begun.mark.as_str()))
        })
    }
}

fn start_of(text: &[u8]) -> Option<[u8; START]> {
    text.first_chunk().copied()
}

fn place(start: [u8; START]) -> (usize, u64) {
    let hash = u32::from_le_bytes(start).wrapping_mul(0x9E37_79B1) >> 16;
    ((hash / 64) as usize, 1 << (hash % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn needles(patterns: &[&str]) -> Needles {
        let mut needles = Needles::default();
        for pattern in patterns {
            needles.add(pattern.as_bytes().to_vec(), (*pattern).to_owned());
        }
        needles
    }

    #[test]
    fn the_longest_at_the_leftmost_place_is_found() {
        let all = needles(&["secret", "secrets", "cretin"]);
        let found: Vec<_> = all.find(b"a secrets cretin secretin").collect();
        let marks: Vec<_> = found.iter().map(|found| found.mark).collect();
        assert_eq!(marks, ["secrets", "cretin", "secret"]);
        assert_eq!((found[0].start, found[0].end), (2, 9));
    }

    #[test]
    fn what_was_taken_is_not_found() {
        let mut all = needles(&["secret", "secrets"]);
        all.remove(b"secrets");
        let marks: Vec<_> = all.find(b"secrets").map(|found| found.mark).collect();
        assert_eq!(marks, ["secret"]);
    }

    #[test]
    fn beginnings_are_found() {
        let all = needles(&["a-long-secret", "a-longer-one"]);
        assert_eq!(
            all.begun(b"a-long-s and so on", 6),
            Some((8, "a-long-secret"))
        );
        assert_eq!(all.begun(b"a-lo", 6), None);
        assert_eq!(all.cut_off(b"it is a-longe", 6), Some((7, "a-longer-one")));
        assert_eq!(all.cut_off(b"it is a-lon", 6), None);
        assert_eq!(all.cut_off(b"", 6), None);
    }

    proptest! {
        #[test]
        fn finds_what_a_plain_search_finds(
            text in "[ab]{0,60}",
            patterns in prop::collection::vec("[ab]{4,7}", 1..6),
        ) {
            let refs: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let all = needles(&refs);
            let mut plain = Vec::new();
            let mut at = 0;
            while at < text.len() {
                let longest = patterns.iter().filter(|p| text[at..].starts_with(*p)).max_by_key(|p| p.len());
                match longest {
                    Some(pattern) => {
                        plain.push((at, at + pattern.len()));
                        at += pattern.len();
                    }
                    None => at += 1,
                }
            }
            let found: Vec<_> = all.find(text.as_bytes()).map(|f| (f.start, f.end)).collect();
            prop_assert_eq!(found, plain);
        }
    }
}
