//! Games and tournaments.

use serde_json::{Value, json};

use super::Intraverse;
use super::keys::Access;
use crate::reference::dispatch::{Call, Route};
use crate::reference::edge::body::{Kind, Member, optional, required};
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Response};
use crate::reference::operation::Operation;
use crate::reference::secret::random_id;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "client-key-shown-back",
        "Shows the key that was sent in the description of the game.",
        "Intraverse API, API Key Management",
    ),
    flaw(
        "tournaments-of-all-games-listed",
        "Lists the tournaments of every game.",
        "OWASP API1:2023",
    ),
];

pub const TOURNAMENT: &str = "/tournament/{id}";
/// Most tournaments kept; the oldest made one makes room.
const KEPT: usize = 2000;

const NEW: &[Member] = &[
    required("name", Kind::Text(1, 100)),
    optional("prize", Kind::Integer(0, 1_000_000)),
    optional("mode", Kind::OneOf(&["solo", "team"])),
];

pub const ROUTES: &[Route<Intraverse>] = &[
    Route {
        operation: Operation {
            name: "status",
            method: "GET",
            path: "/status",
            who: &["anonymous"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: Access::Everybody,
        schema: None,
        run: status,
    },
    Route {
        operation: Operation {
            name: "game",
            method: "GET",
            path: "/game",
            who: &["client"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: Access::Client,
        schema: None,
        run: game,
    },
    Route {
        operation: Operation {
            name: "list-tournaments",
            method: "GET",
            path: "/tournament",
            who: &["client"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "",
        },
        access: Access::Client,
        schema: None,
        run: list,
    },
    Route {
        operation: Operation {
            name: "create-tournament",
            method: "POST",
            path: "/tournament",
            who: &["server"],
            body: r#"{"name":"Autumn cup","prize":100,"mode":"solo"}"#,
            status: 201,
            read_by: "list-tournaments",
            id_from: "",
        },
        access: Access::Server,
        schema: Some(NEW),
        run: create,
    },
    Route {
        operation: Operation {
            name: "show-tournament",
            method: "GET",
            path: TOURNAMENT,
            who: &["client"],
            body: "",
            status: 200,
            read_by: "",
            id_from: "list-tournaments",
        },
        access: Access::Client,
        schema: None,
        run: show,
    },
    Route {
        operation: Operation {
            name: "delete-tournament",
            method: "DELETE",
            path: TOURNAMENT,
            who: &["server"],
            body: "",
            status: 204,
            read_by: "list-tournaments",
            id_from: "create-tournament",
        },
        access: Access::Server,
        schema: None,
        run: delete,
    },
];

#[derive(Clone, Debug)]
pub struct Tournament {
    pub id: String,
    game: &'static str,
    name: String,
    prize: i64,
}

impl Tournament {
    pub fn seeded(game: &'static str) -> Self {
        Self {
            id: random_id(),
            game,
            name: format!("canary-{}", random_id()),
            prize: 10,
        }
    }

    fn shown(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "prize": self.prize })
    }
}

/// The success envelope.
pub fn success(status: u16, data: &Value) -> Response {
    Response::json(status, &json!({ "success": true, "data": data }))
}

fn status(_call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    Ok(success(200, &json!({ "state": "up" })).holds(Holds::Public))
}

fn game(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let mut data = json!({ "name": call.caller.game });
    if call.app.flaws().has("client-key-shown-back") {
        data["key"] = Value::from(call.request.fields.get("x-game-key"));
    }
    Ok(success(200, &data))
}

fn list(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let everywhere = call.app.flaws().has("tournaments-of-all-games-listed");
    let state = call.app.state();
    let shown: Vec<Value> = state
        .tournaments
        .iter()
        .filter(|entry| entry.game == call.caller.game || everywhere)
        .map(Tournament::shown)
        .collect();
    Ok(success(
        200,
        &json!({ "total": shown.len(), "items": shown }),
    ))
}

fn position(call: &Call<'_, Intraverse>, tournaments: &[Tournament]) -> Result<usize, Error> {
    let any_game = call.app.flaws().has("game-of-key-ignored");
    tournaments
        .iter()
        .position(|entry| entry.id == call.id() && (entry.game == call.caller.game || any_game))
        .ok_or_else(Error::not_found)
}

fn show(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let state = call.app.state();
    let at = position(call, &state.tournaments)?;
    Ok(success(200, &state.tournaments[at].shown()))
}

fn create(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let entry = Tournament {
        id: random_id(),
        game: call.caller.game,
        name: call.text("name").unwrap_or_default().to_owned(),
        prize: call.integer("prize").unwrap_or(0),
    };
    let response =
        success(201, &entry.shown()).field("Location", format!("/tournament/{}", entry.id));
    let mut state = call.app.state();
    if state.tournaments.len() >= KEPT {
        // The first two are the seeded ones.
        state.tournaments.remove(2);
    }
    state.tournaments.push(entry);
    Ok(response)
}

fn delete(call: &Call<'_, Intraverse>) -> Result<Response, Error> {
    let mut state = call.app.state();
    let at = position(call, &state.tournaments)?;
    state.tournaments.remove(at);
    Ok(Response::new(204))
}
