//! Octets from files and standard input, and the token in them.

use std::io::Read;
use std::path::Path;

use crate::cli::output::Fault;
use crate::jose::MAX_TOKEN;

/// Key and claims files above this many octets are refused.
pub const MAX_FILE: usize = 1 << 20;
/// Word lists above this many octets are refused.
pub const MAX_WORDS: usize = 1 << 30;

/// Standard input can be read once only: refuses when more than one of these is `-`.
pub fn one_standard_input(paths: &[Option<&Path>]) -> Result<(), Fault> {
    let dashes = paths.iter().flatten().filter(|path| is_dash(path)).count();
    if dashes > 1 {
        let says = "only one of the files can be standard input".to_owned();
        return Err(Fault::Usage(says));
    }
    Ok(())
}

/// Three or five segments of base64url, the first of which opens a JSON object.
pub fn is_like_a_token(path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    let segments = text.split(|octet| *octet == b'.').count();
    let is_base64url = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_.".contains(octet);
    text.starts_with(b"ey") && matches!(segments, 3 | 5) && text.iter().all(is_base64url)
}

fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What to call the file in messages.
pub fn name(path: &Path) -> String {
    if is_dash(path) {
        "standard input".to_owned()
    } else {
        super::visible(&path.display().to_string())
    }
}

/// All of a file or (`-`) of standard input; more than `most` octets are a mistake.
pub fn read(path: &Path, most: usize) -> Result<Vec<u8>, Fault> {
    let mut octets = Vec::new();
    let limit = most as u64 + 1;
    let read = if is_dash(path) {
        std::io::stdin().take(limit).read_to_end(&mut octets)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut octets))
    };
    match read {
        // What is no file may be the token itself, and is not repeated.
        Err(_) if is_like_a_token(path) => Err(Fault::Usage(
            "this is a token and no file; tokens are read from files and standard input, since arguments are seen by \
             others on the machine and kept by shells"
                .to_owned(),
        )),
        Err(error) => Err(Fault::Usage(format!("{}: {error}", name(path)))),
        Ok(_) if octets.len() > most => Err(Fault::Usage(format!(
            "{}: more than {most} octets",
            name(path)
        ))),
        Ok(_) => Ok(octets),
    }
}

/// The token in a file: all of it without the white space around, after `Authorization:` and a scheme word where it has
/// them. Of a file of several lines, the first `Authorization` line counts.
pub fn token(path: &Path) -> Result<Vec<u8>, Fault> {
    // Room for what stands around a token of the largest size.
    let octets = read(path, MAX_TOKEN + 4096)?;
    let found = bare(&octets);
    if found.is_empty() {
        return Err(Fault::Usage(format!("{}: there is no token", name(path))));
    }
    Ok(found.to_vec())
}

fn bare(octets: &[u8]) -> &[u8] {
    let field = octets
        .split(|octet| *octet == b'\n')
        // As `curl -v` shows what it sent.
        .map(|line| line.strip_prefix(b"> ").unwrap_or(line))
        .find_map(|line| after(line.trim_ascii_start(), b"authorization:"));
    let value = field.unwrap_or(octets).trim_ascii();
    let token = [&b"bearer "[..], b"dpop ", b"bearer\t"]
        .into_iter()
        .find_map(|scheme| after(value, scheme));
    token.unwrap_or(value).trim_ascii()
}

fn after<'o>(octets: &'o [u8], prefix: &[u8]) -> Option<&'o [u8]> {
    let (head, rest) = octets.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `NAME=VALUE`; the value is JSON where it parses as JSON, else text.
pub fn pair(text: &str) -> Result<(String, serde_json::Value), Fault> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            Ok((name.to_owned(), value))
        }
        _ => Err(Fault::Usage(
            "write NAME=VALUE; the value is JSON, or else taken as text".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{bare, is_like_a_token};

    #[test]
    fn a_token_is_told_from_a_file() {
        for (text, expected) in [
            ("eyJhbGciOiJub25lIn0.e30.", true),
            ("eyJhbGciOiJub25lIn0.e30.AA.AA.AA", true),
            ("eyes.tar.gz", true),
            ("token.txt", false),
            ("./eyJhbGciOiJub25lIn0.e30.", false),
        ] {
            assert_eq!(is_like_a_token(Path::new(text)), expected, "{text}");
        }
    }

    #[test]
    fn the_token_is_found_in_what_surrounds_it() {
        for text in [
            "a.b.c",
            " a.b.c\r\n",
            "Bearer a.b.c",
            "authorization: bearer   a.b.c\n",
            "> GET / HTTP/1.1\r\n> Host: x\r\n> Authorization: DPoP a.b.c\r\n>\r\n",
        ] {
            assert_eq!(bare(text.as_bytes()), b"a.b.c", "{text}");
        }
        assert_eq!(bare(b"a.b\n.c"), b"a.b\n.c");
        assert_eq!(bare(b" \n"), b"");
    }
}
