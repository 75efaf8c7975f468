//! The marketplaces whose pages may read, and what they may send and see.

use crate::reference::cors::{Origin, Policy};

pub const POLICY: Policy = Policy {
    origins: &[
        Origin {
            name: "https://marketplace.example",
            has_credentials: true,
        },
        // A reseller's, under its own name.
        Origin {
            name: "https://store.reseller.example",
            has_credentials: true,
        },
        // Pages that show offers to anybody; they read without cookies.
        Origin {
            name: "https://offers.example",
            has_credentials: false,
        },
    ],
    headers: "Authorization, Content-Type, X-Request-Id",
    exposed: "Location, Retry-After, WWW-Authenticate, X-Request-Id",
};
