//! One source expression of a policy: CSP Level 3 §2.3.1.

pub(super) enum Source<'a> {
    /// `'none'`
    None,
    /// `'self'` and the other keywords that let nothing foreign in by themselves.
    Keyword,
    Nonce {
        text: &'a str,
        /// Bits that the value decodes to.
        bits: usize,
        well_formed: bool,
    },
    Hash,
    /// `*`, a bare scheme, or a host that is `*`.
    Open,
    Host,
    /// A keyword, nonce or hash without its quotes, which a browser takes for a host.
    UnquotedKeyword,
    Invalid,
}

const KEYWORDS: [&str; 12] = [
    "self",
    "unsafe-inline",
    "unsafe-eval",
    "unsafe-hashes",
    "strict-dynamic",
    "report-sample",
    "wasm-unsafe-eval",
    "unsafe-allow-redirects",
    "trusted-types-eval",
    "inline-speculation-rules",
    "report-sha256",
    "unsafe-webtransport-hashes",
];

const HASHES: [&str; 3] = ["sha256-", "sha384-", "sha512-"];

/// Keywords match in any case; everything else is kept as it is.
pub(super) fn lower_keyword(source: &str) -> String {
    let lower = source.to_ascii_lowercase();
    let keyword = unquoted(&lower).is_some_and(|word| word == "none" || KEYWORDS.contains(&word));
    if keyword { lower } else { source.to_owned() }
}

pub(super) fn classify(source: &str) -> Source<'_> {
    let Some(word) = unquoted(source) else {
        return classify_bare(source);
    };
    if word.eq_ignore_ascii_case("none") {
        Source::None
    } else if KEYWORDS.iter().any(|k| word.eq_ignore_ascii_case(k)) {
        Source::Keyword
    } else if let Some(text) = strip_prefix(word, "nonce-") {
        let digits = text.trim_end_matches('=');
        Source::Nonce {
            text,
            bits: digits.len() * 6 / 8 * 8,
            well_formed: is_base64(text),
        }
    } else if HASHES
        .iter()
        .find_map(|prefix| strip_prefix(word, prefix))
        .is_some_and(is_base64)
    {
        Source::Hash
    } else {
        Source::Invalid
    }
}

fn classify_bare(source: &str) -> Source<'_> {
    let is = |word: &str| source.eq_ignore_ascii_case(word);
    let starts = |prefix: &&str| strip_prefix(source, prefix).is_some();
    if is("none")
        || KEYWORDS.iter().any(|k| is(k))
        || starts(&"nonce-")
        || HASHES.iter().any(starts)
    {
        return Source::UnquotedKeyword;
    }
    if let Some(scheme) = source.strip_suffix(':')
        && is_scheme(scheme)
    {
        return Source::Open;
    }
    let (scheme, rest) = match source.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, source),
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let port_ok =
        port.is_none_or(|p| p == "*" || (!p.is_empty() && p.bytes().all(|b| b.is_ascii_digit())));
    if !scheme.is_none_or(is_scheme) || !port_ok || source.contains(['\'', '"', '?', '#']) {
        Source::Invalid
    } else if host == "*" {
        Source::Open
    } else if is_host(host) {
        Source::Host
    } else {
        Source::Invalid
    }
}

fn unquoted(source: &str) -> Option<&str> {
    source.strip_prefix('\'')?.strip_suffix('\'')
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `base64-value = 1*( ALPHA / DIGIT / "+" / "/" / "-" / "_" )*2( "=" )`
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    !digits.is_empty()
        && text.len() - digits.len() <= 2
        && digits
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// `host-part = "*" / [ "*." ] 1*host-char *( "." 1*host-char ) [ "." ]`. An underscore, which real names have, and an
/// IPv6 literal, which browsers match to nothing, are let pass.
fn is_host(text: &str) -> bool {
    let text = text.strip_prefix("*.").unwrap_or(text);
    let text = text.strip_suffix('.').unwrap_or(text);
    if let Some(ip) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        return ip.parse::<std::net::Ipv6Addr>().is_ok();
    }
    text.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    })
}
