//! Pieces of secrets: twelve octets of one, wherever they stand in a text, and as many more as go with them.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::needles::Found;

/// Octets of the shortest piece that is looked for: enough that chance does not make it, few enough to be of no use.
pub(super) const SHORTEST_PIECE: usize = 12;

/// Different octets that a piece has at the least: what is shown in the place of a secret is often one octet again and
/// again.
const FEWEST_OCTETS: usize = 5;

/// Secrets longer than this are not looked for in pieces.
const LONGEST_SECRET: usize = 512;

/// Most secrets of a run that are: a target that shows ever new ones must not make the search use ever more memory.
const MOST_SECRETS: usize = 6_000;

const FILTER_BITS: usize = 1 << 20;

type Gram = [u8; SHORTEST_PIECE];

pub(super) struct Pieces {
    /// Each with the mark that stands for a piece of it.
    secrets: Vec<(Vec<u8>, String)>,
    /// Where each piece of the shortest length stands. Only the place is kept, since the secrets hold the octets: a secret
    /// and its hashes have two hundred of them.
    grams: HashTable<Place>,
    hasher: RandomState,
    filter: Vec<u64>,
}

/// Where a piece stands first, and whether another secret has it as well, such as a prefix: then it is a piece of neither.
#[derive(Debug, Clone, Copy)]
struct Place {
    secret: u16,
    at: u16,
    is_shared: bool,
}

impl Default for Pieces {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            grams: HashTable::new(),
            hasher: RandomState::default(),
            filter: vec![0; FILTER_BITS / 64],
        }
    }
}

impl Pieces {
    pub fn add(&mut self, secret: &[u8], mark: String) {
        let is_right = (SHORTEST_PIECE + 4..=LONGEST_SECRET).contains(&secret.len());
        if !is_right || self.secrets.len() >= MOST_SECRETS {
            return;
        }
        let number = self.secrets.len();
        self.secrets.push((secret.to_vec(), mark));
        for (at, gram) in secret.windows(SHORTEST_PIECE).enumerate() {
            let Ok(gram) = Gram::try_from(gram) else {
                continue;
            };
            if different(&gram) < FEWEST_OCTETS {
                continue;
            }
            let (word, bit) = place(&gram);
            self.filter[word] |= bit;
            let (secrets, hasher) = (&self.secrets, &self.hasher);
            // The bounds of both are far below.
            let (Ok(secret), Ok(at)) = (u16::try_from(number), u16::try_from(at)) else {
                return;
            };
            let new = Place {
                secret,
                at,
                is_shared: false,
            };
            self.grams
                .entry(
                    hasher.hash_one(gram),
                    |known| octets(secrets, *known) == gram,
                    |known| hasher.hash_one(octets(secrets, *known)),
                )
                .and_modify(|known| known.is_shared |= known.secret != new.secret)
                .or_insert(new);
        }
    }

    /// From left to right, at each place as long as it goes on, none overlapping.
    pub fn find<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Found<'a>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            while let Some(gram) = text[at.min(text.len())..].first_chunk::<SHORTEST_PIECE>() {
                if let Some((number, within)) = self.known(gram) {
                    let (secret, mark) = &self.secrets[number];
                    let alike = secret[within..].iter().zip(&text[at..]);
                    let start = at;
                    at += alike.take_while(|(own, other)| own == other).count();
                    return Some(Found {
                        start,
                        end: at,
                        mark,
                    });
                }
                at += 1;
            }
            None
        })
    }

    fn known(&self, gram: &Gram) -> Option<(usize, usize)> {
        let (word, bit) = place(gram);
        if self.filter[word] & bit == 0 {
            return None;
        }
        let is_it = |known: &Place| octets(&self.secrets, *known) == gram;
        let known = self.grams.find(self.hasher.hash_one(gram), is_it)?;
        (!known.is_shared).then_some((usize::from(known.secret), usize::from(known.at)))
    }
}

fn octets(secrets: &[(Vec<u8>, String)], place: Place) -> &[u8] {
    let (secret, _) = &secrets[usize::from(place.secret)];
    &secret[usize::from(place.at)..][..SHORTEST_PIECE]
}

fn different(gram: &Gram) -> usize {
    let mut octets = *gram;
    octets.sort_unstable();
    1 + octets.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

fn place(gram: &Gram) -> (usize, u64) {
    let [a, b, c, d, e, f, g, h, ..] = *gram;
    let start = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let hash = start.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - FILTER_BITS.trailing_zeros());
    ((hash / 64) as usize, 1 << (hash % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pieces: &Pieces, text: &str) -> Vec<(usize, usize)> {
        let found = pieces.find(text.as_bytes());
        found.map(|found| (found.start, found.end)).collect()
    }

    #[test]
    fn a_piece_is_found_as_long_as_it_goes_on() {
        let mut pieces = Pieces::default();
        pieces.add(b"sk_0123456789abcdefghij", "A".to_owned());
        assert_eq!(found(&pieces, "id: 456789abcdefg;"), [(4, 17)]);
        assert_eq!(found(&pieces, "0123456789ab"), [(0, 12)]);
        assert_eq!(found(&pieces, "0123456789a"), []);
        assert_eq!(found(&pieces, "456789abcdef and 9abcdefghij"), [(0, 12)]);
        assert_eq!(found(&pieces, ""), []);
    }

    #[test]
    fn what_two_have_in_common_is_a_piece_of_neither() {
        let mut pieces = Pieces::default();
        pieces.add(b"sk_live_of_customer_0123456789", "A".to_owned());
        pieces.add(b"sk_live_of_customer_zyxwvutsrq", "B".to_owned());
        assert_eq!(found(&pieces, "sk_live_of_customer"), []);
        let marks: Vec<&str> = pieces.find(b"mer_zyxwvutsr").map(|one| one.mark).collect();
        assert_eq!(marks, ["B"]);
    }

    #[test]
    fn stars_are_no_piece() {
        let mut pieces = Pieces::default();
        pieces.add(b"sk_********************abcd", "A".to_owned());
        assert_eq!(found(&pieces, "**************"), []);
    }
}
