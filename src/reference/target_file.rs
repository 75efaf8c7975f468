//! The target file that a deployment writes for itself.

use std::fmt::Write;

use super::rate_limit::Kind;
use super::serve::Deployment;

/// Loopback addresses that checks of limits may send from; enough that none is used twice.
const ADDRESSES: u8 = 180;

impl Deployment {
    /// A target file for this deployment, complete in itself: addresses, authority, secrets and ids, and consent to
    /// everything, since nobody else uses it.
    pub fn target_file(&self) -> String {
        let (https, plain) = (self.https.port(), self.plain.port());
        let mut out = format!(
            "# A reference deployment of Proofmark. Its secrets are made anew at each start and open nothing else.\n\
             target: reference-{contract}\n\
             contract: {contract}\n\
             url: https://localhost:{https}{prefix}\n\
             plain_url: http://localhost:{plain}\n",
            contract = self.contract.name(),
            prefix = self.prefix(),
        );
        let _ = writeln!(out, "nodes: [\"{}\", \"{}\"]", self.https, self.second_node);
        out.push_str("ca_pem: |\n");
        for line in self.ca_pem.lines() {
            let _ = writeln!(out, "  {line}");
        }
        let is_id = |name: &str| name.ends_with("_id") || name.ends_with("_address");
        let quoted = |value: &str| serde_json::Value::from(value).to_string();
        out.push_str("secrets:\n");
        for (name, value) in self.secrets.iter().filter(|(name, _)| !is_id(name)) {
            let _ = writeln!(out, "  {name}: {}", quoted(value));
        }
        out.push_str("values:\n");
        for (name, value) in self.secrets.iter().filter(|(name, _)| is_id(name)) {
            let _ = writeln!(out, "  {name}: {}", quoted(value));
        }
        out.push_str("consent:\n  writes: true\n  load: true\n  destructive: true\n  max_requests_per_second: 1000000\n");
        self.push_limits(&mut out);
        let issuer = self.secrets.get("issuer_address");
        let terms = self.contract.own_terms();
        out.push_str(&terms.replace("{issuer_address}", issuer.map_or("", String::as_str)));
        out
    }

    /// Thresholds where they are not the contract's own, and loopback addresses that the deployment counts.
    fn push_limits(&self, out: &mut String) {
        let known = self.contract.limits();
        if self.limits.is_empty() && known.is_empty() {
            return;
        }
        if self.limits.is_empty() {
            out.push_str("rate_limits:\n");
            for limit in known {
                let _ = writeln!(out, "  {}: null", limit.name);
            }
            return;
        }
        out.push_str("rate_limits:\n");
        for limit in &self.limits {
            let (name, requests, kind) = (limit.name, limit.requests, limit.kind.word());
            let window = match limit.kind {
                Kind::Concurrency => String::new(),
                _ => format!("window_s: {}, ", limit.window.as_secs_f64()),
            };
            let _ = writeln!(
                out,
                "  {name}: {{ requests: {requests}, {window}kind: {kind} }}"
            );
        }
        let addresses: Vec<String> = (0..ADDRESSES)
            .map(|at| format!("127.0.0.{}", 10 + at))
            .collect();
        let _ = writeln!(out, "addresses: [{}]", addresses.join(", "));
        out.push_str("exempt_from_rate_limits: true\n");
    }

    /// The version segment that the paths of the API begin with, such as `/v2`; nothing where there is none.
    fn prefix(&self) -> String {
        let operations = self.contract.operations();
        let first = operations
            .first()
            .and_then(|operation| operation.path.split('/').nth(1));
        match first {
            Some(segment)
                if segment.starts_with('v') && segment[1..].chars().all(|c| c.is_ascii_digit()) =>
            {
                format!("/{segment}")
            }
            _ => String::new(),
        }
    }
}
