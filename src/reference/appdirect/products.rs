//! What each tenant sells; its administrators write the list.

use serde_json::{Value, json};

use super::Appdirect;
use super::access::Access;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, required};
use crate::reference::edge::errors::Error;
use crate::reference::http::Response;
use crate::reference::operation::Operation;

const MEMBERS: &[&str] = &["user", "admin"];
const ADMINS: &[&str] = &["admin"];
/// Most products kept.
const KEPT: usize = 2000;

const NEW: &[Member] = &[required("title", Kind::Text(1, 100))];

pub const ROUTES: &[Route<Appdirect>] = &[
    Route {
        operation: Operation::new("list-products", "GET", "/products", MEMBERS, 200),
        access: Access::Member,
        schema: None,
        run: list,
    },
    Route {
        operation: Operation {
            body: r#"{"title":"Milk"}"#,
            read_by: "list-products",
            ..Operation::new("create-product", "POST", "/products", ADMINS, 201)
        },
        access: Access::Admin,
        schema: Some(NEW),
        run: create,
    },
];

pub struct Product {
    tenant: &'static str,
    title: String,
}

fn list(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    let state = call.app.state();
    let own = state
        .products
        .iter()
        .filter(|one| one.tenant == call.caller.tenant);
    let items: Vec<Value> = own.map(|one| json!({ "title": one.title })).collect();
    Ok(Response::json(200, &json!({ "items": items })))
}

fn create(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    let title = call.text("title").unwrap_or_default().to_owned();
    let response = Response::json(201, &json!({ "title": title }));
    let mut state = call.app.state();
    if state.products.len() >= KEPT {
        state.products.remove(0);
    }
    state.products.push(Product {
        tenant: call.caller.tenant,
        title,
    });
    Ok(response)
}
