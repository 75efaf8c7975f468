use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::LazyLock;

use aws_lc_rs::hmac;

use super::forms::{disguises, forms, hashes};
use super::needles::{Found, Needles, START};
use super::octets::Octets;
use super::pieces::Pieces;

/// What a replaced secret looks like: `‹user.token:9f3c21aa›`. The digits are keyed by a random key of the run, so that
/// a target cannot write one.
pub const MARK_OPEN: char = '‹';
pub const MARK_CLOSE: char = '›';

/// Shorter values are not searched for: they would be found everywhere.
pub const SHORTEST_SECRET: usize = START;

/// Most JWTs of a run that are learnt although nobody named them. A target that sends ever new ones must not make the
/// search ever slower; those beyond are still replaced where they stand as they are.
const MAX_STRANGERS: usize = 64;

/// Most values that are sent once and looked for at a time; more than are ever under way together.
const MAX_PASSING: usize = 32;

/// This much of the beginning of a secret gives it away.
const SHORTEST_FRAGMENT: usize = 6;

/// Octets of the shortest value that may have been drawn by chance: with fewer it would be guessed.
const SHORTEST_DRAWN: usize = 16;

/// Octets of the longest word in the prefix of a secret.
const LONGEST_WORD: usize = 8;

static JWT_LIKE: LazyLock<regex::bytes::Regex> = LazyLock::new(|| {
    regex::bytes::Regex::new(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{2,}(?:\.[A-Za-z0-9_-]*)+")
        .expect("a fixed expression")
});

/// Replaces secrets by their names wherever they stand: plain, percent-encoded, in base64 or in hex.
pub struct Redactor {
    key: hmac::Key,
    /// Secret value to the name it is shown under.
    names: BTreeMap<Vec<u8>, String>,
    looked_for: Needles,
    pieces: Pieces,
    /// The codings of values that are sent once, oldest first.
    passing: VecDeque<Vec<Vec<u8>>>,
    strangers: usize,
}

impl Redactor {
    /// With the random key of a run.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            names: BTreeMap::new(),
            looked_for: Needles::default(),
            pieces: Pieces::default(),
            passing: VecDeque::new(),
            strangers: 0,
        }
    }

    /// From now on `value` appears as `name`. The first name of a value stays.
    pub fn learn(&mut self, name: &str, value: &str) {
        self.learn_all([(name, value)]);
    }

    /// The same for many at once.
    pub fn learn_all<'a>(&mut self, secrets: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in secrets {
            let bytes = value.as_bytes();
            if bytes.len() < SHORTEST_SECRET || self.names.contains_key(bytes) {
                continue;
            }
            self.names.insert(bytes.to_vec(), name.to_owned());
            for (pattern, mark) in self.pairs(name, bytes) {
                // What was passing stays from now on.
                for passing in &mut self.passing {
                    passing.retain(|other| *other != pattern);
                }
                self.looked_for.add(pattern, mark);
            }
        }
    }

    /// The same for what a target has shown and nothing but chance has made, such as the secret of an API credential: it is
    /// looked for in pieces too, in the other case and width, and so are its hashes. Not what is made of parts that others
    /// have as well, such as a JWT.
    pub fn learn_shown<'a>(&mut self, secrets: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in secrets {
            let is_new = !self.names.contains_key(value.as_bytes());
            self.learn(name, value);
            if !is_new || value.len() < SHORTEST_DRAWN || value.contains(['.', ' ']) {
                continue;
            }
            let mark = |form: &str| self.mark(&format!("{name}~{form}"), value.as_bytes());
            let disguised = disguises(value).map(|(form, pattern)| (pattern, mark(form)));
            let hashed = hashes(value.as_bytes());
            let hashed: Vec<_> = hashed
                .into_iter()
                .map(|(form, pattern)| (pattern, mark(form)))
                .collect();
            let piece = mark("piece");
            self.pieces.add(without_prefix(value).as_bytes(), piece);
            for (hash, mark) in &hashed {
                self.pieces.add(hash, mark.clone());
            }
            for (pattern, mark) in disguised.into_iter().chain(hashed) {
                self.looked_for.add(pattern, mark);
            }
        }
    }

    /// The same for a value that is sent once, such as a forged token: it is looked for in every coding until
    /// [`MAX_PASSING`] others came after it, and from then on as any JWT is.
    pub fn learn_passing(&mut self, name: &str, value: &str) {
        if value.len() < SHORTEST_SECRET || self.names.contains_key(value.as_bytes()) {
            return;
        }
        let is_it = |passing: &Vec<Vec<u8>>| passing.iter().any(|p| p == value.as_bytes());
        if let Some(again) = self.passing.iter().position(is_it)
            && let Some(patterns) = self.passing.remove(again)
        {
            self.passing.push_back(patterns);
            return;
        }
        let mut patterns = Vec::new();
        for (pattern, mark) in self.pairs(name, value.as_bytes()) {
            if !self.looked_for.holds(&pattern) {
                patterns.push(pattern.clone());
                self.looked_for.add(pattern, mark);
            }
        }
        if self.passing.len() == MAX_PASSING
            && let Some(oldest) = self.passing.pop_front()
        {
            for pattern in oldest {
                self.looked_for.remove(&pattern);
            }
        }
        self.passing.push_back(patterns);
    }

    /// Every coding of a value, and what stands in its place.
    fn pairs(&self, name: &str, value: &[u8]) -> Vec<(Vec<u8>, String)> {
        let mut seen = HashSet::new();
        let mut pairs = Vec::new();
        for (form, pattern) in forms(value) {
            if pattern.len() >= SHORTEST_SECRET && seen.insert(pattern.clone()) {
                let shown = if form.is_empty() {
                    name.to_owned()
                } else {
                    format!("{name}~{form}")
                };
                pairs.push((pattern, self.mark(&shown, value)));
            }
        }
        pairs
    }

    /// What looks like a JWT in these texts and was not learnt: its other codings must be looked for as well.
    pub fn strangers<'a>(&self, texts: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for text in texts {
            for stranger in JWT_LIKE.find_iter(text) {
                let stranger = String::from_utf8_lossy(stranger.as_bytes()).into_owned();
                let known = self.names.contains_key(stranger.as_bytes());
                if !known
                    && !found.contains(&stranger)
                    && self.strangers + found.len() < MAX_STRANGERS
                {
                    found.push(stranger);
                }
            }
        }
        found
    }

    /// From now on these are replaced in every coding.
    pub fn learn_strangers(&mut self, strangers: &[String]) {
        self.strangers += strangers.len();
        self.learn_all(strangers.iter().map(|stranger| ("jwt", stranger.as_str())));
    }

    /// How a value is shown: its mark where it is known, a mark by `name` otherwise.
    pub fn shown(&self, name: &str, value: &str) -> String {
        let name = self
            .names
            .get(value.as_bytes())
            .map_or(name, String::as_str);
        self.mark(name, value.as_bytes())
    }

    /// The text with every secret replaced; also whatever looks like a JWT that nobody named.
    pub fn bytes(&self, text: &[u8]) -> Octets {
        let out = self.known(text);
        if !out.windows(3).any(|window| window == b"eyJ") {
            return Octets(out);
        }
        let mut shown = Vec::with_capacity(out.len());
        let mut at = 0;
        // Not `replace_all`: it asks for groups, which takes several times as long.
        for found in JWT_LIKE.find_iter(&out) {
            shown.extend_from_slice(&out[at..found.start()]);
            shown.extend_from_slice(self.mark("jwt", found.as_bytes()).as_bytes());
            at = found.end();
        }
        shown.extend_from_slice(&out[at..]);
        Octets(shown)
    }

    /// The same of a line that we send. A fresh proof of possession goes with every request of some targets, and is a JWT
    /// from end to end: nothing in it need be searched for, since none of it is shown.
    pub fn sent(&self, line: &[u8]) -> Octets {
        if is_jwt(line) && !self.looked_for.begins(line) {
            return Octets(self.mark("jwt", line).into_bytes());
        }
        self.bytes(line)
    }

    /// The same of a text that was cut off: the beginning of a secret at its end is replaced as well.
    pub fn bytes_cut_off(&self, text: &[u8]) -> Octets {
        let mut shown = self.bytes(text);
        if let Some((length, mark)) = self.looked_for.cut_off(&shown.0, SHORTEST_FRAGMENT) {
            shown.0.truncate(shown.0.len() - length);
            shown.0.extend_from_slice(mark.as_bytes());
        }
        shown
    }

    /// The text with every secret replaced, and every beginning of one: for sentences that quote pieces of an answer.
    pub fn fragments(&self, text: &str) -> String {
        let whole = self.text(text);
        let text = whole.as_bytes();
        let mut out = Vec::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            match self.looked_for.begun(&text[at..], SHORTEST_FRAGMENT) {
                Some((length, mark)) => {
                    out.extend_from_slice(mark.as_bytes());
                    at += length;
                }
                None => {
                    out.push(text[at]);
                    at += 1;
                }
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The text with every secret that was learnt replaced, and nothing else.
    pub fn known(&self, text: &[u8]) -> Vec<u8> {
        let whole = replaced(text, self.looked_for.find(text), |at| at);
        let plain = replaced(&whole, self.pieces.find(&whole), |at| at);
        if !plain
            .iter()
            .any(|octet| matches!(octet, b'%' | b'\\' | b'&'))
        {
            return plain;
        }
        // Escapes can be mixed at will (`%73ecret`, `s\u0065cret`), so they are undone before the search.
        let unescaped = Unescaped::of(&plain);
        let whole = replaced(&plain, self.looked_for.find(&unescaped.octets), |at| {
            unescaped.starts[at]
        });
        let unescaped = Unescaped::of(&whole);
        replaced(&whole, self.pieces.find(&unescaped.octets), |at| {
            unescaped.starts[at]
        })
    }

    /// Octets of the longest form in which a secret is looked for.
    pub fn longest_secret(&self) -> usize {
        self.looked_for.longest()
    }

    pub fn text(&self, text: &str) -> String {
        self.bytes(text.as_bytes()).text().into_owned()
    }

    fn mark(&self, name: &str, value: &[u8]) -> String {
        let tag = hmac::sign(&self.key, value);
        format!(
            "{MARK_OPEN}{name}:{}{MARK_CLOSE}",
            hex::encode(&tag.as_ref()[..4])
        )
    }
}

/// Whether [`JWT_LIKE`] finds the whole of it.
fn is_jwt(text: &[u8]) -> bool {
    let is_of_base64url =
        |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    let mut parts = text.split(|octet| *octet == b'.');
    let begins = |part: &[u8]| part.starts_with(b"eyJ") && part.len() >= 11;
    text.iter()
        .all(|octet| is_of_base64url(octet) || *octet == b'.')
        && parts.next().is_some_and(begins)
        && parts.next().is_some_and(|part| part.len() >= 2)
        && parts.next().is_some()
}

/// What stands behind words that say what kind of secret it is, as in `sk_live_`: whoever shows those and a few characters
/// shows no piece of it.
fn without_prefix(value: &str) -> &str {
    let mut rest = value;
    while let Some((word, behind)) = rest.split_once(['_', '-'])
        && word.len() <= LONGEST_WORD
        && word.bytes().all(|octet| octet.is_ascii_lowercase())
    {
        rest = behind;
    }
    rest
}

/// Replaces what was found; `place` leads from the searched text back to `text`.
fn replaced<'a>(
    text: &[u8],
    found: impl Iterator<Item = Found<'a>>,
    place: impl Fn(usize) -> usize,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for found in found {
        out.extend_from_slice(&text[at..place(found.start)]);
        out.extend_from_slice(found.mark.as_bytes());
        at = place(found.end);
    }
    out.extend_from_slice(&text[at..]);
    out
}

/// A text with the escapes of URLs, JSON and HTML undone, and where each octet of it began.
struct Unescaped {
    octets: Vec<u8>,
    /// One more than octets: the last is the end of the text.
    starts: Vec<usize>,
}

impl Unescaped {
    fn of(text: &[u8]) -> Self {
        let (mut octets, mut starts) = (Vec::with_capacity(text.len()), Vec::new());
        let mut at = 0;
        while at < text.len() {
            let (c, length) = unescape(&text[at..]).unwrap_or((None, 1));
            let mut room = [0; 4];
            let found: &[u8] = match c {
                Some(c) if c.is_ascii() => c.encode_utf8(&mut room).as_bytes(),
                Some(_) => &text[at..at + length],
                None => &text[at..=at],
            };
            octets.extend_from_slice(found);
            starts.extend(std::iter::repeat_n(at, found.len()));
            at += length;
        }
        starts.push(text.len());
        Self { octets, starts }
    }
}

/// The escape that the text begins with: its character and its length.
fn unescape(text: &[u8]) -> Option<(Option<char>, usize)> {
    let number = |digits: &[u8], radix: u32| {
        let digits = std::str::from_utf8(digits).ok()?;
        char::from_u32(u32::from_str_radix(digits, radix).ok()?)
    };
    match text {
        [b'%', a, b, ..] => Some((Some(number(&[*a, *b], 16)?), 3)),
        [b'\\', b'u', a, b, c, d, ..] => Some((Some(number(&[*a, *b, *c, *d], 16)?), 6)),
        [b'\\', c @ (b'/' | b'"' | b'\\'), ..] => Some((Some(char::from(*c)), 2)),
        [b'&', rest @ ..] => {
            let end = rest.iter().take(8).position(|octet| *octet == b';')?;
            let c = match &rest[..end] {
                b"amp" => '&',
                b"lt" => '<',
                b"gt" => '>',
                b"quot" => '"',
                b"apos" => '\'',
                [b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
                [b'#', digits @ ..] => number(digits, 10)?,
                _ => return None,
            };
            Some((Some(c), end + 2))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn redactor() -> Redactor {
        let mut redactor = Redactor::new([7; 32]);
        redactor.learn("user.token", "s3cr3t/value+long");
        redactor
    }

    #[test]
    fn every_form_is_replaced() {
        let secret = "s3cr3t/value+long";
        let texts = [
            format!("Bearer {secret}"),
            "q=s3cr3t%2Fvalue%2Blong".to_owned(),
            "q=s3cr3t%2fvalue%2blong".to_owned(),
            hex::encode(secret),
            STANDARD.encode(format!("x:{secret}")),
            STANDARD.encode(format!("user:{secret}:y")),
            STANDARD.encode(format!("ab{secret}")),
            secret.chars().rev().collect(),
            r"s3cr3t\/value+long".to_owned(),
            r"s3cr3t\u002fvalue\u002Blong".to_owned(),
            "%733cr3t/value%2blong".to_owned(),
            "s3cr3t&#x2F;value&#43;long".to_owned(),
        ];
        for text in texts {
            let shown = redactor().text(&text);
            assert!(shown.contains("‹user.token"), "{text} became {shown}");
        }
    }

    #[test]
    fn what_a_target_drew_is_replaced_in_pieces_and_disguised_and_hashed() {
        let mut redactor = redactor();
        redactor.learn_shown([("C secret", "sk_0f1e2d3c4b5a69788796")]);
        for (text, form) in [
            ("sk_0f1e2d3c4b5a69788796", ""),
            ("the key sk_0f1e2d3c4b5a…", "~piece"),
            ("the key sk_0f1e2d3c4b5…", "none"),
            ("2d3c4b5a6978", "~piece"),
            ("%32d3c4b5a69%378", "~piece"),
            ("SK_0F1E2D3C4B5A69788796", "~case"),
            ("ｓｋ_０ｆ１ｅ２ｄ３ｃ４ｂ５ａ６９７８８７９６", "~wide"),
            (
                "4d1a0fbe4cbbd4a86bfe8fc23ed77b2e8ed0b6a3eb31cd1d5c2a45a8e0e4a1d0",
                "none",
            ),
        ] {
            let shown = redactor.text(text);
            let is_hidden = shown.contains(&format!("‹C secret{form}:"));
            assert_eq!(is_hidden, form != "none", "{text} became {shown}");
        }
        let hash = hex::encode(aws_lc_rs::digest::digest(
            &aws_lc_rs::digest::SHA256,
            b"sk_0f1e2d3c4b5a69788796",
        ));
        assert!(redactor.text(&hash[..16]).contains("‹C secret~sha-256:"));
        // What others learn is looked for as a whole.
        assert_eq!(redactor.text("s3cr3t/value+lo"), "s3cr3t/value+lo");
    }

    #[test]
    fn unknown_tokens_are_replaced_too() {
        let shown = redactor().text(r#"{"t":"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.abc"}"#);
        assert!(shown.starts_with(r#"{"t":"‹jwt:"#), "{shown}");
    }

    #[test]
    fn other_text_stays_as_it_is() {
        assert_eq!(redactor().bytes(b"\xff plain").0, b"\xff plain");
    }

    #[test]
    fn a_secret_that_was_cut_off_is_replaced_too() {
        let shown = redactor()
            .bytes_cut_off(b"token: s3cr3t/val")
            .text()
            .into_owned();
        assert!(shown.starts_with("token: ‹user.token:"), "{shown}");
        let shown = redactor().fragments("status line \"HTTP s3cr3t/\"");
        assert!(
            shown.starts_with("status line \"HTTP ‹user.token"),
            "{shown}"
        );
        assert!(shown.ends_with("›\""), "{shown}");
        assert_eq!(redactor().fragments("s3cr… ›"), "s3cr… ›");
    }

    #[test]
    fn escapes_around_secrets_stay() {
        let shown = redactor().text("%41s3cr3t/value+long%42 \\u00e9 100% &amp;");
        assert!(shown.starts_with("%41‹"), "{shown}");
        assert!(shown.ends_with("›%42 \\u00e9 100% &amp;"), "{shown}");
    }

    #[test]
    fn marks_depend_on_the_run() {
        let mut other = Redactor::new([8; 32]);
        other.learn("user.token", "s3cr3t/value+long");
        assert_ne!(
            other.text("s3cr3t/value+long"),
            redactor().text("s3cr3t/value+long")
        );
    }

    proptest::proptest! {
        /// The short cut for what we send shows what the search would have shown.
        #[test]
        fn what_is_sent_is_shown_as_what_is_searched(
            line in "(eyJ)?[A-Za-z0-9_-]{0,12}(\\.[A-Za-z0-9_-]{0,4}){0,4}[ =]?",
        ) {
            let redactor = redactor();
            proptest::prop_assert_eq!(redactor.sent(line.as_bytes()), redactor.bytes(line.as_bytes()));
        }
    }

    #[test]
    fn a_known_token_that_is_sent_keeps_its_name() {
        let mut redactor = redactor();
        redactor.learn("user.proof", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln");
        let shown = redactor
            .sent(b"eyJhbGciOiJIUzI1NiJ9.e30.c2ln")
            .text()
            .into_owned();
        assert!(shown.starts_with("‹user.proof:"), "{shown}");
        let shown = redactor
            .sent(b"eyJhbGciOiJIUzI1NiJ9.e30.c2lo")
            .text()
            .into_owned();
        assert!(shown.starts_with("‹jwt:"), "{shown}");
    }

    #[test]
    fn a_passing_secret_is_replaced_in_every_coding_and_gives_way_to_later_ones() {
        let mut redactor = Redactor::new([7; 32]);
        redactor.learn("user.token", "s3cr3t/value+long");
        redactor.learn_passing("user.token, forged", "forged/value+long");
        let shown = redactor.text("a forged%2Fvalue%2Blong b s3cr3t/value+long");
        assert!(!shown.contains("value"), "{shown}");
        assert!(shown.contains("user.token, forged"), "{shown}");
        for number in 0..MAX_PASSING {
            redactor.learn_passing("user.token, forged", &format!("later forged {number}"));
        }
        assert!(redactor.text("forged/value+long").contains("forged/value"));
        assert!(!redactor.text("later forged 0").contains("later"));
        // What is sent again counts from then on.
        redactor.learn_passing("user.token, forged", "later forged 0");
        redactor.learn_passing("user.token, forged", "one more");
        assert!(!redactor.text("later forged 0").contains("later"));
        assert!(redactor.text("later forged 1").contains("later"));
    }
}
