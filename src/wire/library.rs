//! An ordinary HTTP client for conversations that are not under test: token endpoints, published keys.

use std::sync::Arc;

use super::tls::{ClientError, Roots, root_store, verifying};

/// Octets of a body that are read in such a conversation.
const MAX_BODY_BYTES: usize = 1024 * 1024;
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);

/// Why such a conversation came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    #[error("the answer has over {MAX_BODY_BYTES} octets")]
    TooLarge,
    #[error("{0}")]
    Library(reqwest::Error),
}

/// A client that trusts the same roots as the run, follows no redirects and knows no proxy.
pub fn library_client(roots: &Roots) -> Result<reqwest::Client, ClientError> {
    let config = verifying(&Arc::new(root_store(roots)?), &["http/1.1"])?;
    reqwest::Client::builder()
        .tls_backend_preconfigured((*config).clone())
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| ClientError::Pem(error.to_string()))
}

/// The body, read no further than its bound.
pub async fn bounded_body(mut answer: reqwest::Response) -> Result<Vec<u8>, ConversationError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| ConversationError::Library(error.without_url()))?
    {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(ConversationError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
