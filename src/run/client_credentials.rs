//! Tokens by client credentials (RFC 6749 §4.4), with a proof of possession where they are to be bound to a key.

use serde_json::Value;

use super::keyring::{Held, Keyring, held};
use super::possession::{self, BoundKey, Purpose};
use super::send::Line;
use crate::suite::model::Oauth2;
use crate::suite::template::{fill_text, show};

impl Keyring {
    /// Fails with a sentence.
    pub(super) async fn oauth2(
        &self,
        oauth2: &Oauth2,
        bound: Option<&BoundKey>,
        line: &Line,
    ) -> Result<Held, String> {
        let fill = |text: &str| fill_text(text, &self.secrets).map_err(|error| error.to_string());
        let mut pairs = vec![("grant_type", "client_credentials".to_owned())];
        for (name, value) in [("scope", &oauth2.scope), ("audience", &oauth2.audience)] {
            if let Some(value) = value {
                pairs.push((name, fill(value)?));
            }
        }
        let client = crate::wire::library_client(&self.roots).map_err(|error| error.to_string())?;
        let (id, secret) = (fill(&oauth2.client_id)?, fill(&oauth2.client_secret)?);
        let mut nonce: Option<String> = None;
        let (status, body) = loop {
            let mut request = client
                .post(&oauth2.token_url)
                .basic_auth(&id, Some(&secret))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form(&pairs));
            if let Some(bound) = bound {
                let purpose = Purpose {
                    method: "POST",
                    url: &oauth2.token_url,
                    access_token: None,
                    nonce: nonce.as_deref(),
                    now: line.clock.now(),
                };
                let proof = purpose.prove(&bound.prover)?;
                request = request.header(possession::FIELD, proof);
            }
            let answer = request.send().await.map_err(|error| {
                format!(
                    "the token endpoint was not reached: {}",
                    error.without_url()
                )
            })?;
            let status = answer.status();
            let given = answer.headers().get("dpop-nonce");
            let given = given.and_then(|value| Some(value.to_str().ok()?.to_owned()));
            let body = crate::wire::bounded_body(answer)
                .await
                .map_err(|error| error.to_string())?;
            let body: Value = serde_json::from_slice(&body)
                .map_err(|_| format!("the token endpoint answered {status} without JSON"))?;
            let asked = bound.is_some() && body["error"] == possession::NONCE_WANTED;
            if !asked || given.is_none() || nonce.is_some() {
                break (status, body);
            }
            nonce = given;
        };
        let token = body
            .get("access_token")
            .and_then(Value::as_str)
            .ok_or_else(|| {
                let error = body.get("error").map(show).unwrap_or_default();
                format!(
                    "the token endpoint answered {status} {}",
                    crate::judge::brief(&error)
                )
            })?;
        Ok(held(
            token.to_owned(),
            body.get("expires_in").and_then(Value::as_u64),
            line.clock.now(),
        ))
    }
}

fn form(pairs: &[(&str, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}
