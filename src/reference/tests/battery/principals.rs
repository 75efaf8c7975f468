//! Who asks, in each contract, and about which objects.

/// Principals of a contract: what each sends.
pub type Principals = &'static [(&'static str, &'static [(&'static str, &'static str)])];

/// Principals at the head of each list that are tried on every operation.
pub const USUAL: usize = 4;

pub const PERS: Principals = &[
    ("anonymous", &[("X-Project-Key", "$project_key")]),
    (
        "user",
        &[
            ("X-Project-Key", "$project_key"),
            ("Authorization", "Bearer $user_token"),
        ],
    ),
    (
        "business",
        &[
            ("X-Project-Key", "$project_key"),
            ("Authorization", "Bearer $business_token"),
        ],
    ),
    (
        "admin",
        &[
            ("X-Project-Key", "$project_key"),
            ("Authorization", "Bearer $admin_token"),
        ],
    ),
    (
        "stranger",
        &[
            ("X-Project-Key", "$project_key"),
            ("Authorization", "Bearer x"),
        ],
    ),
    (
        "foreign",
        &[
            ("X-Project-Key", "$project_key"),
            ("Authorization", "Bearer $foreign_user_token"),
        ],
    ),
    (
        "expired",
        &[
            ("X-Project-Key", "$project_key"),
            ("Authorization", "Bearer $expired_user_token"),
        ],
    ),
    (
        "mixed",
        &[
            ("X-Project-Key", "$other_project_key"),
            ("Authorization", "Bearer $user_token"),
        ],
    ),
    (
        "legacy",
        &[
            ("X-Project-Key", "$project_key"),
            ("X-API-Key", "$legacy_api_key"),
        ],
    ),
    ("keyless", &[]),
    ("unknown-key", &[("X-Project-Key", "$unknown_project_key")]),
    ("long-key", &[("X-Project-Key", "$project_key0")]),
    (
        "key-list",
        &[("X-Project-Key", "$project_key, $other_project_key")],
    ),
    (
        "two-keys",
        &[
            ("X-Project-Key", "$project_key"),
            ("X-Project-Key", "$other_project_key"),
        ],
    ),
    ("live-key", &[("X-Project-Key", "pk_live_$project_key")]),
    ("late-key", &[("Authorization", "Bearer x")]),
];

pub const INTRAVERSE: Principals = &[
    ("anonymous", &[]),
    ("client", &[("x-game-key", "$client_key")]),
    ("server", &[("x-game-server-key", "$server_key")]),
    ("player", &[("Authorization", "Bearer $user_token")]),
    ("stranger", &[("Authorization", "Bearer x")]),
    (
        "foreign",
        &[("Authorization", "Bearer $foreign_user_token")],
    ),
    (
        "expired",
        &[("Authorization", "Bearer $expired_user_token")],
    ),
    ("unknown", &[("x-game-server-key", "nonsense")]),
    ("revoked", &[("x-game-server-key", "$revoked_server_key")]),
    (
        "other-env",
        &[("x-game-server-key", "$other_env_server_key")],
    ),
    ("other-game", &[("x-game-server-key", "$other_server_key")]),
    ("misplaced", &[("x-game-key", "$server_key")]),
];

pub const HTTP_API: Principals = &[
    ("anonymous", &[]),
    ("user", &[("Authorization", "Bearer $user_token")]),
    ("reader", &[("Authorization", "Bearer $reader_token")]),
    ("admin", &[("Authorization", "Bearer $admin_token")]),
    ("stranger", &[("Authorization", "Bearer x")]),
    (
        "foreign",
        &[("Authorization", "Bearer $foreign_user_token")],
    ),
    (
        "expired",
        &[("Authorization", "Bearer $expired_user_token")],
    ),
];

/// Ids that a path template is tried with.
pub fn ids(template: &str) -> &'static [&'static str] {
    match template {
        "/v2/users/{id}" | "/users/{id}" => &["$demotable_id", "$other_user_id", "none"],
        "/v2/campaigns/{id}" => &["$campaign_id", "$other_campaign_id"],
        "/v2/transactions/{id}" => &["$transaction_id", "$other_transaction_id"],
        "/tournament/{id}" => &["$tournament_id", "$other_tournament_id"],
        "/game-point/{id}" => &["$user_id", "$other_user_id", "none"],
        "/notes/{id}" => &["$note_id", "$other_note_id", "none"],
        "/files/{id}" => &["$file_id", "$other_file_id"],
        _ => &["1"],
    }
}
