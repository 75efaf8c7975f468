//! The listener that notices who calls at addresses that a target should not follow, such as one in a token.
//!
//! Each attempt has a path of its own that nobody can guess, so that a call is the doing of that attempt's requests.
//! Whoever calls gets what he hopes for: key sets get the attacker's keys, everything else the attacker's certificates.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::listener_port::{Asked, Port, Reply};
use crate::jose::forgery::Strangers;
use crate::journal::Call;
use crate::suite::model::ListenerTerms;

/// Attempts whose calls are kept; further ones only count as the calls of none.
const ATTEMPTS: usize = 100_000;
/// Calls kept of one attempt.
const CALLS: usize = 16;
/// Octets kept of what was asked for.
const TARGET: usize = 200;

#[derive(Default)]
struct Notes {
    /// By the mark of the attempt.
    calls: HashMap<u64, Vec<Call>>,
    is_heard: bool,
}

type Noticed = Arc<Mutex<Notes>>;

pub struct Listener {
    base: String,
    noticed: Noticed,
    _port: Port,
}

impl Listener {
    /// Fails with a sentence.
    pub fn open(terms: &ListenerTerms, strangers: Arc<Strangers>) -> Result<Self, String> {
        let noticed = Noticed::default();
        let notes = noticed.clone();
        let answer = move |asked: &Asked| {
            note(&notes, asked);
            match asked.target.contains("jwks") || asked.target.contains("jku") {
                true => Reply::new(200, "application/json", strangers.key_set().to_string()),
                false => Reply::new(200, "application/x-pem-file", strangers.chain_pem()),
            }
        };
        let port = Port::open(&terms.listen, None, Arc::new(answer))
            .map_err(|says| format!("the listener: {says}"))?;
        let base = match &terms.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", port.address),
        };
        Ok(Self {
            base,
            noticed,
            _port: port,
        })
    }

    /// Registers an attempt and says its address. The mark must not be guessable.
    pub fn address(&self, mark: u64) -> String {
        let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        if noticed.calls.len() < ATTEMPTS {
            noticed.calls.entry(mark).or_default();
        }
        format!("{}/{mark:016x}", self.base)
    }

    /// Under which the target reaches it.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Whether anybody called at the address of any attempt.
    pub fn is_heard(&self) -> bool {
        let noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        noticed.is_heard
    }

    /// Everything that came for the attempt until now.
    pub fn calls(&self, mark: u64) -> Vec<Call> {
        let noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        noticed.calls.get(&mark).cloned().unwrap_or_default()
    }
}

fn note(noticed: &Noticed, asked: &Asked) {
    let path = asked.target.trim_start_matches('/');
    let (mark, rest) = path.split_at(path.find(['/', '?']).unwrap_or(path.len()));
    let Ok(mark) = u64::from_str_radix(mark, 16) else {
        return;
    };
    let mut noticed = noticed.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(calls) = noticed.calls.get_mut(&mark) else {
        return;
    };
    if calls.len() < CALLS {
        calls.push(Call {
            method: asked.method.chars().take(TARGET).collect(),
            target: rest.chars().take(TARGET).collect(),
        });
    }
    noticed.is_heard = true;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    fn get(address: &str) -> String {
        let rest = address.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_call_is_that_of_the_attempt_whose_path_it_has() {
        let terms = ListenerTerms {
            listen: "127.0.0.1:0".to_owned(),
            url: None,
        };
        let strangers = Arc::new(Strangers::new());
        strangers.key(crate::jose::Algorithm::ES256).unwrap();
        let listener = Listener::open(&terms, strangers).unwrap();
        let (one, other) = (listener.address(1), listener.address(2));
        get(&format!("{}/elsewhere", listener.base));
        get(&format!("{}/00000000000000ff", listener.base));
        assert!(listener.calls(1).is_empty());
        assert!(!listener.is_heard(), "a stranger knows no attempt");
        assert!(get(&format!("{one}/jwks.json?x=1")).contains("\"crv\":\"P-256\""));
        assert!(get(&format!("{one}/chain.pem")).contains("BEGIN CERTIFICATE"));
        let targets: Vec<String> = listener.calls(1).into_iter().map(|c| c.target).collect();
        assert_eq!(targets, ["/jwks.json?x=1", "/chain.pem"]);
        assert!(listener.is_heard());
        assert!(listener.calls(2).is_empty());
        get(&other);
        assert_eq!(listener.calls(2).len(), 1);
    }
}
