//! Claimed rewards: each user sees his own.

use serde_json::{Value, json};

use super::access::{Access, only};
use super::{Pers, Role};
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, invalid, optional, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;
use crate::reference::operation::Operation;
use crate::reference::secret::random_id;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "transactions-looked-up-by-id-alone",
        "Shows a transaction to whoever knows its id.",
        "OWASP API1:2023",
    ),
    flaw(
        "campaign-reference-unchecked",
        "Lets a transaction refer to another tenant's campaign, and shows its name.",
        "OWASP API1:2023",
    ),
];

pub const ITEM: &str = "/v2/transactions/{id}";
const USERS: Access = only(&[Role::User]);
const WHO: &[&str] = &["user"];
/// Most transactions kept; the oldest made one makes room.
const KEPT: usize = 2000;

const NEW: &[Member] = &[
    required("campaignId", Kind::Text(1, 64)),
    optional("note", Kind::Text(0, 500)),
];

pub const ROUTES: &[Route<Pers>] = &[
    Route {
        operation: Operation {
            name: "list-transactions",
            method: "GET",
            path: "/v2/transactions",
            who: WHO,
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: USERS,
        schema: None,
        run: list,
    },
    Route {
        operation: Operation {
            name: "claim",
            method: "POST",
            path: "/v2/transactions",
            who: WHO,
            body: r#"{"campaignId":"$campaign_id","note":"claimed"}"#,
            status: 201,
            read_by: "list-transactions",
            id_from: "",
        },
        access: USERS,
        schema: Some(NEW),
        run: create,
    },
    Route {
        operation: Operation {
            name: "show-transaction",
            method: "GET",
            path: ITEM,
            who: WHO,
            body: "",
            status: 200,
            read_by: "",
            id_from: "list-transactions",
        },
        access: USERS,
        schema: None,
        run: show,
    },
];

#[derive(Clone, Debug)]
pub struct Transaction {
    pub id: String,
    pub tenant: &'static str,
    pub account: String,
    pub campaign: String,
    pub points: i64,
    pub note: String,
}

impl Transaction {
    fn shown(&self) -> Value {
        json!({ "id": self.id, "campaignId": self.campaign, "points": self.points, "note": self.note })
    }
}

fn list(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let state = call.app.state();
    let shown: Vec<Value> = state
        .transactions
        .iter()
        .filter(|entry| {
            entry.account == call.caller.account() && entry.tenant == call.caller.tenant
        })
        .map(Transaction::shown)
        .collect();
    Ok(Response::json(
        200,
        &json!({ "total": shown.len(), "items": shown }),
    ))
}

fn show(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let by_id_alone = call.app.flaws().has("transactions-looked-up-by-id-alone");
    let state = call.app.state();
    let entry = state
        .transactions
        .iter()
        .find(|entry| {
            entry.id == call.id()
                && (entry.account == call.caller.account() && entry.tenant == call.caller.tenant
                    || by_id_alone)
        })
        .ok_or_else(Error::not_found)?;
    Ok(Response::json(200, &entry.shown()))
}

fn create(call: &Call<'_, Pers>) -> Result<Response, Error> {
    let app = call.app;
    let unchecked = app.flaws().has("campaign-reference-unchecked");
    let mut state = app.state();
    let sought = call.text("campaignId").unwrap_or_default();
    let campaign = state
        .campaigns
        .iter()
        .find(|campaign| {
            campaign.id == sought && (campaign.tenant == call.caller.tenant || unchecked)
        })
        .cloned()
        .ok_or_else(|| invalid(&app.edge, "campaignId names no campaign."))?;
    let entry = Transaction {
        id: random_id(),
        tenant: call.caller.tenant,
        account: call.caller.account().to_owned(),
        campaign: campaign.id.clone(),
        points: campaign.points,
        note: call.text("note").unwrap_or_default().to_owned(),
    };
    let mut shown = entry.shown();
    shown["campaignName"] = Value::from(campaign.name.as_str());
    if let Some(account) = state
        .accounts
        .iter_mut()
        .find(|account| account.id == entry.account)
    {
        account.points = account.points.saturating_add(campaign.points);
    }
    if state.transactions.len() >= KEPT {
        state.transactions.remove(2);
    }
    let location = format!("/v2/transactions/{}", entry.id);
    state.transactions.push(entry);
    Ok(Response::json(201, &shown).field("Location", location))
}
