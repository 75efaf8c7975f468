//! A `send` step → the octets of a request. Pure: whatever varies comes in through the scope.

use std::net::SocketAddr;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::body::{self, BodyError, Made};
use super::credential::{self, Placed, place};
use super::possession;
use super::scope::RequestScope;
use crate::suite::Target;
use crate::suite::model::{HeaderChange, Operation, Send, Spoil, Transport};
use crate::suite::template::{
    Scope, TemplateError, fill, fill_number, fill_text, fill_value, show,
};
use crate::wire::{Origin, Request, Version};

/// Why a step cannot be made into a request. Ours or the suite's fault, never the target's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the target has no operation `{0}`")]
    Operation(String),
    #[error("the target has no plain-HTTP address")]
    NoPlainAddress,
    #[error("`{0}` is no way to spoil a credential")]
    Spoil(String),
    #[error("no credential of `{principal}` can be spoilt as `{spoil}`")]
    NothingToSpoil { principal: String, spoil: String },
    #[error("`{0}` is no HTTP version; write `1.1` or `2`")]
    Version(String),
    #[error("the target file lists no node {0}")]
    Node(String),
}

/// The sender: its name, and its credentials by kind.
pub struct Sender<'a> {
    pub name: &'a str,
    pub credentials: &'a [(String, String)],
}

/// How the step spoils the sender's credential.
pub fn spoil(send: &Send, scope: &dyn Scope) -> Result<Option<Spoil>, RequestError> {
    let Some(text) = &send.spoil else {
        return Ok(None);
    };
    let word = fill_text(text, scope)?;
    if word == "none" {
        return Ok(None);
    }
    serde_json::from_value(Value::String(word.clone()))
        .map(Some)
        .map_err(|_| RequestError::Spoil(word))
}

/// The machine that a step names by its number among the target's nodes.
pub fn node(named: &Value, target: &Target, scope: &dyn Scope) -> Result<SocketAddr, RequestError> {
    let unknown = || RequestError::Node(named.to_string());
    let number = fill_number(named, scope).filter(|number| number.fract() == 0.0);
    let place = number.ok_or_else(unknown)? as usize;
    target.nodes.get(place).copied().ok_or_else(unknown)
}

/// Makes the request.
pub fn build(
    send: &Send,
    sender: &Sender<'_>,
    scope: &mut RequestScope<'_>,
) -> Result<Request, RequestError> {
    let target = &scope.plan.target;
    let values_of = send
        .values_of
        .as_deref()
        .map_or(Ok(sender.name.to_owned()), |name| fill_text(name, &*scope))?;
    let mut placeholders: Map<String, Value> = Map::new();
    if let Some(owner) = target.principals.get(&values_of) {
        placeholders.extend(
            owner
                .values
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    let given: IndexMap<String, Value> = send
        .values
        .iter()
        .map(|(name, value)| Ok((fill_text(name, &*scope)?, value.clone())))
        .collect::<Result<_, TemplateError>>()?;
    placeholders.extend(given.clone());
    scope.placeholders = placeholders;
    scope.given = given;
    if let Some(text) = &send.placeholders {
        let senders = target.principals.get(sender.name);
        scope.placeholders = refilled(text, senders.map(|sender| &sender.values), scope)?;
    }
    let scope = &*scope;

    let line = fill_text(&send.send, scope)?;
    let (operation, own_method, path) = match line.split_once(' ') {
        Some((method, path)) => (None, method.to_owned(), format!("{}{path}", target.prefix)),
        None => {
            let found = target
                .operations
                .get(&line)
                .ok_or_else(|| RequestError::Operation(line.clone()))?;
            (
                Some(found),
                found.method.clone(),
                format!("{}{}", target.prefix, fill_text(&found.path, scope)?),
            )
        }
    };
    let method = send
        .method
        .as_deref()
        .map_or(Ok(own_method.clone()), |method| fill_text(method, scope))?;
    let plain = send.over == Some(Transport::Plain);
    let origin = if plain {
        target.plain.clone().ok_or(RequestError::NoPlainAddress)?
    } else {
        Origin {
            node: send
                .node
                .as_ref()
                .map(|named| node(named, target, &*scope))
                .transpose()?,
            ..target.https.clone()
        }
    };
    let mut lines = Lines::default();
    lines.set("Host", vec![origin.authority().into_bytes()]);
    lines.set(
        "User-Agent",
        vec![concat!("proofmark/", env!("CARGO_PKG_VERSION")).into()],
    );
    let page = operation.is_some_and(|operation| operation.kinds.iter().any(|kind| kind == "page"));
    lines.set(
        "Accept",
        vec![
            if page {
                "text/html"
            } else {
                "application/json"
            }
            .into(),
        ],
    );
    for (name, change) in operation.iter().flat_map(|operation| &operation.headers) {
        lines.change(name, change, scope)?;
    }
    let mut query = Vec::new();
    credentials(send, sender, operation, scope, &mut lines, &mut query)?;

    let made = made_body(send, operation, &own_method, &method, scope)?;
    let octets = made
        .as_ref()
        .map(|made| made.octets.clone())
        .unwrap_or_default();
    let media_type = match &send.content_type {
        Some(text) => Some(fill_text(text, scope)?).filter(|text| !text.is_empty()),
        None => made
            .as_ref()
            .and_then(|made| made.media_type)
            .map(str::to_owned),
    };
    if let Some(media_type) = media_type {
        lines.set("Content-Type", vec![media_type.into_bytes()]);
    }
    if made.is_some() || matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
        lines.set(
            "Content-Length",
            vec![octets.len().to_string().into_bytes()],
        );
    }
    if send.await_continue {
        lines.set("Expect", vec!["100-continue".into()]);
    }
    if let Some(proof) = scope.proofs.own() {
        lines.set(possession::FIELD, vec![proof.as_bytes().to_vec()]);
    }
    for (name, change) in &send.headers {
        lines.change(&fill_text(name, scope)?, change, scope)?;
    }
    let mut request_target = match &send.target {
        Some(text) => fill_text(text, scope)?,
        None => path,
    };
    for (name, value) in &send.query {
        let name = fill_text(name, scope)?;
        query.retain(|(known, _)| *known != name);
        if let Some(value) = value {
            query.push((name, fill_text(value, scope)?));
        }
    }
    append_query(&mut request_target, &query);
    let version = match send
        .http
        .as_deref()
        .map(|text| fill_text(text, scope))
        .transpose()?
        .as_deref()
    {
        None | Some("1.1") => Version::H1,
        Some("2") => Version::H2,
        Some(other) => return Err(RequestError::Version(other.to_owned())),
    };
    Ok(Request {
        origin,
        version,
        method,
        target: request_target.into_bytes(),
        headers: lines.0,
        body: octets,
        fresh_connection: send.fresh_connection,
        await_continue: send.await_continue,
        cut: send.cut,
    })
}

/// The placeholders, each filled with a text that may refer to what it would be otherwise, and to the sender's.
fn refilled(
    text: &str,
    senders: Option<&IndexMap<String, Value>>,
    scope: &mut RequestScope<'_>,
) -> Result<Map<String, Value>, TemplateError> {
    let mut filled = Map::new();
    for (name, value) in scope.placeholders.clone() {
        let own = fill_value(&value, &*scope)?;
        if let Some(senders) = senders.and_then(|values| values.get(&name)) {
            let senders = fill_value(senders, &*scope)?;
            scope.placeholders.insert("senders".to_owned(), senders);
        }
        scope.placeholders.insert("own".to_owned(), own.clone());
        let value = match text {
            "unknown" => credential::unknown(&show(&own)),
            text => fill_text(text, &*scope)?,
        };
        filled.insert(name, Value::String(value));
    }
    Ok(filled)
}

/// The operation's own body belongs to its own method; another method gets one only where the step says so.
fn made_body(
    send: &Send,
    operation: Option<&Operation>,
    own_method: &str,
    method: &str,
    scope: &dyn Scope,
) -> Result<Option<Made>, BodyError> {
    let has_content = matches!(method, "POST" | "PUT" | "PATCH") || method == own_method;
    if send.body.is_none() && !has_content {
        return Ok(None);
    }
    body::make(send.body.as_ref(), operation, scope)
}

fn credentials(
    send: &Send,
    sender: &Sender<'_>,
    operation: Option<&Operation>,
    scope: &RequestScope<'_>,
    lines: &mut Lines,
    query: &mut Vec<(String, String)>,
) -> Result<(), RequestError> {
    let spoil = spoil(send, scope)?;
    let mut cookies = Vec::new();
    let mut spoilt = 0;
    for (kind, value) in sender.credentials {
        let not_here = operation.is_some_and(|operation| operation.without.contains(kind));
        let Some(carriage) = scope.plan.target.credentials.get(kind) else {
            continue;
        };
        if not_here || send.without.contains(kind) {
            continue;
        }
        let how = if carriage.context { None } else { spoil };
        let Some(placed) = place(carriage, value, how) else {
            continue;
        };
        spoilt += usize::from(how.is_some());
        for placed in placed {
            match placed {
                Placed::Header(name, line) => lines.add(&name, line.into_bytes()),
                Placed::Query(name, value) => query.push((name, value)),
                Placed::Cookie(name, value) => cookies.push(format!("{name}={value}")),
            }
        }
    }
    if let Some(spoil) = spoil
        && spoilt == 0
    {
        let spoil = show(&serde_json::to_value(spoil).unwrap_or_default());
        return Err(RequestError::NothingToSpoil {
            principal: sender.name.to_owned(),
            spoil,
        });
    }
    if !cookies.is_empty() {
        lines.add("Cookie", cookies.join("; ").into_bytes());
    }
    Ok(())
}

fn append_query(target: &mut String, query: &[(String, String)]) {
    for (name, value) in query {
        target.push(if target.contains('?') { '&' } else { '?' });
        let mut pair = url::form_urlencoded::Serializer::new(String::new());
        pair.append_pair(name, value);
        target.push_str(&pair.finish());
    }
}

/// Field lines in order; setting a name again keeps its place.
#[derive(Default)]
struct Lines(Vec<(String, Vec<u8>)>);

impl Lines {
    fn set(&mut self, name: &str, values: Vec<Vec<u8>>) {
        let at = self
            .0
            .iter()
            .position(|(known, _)| known.eq_ignore_ascii_case(name))
            .unwrap_or(self.0.len());
        self.0
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        let at = at.min(self.0.len());
        self.0.splice(
            at..at,
            values.into_iter().map(|value| (name.to_owned(), value)),
        );
    }

    fn add(&mut self, name: &str, value: Vec<u8>) {
        self.0.push((name.to_owned(), value));
    }

    fn change(
        &mut self,
        name: &str,
        change: &HeaderChange,
        scope: &dyn Scope,
    ) -> Result<(), TemplateError> {
        let octets = |value: &Value| show(value).into_bytes();
        let values = match change {
            HeaderChange::Absent(()) => Vec::new(),
            HeaderChange::Line(text) => match fill(text, scope)? {
                Value::Null => Vec::new(),
                Value::Array(lines) => lines.iter().map(octets).collect(),
                line => vec![octets(&line)],
            },
            HeaderChange::Lines(texts) => texts
                .iter()
                .map(|text| fill_text(text, scope).map(String::into_bytes))
                .collect::<Result<_, _>>()?,
        };
        self.set(name, values);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use super::*;
    use crate::run::scope::Proofs;
    use crate::suite::gather::library;
    use crate::suite::plan::{Bindings, Plan};
    use crate::suite::target_file::load;
    use crate::suite::{Secrets, Wanted, expand};
    use serde_json::json;

    const TARGET: &str = r#"
target: t
contract: http-api
url: https://api.test/v1
secrets: { proof: s3cr3t-proof }
values: { order_id: 00ff00ff00ff00ff }
principals:
  user: { roles: [user], values: { order: "${value.order_id}" } }
operations:
  show: { request: "GET /orders/${order}", allow: [user] }
  log-in: { request: POST /token, body: { json: { proof: "${secret.proof}" } } }
"#;

    fn plan() -> (Plan, Secrets) {
        let library = library(None).unwrap();
        let loaded = load("t", TARGET.as_bytes(), Path::new("."), &library, &|_| None).unwrap();
        let plan = expand(&library, loaded.target, "http-api", &Wanted::default());
        (plan, loaded.secrets)
    }

    fn request(send: Value, captured: Value) -> Request {
        let (plan, secrets) = plan();
        let send: Send = serde_json::from_value(send).unwrap();
        let captured: HashMap<String, Value> = serde_json::from_value(captured).unwrap();
        let mut scope = RequestScope {
            plan: &plan,
            bindings: &Bindings::new(),
            values: &Map::new(),
            captured: &captured,
            placeholders: Map::new(),
            given: IndexMap::new(),
            proofs: Proofs::default(),
            credentials: &HashMap::new(),
            secrets: &secrets,
        };
        let sender = Sender {
            name: "user",
            credentials: &[],
        };
        build(&send, &sender, &mut scope).unwrap()
    }

    fn target(send: Value) -> String {
        String::from_utf8(request(send, json!({})).target).unwrap()
    }

    #[test]
    fn placeholders_of_one_step_give_way_to_others() {
        assert_eq!(
            target(json!({"send": "show"})),
            "/v1/orders/00ff00ff00ff00ff"
        );
        assert_eq!(
            target(json!({"send": "show", "placeholders": "${own},*"})),
            "/v1/orders/00ff00ff00ff00ff,*"
        );
        let other = target(json!({"send": "show", "placeholders": "unknown"}));
        let id = other.strip_prefix("/v1/orders/").unwrap();
        assert!(id.len() == 16 && id != "00ff00ff00ff00ff", "{id}");
        assert!(id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    }

    #[test]
    fn one_line_may_stand_for_several_or_for_none() {
        let lines = |captured: Value| {
            let send = json!({"send": "show", "headers": {"X-Tenant": "${tenant}"}});
            let lines = request(send, json!({"tenant": captured})).headers;
            lines
                .into_iter()
                .filter(|(name, _)| name == "X-Tenant")
                .map(|(_, value)| String::from_utf8(value).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(json!("a")), ["a"]);
        assert_eq!(lines(json!(["a", "b"])), ["a", "b"]);
        assert!(lines(Value::Null).is_empty());
    }

    #[test]
    fn operations_read_secrets() {
        let sent = request(json!({"send": "log-in"}), json!({}));
        assert_eq!(&sent.body[..], br#"{"proof":"s3cr3t-proof"}"#);
    }
}
