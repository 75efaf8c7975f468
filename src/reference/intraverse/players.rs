//! Players and their sessions.

use std::time::Instant;

use serde_json::{Value, json};

use super::Intraverse;
use super::games::success;
use super::keys::Access;
use super::lockout::Lock;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, optional, required};
use crate::reference::edge::challenge::{self, Unknown};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;
use crate::reference::password::{self, Password};
use crate::reference::secret::random_id;
use crate::reference::token::{KEY_SET_PATH, LIFETIME};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "password-shown-back",
        "Shows the password in the player's own profile.",
        "Intraverse API, Data Encryption",
    ),
    flaw(
        "login-unchecked",
        "Opens a session for any password.",
        "Intraverse API, Authentication Flow Security",
    ),
    flaw(
        "login-across-games",
        "Opens a session for a player of another game than the client key's.",
        "Intraverse API, Client Key Header",
    ),
    flaw(
        "player-mass-assignment",
        "Takes over every member of a profile update, points included.",
        "OWASP API3:2023",
    ),
];

const LOGIN: &[Member] = &[
    required("email", Kind::Text(3, 200)),
    required("password", Kind::Text(1, 200)),
];
const PROFILE: &[Member] = &[
    optional("displayName", Kind::Text(1, 100)),
    optional("theme", Kind::OneOf(&["light", "dark"])),
];

pub const ROUTES: &[Route<Intraverse>] = &[
    Route {
        operation: Operation {
            name: "login",
            method: "POST",
            path: "/auth/session",
            who: &["client"],
            body: r#"{"email":"$user_email","password":"$user_password"}"#,
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: Access::Client,
        schema: Some(LOGIN),
        run: login,
    },
    Route {
        operation: Operation {
            name: "logout",
            method: "DELETE",
            path: "/auth/session",
            who: &["user"],
            body: "",
            status: 204,
            read_by: "me",
            id_from: "",
        },
        access: Access::Player,
        schema: None,
        run: logout,
    },
    Route {
        operation: Operation {
            name: "me",
            method: "GET",
            path: "/user/me",
            who: &["user"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: Access::Player,
        schema: None,
        run: me,
    },
    Route {
        operation: Operation {
            name: "update-me",
            method: "PATCH",
            path: "/user/me",
            who: &["user"],
            body: r#"{"displayName":"A new name"}"#,
            status: 200,
            read_by: "me",
            id_from: "",
        },
        access: Access::Player,
        schema: Some(PROFILE),
        run: update_me,
    },
    Route {
        operation: Operation::new("key-set", "GET", KEY_SET_PATH, &["anonymous"], 200),
        access: Access::Everybody,
        schema: None,
        run: key_set,
    },
];

pub struct Player {
    pub id: String,
    pub game: &'static str,
    pub email: String,
    pub points: i64,
    /// What becomes of it when passwords are tried.
    pub lock: Lock,
    display_name: String,
    password: &'static Password,
}

impl Player {
    pub fn seeded(name: &str, game: &'static str, password: &'static Password) -> Self {
        Self {
            id: random_id(),
            game,
            email: format!("{}.{game}@example.invalid", name.replace('_', ".")),
            points: 0,
            lock: Lock::default(),
            display_name: format!("canary-{}", random_id()),
            password,
        }
    }

    fn shown(&self) -> Value {
        json!({ "id": self.id, "email": self.email, "displayName": self.display_name, "points": self.points })
    }
}

fn login(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let app = call.app;
    let flaws = app.flaws();
    let email = call.text("email").unwrap_or_default();
    let found = {
        let state = app.state();
        state
            .players
            .iter()
            .find(|player| {
                player.email == email
                    && (player.game == call.caller.game || flaws.has("login-across-games"))
            })
            .map(|player| (player.id.clone(), player.game, player.password))
    };
    let candidate = call.text("password").unwrap_or_default();
    let is_right = password::verify(found.as_ref().map(|(_, _, p)| *p), candidate, flaws);
    let mut state = app.state();
    let player = found
        .as_ref()
        .and_then(|(id, ..)| state.players.iter_mut().find(|player| player.id == *id));
    let is_right = player.map_or(is_right, |player| {
        let now = Instant::now();
        player.lock.lets_in(is_right, now, app.lockout, flaws)
    });
    drop(state);
    match found {
        Some((id, game, _)) if is_right || flaws.has("login-unchecked") => {
            let token = app.issuer.mint(&id, game, "user", flaws);
            let data = json!({ "accessToken": token, "expiresIn": LIFETIME, "userId": id });
            Ok(success(200, &data).holds(Holds::Secret))
        }
        found => {
            let mut error = challenge::unauthenticated(&app.edge, "Bearer", Unknown::Invalid);
            error.message = if found.is_none() && flaws.has("unknown-account-told") {
                "There is no such account".to_owned()
            } else {
                "Invalid e-mail or password".to_owned()
            };
            Err(error)
        }
    }
}

fn key_set(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    Ok(call.app.issuer.key_set(call.app.flaws()))
}

fn logout(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    call.app.state().ended.insert(call.caller.session.clone());
    Ok(Response::new(204))
}

fn me(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let state = call.app.state();
    let player = state
        .players
        .iter()
        .find(|player| player.id == call.caller.player)
        .ok_or_else(Error::not_found)?;
    let mut shown = player.shown();
    if call.app.flaws().has("password-shown-back") {
        shown["password"] = Value::from(player.password.clear());
    }
    Ok(success(200, &shown))
}

fn update_me(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let player = state
        .players
        .iter_mut()
        .find(|player| player.id == call.caller.player)
        .ok_or_else(Error::not_found)?;
    if let Some(name) = call.text("displayName") {
        player.display_name = name.to_owned();
    }
    if call.app.flaws().has("player-mass-assignment")
        && let Some(points) = call.unknown.get("points").and_then(Value::as_i64)
    {
        player.points = points;
    }
    Ok(success(200, &player.shown()))
}
