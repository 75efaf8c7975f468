//! Settings of a tenant, for its administrators.

use serde_json::{Value, json};

use super::access::{Access, only_unless};
use super::{Pers, Role};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, optional};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;
use crate::reference::operation::Operation;
use crate::reference::secret::random_id;

pub const FLAWS: &[Flaw] = &[flaw(
    "old-settings-route-unguarded",
    "Still serves the settings of the first tenant at the path of the previous version, to anybody.",
    "OWASP API9:2023",
)];

const PATH: &str = "/v2/admin/settings";
const ADMINS: Access = only_unless(&[Role::Admin], "roles-unchecked-for-settings");
const WHO: &[&str] = &["admin"];

const CHANGE: &[Member] = &[
    optional("displayName", Kind::Text(1, 100)),
    optional("openRegistration", Kind::Boolean),
];

pub const ROUTES: &[Route<Pers>] = &[
    Route {
        operation: Operation {
            name: "settings",
            method: "GET",
            path: PATH,
            who: WHO,
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: ADMINS,
        schema: None,
        run: show,
    },
    Route {
        operation: Operation {
            name: "change-settings",
            method: "PATCH",
            path: PATH,
            who: WHO,
            body: r#"{"displayName":"Loyal and sons"}"#,
            status: 200,
            read_by: "settings",
            id_from: "",
        },
        access: ADMINS,
        schema: Some(CHANGE),
        run: change,
    },
    Route {
        operation: Operation {
            name: "old-settings",
            method: "GET",
            path: "/v1/admin/settings",
            who: &[],
            body: "",
            status: 410,
            read_by: "",
            id_from: "",
        },
        access: super::access::PUBLIC,
        schema: None,
        run: old,
    },
];

#[derive(Clone, Debug)]
pub struct TenantSettings {
    display_name: String,
    open_registration: bool,
    /// Known to administrators only.
    note: String,
}

impl TenantSettings {
    pub fn seeded() -> Self {
        Self {
            display_name: "A loyalty programme".to_owned(),
            open_registration: true,
            note: format!("canary-{}", random_id()),
        }
    }

    fn shown(&self) -> Value {
        json!({ "displayName": self.display_name, "openRegistration": self.open_registration, "note": self.note })
    }
}

fn show(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let state = call.app.state();
    let settings = state
        .settings
        .get(call.caller.tenant)
        .ok_or_else(Error::not_found)?;
    Ok(Response::json(200, &settings.shown()))
}

fn change(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let settings = state
        .settings
        .get_mut(call.caller.tenant)
        .ok_or_else(Error::not_found)?;
    if let Some(name) = call.text("displayName") {
        settings.display_name = name.to_owned();
    }
    if let Some(open) = call.body.get("openRegistration").and_then(Value::as_bool) {
        settings.open_registration = open;
    }
    Ok(Response::json(200, &settings.shown()))
}

/// The previous version of the API, switched off.
fn old(call: &Call<'_, Pers>) -> Result<Response, Error> {
    if call.app.flaws().has("old-settings-route-unguarded") {
        return show(call);
    }
    Err(Error::new(410, "GONE", "This version is no longer served."))
}
