//! Every flaw shows: for each, at least one answer of a battery of requests differs from that of the correct server.
//! The battery runs in process; flaws of the transport have their own tests.

mod principals;
mod requests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::reference::authority::NAMES;
use crate::reference::edge::plain::PlainSite;
use crate::reference::http::{Body, Fields, Request, Response, Version};
use crate::reference::serve::Built;
use crate::reference::site::Site;
use crate::reference::{Contract, listen, old_tls};

use principals::{HTTP_API, INTRAVERSE, PERS, USUAL, ids};

const PORT: u16 = 4433;

struct Bench {
    contract: Contract,
    built: Built,
    plain: PlainSite,
    /// What came back in an earlier step, by name.
    kept: BTreeMap<String, String>,
    seen: Vec<String>,
    /// What the correct server answered; once an answer differs, nothing more is asked.
    correct: Option<Arc<Vec<String>>>,
    differs: bool,
}

impl Bench {
    fn new(contract: Contract, flaws: &[&str], correct: Option<Arc<Vec<String>>>) -> Self {
        let flaws = contract.catalogue().select(flaws).expect("known flaws");
        let built = contract.build(flaws, PORT);
        let plain = PlainSite {
            refusal: contract.refusal(),
            edge: Arc::clone(&built.edge),
            api: Arc::clone(&built.site),
            https_port: PORT,
        };
        Self {
            contract,
            built,
            plain,
            kept: BTreeMap::new(),
            seen: Vec::new(),
            correct,
            differs: false,
        }
    }

    /// `$name` becomes the secret or kept value of that name; longest names first.
    fn fill(&self, text: &str) -> String {
        let mut names: Vec<(&String, &String)> =
            self.built.secrets.iter().chain(&self.kept).collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let mut text = text.to_owned();
        for (name, value) in names {
            text = text.replace(&format!("${name}"), value);
        }
        text
    }

    fn request(&self, line: &str, fields: &[(&str, &str)], body: &[u8]) -> Request {
        let line = self.fill(line);
        let (method, target) = line.split_once(' ').expect("method and target");
        let mut sent = Fields::default();
        for (name, value) in fields {
            sent.push(name, self.fill(value).as_bytes());
        }
        let body = match std::str::from_utf8(body) {
            Ok(text) => self.fill(text).into_bytes(),
            Err(_) => body.to_vec(),
        };
        if !body.is_empty() && !sent.has("content-type") {
            sent.push("content-type", b"application/json");
        }
        Request {
            method: method.to_owned(),
            target: target.to_owned(),
            authority: format!("{}:{PORT}", NAMES[0]),
            version: Version::Http11,
            fields: sent,
            body: Body::Bytes(body),
            encrypted: true,
        }
    }

    fn fire(&mut self, line: &str, fields: &[(&str, &str)], body: &str) -> Option<Response> {
        if self.differs {
            return None;
        }
        let request = self.request(line, fields, body.as_bytes());
        self.answer(request, line)
    }

    fn answer(&mut self, request: Request, label: &str) -> Option<Response> {
        if self.differs {
            return None;
        }
        let answer = if request.encrypted {
            self.built.site.answer(&request)
        } else {
            self.plain.answer(&request)
        };
        self.note(label, answer.as_ref());
        answer
    }

    fn note(&mut self, label: &str, answer: Option<&Response>) {
        let text = match answer {
            None => "hangs up".to_owned(),
            Some(response) => self.normal(response),
        };
        let entry = format!("{label}\n{text}");
        if let Some(correct) = &self.correct {
            self.differs |= correct.get(self.seen.len()) != Some(&entry);
        }
        self.seen.push(entry);
    }

    /// The answer with what is random in it made the same everywhere.
    fn normal(&self, response: &Response) -> String {
        let mut text = format!("{}\n", response.status);
        for (name, value) in &response.fields {
            if name != "Date" {
                text.push_str(&format!("{name}: {value}\n"));
            }
        }
        text.push_str(&String::from_utf8_lossy(&response.body));
        text.push_str(if response.body_despite_head {
            " (sent)"
        } else {
            ""
        });
        for (name, value) in &self.built.secrets {
            text = text.replace(value, &format!("${name}"));
        }
        blur(&text)
    }
}

/// Random tokens, ids, nonces and tags become marks; the constants that flaws put in their place stay.
fn blur(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "+/=_-.".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_word(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(before);
        let nonce = word
            .strip_prefix("nonce-")
            .or_else(|| out.ends_with("nonce=\"").then_some(word));
        match nonce {
            Some(nonce) if !nonce.starts_with("Zml4ZWR") => {
                out.push_str(&format!("nonce of {}", nonce.len()));
            }
            _ if word.contains("eyJ") => out.push_str("JWT"),
            _ => out.push_str(&blur_hex(word)),
        }
        rest = after;
    }
    out + rest
}

fn blur_hex(word: &str) -> String {
    let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    let parts = word.split_inclusive(|c| !is_hex(c));
    parts
        .map(|part| {
            let digits = part.trim_end_matches(|c| !is_hex(c));
            if digits.len() >= 16 && !digits.contains("0000000000000000") {
                "HEX"
            } else {
                part
            }
        })
        .collect()
}

fn run(bench: &mut Bench) {
    let (principals, base, open, item, write) = match bench.contract {
        Contract::Pers => (
            PERS,
            1,
            "/v2/campaigns",
            "/v2/users/me",
            "PATCH /v2/users/me",
        ),
        Contract::Intraverse => (INTRAVERSE, 3, "/status", "/user/me", "PATCH /user/me"),
        Contract::HttpApi => (HTTP_API, 1, "/info", "/me", "POST /notes"),
        Contract::Appdirect => unreachable!("nobody plays its issuer here"),
    };
    let known = principals[base].1;
    let anonymous = principals[0].1;
    requests::messages(bench, known, anonymous, open, item, write);
    // Every operation by every principal; what destroys comes last.
    let mut operations = bench.contract.operations();
    operations.sort_by_key(|operation| operation.method == "DELETE");
    for operation in operations {
        for id in ids(operation.path) {
            let line = format!(
                "{} {}",
                operation.method,
                operation.path.replace("{id}", id)
            );
            // Password hashes are slow on purpose; logins are tried below.
            if operation.name == "login" || (operation.method == "DELETE" && *id != "none") {
                continue;
            }
            // Those whose credentials are no good see the same everywhere; a few operations are enough.
            let everybody = ["me", "set-points", "list-campaigns", "settings"];
            let count = if everybody.contains(&operation.name) {
                principals.len()
            } else {
                USUAL
            };
            for (name, fields) in &principals[..count] {
                if bench.differs {
                    return;
                }
                let request = bench.request(&line, fields, operation.body.as_bytes());
                bench.answer(request, &format!("{name}: {line}"));
            }
        }
    }
    // Every operation by every principal; what destroys comes last.
    let mut operations = bench.contract.operations();
    operations.sort_by_key(|operation| operation.method == "DELETE");
    for operation in operations {
        for id in ids(operation.path) {
            let line = format!(
                "{} {}",
                operation.method,
                operation.path.replace("{id}", id)
            );
            // Password hashes are slow on purpose; logins are tried below.
            if operation.name == "login" || (operation.method == "DELETE" && *id != "none") {
                continue;
            }
            // Those whose credentials are no good see the same everywhere; a few operations are enough.
            let everybody = ["me", "set-points", "list-campaigns", "settings"];
            let count = if everybody.contains(&operation.name) {
                principals.len()
            } else {
                USUAL
            };
            for (name, fields) in &principals[..count] {
                if bench.differs {
                    return;
                }
                let request = bench.request(&line, fields, operation.body.as_bytes());
                bench.answer(request, &format!("{name}: {line}"));
            }
        }
    }
    match bench.contract {
        Contract::Pers => requests::pers(bench),
        Contract::Intraverse => requests::intraverse(bench),
        Contract::HttpApi => requests::http_api(bench),
        Contract::Appdirect => unreachable!("nobody plays its issuer here"),
    }
}

/// Not visible in one process or one answer: the transport, and what only time shows.
fn is_elsewhere(id: &str) -> bool {
    [
        listen::FLAWS,
        listen::FLOOR_1_2_FLAWS,
        listen::FLOOR_1_3_FLAWS,
        old_tls::FLAWS,
    ]
    .iter()
    .flat_map(|table| table.iter())
    .any(|flaw| flaw.id == id)
        || [
            // Only the time of a login tells.
            // Only a decoded token tells.
            "token-lives-a-day",
            "token-never-expires",
            // Only a listener of ours tells.
            "jku-fetched",
            "x5u-fetched",
            "kid-fetched",
            // Only a comparison of several answers tells.
            "correlation-id-sequential",
        ]
        .contains(&id)
}

fn every_flaw_shows(contract: Contract) {
    let mut bench = Bench::new(contract, &[], None);
    run(&mut bench);
    let correct = Arc::new(bench.seen);
    let differs = |flaws: &[&str]| {
        let mut bench = Bench::new(contract, flaws, Some(Arc::clone(&correct)));
        run(&mut bench);
        bench.differs
    };
    assert!(!differs(&[]), "the battery is not repeatable");
    let hidden: Vec<&str> = contract
        .catalogue()
        .flaws()
        .iter()
        .map(|flaw| flaw.id)
        .filter(|id| !is_elsewhere(id) && !differs(&[id]))
        .collect();
    assert!(
        hidden.is_empty(),
        "flaws of {contract} that nobody would notice: {hidden:?}"
    );
}

#[test]
fn every_flaw_of_pers_shows() {
    every_flaw_shows(Contract::Pers);
}

#[test]
fn every_flaw_of_intraverse_shows() {
    every_flaw_shows(Contract::Intraverse);
}

#[test]
fn every_flaw_of_http_api_shows() {
    every_flaw_shows(Contract::HttpApi);
}
