//! Whether `htu` is the address of the request (RFC 9449 §4.3 item 9), after the normalisation of RFC 3986 §6.2.2 and
//! §6.2.3, without query and fragment on either side.

use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::Request;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-htu-path-unchecked",
        "Compares scheme, host and port of htu alone.",
        "RFC 9449 §4.3 item 9",
    ),
    flaw(
        "dpop-htu-host-unchecked",
        "Compares the path of htu alone.",
        "RFC 9449 §4.3 item 9",
    ),
    flaw(
        "dpop-htu-compared-by-beginning",
        "Takes every htu that begins with the address of the request.",
        "RFC 9449 §4.3 item 9",
    ),
    flaw(
        "dpop-htu-searched-in-text",
        "Takes every htu that has the address of the request somewhere in it.",
        "RFC 9449 §4.3 item 9",
    ),
    flaw(
        "dpop-htu-userinfo-dropped",
        "Passes over what stands before the @ in the authority of htu.",
        "RFC 9449 §4.3 item 9",
    ),
    flaw(
        "dpop-htu-case-ignored",
        "Compares the path of htu without regard to case.",
        "RFC 3986 §6.2.2.1",
    ),
    flaw(
        "dpop-htu-slash-trimmed",
        "Passes over a slash at the end of htu.",
        "RFC 3986 §6.2.3",
    ),
    flaw(
        "dpop-htu-compared-octet-for-octet",
        "Refuses other spellings of the same address.",
        "RFC 9449 §4.3",
    ),
    flaw(
        "dpop-htu-compared-with-query",
        "Wants the query of the request in htu, too.",
        "RFC 9449 §4.3 item 9",
    ),
    flaw(
        "dpop-htu-decoded-fully",
        "Decodes reserved characters before it compares htu.",
        "RFC 3986 §6.2.2.2",
    ),
    flaw(
        "dpop-htu-of-forwarded-host",
        "Compares htu with the host that X-Forwarded-Host or Forwarded names.",
        "RFC 9110 §7.4",
    ),
    flaw(
        "dpop-htu-of-forwarded-scheme",
        "Compares htu with the scheme that X-Forwarded-Proto names.",
        "RFC 9110 §7.4",
    ),
    flaw(
        "dpop-htu-of-host-field",
        "Compares htu with the host and port that the request says it is for.",
        "RFC 9110 §7.4",
    ),
    flaw(
        "dpop-htu-of-original-url",
        "Compares htu with the path that X-Original-URL names.",
        "RFC 9110 §7.4",
    ),
];

pub fn fits(htu: &str, origin: &str, request: &Request, flaws: &FlawSet) -> bool {
    let path = request.path();
    if let Some(query) = request.query()
        && flaws.has("dpop-htu-compared-with-query")
    {
        return htu == format!("{origin}{path}?{query}");
    }
    let own = format!("{origin}{path}");
    if htu == own {
        return true;
    }
    is_same(htu, &own) && !flaws.has("dpop-htu-compared-octet-for-octet")
        || is_taken(htu, &own, flaws)
        || is_alleged(htu, origin, request, flaws)
}

fn is_same(one: &str, other: &str) -> bool {
    matches!((Address::read(one), Address::read(other)), (Some(one), Some(other)) if one == other)
}

/// By a wrong way to compare.
fn is_taken(htu: &str, own: &str, flaws: &FlawSet) -> bool {
    if htu.starts_with(own) && flaws.has("dpop-htu-compared-by-beginning")
        || htu.contains(own) && flaws.has("dpop-htu-searched-in-text")
    {
        return true;
    }
    let named = without_userinfo(htu);
    let (Some(named), Some(own)) = (
        Address::read(named.as_deref().unwrap_or(htu)),
        Address::read(own),
    ) else {
        // Only the path may still be right.
        return htu.starts_with('/') && own.ends_with(htu) && flaws.has("dpop-htu-host-unchecked");
    };
    if htu.contains('@') {
        return named == own && flaws.has("dpop-htu-userinfo-dropped");
    }
    let is_same_place = named.origin == own.origin;
    if !is_same_place {
        return named.path == own.path && flaws.has("dpop-htu-host-unchecked");
    }
    let trimmed = |path: &str| path.strip_suffix('/').unwrap_or(path).to_owned();
    (named.path.eq_ignore_ascii_case(&own.path) && flaws.has("dpop-htu-case-ignored"))
        || (trimmed(&named.path) == trimmed(&own.path) && flaws.has("dpop-htu-slash-trimmed"))
        || (decoded(&named.path) == decoded(&own.path) && flaws.has("dpop-htu-decoded-fully"))
        || (named.path != own.path && flaws.has("dpop-htu-path-unchecked"))
}

/// By what the request says about where it went.
fn is_alleged(htu: &str, origin: &str, request: &Request, flaws: &FlawSet) -> bool {
    let path = request.path();
    let said = |name: &str| request.fields.get(name);
    let forwarded = said("forwarded").and_then(|line| {
        let mut pairs = line
            .split([';', ','])
            .filter_map(|pair| pair.trim().split_once('='));
        let (_, host) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("host"))?;
        Some(host.trim_matches('"'))
    });
    if let Some(host) = said("x-forwarded-host").or(forwarded)
        && flaws.has("dpop-htu-of-forwarded-host")
    {
        return is_same(htu, &format!("https://{host}{path}"));
    }
    if let Some(scheme) = said("x-forwarded-proto")
        && flaws.has("dpop-htu-of-forwarded-scheme")
        && let Some((_, rest)) = origin.split_once(':')
    {
        return is_same(htu, &format!("{scheme}:{rest}{path}"));
    }
    if let Some(other) = said("x-original-url").or(said("x-rewrite-url"))
        && flaws.has("dpop-htu-of-original-url")
    {
        return is_same(htu, &format!("{origin}{other}"));
    }
    let is_elsewhere = !origin.ends_with(&format!("//{}", request.authority));
    is_elsewhere
        && flaws.has("dpop-htu-of-host-field")
        && is_same(htu, &format!("https://{}{path}", request.authority))
}

/// A normalised `http` or `https` URI without query and fragment.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    /// Scheme, host and port; the port only where it is not the scheme's own.
    origin: String,
    path: String,
}

impl Address {
    /// `None` for what is no absolute URI of these schemes, or names a user.
    fn read(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let own_port = match scheme.as_str() {
            "https" => "443",
            "http" => "80",
            _ => return None,
        };
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = authority.to_ascii_lowercase();
        let is_sound = !authority.is_empty()
            && authority
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || b".-_~:[]%".contains(&octet));
        if !is_sound {
            return None;
        }
        // A colon within brackets is part of an address.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (authority.as_str(), ""),
        };
        let host = normal_octets(host)?;
        let port = match port {
            "" => String::new(),
            port if port == own_port => String::new(),
            port => format!(":{port}"),
        };
        Some(Self {
            origin: format!("{scheme}://{host}{port}"),
            path: without_dots(&normal_octets(path)?),
        })
    }
}

/// Unreserved characters as they are, all other encoded ones with capitals (RFC 3986 §6.2.2.1, §6.2.2.2). `None` for a
/// broken encoding, and for characters that no URI has.
fn normal_octets(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        match octet {
            b'%' => {
                let digit = |octet: Option<u8>| char::from(octet?).to_digit(16);
                let octet = (digit(rest.next())? * 16 + digit(rest.next())?) as u8;
                if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
                    out.push(char::from(octet));
                } else {
                    out.push_str(&format!("%{octet:02X}"));
                }
            }
            b'!'..=b'~' if !b"\"<>\\^`{|}".contains(&octet) => out.push(char::from(octet)),
            _ => return None,
        }
    }
    Some(out)
}

/// RFC 3986 §5.2.4, for a path that begins with a slash or is empty; an empty one is `/` (§6.2.3).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (at, segment) in segments.iter().enumerate() {
        let is_last = at + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

fn without_userinfo(htu: &str) -> Option<String> {
    let (scheme, rest) = htu.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (_, host) = authority.rsplit_once('@')?;
    Some(format!("{scheme}://{host}{path}"))
}

fn decoded(path: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = path;
    while let Some(first) = rest.bytes().next() {
        let code = rest.get(1..3).filter(|_| first == b'%');
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(octet) => {
                out.push(octet);
                rest = &rest[3..];
            }
            None => {
                out.push(first);
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one() {
        let own = "https://api.example/v2/a%2Fb/~c";
        for same in [
            "HTTPS://API.EXAMPLE/v2/a%2Fb/~c",
            "https://api.example:443/v2/a%2fb/%7Ec",
            "https://api.example/v2/x/../a%2Fb/./%7e%63",
            "https://api.example/v2/a%2Fb/~c?x=1#f",
        ] {
            assert!(is_same(same, own), "{same}");
        }
        for other in [
            "http://api.example/v2/a%2Fb/~c",
            "https://api.example:444/v2/a%2Fb/~c",
            "https://api.example/v2/a/b/~c",
            "https://api.example/v2/a%252Fb/~c",
            "https://api.example/v2/a%2Fb/~c/",
            "https://api.example/V2/a%2Fb/~c",
            "https://x@api.example/v2/a%2Fb/~c",
            "https://api.example@x/v2/a%2Fb/~c",
            "https://x/https://api.example/v2/a%2Fb/~c",
            "https://api.example/v2/a%2Fb/~c/../d",
            "/v2/a%2Fb/~c",
            "",
        ] {
            assert!(!is_same(other, own), "{other}");
        }
        assert!(is_same("https://a", "https://a/"));
        assert!(is_same("https://[::1]:443/", "https://[::1]/"));
        assert!(is_same("https://a/b/..", "https://a/"));
    }
}
