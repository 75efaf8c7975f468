//! What the API keeps for its tenants: orders, each of one account.

use serde_json::{Value, json};

use super::Appdirect;
use super::access::Access;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, optional, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;
use crate::reference::secret::random_id;

pub const FLAWS: &[Flaw] = &[flaw(
    "orders-looked-up-by-id-alone",
    "Shows an order to whoever knows its id.",
    "OWASP API1:2023",
)];

pub const ITEM: &str = "/orders/{id}";
pub const MEMBERS: &[&str] = &["user", "admin"];
/// Most orders kept.
const KEPT: usize = 2000;

const NEW: &[Member] = &[
    required("product", Kind::Text(1, 100)),
    optional("quantity", Kind::Integer(1, 99)),
    optional("plan", Kind::OneOf(&["monthly", "yearly"])),
];

pub const ROUTES: &[Route<Appdirect>] = &[
    Route {
        operation: Operation::new("status", "GET", "/status", &[], 200),
        access: Access::Everybody,
        schema: None,
        run: status,
    },
    Route {
        operation: Operation::new("list-members", "GET", "/members", &["admin"], 200),
        access: Access::Admin,
        schema: None,
        run: list_members,
    },
    Route {
        operation: Operation::new("list-orders", "GET", "/orders", MEMBERS, 200),
        access: Access::Member,
        schema: None,
        run: list,
    },
    Route {
        operation: Operation {
            body: r#"{"product":"Milk","quantity":1}"#,
            read_by: "list-orders",
            ..Operation::new("create-order", "POST", "/orders", MEMBERS, 201)
        },
        access: Access::Member,
        schema: Some(NEW),
        run: create,
    },
    Route {
        operation: Operation {
            id_from: "list-orders",
            ..Operation::new("show-order", "GET", ITEM, &["user"], 200)
        },
        access: Access::Member,
        schema: None,
        run: show,
    },
];

#[derive(Clone, Debug)]
pub struct Order {
    pub id: String,
    owner: String,
    product: String,
    quantity: i64,
}

impl Order {
    pub fn seeded(owner: &str) -> Self {
        Self {
            id: random_id(),
            owner: owner.to_owned(),
            product: format!("canary-{}", random_id()),
            quantity: 1,
        }
    }

    fn shown(&self) -> Value {
        json!({ "id": self.id, "product": self.product, "quantity": self.quantity })
    }
}

fn status(_: &Call<'_, Appdirect>) -> Result<Response, Error> {
    Ok(Response::json(200, &json!({ "status": "up" })).holds(Holds::Public))
}

fn list_members(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    let accounts = call.app.accounts.iter();
    let own = accounts.filter(|one| one.tenant == call.caller.tenant);
    let items: Vec<Value> = own
        .map(|one| json!({ "id": one.id, "email": one.email }))
        .collect();
    Ok(Response::json(200, &json!({ "items": items })))
}

fn list(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    let state = call.app.state();
    let own = state
        .orders
        .iter()
        .filter(|one| one.owner == call.caller.account);
    let items: Vec<Value> = own.map(Order::shown).collect();
    Ok(Response::json(200, &json!({ "items": items })))
}

fn show(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    let state = call.app.state();
    let found = state.orders.iter().find(|one| one.id == call.id());
    let order = found.ok_or_else(Error::not_found)?;
    if order.owner != call.caller.account && !call.app.flaws().has("orders-looked-up-by-id-alone") {
        return Err(Error::not_found());
    }
    Ok(Response::json(200, &order.shown()))
}

fn create(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let orders = &mut state.orders;
    if orders.len() >= KEPT {
        orders.remove(2);
    }
    let order = Order {
        id: random_id(),
        owner: call.caller.account.clone(),
        product: call.text("product").unwrap_or_default().to_owned(),
        quantity: call.integer("quantity").unwrap_or(1),
    };
    let response =
        Response::json(201, &order.shown()).field("Location", format!("/orders/{}", order.id));
    orders.push(order);
    Ok(response)
}
