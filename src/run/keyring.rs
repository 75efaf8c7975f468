//! Fetches the credentials of principals, keeps them, and renews them before they run out.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine;
use indexmap::IndexMap;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::issuer::Issuer;
use super::possession::{self, BoundKey, BoundKeys, Purpose, asks_for_nonce};
use super::request::{Sender, build};
use super::scope::{Proofs, RequestScope};
use super::send::{Line, Sent, Subject, Tries};
use crate::journal::RecordedAnswer;
use crate::judge::capture;
use crate::suite::Secrets;
use crate::suite::model::{
    Body, Capture, Carriage, CredentialSource, Exchange, ProofTerms, Send, SourceSpec,
};
use crate::suite::plan::{Bindings, Plan};
use crate::suite::template::{Scope, fill_text, fill_value, show};
use crate::wire::{Request, Roots};

/// A credential is renewed when less than this is left of its life.
const RENEW_BEFORE: Duration = Duration::from_secs(20);

/// What lives longer lives as long as any run.
const LONGEST_LIFE: Duration = Duration::from_secs(366 * 24 * 3600);
/// Principals may fetch through each other; deeper than this is a circle.
const MAX_CHAIN: u8 = 4;
/// Longest that a credential command may run.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

type Slot = std::sync::Arc<Mutex<Option<Held>>>;

pub(super) struct Held {
    value: String,
    until: Option<Instant>,
    /// For a token of the issuer that we play: whose key signed it.
    generation: Option<u64>,
}

/// All credentials of a run.
pub struct Keyring {
    pub(super) secrets: Secrets,
    pub(super) roots: Roots,
    held: Mutex<HashMap<(String, String), Slot>>,
    bound: BoundKeys,
    /// Principals whose credentials are taken nowhere, with the reason.
    refused: RwLock<HashMap<String, String>>,
}

impl Keyring {
    pub fn new(secrets: Secrets, roots: Roots) -> Self {
        Self {
            secrets,
            roots,
            held: Mutex::new(HashMap::new()),
            bound: BoundKeys::default(),
            refused: RwLock::default(),
        }
    }

    /// The key that a principal's credential is bound to. Fails with a sentence.
    pub async fn bound_key(
        &self,
        principal: &str,
        terms: &ProofTerms,
        plan: &Plan,
    ) -> Result<BoundKey, String> {
        self.bound.of(principal, terms, plan, &self.secrets).await
    }

    /// Hands out no credential of this principal any more, for the reason given.
    pub fn refuse(&self, principal: &str, says: String) {
        let mut refused = self.refused.write().unwrap_or_else(PoisonError::into_inner);
        refused.insert(principal.to_owned(), says);
    }

    fn refusal(&self, principal: &str) -> Option<String> {
        let refused = self.refused.read().unwrap_or_else(PoisonError::into_inner);
        refused.get(principal).cloned()
    }

    /// What the target file keeps secret.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The principal's credentials by kind, in the order of its declaration. Fails with a sentence.
    pub async fn of(
        &self,
        principal: &str,
        plan: &Plan,
        line: &Line,
    ) -> Result<Vec<(String, String)>, String> {
        self.of_without(principal, &[], plan, line).await
    }

    /// The same without these kinds, which are not fetched either.
    pub async fn of_without(
        &self,
        principal: &str,
        kinds: &[String],
        plan: &Plan,
        line: &Line,
    ) -> Result<Vec<(String, String)>, String> {
        match self.refusal(principal) {
            Some(says) => Err(says),
            None => self.chain(principal, kinds, plan, line, 0).await,
        }
    }

    async fn chain(
        &self,
        name: &str,
        without: &[String],
        plan: &Plan,
        line: &Line,
        depth: u8,
    ) -> Result<Vec<(String, String)>, String> {
        if depth > MAX_CHAIN {
            return Err(format!(
                "the credentials of `{name}` are fetched in a circle"
            ));
        }
        let principal = plan
            .target
            .principals
            .get(name)
            .ok_or_else(|| format!("there is no principal `{name}`"))?;
        let mut all = Vec::with_capacity(principal.credentials.len());
        let wanted = principal.credentials.iter();
        for (kind, source) in wanted.filter(|(kind, _)| !without.contains(kind)) {
            let slot = {
                let mut held = self.held.lock().await;
                held.entry((name.to_owned(), kind.clone()))
                    .or_default()
                    .clone()
            };
            // One fetch at a time for one credential; others wait for its result.
            let mut slot = slot.lock().await;
            let generation = line.outside.issuer.as_ref().map(Issuer::generation);
            let fresh = slot.as_ref().is_some_and(|held| {
                let is_current = held.generation.is_none() || held.generation == generation;
                is_current
                    && held
                        .until
                        .is_none_or(|until| until > Instant::now() + RENEW_BEFORE)
            });
            if !fresh {
                let bound = match plan.target.credentials.get(kind) {
                    Some(Carriage {
                        proof: Some(terms), ..
                    }) => Some(self.bound_key(name, terms, plan).await?),
                    _ => None,
                };
                let fetched = Box::pin(self.fetch(source, bound.as_ref(), plan, line, depth))
                    .await
                    .map_err(|says| format!("the {kind} of `{name}` could not be had: {says}"))?;
                line.redactor
                    .write()
                    .await
                    .learn(&format!("{name}.{kind}"), &fetched.value);
                *slot = Some(fetched);
            }
            if let Some(held) = &*slot {
                all.push((kind.clone(), held.value.clone()));
            }
        }
        Ok(all)
    }

    /// What a principal sends to an operation to get a credential, secrets filled in. Fails with a sentence.
    pub fn exchange_body(
        &self,
        principal: &str,
        operation: &str,
        plan: &Plan,
    ) -> Result<Value, String> {
        let exchange = plan
            .target
            .principals
            .get(principal)
            .into_iter()
            .flat_map(|found| found.credentials.values())
            .find_map(|source| match source {
                CredentialSource::Source(spec) => match spec.as_ref() {
                    SourceSpec::Exchange(exchange) if exchange.operation == operation => {
                        Some(exchange)
                    }
                    _ => None,
                },
                CredentialSource::Literal(_) => None,
            })
            .ok_or_else(|| format!("`{principal}` gets no credential from `{operation}`"))?;
        self.filled_body(exchange)
    }

    fn filled_body(&self, exchange: &Exchange) -> Result<Value, String> {
        let body = fill_value(&exchange.body, &self.secrets).map_err(|error| error.to_string())?;
        // Filled already; whatever `${` a secret holds must not be read as a reference.
        Ok(escape(body))
    }

    async fn fetch(
        &self,
        source: &CredentialSource,
        bound: Option<&BoundKey>,
        plan: &Plan,
        line: &Line,
        depth: u8,
    ) -> Result<Held, String> {
        match source {
            CredentialSource::Literal(text) => {
                let value = fill_text(text, &self.secrets).map_err(|error| error.to_string())?;
                Ok(Held {
                    value,
                    until: None,
                    generation: None,
                })
            }
            CredentialSource::Source(spec) => match spec.as_ref() {
                SourceSpec::Exchange(exchange) => {
                    self.exchange(exchange, bound, plan, line, depth).await
                }
                SourceSpec::Oauth2(oauth2) => self.oauth2(oauth2, bound, line).await,
                SourceSpec::Command(words) => command(words, &self.secrets, line.clock.now()).await,
                SourceSpec::Issue(issue) => {
                    let issuer = line.outside.issuer.as_ref();
                    let issuer = issuer.ok_or("the target file has no `issuer`")?;
                    let generation = issuer.generation();
                    let issued = issuer.issue(issue, plan, &self.secrets, line.clock.now())?;
                    Ok(Held {
                        value: issued.token,
                        until: Some(Instant::now() + issued.life.min(LONGEST_LIFE)),
                        generation: Some(generation),
                    })
                }
            },
        }
    }

    async fn exchange(
        &self,
        exchange: &Exchange,
        bound: Option<&BoundKey>,
        plan: &Plan,
        line: &Line,
        depth: u8,
    ) -> Result<Held, String> {
        let sender = exchange.principal.as_deref().unwrap_or("anonymous");
        let body = self.filled_body(exchange)?;
        let body = (!body.is_null()).then_some(Body::Patch(body));
        let rule = Capture {
            json: exchange.take.clone(),
            cookie: exchange.cookie.clone(),
            ..Capture::default()
        };
        let raw = self
            .ask(
                &exchange.operation,
                sender,
                body,
                &rule,
                bound,
                plan,
                line,
                depth,
            )
            .await?;
        let value = capture(&rule, &raw)
            .filter(|value| !show(value).is_empty())
            .ok_or_else(|| {
                format!(
                    "`{}` answered {} without it",
                    exchange.operation, raw.status
                )
            })?;
        let life = exchange.expires_in.as_ref().and_then(|path| {
            let rule = Capture {
                json: Some(path.clone()),
                ..Capture::default()
            };
            capture(&rule, &raw)?.as_u64()
        });
        Ok(held(show(&value), life, line.clock.now()))
    }

    /// The answer of an operation that gives out what opens something; `rule` says where that stands, so that it is
    /// kept out of the journal. Fails with a sentence.
    #[expect(
        clippy::too_many_arguments,
        reason = "one request of the run, and all that it is made of"
    )]
    pub(super) async fn ask(
        &self,
        operation: &str,
        sender: &str,
        body: Option<Body>,
        rule: &Capture,
        bound: Option<&BoundKey>,
        plan: &Plan,
        line: &Line,
        depth: u8,
    ) -> Result<RecordedAnswer, String> {
        let credentials = Box::pin(self.chain(sender, &[], plan, line, depth + 1)).await?;
        let send = Send {
            body,
            ..plain_send(operation)
        };
        let (bindings, values, captured, fetched) =
            (Bindings::new(), Map::new(), HashMap::new(), HashMap::new());
        let mut scope = RequestScope {
            plan,
            bindings: &bindings,
            values: &values,
            captured: &captured,
            placeholders: Map::new(),
            given: IndexMap::new(),
            proofs: Proofs::default(),
            credentials: &fetched,
            secrets: &self.secrets,
        };
        let request = build(
            &send,
            &Sender {
                name: sender,
                credentials: &credentials,
            },
            &mut scope,
        )
        .map_err(|error| error.to_string())?;
        let learn = |answer: &RecordedAnswer| {
            let mut secrets = others_beside(&answer.body.0);
            secrets
                .extend(capture(rule, answer).map(|value| ("credential".to_owned(), show(&value))));
            secrets
        };
        let mut sent = prove_and_send(&request, bound, line, learn).await?;
        if bound.is_some() && sent.raw.as_ref().is_some_and(asks_for_nonce) {
            sent = prove_and_send(&request, bound, line, learn).await?;
        }
        sent.raw.ok_or_else(|| {
            let failure = sent
                .exchange
                .failure
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            format!("`{}` was not answered: {failure}", operation)
        })
    }
}

/// Sends with a proof, if the answer is to be bound to a key; each try has a proof of its own. Fails with a sentence.
async fn prove_and_send(
    request: &Request,
    bound: Option<&BoundKey>,
    line: &Line,
    learn: impl Fn(&RecordedAnswer) -> Vec<(String, String)>,
) -> Result<Sent, String> {
    let mut tries = Tries::default();
    loop {
        let proven = proven(request, bound, line)?;
        let tried = line
            .attempt(&proven, Subject::default(), &mut tries, &learn)
            .await
            .map_err(|error| error.to_string())?;
        if let Some(sent) = tried {
            return Ok(sent);
        }
    }
}

/// The request with a proof of possession of the key that its answer is to be bound to (RFC 9449 §5).
fn proven(request: &Request, bound: Option<&BoundKey>, line: &Line) -> Result<Request, String> {
    let mut request = request.clone();
    let Some(bound) = bound else {
        return Ok(request);
    };
    let nonce = line.nonces.of(&request);
    let purpose = Purpose {
        method: &request.method,
        url: &possession::url_of(&request),
        access_token: None,
        nonce: nonce.as_deref(),
        now: line.clock.now(),
    };
    let proof = purpose.prove(&bound.prover)?;
    let field = (possession::FIELD.to_owned(), proof.into_bytes());
    request.headers.push(field);
    Ok(request)
}

/// What else of an answer to a login opens something, such as a refresh token: long texts under telling names.
fn others_beside(body: &[u8]) -> Vec<(String, String)> {
    const TELLING: [&str; 5] = ["token", "secret", "session", "password", "key"];
    const SHORTEST: usize = 16;
    let mut found = Vec::new();
    let mut open = vec![serde_json::from_slice(body).unwrap_or(Value::Null)];
    while let Some(value) = open.pop() {
        let members: Vec<(String, Value)> = match value {
            Value::Object(members) => members.into_iter().collect(),
            Value::Array(items) => items
                .into_iter()
                .map(|item| (String::new(), item))
                .collect(),
            _ => continue,
        };
        for (name, value) in members {
            let lower = name.to_ascii_lowercase();
            match value {
                Value::String(text)
                    if text.len() >= SHORTEST
                        && !text.contains(char::is_whitespace)
                        && TELLING.iter().any(|word| lower.contains(word)) =>
                {
                    found.push((name, text));
                }
                Value::Object(_) | Value::Array(_) => open.push(value),
                _ => {}
            }
        }
    }
    found
}

/// `now` by the clock of who made it.
pub(super) fn held(value: String, life_s: Option<u64>, now: i64) -> Held {
    let life = life_s
        .map(Duration::from_secs)
        .or_else(|| jwt_life(&value, now));
    Held {
        // What a target says may be more than a clock holds.
        until: life.map(|life| Instant::now() + life.min(LONGEST_LIFE)),
        value,
        generation: None,
    }
}

/// Time until the `exp` of a JWT.
fn jwt_life(token: &str, now: i64) -> Option<Duration> {
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1)?)
        .ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let until = claims.get("exp")?.as_u64()?;
    let now = u64::try_from(now).unwrap_or(0);
    Some(Duration::from_secs(until.saturating_sub(now)))
}

async fn command(words: &[String], scope: &dyn Scope, now: i64) -> Result<Held, String> {
    let words: Vec<String> = words
        .iter()
        .map(|word| fill_text(word, scope))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let (program, arguments) = words.split_first().ok_or("`command` names no program")?;
    let child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(COMMAND_LIMIT, child)
        .await
        .map_err(|_| {
            format!(
                "`{program}` ran for more than {} s",
                COMMAND_LIMIT.as_secs()
            )
        })?
        .map_err(|error| format!("`{program}` did not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{program}` ended with {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let value = text
        .lines()
        .next()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    Ok(held(
        value
            .ok_or_else(|| format!("`{program}` printed nothing"))?
            .to_owned(),
        None,
        now,
    ))
}

fn plain_send(operation: &str) -> Send {
    Send {
        send: operation.to_owned(),
        principal: None,
        values_of: None,
        values: Default::default(),
        placeholders: None,
        spoil: None,
        token: None,
        proof: None,
        without: Vec::new(),
        method: None,
        target: None,
        query: Default::default(),
        headers: Default::default(),
        body: None,
        content_type: None,
        over: None,
        node: None,
        http: None,
        fresh_connection: false,
        await_continue: false,
        cut: None,
        given: None,
        control: None,
        expect: None,
        should: None,
        advise: None,
        save: None,
        capture: Default::default(),
    }
}

/// What is filled already, so that whatever `${` it holds is not read as a reference.
pub(super) fn escape(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("${", "$${")),
        Value::Array(items) => Value::Array(items.into_iter().map(escape).collect()),
        Value::Object(members) => {
            let escaped = members
                .into_iter()
                .map(|(name, value)| (name.replace("${", "$${"), escape(value)));
            Value::Object(escaped.collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both come from the target, and neither may end the run.
    #[test]
    fn a_life_that_no_clock_holds_is_a_long_one() {
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .encode(format!(r#"{{"exp":{}}}"#, u64::MAX));
        let token = format!("e30.{claims}.");
        for (value, life) in [(token.as_str(), None), ("opaque", Some(u64::MAX))] {
            let until = held(value.to_owned(), life, 0).until;
            assert!(until.is_some_and(|until| until > Instant::now() + LONGEST_LIFE / 2));
        }
        assert!(held("opaque".to_owned(), None, 0).until.is_none());
    }
}
