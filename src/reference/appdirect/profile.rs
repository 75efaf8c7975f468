//! What an account says of itself.

use serde_json::json;

use super::Appdirect;
use super::access::Access;
use super::orders::MEMBERS;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, optional};
use crate::reference::edge::errors::Error;
use crate::reference::http::Response;
use crate::reference::operation::Operation;

const CHANGE: &[Member] = &[
    optional("nickname", Kind::Text(1, 100)),
    optional("theme", Kind::OneOf(&["light", "dark"])),
];

pub const ROUTES: &[Route<Appdirect>] = &[
    Route {
        operation: Operation::new("me", "GET", "/me", MEMBERS, 200),
        access: Access::Member,
        schema: None,
        run: me,
    },
    Route {
        operation: Operation {
            body: r#"{"nickname":"Ann"}"#,
            read_by: "me",
            ..Operation::new("update-me", "PATCH", "/me", MEMBERS, 200)
        },
        access: Access::Member,
        schema: Some(CHANGE),
        run: update_me,
    },
];

fn me(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    let mut accounts = call.app.accounts.iter();
    let own = accounts.find(|one| one.id == call.caller.account);
    let own = own.ok_or_else(Error::not_found)?;
    let nickname = call.app.state().nicknames.get(&own.id).cloned();
    Ok(Response::json(
        200,
        &json!({ "id": own.id, "email": own.email, "tenant": own.tenant, "nickname": nickname }),
    ))
}

fn update_me(call: &Call<'_, Appdirect>) -> Result<Response, Error> {
    if let Some(nickname) = call.text("nickname") {
        let account = call.caller.account.clone();
        let mut state = call.app.state();
        state.nicknames.insert(account, nickname.to_owned());
    }
    me(call)
}
