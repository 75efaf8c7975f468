//! Points of players: servers set them, nobody else.

use serde_json::{Value, json};

use super::Intraverse;
use super::games::success;
use super::keys::Access;
use super::players::Player;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, invalid, optional, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::Response;
use crate::reference::operation::Operation;

pub const FLAWS: &[Flaw] = &[flaw(
    "points-echo-server-key",
    "Repeats the server key in the answer to a change of points.",
    "Intraverse API, API Key Management",
)];

pub const ITEM: &str = "/game-point/{id}";

const CHANGE: &[Member] = &[
    required("userId", Kind::Text(1, 64)),
    required("points", Kind::Integer(0, 1_000_000)),
    optional("reason", Kind::Text(0, 200)),
];

pub const ROUTES: &[Route<Intraverse>] = &[
    Route {
        operation: Operation {
            name: "set-points",
            method: "POST",
            path: "/game-point/",
            who: &["server"],
            body: r#"{"userId":"$user_id","points":42,"reason":"won a round"}"#,
            status: 200,
            read_by: "points",
            id_from: "",
        },
        access: Access::Server,
        schema: Some(CHANGE),
        run: set,
    },
    Route {
        operation: Operation {
            name: "points",
            method: "GET",
            path: ITEM,
            who: &["server"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "$user_id",
        },
        access: Access::Server,
        schema: None,
        run: show,
    },
];

fn shown(player: &Player) -> Value {
    json!({ "userId": player.id, "points": player.points })
}

fn set(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let app = call.app;
    let any_game = app.flaws().has("game-of-key-ignored");
    let id = call.text("userId").unwrap_or_default();
    let mut state = app.state();
    let player = state
        .players
        .iter_mut()
        .find(|player| player.id == id && (player.game == call.caller.game || any_game))
        .ok_or_else(|| invalid(&app.edge, "userId names no player."))?;
    player.points = call.integer("points").unwrap_or(player.points);
    let mut data = shown(player);
    if app.flaws().has("points-echo-server-key") {
        data["key"] = Value::from(call.request.fields.get("x-game-server-key"));
    }
    Ok(success(200, &data))
}

fn show(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let any_game = call.app.flaws().has("game-of-key-ignored");
    let state = call.app.state();
    let player = state
        .players
        .iter()
        .find(|player| player.id == call.id() && (player.game == call.caller.game || any_game))
        .ok_or_else(Error::not_found)?;
    Ok(success(200, &shown(player)))
}
