//! The command that shows an exchange again.

use crate::journal::{Exchange, MARK_CLOSE, MARK_OPEN};
use crate::suite::Target;
use crate::wire::Scheme;

/// Longest body that fits into a command a person would paste.
const MAX_BODY_CHARS: usize = 2_000;

/// A `curl` command for the exchange's request. Secrets are variables: that of the environment which the target file takes
/// the secret from, or one whose name no shell has a meaning for, `PM_` and the secret's. `None` for a transport probe, which curl cannot
/// repeat. What cannot survive a shell is said in a comment at the end.
pub fn curl(exchange: &Exchange, target: &Target) -> Option<String> {
    let request = &exchange.request;
    if exchange.seen.is_some() {
        return None;
    }
    let mut words = vec!["curl".to_owned(), "-i".to_owned()];
    let mut notes = Vec::new();
    if request.version == "2" {
        words.push("--http2".to_owned());
    } else {
        words.push("--http1.1".to_owned());
    }
    let is_here = matches!(
        request.origin.host.as_str(),
        "localhost" | "127.0.0.1" | "::1"
    );
    match &target.ca_file {
        _ if request.origin.scheme == Scheme::Http => {}
        Some(path) => words.extend(["--cacert".to_owned(), quote(path, target)]),
        None if is_here => words.push("-k".to_owned()),
        None => {}
    }
    match request.method.as_str() {
        "GET" if request.body.0.is_empty() => {}
        "HEAD" => words.push("-I".to_owned()),
        method => words.extend(["-X".to_owned(), quote(method, target)]),
    }
    for (name, value) in &request.headers {
        let lower = name.to_ascii_lowercase();
        let implied = match lower.as_str() {
            "host" => value.text() == request.origin.authority(),
            "content-length" => value.text() == request.body_bytes.to_string(),
            "user-agent" => true,
            _ => false,
        };
        if implied {
            continue;
        }
        if !value.is_utf8() || value.0.iter().any(|b| *b < 0x20) {
            notes.push(format!("`{name}` holds octets that a shell cannot pass on"));
        }
        let text = value.text();
        let line = if text.is_empty() {
            format!("{name};")
        } else {
            format!("{name}: {text}")
        };
        words.extend(["-H".to_owned(), quote(&line, target)]);
    }
    if !request.body.0.is_empty() {
        let text = request.body.text();
        if request.body.is_utf8()
            && text.chars().count() <= MAX_BODY_CHARS
            && request.body.0.len() as u64 == request.body_bytes
        {
            words.extend(["--data-binary".to_owned(), quote(&text, target)]);
        } else {
            notes.push(format!(
                "with a body of {} octets, see the journal",
                request.body_bytes
            ));
        }
    }
    if let Some(node) = request.origin.node {
        words.push(format!("--connect-to ::{node}"));
    }
    words.push("--path-as-is".to_owned());
    let url = format!("{}{}", request.origin, request.target.text());
    words.push(quote(&url, target));
    let mut command = words.join(" ");
    for note in notes {
        command.push_str(&format!("  # {note}"));
    }
    Some(command)
}

/// Quotes a word for a POSIX shell; marks of secrets become `${NAME}`, which the shell fills in.
fn quote(text: &str, target: &Target) -> String {
    if text.contains(MARK_OPEN) {
        return double_quote(text, target);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let visible: String = text
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    format!("'{}'", visible.replace('\'', r"'\''"))
}

fn double_quote(text: &str, target: &Target) -> String {
    let mut out = String::from("\"");
    let mut rest = text;
    while let Some(open) = rest.find(MARK_OPEN) {
        push_escaped(&mut out, &rest[..open]);
        let inner = &rest[open + MARK_OPEN.len_utf8()..];
        let Some(close) = inner.find(MARK_CLOSE) else {
            break;
        };
        out.push_str("${");
        out.push_str(&variable(&inner[..close], target));
        out.push('}');
        rest = &inner[close + MARK_CLOSE.len_utf8()..];
    }
    push_escaped(&mut out, rest);
    out.push('"');
    out
}

/// `user.token:9f3c21aa` → `PM_USER_TOKEN`, or what the secret of this name is called in the environment. Without the
/// prefix, a secret `user` or `path` would be the shell's own.
fn variable(mark: &str, target: &Target) -> String {
    let name = mark.rsplit_once(':').map_or(mark, |(name, _)| name);
    if let Some(variable) = target.secret_variables.get(name) {
        return variable.clone();
    }
    let own = name.chars();
    "PM_"
        .chars()
        .chain(own)
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect()
}

fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '"' | '\\' | '$' | '`' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
}
