//! `Content-Security-Policy` and its Report-Only twin: Content Security Policy Level 3 §2.2, §2.3.1, §6.7.3.

use indexmap::{IndexMap, IndexSet};
use serde::Serialize;
use serde_json::Value;

use super::csp_source::{self, Source};
use super::defect::{Defect, quote};

pub(super) const SHAPE: &str = r#"`default-src 'none'; script-src 'self' https://cdn.example; frame-ancestors 'none'` reads as
{"names": ["default-src", "script-src", "frame-ancestors"],
 "directives": {"default-src": ["'none'"], "script-src": ["'self'", "https://cdn.example"],
  "frame-ancestors": ["'none'"]},
 "script_sources": ["'self'", "https://cdn.example"], "script_hosts": ["https://cdn.example"], "open_sources": [],
 "inline_allowed": false, "eval_allowed": false, "nonces": [],
 "object_sources": ["'none'"], "base_uri": null, "form_action": null, "frame_ancestors": ["'none'"],
 "report_uris": [], "report_to": null,
 "duplicates": [], "unknown_directives": [], "misplaced_directives": [], "unquoted_keywords": [], "invalid_sources": [],
 "none_with_others": [],
 "policies": [{"names": ["default-src", "script-src", "frame-ancestors"],
               "...": "the same members for each policy alone"}]}

Facts of a policy. `directives`: what each directive says, by lower-case name; of a duplicate the first counts,
as in a browser. `script_sources`: whatever may run scripts (script-src, script-src-elem and script-src-attr
together, with default-src in place of those missing), or null if neither script-src nor default-src is there.
`script_hosts`: those of them that name a host, lower case. `open_sources`: those that let nearly anyone in
(`*`, `https:`, `data:`, `https://*`, other bare schemes), lower case, unless 'strict-dynamic' makes browsers
ignore them; `["*"]` if script_sources is null. `inline_allowed`: a script in the page runs (no limit, or
'unsafe-inline' that no nonce, hash or 'strict-dynamic' overrides). `eval_allowed`: likewise for eval. `nonces`:
[{"value": "...", "bits": 128, "well_formed": true}], bits counted by decoding as base64. `object_sources`:
object-src, else default-src, else null. `base_uri`, `form_action`, `frame_ancestors`: their sources, or null if
not there (default-src does not stand in for them). Keywords are lower case.
Mistakes: `duplicates` (directives named again), `unknown_directives`, `misplaced_directives` (a directive's
name among sources: a `;` is missing), `unquoted_keywords` (`none` or `nonce-...`, which are then host names),
`invalid_sources` (quoted but no keyword, nonce or hash; or not a source at all), `none_with_others` (directives
in which 'none' is not alone and so void).
At the top stand the facts of all policies together, which a browser enforces all: allowed means allowed by
every one; `open_sources` is empty if it is in one; for the rest the first policy that states the directive
counts; mistakes and nonces are those of all. `policies` has each alone, in order (commas and lines separate
policies).
Refused: no directive at all, a directive name with other characters than letters, digits and `-`, non-ASCII,
controls."#;

/// Directive names and sources that one field may have; more are refused.
const MAX_WORDS: usize = 4096;

/// Fetch and other directives whose value is a source list.
const SOURCE_LISTS: [&str; 21] = [
    "default-src",
    "script-src",
    "script-src-elem",
    "script-src-attr",
    "style-src",
    "style-src-elem",
    "style-src-attr",
    "img-src",
    "connect-src",
    "font-src",
    "object-src",
    "media-src",
    "frame-src",
    "child-src",
    "worker-src",
    "manifest-src",
    "prefetch-src",
    "fenced-frame-src",
    "base-uri",
    "form-action",
    "frame-ancestors",
];

const OTHERS: [&str; 13] = [
    "sandbox",
    "report-uri",
    "report-to",
    "upgrade-insecure-requests",
    "block-all-mixed-content",
    "require-trusted-types-for",
    "trusted-types",
    "require-sri-for",
    "plugin-types",
    "navigate-to",
    "webrtc",
    "referrer",
    "reflected-xss",
];

#[derive(Serialize, Clone)]
struct Nonce {
    value: String,
    bits: usize,
    well_formed: bool,
}

#[derive(Serialize, Default, Clone)]
struct Facts {
    names: Vec<String>,
    directives: IndexMap<String, Vec<String>>,
    script_sources: Option<Vec<String>>,
    script_hosts: Vec<String>,
    open_sources: Vec<String>,
    inline_allowed: bool,
    eval_allowed: bool,
    nonces: Vec<Nonce>,
    object_sources: Option<Vec<String>>,
    base_uri: Option<Vec<String>>,
    form_action: Option<Vec<String>>,
    frame_ancestors: Option<Vec<String>>,
    report_uris: Vec<String>,
    report_to: Option<String>,
    duplicates: IndexSet<String>,
    unknown_directives: IndexSet<String>,
    misplaced_directives: IndexSet<String>,
    unquoted_keywords: IndexSet<String>,
    invalid_sources: IndexSet<String>,
    none_with_others: IndexSet<String>,
}

#[derive(Serialize)]
struct Field {
    #[serde(flatten)]
    together: Facts,
    policies: Vec<Facts>,
}

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let mut words = 0;
    let mut policies = Vec::new();
    for text in lines.iter().flat_map(|line| line.split(',')) {
        let facts = policy(text, &mut words)?;
        if !facts.names.is_empty() {
            policies.push(facts);
        }
    }
    if policies.is_empty() {
        return Err(Defect::new("there is no directive"));
    }
    let field = Field {
        together: together(&policies),
        policies,
    };
    serde_json::to_value(field).map_err(|error| Defect::new(error.to_string()))
}

fn policy(text: &str, words: &mut usize) -> Result<Facts, Defect> {
    let mut facts = Facts::default();
    for directive in text.split(';') {
        let mut parts = directive.split_ascii_whitespace();
        let Some(name) = parts.next() else { continue };
        let name = name.to_ascii_lowercase();
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(Defect::new(format!(
                "{} is no directive name",
                quote(&name)
            )));
        }
        let values: Vec<String> = parts.map(csp_source::lower_keyword).collect();
        if let Some(odd) = values
            .iter()
            .find(|v| !v.bytes().all(|b| b.is_ascii_graphic()))
        {
            return Err(Defect::new(format!(
                "{} in {name} has characters that are not printable ASCII",
                quote(odd)
            )));
        }
        *words += 1 + values.len();
        if *words > MAX_WORDS {
            return Err(Defect::new(format!("more than {MAX_WORDS} words")));
        }
        if facts.directives.contains_key(&name) {
            facts.duplicates.insert(name);
            continue;
        }
        facts.note_mistakes(&name, &values);
        facts.names.push(name.clone());
        facts.directives.insert(name, values);
    }
    facts.conclude();
    Ok(facts)
}

impl Facts {
    fn note_mistakes(&mut self, name: &str, values: &[String]) {
        if !SOURCE_LISTS.contains(&name) {
            if !OTHERS.contains(&name) {
                self.unknown_directives.insert(name.to_owned());
            }
            return;
        }
        for value in values {
            let lower = value.to_ascii_lowercase();
            if SOURCE_LISTS.contains(&lower.as_str()) || OTHERS.contains(&lower.as_str()) {
                self.misplaced_directives.insert(lower);
                continue;
            }
            match csp_source::classify(value) {
                Source::None if values.len() > 1 => {
                    self.none_with_others.insert(name.to_owned());
                }
                Source::UnquotedKeyword => {
                    self.unquoted_keywords.insert(lower);
                }
                Source::Invalid => {
                    self.invalid_sources.insert(value.clone());
                }
                Source::Nonce {
                    text,
                    bits,
                    well_formed,
                } => self.nonces.push(Nonce {
                    value: text.to_owned(),
                    bits,
                    well_formed,
                }),
                _ => {}
            }
        }
    }

    /// The first of these directives that is there.
    fn effective(&self, names: &[&str]) -> Option<&Vec<String>> {
        names.iter().find_map(|name| self.directives.get(*name))
    }

    fn conclude(&mut self) {
        let scripts = self.effective(&["script-src", "default-src"]);
        let elements = self.effective(&["script-src-elem", "script-src", "default-src"]);
        let attributes = self.effective(&["script-src-attr", "script-src", "default-src"]);
        let loading = [scripts, elements];
        let all = [scripts, elements, attributes];

        let mut open = IndexSet::new();
        for list in loading {
            match list {
                None => {
                    open.insert("*".to_owned());
                }
                Some(list) if has(list, "'strict-dynamic'") => {}
                Some(list) => open.extend(
                    list.iter()
                        .filter(|s| matches!(csp_source::classify(s), Source::Open))
                        .map(|s| s.to_ascii_lowercase()),
                ),
            }
        }
        let sources: Option<IndexSet<String>> =
            scripts.map(|_| all.into_iter().flatten().flatten().cloned().collect());
        let hosts = sources
            .iter()
            .flatten()
            .filter(|s| matches!(csp_source::classify(s), Source::Host))
            .map(|s| s.to_ascii_lowercase())
            .collect();
        let inline = allows_inline(elements) || allows_inline(attributes);
        let eval = scripts.is_none_or(|list| has(list, "'unsafe-eval'"));
        let object = self.effective(&["object-src", "default-src"]).cloned();

        self.open_sources = open.into_iter().collect();
        self.script_sources = sources.map(|s| s.into_iter().collect());
        self.script_hosts = hosts;
        self.inline_allowed = inline;
        self.eval_allowed = eval;
        self.object_sources = object;
        self.base_uri = self.directives.get("base-uri").cloned();
        self.form_action = self.directives.get("form-action").cloned();
        self.frame_ancestors = self.directives.get("frame-ancestors").cloned();
        self.report_uris = self
            .directives
            .get("report-uri")
            .cloned()
            .unwrap_or_default();
        self.report_to = self
            .directives
            .get("report-to")
            .and_then(|v| v.first().cloned());
    }
}

fn has(list: &[String], keyword: &str) -> bool {
    list.iter().any(|source| source == keyword)
}

/// CSP3 §6.7.3.2, "Does a source list allow all inline behavior for type?", for scripts.
fn allows_inline(list: Option<&Vec<String>>) -> bool {
    list.is_none_or(|list| {
        has(list, "'unsafe-inline'")
            && !has(list, "'strict-dynamic'")
            && !list.iter().any(|source| {
                matches!(
                    csp_source::classify(source),
                    Source::Hash
                        | Source::Nonce {
                            well_formed: true,
                            ..
                        }
                )
            })
    })
}

fn together(policies: &[Facts]) -> Facts {
    fn first<T: Clone>(policies: &[Facts], of: impl Fn(&Facts) -> &Option<T>) -> Option<T> {
        policies.iter().find_map(|policy| of(policy).clone())
    }
    fn union<T: Clone + std::hash::Hash + Eq>(
        policies: &[Facts],
        of: impl Fn(&Facts) -> &IndexSet<T>,
    ) -> IndexSet<T> {
        policies
            .iter()
            .flat_map(|policy| of(policy).iter().cloned())
            .collect()
    }

    let mut directives = IndexMap::new();
    for (name, values) in policies.iter().flat_map(|policy| &policy.directives) {
        directives
            .entry(name.clone())
            .or_insert_with(|| values.clone());
    }
    let closed = policies.iter().any(|policy| policy.open_sources.is_empty());
    let open: IndexSet<String> = policies
        .iter()
        .filter(|_| !closed)
        .flat_map(|policy| policy.open_sources.iter().cloned())
        .collect();
    let limiting = policies
        .iter()
        .find(|policy| policy.script_sources.is_some());
    Facts {
        names: directives.keys().cloned().collect(),
        directives,
        script_sources: limiting.and_then(|policy| policy.script_sources.clone()),
        script_hosts: limiting
            .map(|policy| policy.script_hosts.clone())
            .unwrap_or_default(),
        open_sources: open.into_iter().collect(),
        inline_allowed: policies.iter().all(|policy| policy.inline_allowed),
        eval_allowed: policies.iter().all(|policy| policy.eval_allowed),
        nonces: policies
            .iter()
            .flat_map(|policy| policy.nonces.clone())
            .collect(),
        object_sources: first(policies, |p| &p.object_sources),
        base_uri: first(policies, |p| &p.base_uri),
        form_action: first(policies, |p| &p.form_action),
        frame_ancestors: first(policies, |p| &p.frame_ancestors),
        report_uris: policies
            .iter()
            .flat_map(|policy| policy.report_uris.clone())
            .collect(),
        report_to: first(policies, |p| &p.report_to),
        duplicates: union(policies, |p| &p.duplicates),
        unknown_directives: union(policies, |p| &p.unknown_directives),
        misplaced_directives: union(policies, |p| &p.misplaced_directives),
        unquoted_keywords: union(policies, |p| &p.unquoted_keywords),
        invalid_sources: union(policies, |p| &p.invalid_sources),
        none_with_others: union(policies, |p| &p.none_with_others),
    }
}

#[cfg(test)]
mod tests;
