//! A target file as it may be shown beside a mistake in it: with everything that could be a secret blotted out.

use super::load::Mistake;

/// Keys whose values are no secrets. What stands under any other key, known or not, is blotted out: a credential
/// behind a mistyped key is a credential all the same.
const SHOWN: &[&str] = &[
    "target",
    "contract",
    "url",
    "plain_url",
    "ca_file",
    "request",
    "allow",
    "roles",
    "is",
    "tenant",
    "header",
    "scheme",
    "query",
    "cookie",
    "context",
    "writes",
    "load",
    "destructive",
    "max_requests_per_second",
    "connect_s",
    "answer_s",
    "body_bytes",
    "retry_s",
    "success",
    "state",
    "state_as",
    "harmless",
    "without",
    "take",
    "expires_in",
    "operation",
    "as",
    "token_url",
    "scope",
    "audience",
    "features",
    "authType",
    "algorithm",
    "jwks",
    "listen",
    "kinds",
    "lifetime_s",
];
/// Sections of the file's first level whose values are shown whatever the key.
const SHOWN_SECTIONS: &[&str] = &[
    "params",
    "values",
    "levels",
    "consent",
    "limits",
    "rate_limits",
    "exempt_from_rate_limits",
    "addresses",
    "nodes",
    "secret_members",
];
/// Stands for one octet of what is blotted out, so that columns stay right.
const BLOT: &str = "*";
/// Shorter pieces are not looked for in the sentences of a mistake.
const SHORTEST_PIECE: usize = 4;

/// A text of the same shape, and the pieces that were blotted out of it.
pub struct Concealed {
    pub text: String,
    pieces: Vec<String>,
}

impl Concealed {
    /// Works line by line, since a file that does not parse must be shown too.
    pub fn of(text: &str) -> Self {
        let mut concealed = Concealed {
            text: String::with_capacity(text.len()),
            pieces: Vec::new(),
        };
        // Indentation and name of the keys that the line stands under.
        let mut above: Vec<(usize, &str)> = Vec::new();
        for line in text.split_inclusive('\n') {
            let bare = line.trim_start_matches([' ', '-', '\t']);
            let indent = line.len() - bare.len();
            if bare.trim().is_empty() || bare.starts_with('#') && above.is_empty() {
                concealed.text.push_str(line);
                continue;
            }
            above.retain(|(under, _)| *under < indent);
            let (key, value) = match key_end(bare) {
                Some(end) => bare.split_at(end),
                None => ("", bare),
            };
            let name = key.trim_end_matches(':').trim_matches(['"', '\'', ' ']);
            if !name.is_empty() {
                above.push((indent, name));
            }
            let shown = above
                .first()
                .is_some_and(|(_, first)| SHOWN_SECTIONS.contains(first))
                || above.last().is_some_and(|(_, last)| SHOWN.contains(last))
                || above.len() == 2 && above[0].1 == "operations";
            concealed.text.push_str(&line[..indent]);
            concealed.text.push_str(key);
            if value.trim_start().starts_with(['{', '[']) {
                concealed.flow(value, shown);
            } else {
                concealed.value(value, shown);
            }
        }
        concealed
    }

    /// `{ key: value, … }`, `[value, …]`.
    fn flow(&mut self, text: &str, shown: bool) {
        let mut shown_here = shown;
        for part in text.split_inclusive(['{', '[', ',', '}', ']']) {
            let (part, mark) = match part.char_indices().next_back() {
                Some((at, '{' | '[' | ',' | '}' | ']')) => part.split_at(at),
                _ => (part, ""),
            };
            match key_end(part) {
                Some(end) => {
                    let name = part[..end].trim().trim_end_matches(':');
                    shown_here = shown || SHOWN.contains(&name.trim_matches(['"', '\'']));
                    self.text.push_str(&part[..end]);
                    self.value(&part[end..], shown_here);
                }
                // A key whose value opens another flow: `{ user: {`.
                None => self.value(part, shown_here),
            }
            self.text.push_str(mark);
        }
    }

    fn value(&mut self, text: &str, shown: bool) {
        let bare = text.trim();
        let start = text.len() - text.trim_start().len();
        let named = bare.trim_matches(['"', '\'']);
        let reference =
            named.starts_with("${") && named.ends_with('}') && named.matches("${").count() == 1;
        if bare.is_empty() || reference || matches!(bare, "|" | ">" | "|-" | ">-" | "null" | "~") {
            self.text.push_str(text);
            return;
        }
        self.text.push_str(&text[..start]);
        if shown {
            // Whoever writes a password into a URL is told so; others are not told the password.
            match (bare.find("//"), bare.rfind('@')) {
                (Some(from), Some(to)) if from + 2 < to => {
                    self.text.push_str(&bare[..from + 2]);
                    self.blot(&bare[from + 2..to]);
                    self.text.push_str(&bare[to..]);
                }
                _ => self.text.push_str(bare),
            }
        } else {
            self.blot(bare);
        }
        self.text.push_str(&text[start + bare.len()..]);
    }

    fn blot(&mut self, piece: &str) {
        self.text.push_str(&BLOT.repeat(piece.len()));
        let inner = piece.trim_matches(['"', '\'']);
        for piece in [piece, inner] {
            if piece.len() >= SHORTEST_PIECE && !self.pieces.iter().any(|known| known == piece) {
                self.pieces.push(piece.to_owned());
            }
        }
        self.pieces
            .sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    }

    /// The mistake with its line and its sentences concealed.
    pub fn conceal(&self, mut mistake: Mistake) -> Mistake {
        mistake.show_as(&self.text);
        let clean = |text: String| {
            self.pieces
                .iter()
                .fold(text, |text, piece| blotted(&text, piece))
        };
        mistake.says = clean(mistake.says);
        mistake.label = mistake.label.map(clean);
        mistake.help = mistake.help.map(clean);
        if let Some(also) = &mut mistake.also {
            also.label = clean(std::mem::take(&mut also.label));
        }
        mistake
    }
}

/// Replaces a piece wherever it is quoted: whole, or (sentences shorten what they quote) its beginning before `…`.
fn blotted(text: &str, piece: &str) -> String {
    let text = text.replace(piece, "***");
    let Some(cut) = text.find('…') else {
        return text;
    };
    let from = text[..cut].rfind('`').map_or(0, |at| at + 1);
    let quoted = &text[from..cut];
    if quoted.len() >= SHORTEST_PIECE && piece.starts_with(quoted) {
        return format!("{}***{}", &text[..from], &text[cut..]);
    }
    text
}

/// Where the key of a line ends, its colon included.
fn key_end(line: &str) -> Option<usize> {
    let (quote, from) = match line.trim_start().chars().next()? {
        quote @ ('"' | '\'') => {
            let start = line.find(quote)? + 1;
            (Some(quote), start + line[start..].find(quote)? + 1)
        }
        _ => (None, 0),
    };
    let colon = from
        + line[from..]
            .char_indices()
            .find(|(at, c)| {
                *c == ':'
                    && line[from + at + 1..]
                        .chars()
                        .next()
                        .is_none_or(char::is_whitespace)
            })?
            .0;
    let key = line[..colon].trim();
    let plain = quote.is_some()
        || key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    plain.then_some(colon + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_blotted_out_and_structure_stays() {
        let file = "target: a\nurl: https://me:pass@host/v1\nsecrets:\n  token: s3cret\n  other: ${env:X}\n\
                    tokn: 'abc def'\nprincipals:\n  user:\n    roles: [admin]\n    credentials: { token: s3cret2, is: x }\n\
                    values: { id: 77 }\n";
        let shown = Concealed::of(file);
        assert_eq!(
            shown.text,
            "target: a\nurl: https://*******@host/v1\nsecrets:\n  token: ******\n  other: ${env:X}\n\
             tokn: *********\nprincipals:\n  user:\n    roles: [admin]\n    credentials: { token: *******, is: x }\n\
             values: { id: 77 }\n"
        );
        assert_eq!(shown.text.len(), file.len());
    }

    #[test]
    fn block_scalars_and_broken_quotes_are_blotted_out() {
        let shown = Concealed::of(
            "secrets:\n  key: |\n    first line\n    second: line\n  token: \"open\n  more text\n",
        );
        for secret in ["first", "line", "open", "more", "text"] {
            assert!(!shown.text.contains(secret), "{}", shown.text);
        }
    }

    #[test]
    fn what_sentences_quote_is_blotted_out_too() {
        let long = "x9".repeat(40);
        let shown = Concealed::of(&format!("secrets: {long}\n"));
        assert!(shown.pieces.contains(&long));
        assert_eq!(
            blotted(&format!("unknown word `{}…` here", &long[..60]), &long),
            "unknown word `***…` here"
        );
    }
}
