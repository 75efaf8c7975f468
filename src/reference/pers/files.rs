//! Upload addresses, for users and businesses alike.

use serde_json::json;

use super::access::{Access, only};
use super::{Pers, Role};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;
use crate::reference::secret::random_id;

pub const FLAWS: &[Flaw] = &[flaw(
    "token-in-upload-url",
    "Puts an access token into the address that it hands out.",
    "RFC 6750 §5.3",
)];

/// Roles of the mixed authentication endpoint.
pub const ROLES: &[Role] = &[Role::User, Role::Business];
const MIXED: Access = only(ROLES);

const REQUEST: &[Member] = &[
    required("entityType", Kind::OneOf(&["CAMPAIGN", "USER", "BUSINESS"])),
    required("operation", Kind::OneOf(&["upload", "download"])),
];

pub const ROUTES: &[Route<Pers>] = &[Route {
    operation: Operation {
        name: "storage-url",
        method: "POST",
        path: "/v2/files/entity-storage-url",
        who: &["user", "business"],
        body: r#"{"entityType":"CAMPAIGN","operation":"upload"}"#,
        status: 200,
        read_by: "",
        id_from: "",
    },
    access: MIXED,
    schema: Some(REQUEST),
    run: storage_url,
}];

fn storage_url(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let app = call.app;
    let mut url = format!("https://storage.example.invalid/upload/{}", random_id());
    if app.flaws().has("token-in-upload-url") {
        let token = app.issuer.mint(
            call.caller.account(),
            call.caller.tenant,
            "user",
            app.flaws(),
        );
        url.push_str(&format!("?access_token={token}"));
    }
    Ok(Response::json(200, &json!({ "url": url, "expiresIn": 300 })).holds(Holds::Personal))
}
