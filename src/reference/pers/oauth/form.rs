//! Parameters of OAuth endpoints: forms in bodies, each name once (RFC 6749 §3.1, §3.2).

use super::super::Pers;
use crate::reference::dispatch::Call;
use crate::reference::edge::errors::Error;
use crate::reference::edge::limits;

pub struct Form(Vec<(String, String)>);

impl Form {
    /// The body of a request: 415 for what is no form, 400 for one that repeats a name.
    pub fn of_body(call: &Call<'_, Pers>) -> Result<Self, Error> {
        let octets = limits::body(call.request, call.app.flaws())?;
        let is_form = call
            .request
            .fields
            .get("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if !is_form {
            return Err(Error::new(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                "This endpoint takes forms.",
            ));
        }
        Self::checked(url::form_urlencoded::parse(octets).into_owned().collect())
    }

    /// The query of a request; 400 where a name is repeated.
    pub fn of_query(call: &Call<'_, Pers>) -> Result<Self, Error> {
        Self::checked(call.request.parameters())
    }

    fn checked(pairs: Vec<(String, String)>) -> Result<Self, Error> {
        for (at, (name, _)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(bad("A parameter is repeated."));
            }
        }
        Ok(Self(pairs))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    /// 400 where it is missing.
    pub fn require(&self, name: &str) -> Result<&str, Error> {
        self.get(name)
            .ok_or_else(|| bad(format!("{name} is missing.")))
    }
}

pub fn bad(says: impl Into<String>) -> Error {
    Error::new(400, "INVALID_REQUEST", says)
}
