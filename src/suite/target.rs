//! A target: its file laid over the contract that it claims to keep.

use std::net::{IpAddr, SocketAddr};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{
    Access, Body, Carriage, Conditions, Consent, Contract, CredentialSource, IssuerTerms, Level,
    Limits, ListenerTerms, Operation, OperationEntry, OperationSpec, Principal, RateLimit,
    SourceSpec, StatusSet, TargetFile, TokenTerms,
};
use super::secret::Secrets;
use super::{literal, made, rate_limits};
use crate::wire::{Origin, Scheme};

/// A mistake in a target file or contract that only shows when the two are put together: JSON pointer into the file
/// named, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    pub file: Which,
    pub pointer: String,
    pub says: String,
    pub help: Option<String>,
}

/// Which of the two files a misfit is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Target,
    Contract,
}

/// What is tested, with everything that contract and target file say about it, but without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    pub name: String,
    pub contract: String,
    /// The origin of the base URL; its scheme is `http` only on loopback.
    pub https: Origin,
    /// Path of the base URL, without a slash at its end.
    pub prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain: Option<Origin>,
    pub params: IndexMap<String, Value>,
    /// Facts about this deployment, read as `${value.NAME}`.
    pub values: IndexMap<String, Value>,
    pub features: Vec<String>,
    /// JSONPaths of members of answers that hold secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_members: Vec<String>,
    pub credentials: IndexMap<String, Carriage>,
    /// What is known of the tokens of a kind of credential.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub tokens: IndexMap<String, TokenTerms>,
    /// The issuer that we play for it, if it can get at its keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<IssuerTerms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<ListenerTerms>,
    pub principals: IndexMap<String, Principal>,
    /// The variables of the environment that secrets come from, by name of the secret.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub secret_variables: IndexMap<String, String>,
    /// Where the file with the roots of trust is, if the target file names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Principals whose credentials cannot be had, with the reason.
    pub absent_principals: IndexMap<String, String>,
    pub operations: IndexMap<String, Operation>,
    pub answers: IndexMap<String, Conditions>,
    /// Patterns to levels, contract first; the last match counts.
    pub levels: Vec<(String, Level)>,
    pub consent: Consent,
    pub limits: Limits,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub rate_limits: IndexMap<String, RateLimit>,
    /// Whether no limit counts what leaves from our usual address.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exempt_from_rate_limits: bool,
    /// The machines behind `https`, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<SocketAddr>,
    /// Limits that the contract names, and whose threshold or window nobody states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unstated_limits: Vec<String>,
    /// Addresses of ours that requests may leave from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
}

impl Target {
    pub fn principal(&self, name: &str) -> Option<&Principal> {
        self.principals.get(name)
    }

    /// Whether the tokens of this kind of credential are made by the issuer that we play.
    pub fn issues(&self, kind: &str) -> bool {
        self.issuer
            .as_ref()
            .is_some_and(|issuer| issuer.kinds.iter().any(|own| own == kind))
    }

    /// Whether a principal may use an operation.
    pub fn may(&self, principal: &str, operation: &Operation) -> bool {
        let Some(roles) = &operation.allow else {
            return true;
        };
        self.principals
            .get(principal)
            .is_some_and(|p| p.roles.iter().any(|role| roles.contains(role)))
    }
}

/// Lays a target file over its contract. `secrets` are already resolved; literal credentials in the file are moved there.
pub fn merge(
    file: &TargetFile,
    contract: &Contract,
    secrets: &mut Secrets,
) -> Result<Target, Vec<Misfit>> {
    let mut misfits = Vec::new();
    let (https, prefix) = match base_url(&file.url) {
        Ok(found) => found,
        Err(says) => {
            misfits.push(target_misfit("/url", says));
            (Origin::new(Scheme::Https, "", 443), String::new())
        }
    };
    let plain = match &file.plain_url {
        Some(url) => base(url, "http")
            .map(|(origin, _)| Some(origin))
            .unwrap_or_else(|says| {
                misfits.push(target_misfit("/plain_url", says));
                None
            }),
        // What is on loopback without TLS has no address beside it.
        None if https.scheme == Scheme::Http => None,
        None => Some(Origin::new(Scheme::Http, https.host.clone(), 80)),
    };
    let nodes = nodes(file, https.port, &mut misfits);
    let mut params: IndexMap<String, Value> = contract
        .parameters
        .iter()
        .map(|(name, parameter)| (name.clone(), parameter.default.clone()))
        .collect();
    for (name, value) in &file.params {
        if !contract.parameters.contains_key(name) {
            let known: Vec<&str> = contract.parameters.keys().map(String::as_str).collect();
            misfits.push(Misfit {
                file: Which::Target,
                pointer: format!("/params/{name}"),
                says: format!("contract `{}` has no parameter `{name}`", contract.contract),
                help: Some(format!("its parameters are {}", list(&known))),
            });
        }
        params.insert(name.clone(), value.clone());
    }
    params.retain(|_, value| !value.is_null());

    let mut own_operations = file.operations.clone();
    for (name, entry) in &mut own_operations {
        if let Some(OperationEntry::Spec(spec)) = entry {
            literal::of_operation(spec, name, secrets);
        }
    }
    let mut operations = IndexMap::new();
    for (name, entry) in &contract.operations {
        let over = match own_operations.get(name) {
            Some(None) => continue,
            Some(Some(over)) => Some(over),
            None => None,
        };
        match operation(Some(entry), over) {
            Ok(built) => drop(operations.insert(name.clone(), built)),
            Err(says) => misfits.push(Misfit {
                file: if over.is_some() {
                    Which::Target
                } else {
                    Which::Contract
                },
                pointer: format!("/operations/{name}"),
                says,
                help: None,
            }),
        }
    }
    for (name, entry) in &own_operations {
        let (Some(entry), false) = (entry, contract.operations.contains_key(name)) else {
            continue;
        };
        match operation(None, Some(entry)) {
            Ok(built) => drop(operations.insert(name.clone(), built)),
            Err(says) => misfits.push(target_misfit(&format!("/operations/{name}"), says)),
        }
    }
    for (name, built) in &operations {
        if let Some(state) = &built.state
            && !operations.contains_key(state)
        {
            misfits.push(target_misfit(
                &format!("/operations/{name}"),
                format!("operation `{name}` names `{state}` as the one that reads its state, and there is no such operation"),
            ));
        }
    }

    // What cannot be filled is not offered, as with principals: checks about it are skipped.
    operations.retain(|_, built| {
        secret_names_in(&serde_json::to_string(&(&built.body, &built.headers)).unwrap_or_default())
            .iter()
            .all(|secret| secrets.get(secret).is_some())
    });
    made::link_makers(&mut operations);
    let mut credentials = contract.credentials.clone();
    credentials.extend(file.credentials.clone());
    let mut tokens = contract.tokens.clone();
    tokens.extend(file.tokens.clone());
    for (kind, terms) in &mut tokens {
        if let Some(minting) = &terms.minting_key
            && secret_names_in(&minting.key)
                .iter()
                .any(|name| secrets.get(name).is_none())
        {
            // The contract may name a key that this target file does not give; then there is none.
            terms.minting_key = None;
        }
        if let Some(minting) = &mut terms.minting_key
            && !minting.key.contains("${")
        {
            let secret = format!("{kind}.minting_key");
            secrets.insert(&secret, minting.key.clone());
            minting.key = format!("${{secret.{secret}}}");
        }
    }
    let issuer = match (&file.issuer, &contract.issuer) {
        (Some(own), under) => Some(own.over(&under.clone().unwrap_or_default())),
        (None, under) => under.clone(),
    };
    let mut issuer = issuer.filter(IssuerTerms::is_reachable);
    if let Some(issuer) = &mut issuer {
        for kind in &issuer.kinds {
            tokens.entry(kind.clone()).or_default();
        }
        if let Some(key) = &mut issuer.key {
            literal::lift(key, "issuer.key", secrets);
        }
    }
    let mut principals = contract.principals.clone();
    for (name, principal) in &file.principals {
        principals.insert(name.clone(), principal.clone());
    }
    principals.entry("anonymous".to_owned()).or_default();
    for (name, principal) in &principals {
        if let Some(other) = &principal.same_user_as
            && !principals.contains_key(other)
        {
            misfits.push(Misfit {
                file: Which::Target,
                pointer: format!("/principals/{name}/same_user_as"),
                says: format!("there is no principal `{other}`"),
                help: None,
            });
        }
    }
    let mut absent_principals = IndexMap::new();
    for (name, principal) in &mut principals {
        for (kind, source) in &mut principal.credentials {
            let pointer = format!("/principals/{name}/credentials/{kind}");
            if !credentials.contains_key(kind) {
                let known: Vec<&str> = credentials.keys().map(String::as_str).collect();
                misfits.push(Misfit {
                    file: Which::Target,
                    pointer: pointer.clone(),
                    says: format!(
                        "contract `{}` has no kind of credential `{kind}`",
                        contract.contract
                    ),
                    help: Some(format!("its kinds are {}", list(&known))),
                });
            }
            if let CredentialSource::Literal(text) = source
                && !text.contains("${")
            {
                let secret = format!("{name}.{kind}");
                secrets.insert(&secret, text.clone());
                *text = format!("${{secret.{secret}}}");
            }
            if let CredentialSource::Source(spec) = source
                && file.principals.contains_key(name)
            {
                literal::of_source(spec, &format!("{name}.{kind}"), secrets);
            }
            if let Some(missing) = secret_names(source)
                .into_iter()
                .find(|secret| secrets.get(secret).is_none())
            {
                absent_principals
                    .entry(name.clone())
                    .or_insert(format!("the target file gives no secret `{missing}`"));
            }
            if let CredentialSource::Source(spec) = source
                && matches!(**spec, SourceSpec::Issue(_))
                && !issuer
                    .as_ref()
                    .is_some_and(|issuer| issuer.kinds.contains(kind))
            {
                absent_principals.entry(name.clone()).or_insert(format!(
                    "the target file has no `issuer` for the kind `{kind}`"
                ));
            }
        }
    }
    let is_present = |(name, _): &(&String, &Principal)| !absent_principals.contains_key(*name);
    let present = principals.iter().filter(is_present).collect();
    let rate_limits = rate_limits::merged(file, contract, &operations, &present, &mut misfits);
    let unstated_limits = rate_limits::unstated(file, contract);
    if !misfits.is_empty() {
        return Err(misfits);
    }
    let mut secret_members = contract.secret_members.clone();
    secret_members.extend(file.secret_members.clone());
    for path in &secret_members {
        if let Err(error) = serde_json_path::JsonPath::parse(path) {
            misfits.push(Misfit {
                file: match file.secret_members.contains(path) {
                    true => Which::Target,
                    false => Which::Contract,
                },
                pointer: "/secret_members".to_owned(),
                says: format!("`{path}` is no JSONPath: {error}"),
                help: None,
            });
        }
    }
    let mut features = contract.features.clone();
    features.extend(
        file.features
            .iter()
            .filter(|f| !contract.features.contains(f))
            .cloned(),
    );
    let levels = contract
        .levels
        .iter()
        .chain(&file.levels)
        .map(|(p, l)| (p.clone(), *l))
        .collect();
    Ok(Target {
        name: file.target.clone(),
        contract: contract.contract.clone(),
        https,
        prefix,
        plain,
        params,
        values: file.values.clone(),
        features,
        secret_members,
        credentials,
        tokens,
        issuer,
        listener: file.listener.clone(),
        principals,
        secret_variables: secret_variables(file),
        ca_file: file.ca_file.clone(),
        absent_principals,
        operations,
        answers: contract.answers.clone(),
        levels,
        consent: file.consent.clone(),
        limits: file.limits.clone(),
        rate_limits,
        unstated_limits,
        addresses: file.addresses.clone(),
        nodes,
        exempt_from_rate_limits: file.exempt_from_rate_limits,
    })
}

/// Secrets that are one variable of the environment and nothing else.
fn secret_variables(file: &TargetFile) -> IndexMap<String, String> {
    let named = |(secret, text): (&String, &String)| {
        let variable = text.strip_prefix("${env:")?.strip_suffix('}')?;
        Some((secret.clone(), variable.to_owned()))
    };
    file.secrets.iter().filter_map(named).collect()
}

fn target_misfit(pointer: &str, says: String) -> Misfit {
    Misfit {
        file: Which::Target,
        pointer: pointer.to_owned(),
        says,
        help: None,
    }
}

fn list(words: &[&str]) -> String {
    if words.is_empty() {
        "none".to_owned()
    } else {
        format!("`{}`", words.join("`, `"))
    }
}

/// Names after `secret.` in a credential source.
fn secret_names(source: &CredentialSource) -> Vec<String> {
    let text = match source {
        CredentialSource::Literal(text) => text.clone(),
        CredentialSource::Source(spec) => match spec.as_ref() {
            SourceSpec::Exchange(exchange) => exchange.body.to_string(),
            SourceSpec::Oauth2(oauth2) => format!("{} {}", oauth2.client_id, oauth2.client_secret),
            SourceSpec::Command(words) => words.join(" "),
            SourceSpec::Issue(issue) => serde_json::to_string(&issue.claims).unwrap_or_default(),
        },
    };
    secret_names_in(&text)
}

fn secret_names_in(text: &str) -> Vec<String> {
    super::template::references(text)
        .unwrap_or_default()
        .iter()
        .filter_map(|reference| reference.path.strip_prefix("secret.").map(str::to_owned))
        .collect()
}

/// The base URL of a target. Tokens would go over the network for all to read, so `http` is for loopback alone.
fn nodes(file: &TargetFile, port: u16, misfits: &mut Vec<Misfit>) -> Vec<SocketAddr> {
    let mut nodes = Vec::new();
    for (number, text) in file.nodes.iter().enumerate() {
        let bare = text.trim_matches(['[', ']']).parse::<IpAddr>();
        let address = bare.map(|ip| SocketAddr::new(ip, port));
        match address.or_else(|_| text.parse::<SocketAddr>()) {
            Ok(address) => nodes.push(address),
            Err(_) => misfits.push(Misfit {
                help: Some(
                    "write `192.0.2.7`, `192.0.2.7:8443` or `[2001:db8::7]:8443`".to_owned(),
                ),
                ..target_misfit(
                    &format!("/nodes/{number}"),
                    format!("`{text}` is no IP address"),
                )
            }),
        }
    }
    nodes
}

fn base_url(text: &str) -> Result<(Origin, String), String> {
    let loopback = match url::Url::parse(text).ok().as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if loopback && text.starts_with("http:") {
        return base(text, "http");
    }
    base(text, "https")
}

fn base(text: &str, scheme: &str) -> Result<(Origin, String), String> {
    let url = url::Url::parse(text).map_err(|error| format!("`{text}` is no URL: {error}"))?;
    if url.scheme() != scheme {
        return Err(format!(
            "`{text}` has the scheme `{}`; `{scheme}` is expected here",
            url.scheme()
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials do not belong into a URL; write them under `secrets`".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "`{text}` has a query or fragment; a base URL has none"
        ));
    }
    let host = match url.host() {
        Some(url::Host::Domain(name)) => name.to_owned(),
        Some(url::Host::Ipv4(ip)) => ip.to_string(),
        Some(url::Host::Ipv6(ip)) => ip.to_string(),
        None => return Err(format!("`{text}` has no host")),
    };
    let port = url
        .port_or_known_default()
        .ok_or_else(|| format!("`{text}` has no port"))?;
    let scheme = if scheme == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };
    Ok((
        Origin::new(scheme, host, port),
        url.path().trim_end_matches('/').to_owned(),
    ))
}

fn operation(
    under: Option<&OperationEntry>,
    over: Option<&OperationEntry>,
) -> Result<Operation, String> {
    let mut spec = under.map(spec).unwrap_or_else(empty_spec);
    if let Some(over) = over.map(self::spec) {
        spec.request = over.request.or(spec.request);
        spec.allow = over.allow.or(spec.allow);
        if !over.kinds.is_empty() {
            spec.kinds = over.kinds;
        }
        spec.headers.extend(over.headers);
        spec.body = over.body.or(spec.body);
        spec.success = over.success.or(spec.success);
        spec.state = over.state.or(spec.state);
        spec.state_as = over.state_as.or(spec.state_as);
        spec.makes = over.makes.or(spec.makes);
        if !over.violations.is_empty() {
            spec.violations = over.violations;
        }
        spec.harmless |= over.harmless;
        spec.without.extend(over.without);
    }
    let line = spec
        .request
        .ok_or("an operation has a `request`, such as `GET /me`")?;
    let (method, path) = line
        .split_once(' ')
        .ok_or_else(|| format!("`{line}` is no request line; write `METHOD /path`"))?;
    if !path.starts_with('/') {
        return Err(format!("the path of `{line}` does not begin with `/`"));
    }
    let allow = match spec.allow {
        None => None,
        Some(Access::Word(word)) if word == "public" => None,
        Some(Access::Word(word)) => {
            return Err(format!(
                "`allow: {word}`: write `public` or a list of roles"
            ));
        }
        Some(Access::Roles(roles)) => Some(roles),
    };
    Ok(Operation {
        method: method.to_owned(),
        path: path.to_owned(),
        allow,
        kinds: spec.kinds,
        headers: spec.headers,
        body: spec.body.filter(|body| !matches!(body, Body::None(()))),
        success: spec.success.unwrap_or(StatusSet::Text("2xx".to_owned())),
        state: spec.state,
        state_as: spec.state_as,
        makes: spec.makes.map(made::findable).transpose()?,
        made_by: None,
        violations: spec.violations,
        harmless: spec.harmless,
        without: spec.without,
    })
}

fn empty_spec() -> OperationSpec {
    OperationSpec {
        request: None,
        allow: None,
        kinds: Vec::new(),
        headers: IndexMap::new(),
        body: None,
        success: None,
        state: None,
        state_as: None,
        makes: None,
        violations: IndexMap::new(),
        harmless: false,
        without: Vec::new(),
    }
}

fn spec(entry: &OperationEntry) -> OperationSpec {
    match entry {
        OperationEntry::RequestLine(line) => OperationSpec {
            request: Some(line.clone()),
            ..empty_spec()
        },
        OperationEntry::Spec(spec) => (**spec).clone(),
    }
}
