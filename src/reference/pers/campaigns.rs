//! Campaigns: public to read under the project key, for businesses and administrators to write.

use serde_json::{Value, json};

use super::access::{Access, PUBLIC, only_unless};
use super::{Pers, Role};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, optional, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;
use crate::reference::secret::random_id;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "vary-missing",
        "Does not name the request header that decides what a cacheable answer holds.",
        "RFC 9110 §12.5.5",
    ),
    flaw(
        "campaigns-looked-up-by-id-alone",
        "Shows, changes and deletes a campaign of another tenant for whoever knows its id.",
        "OWASP API1:2023",
    ),
    flaw(
        "campaigns-of-all-tenants-counted",
        "Counts the campaigns of every tenant in the total of a list.",
        "OWASP API1:2023",
    ),
    flaw(
        "campaigns-of-all-tenants-searched",
        "Shows campaigns of every tenant when the list is searched.",
        "OWASP API1:2023",
    ),
    flaw(
        "campaign-owner-taken-from-body",
        "Creates a campaign for the tenant that the body names.",
        "OWASP API3:2023",
    ),
];

pub const ITEM: &str = "/v2/campaigns/{id}";
const WRITERS: Access = only_unless(
    &[Role::Business, Role::Admin],
    "roles-unchecked-for-campaigns",
);
const WHO_WRITES: &[&str] = &["business", "admin"];

const NEW: &[Member] = &[
    required("name", Kind::Text(1, 100)),
    optional("description", Kind::Text(0, 2000)),
    optional("points", Kind::Integer(0, 1_000_000)),
    optional("kind", Kind::OneOf(&["reward", "stamp"])),
];
const CHANGE: &[Member] = &[
    optional("name", Kind::Text(1, 100)),
    optional("description", Kind::Text(0, 2000)),
    optional("points", Kind::Integer(0, 1_000_000)),
];

pub const ROUTES: &[Route<Pers>] = &[
    Route {
        operation: Operation {
            name: "list-campaigns",
            method: "GET",
            path: "/v2/campaigns",
            who: &["anonymous"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: PUBLIC,
        schema: None,
        run: list,
    },
    Route {
        operation: Operation {
            name: "create-campaign",
            method: "POST",
            path: "/v2/campaigns",
            who: WHO_WRITES,
            body: r#"{"name":"Spring","description":"Double points","points":20,"kind":"reward"}"#,
            status: 201,
            read_by: "list-campaigns",
            id_from: "",
        },
        access: WRITERS,
        schema: Some(NEW),
        run: create,
    },
    Route {
        operation: Operation {
            name: "show-campaign",
            method: "GET",
            path: ITEM,
            who: &["anonymous"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "list-campaigns",
        },
        access: PUBLIC,
        schema: None,
        run: show,
    },
    Route {
        operation: Operation {
            name: "update-campaign",
            method: "PATCH",
            path: ITEM,
            who: WHO_WRITES,
            body: r#"{"description":"Triple points"}"#,
            status: 200,
            read_by: "show-campaign",
            id_from: "list-campaigns",
        },
        access: WRITERS,
        schema: Some(CHANGE),
        run: update,
    },
    Route {
        operation: Operation {
            name: "delete-campaign",
            method: "DELETE",
            path: ITEM,
            who: WHO_WRITES,
            body: "",
            status: 204,
            read_by: "list-campaigns",
            id_from: "create-campaign",
        },
        access: WRITERS,
        schema: None,
        run: delete,
    },
];

#[derive(Clone, Debug)]
pub struct Campaign {
    pub id: String,
    pub tenant: &'static str,
    pub name: String,
    pub description: String,
    pub points: i64,
}

impl Campaign {
    pub fn seeded(tenant: &'static str) -> Self {
        Self {
            id: random_id(),
            tenant,
            name: format!("Welcome to {tenant}"),
            description: format!("canary-{}", random_id()),
            points: 10,
        }
    }

    fn shown(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "description": self.description, "points": self.points })
    }
}

/// Most campaigns that the deployment keeps; the oldest created one makes room.
const KEPT: usize = 2000;

fn list(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let flaws = call.app.flaws();
    let sought = call.request.parameter("search");
    let everywhere = sought.is_some() && flaws.has("campaigns-of-all-tenants-searched");
    let state = call.app.state();
    let shown: Vec<Value> = state
        .campaigns
        .iter()
        .filter(|campaign| campaign.tenant == call.caller.tenant || everywhere)
        .filter(|campaign| {
            sought.as_ref().is_none_or(|text| {
                campaign.name.contains(text) || campaign.description.contains(text)
            })
        })
        .map(Campaign::shown)
        .collect();
    let total = if flaws.has("campaigns-of-all-tenants-counted") {
        state.campaigns.len()
    } else {
        shown.len()
    };
    Ok(public(
        call,
        Response::json(200, &json!({ "total": total, "items": shown })),
    ))
}

fn show(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let state = call.app.state();
    let campaign = &state.campaigns[position(call, &state.campaigns)?];
    Ok(public(call, Response::json(200, &campaign.shown())))
}

/// The answer is the same for everybody with this project key.
fn public(call: &Call<'_, Pers>, response: Response) -> Response {
    let response = response.holds(Holds::Public);
    if call.app.flaws().has("vary-missing") {
        return response;
    }
    response.field("Vary", "X-Project-Key")
}

fn position(call: &Call<'_, Pers>, campaigns: &[Campaign]) -> Result<usize, Error> {
    let by_id_alone = call.app.flaws().has("campaigns-looked-up-by-id-alone");
    campaigns
        .iter()
        .position(|campaign| {
            campaign.id == call.id() && (campaign.tenant == call.caller.tenant || by_id_alone)
        })
        .ok_or_else(Error::not_found)
}

fn create(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let mut tenant = call.caller.tenant;
    if call.app.flaws().has("campaign-owner-taken-from-body")
        && let Some(named) = ["tenant", "tenant_id", "tenantId"]
            .iter()
            .find_map(|name| call.unknown.get(*name))
        && named != tenant
    {
        tenant = super::tenant::B;
    }
    let campaign = Campaign {
        id: random_id(),
        tenant,
        name: call.text("name").unwrap_or_default().to_owned(),
        description: call.text("description").unwrap_or_default().to_owned(),
        points: call.integer("points").unwrap_or(0),
    };
    let response = Response::json(201, &campaign.shown())
        .field("Location", format!("/v2/campaigns/{}", campaign.id));
    let mut state = call.app.state();
    if state.campaigns.len() >= KEPT {
        // The first ones are seeded, one for each tenant.
        state.campaigns.remove(super::tenant::ALL.len());
    }
    state.campaigns.push(campaign);
    Ok(response)
}

fn update(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let at = position(call, &state.campaigns)?;
    let campaign = &mut state.campaigns[at];
    if let Some(name) = call.text("name") {
        campaign.name = name.to_owned();
    }
    if let Some(description) = call.text("description") {
        campaign.description = description.to_owned();
    }
    if let Some(points) = call.integer("points") {
        campaign.points = points;
    }
    Ok(Response::json(200, &campaign.shown()))
}

fn delete(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let at = position(call, &state.campaigns)?;
    state.campaigns.remove(at);
    Ok(Response::new(204))
}
