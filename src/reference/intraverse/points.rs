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
use crate::reference::http::{Body, Request, Response};
use crate::reference::operation::Operation;

pub const FLAWS: &[Flaw] = &[flaw(
    "points-echo-server-key",
    "Repeats the server key in the answer to a change of points.",
    "Intraverse API, API Key Management",
)];

const MOST_POINTS: i64 = 1_000_000;

pub const ITEM: &str = "/game-point/{id}";

const CHANGE: &[Member] = &[
    required("userId", Kind::Text(1, 64)),
    required("points", Kind::Integer(0, MOST_POINTS)),
    optional("reason", Kind::Text(0, 200)),
];

/// Each as [`CHANGE`] has it; all of them are carried out, in their order, or none is.
const CHANGES: &[Member] = &[required("changes", Kind::Objects(MOST_AT_ONCE))];

/// The operation that changes the points of several players in one request.
pub const MANY: &str = "set-points-of-many";

const MOST_AT_ONCE: usize = 20;

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
            name: MANY,
            method: "POST",
            path: "/game-point/batch",
            who: &["server"],
            body: r#"{"changes":[{"userId":"$user_id","points":41},{"userId":"$user_id","points":42}]}"#,
            status: 200,
            read_by: "points",
            id_from: "",
        },
        access: Access::Server,
        schema: Some(CHANGES),
        run: set_many,
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

/// How many changes a request asks for; 1 where that cannot be read, which is then refused.
pub fn changes_in(request: &Request) -> u32 {
    let Body::Bytes(octets) = &request.body else {
        return 1;
    };
    let body: Option<Value> = serde_json::from_slice(octets).ok();
    let changes = body
        .as_ref()
        .and_then(|body| body.get("changes")?.as_array());
    let many = changes.map_or(1, |changes| changes.len().clamp(1, MOST_AT_ONCE));
    u32::try_from(many).unwrap_or(1)
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

fn set_many(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let app = call.app;
    let any_game = app.flaws().has("game-of-key-ignored");
    let refused = |text| invalid(&app.edge, text);
    let changes = call.body.get("changes").and_then(Value::as_array);
    let mut wanted = Vec::new();
    for change in changes.into_iter().flatten() {
        let id = change.get("userId").and_then(Value::as_str);
        let id = id.ok_or_else(|| refused("changes.userId is no text."))?;
        let points = change.get("points").and_then(Value::as_i64);
        let points = points
            .filter(|points| (0..=MOST_POINTS).contains(points))
            .ok_or_else(|| refused("changes.points is no number of points."))?;
        wanted.push((id, points));
    }
    if wanted.is_empty() {
        return Err(refused("changes has none."));
    }
    let mut state = app.state();
    let place = |id: &str| {
        let mut players = state.players.iter();
        players.position(|player| player.id == id && (player.game == call.caller.game || any_game))
    };
    let places: Option<Vec<usize>> = wanted.iter().map(|(id, _)| place(id)).collect();
    let places = places.ok_or_else(|| refused("changes.userId names no player."))?;
    let mut all = Vec::new();
    for (place, (_, points)) in places.into_iter().zip(wanted) {
        let player = &mut state.players[place];
        player.points = points;
        all.push(shown(player));
    }
    Ok(success(200, &Value::from(all)))
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
