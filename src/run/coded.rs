//! Bodies under a content coding (RFC 9110 §8.4.1). We never ask for one, but some targets code whatever they send, and
//! a secret in it would be in the journal for anybody with `gunzip`.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::journal::{MARK_CLOSE, MARK_OPEN, Octets, Redactor};
use crate::wire::Answer;

/// Octets of content that are looked through; a body that unfolds to more is not kept.
const BOUND: u64 = 4 << 20;

/// What is kept of the body in place of its octets, where it is coded and might hold a secret: its coding and size.
/// `None` where the octets themselves may be kept.
pub fn left_out(answer: &Answer, redactor: &Redactor) -> Option<Octets> {
    let codings: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"))
        .flat_map(|(_, value)| {
            let text = String::from_utf8_lossy(value).to_ascii_lowercase();
            text.split(',')
                .map(|coding| coding.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    if codings.is_empty() || answer.body.is_empty() {
        return None;
    }
    let is_harmless = match codings.as_slice() {
        [coding] => content(coding, &answer.body)
            .is_some_and(|content| redactor.bytes(&content).0 == content),
        _ => false,
    };
    let octets = answer.body.len();
    (!is_harmless).then(|| {
        let coding = redactor.text(&codings.join(", "));
        let coding: String = coding
            .chars()
            .filter(|c| c.is_ascii_graphic())
            .take(40)
            .collect();
        Octets(format!("{MARK_OPEN}{octets} octets of {coding}{MARK_CLOSE}").into_bytes())
    })
}

/// The whole content, or `None` where the coding is not known, the octets are not of it, or there is too much.
fn content(coding: &str, body: &[u8]) -> Option<Vec<u8>> {
    match coding {
        "gzip" | "x-gzip" => all(MultiGzDecoder::new(body)),
        "deflate" => all(ZlibDecoder::new(body)).or_else(|| all(DeflateDecoder::new(body))),
        _ => None,
    }
}

fn all(decoder: impl Read) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut bounded = decoder.take(BOUND + 1);
    bounded.read_to_end(&mut content).ok()?;
    (content.len() as u64 <= BOUND).then_some(content)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn kept(coding: &str, body: Vec<u8>) -> Option<String> {
        let mut redactor = Redactor::new([7; 32]);
        redactor.learn("user.token", "s3cr3t/value+long");
        let answer = Answer {
            version: "1.1".to_owned(),
            status: 200,
            reason: Vec::new(),
            headers: vec![("content-encoding".to_owned(), coding.as_bytes().to_vec())],
            body: body.into(),
            truncated: false,
            trailers: Vec::new(),
            interim: Vec::new(),
        };
        left_out(&answer, &redactor).map(|octets| octets.text().into_owned())
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn a_secret_under_a_coding_is_not_kept() {
        let body = gzip(b"{\"token\":\"s3cr3t/value+long\"}");
        let says = format!("‹{} octets of gzip›", body.len());
        assert_eq!(kept("GZIP", body.clone()), Some(says));
        assert_eq!(kept("identity", body), None);
        assert_eq!(kept("gzip", gzip(b"nothing")), None);
    }

    #[test]
    fn what_cannot_be_looked_into_is_not_kept() {
        assert_eq!(
            kept("br", b"abc".to_vec()).as_deref(),
            Some("‹3 octets of br›")
        );
        assert_eq!(
            kept("gzip", b"abc".to_vec()).as_deref(),
            Some("‹3 octets of gzip›")
        );
        assert!(kept("gzip, gzip", gzip(b"nothing")).is_some());
        assert!(kept("gzip", gzip(&vec![0; 5 << 20])).is_some());
    }
}
