//! The origins whose pages may read, and what they may send and see.

use crate::reference::cors::{Origin, Policy};

pub const POLICY: Policy = Policy {
    origins: &[
        // The application's own pages elsewhere.
        Origin {
            name: "https://app.example",
            has_credentials: true,
        },
        // A partner's; it too comes with the cookies of the user.
        Origin {
            name: "https://portal.partner.example",
            has_credentials: true,
        },
        // Anybody's pages with our widgets in them; they read without cookies.
        Origin {
            name: "https://widgets.example",
            has_credentials: false,
        },
    ],
    headers: "Authorization, Content-Type, If-Match, If-None-Match, X-CSRF-Token, X-Request-Id",
    exposed: "ETag, Location, Retry-After, WWW-Authenticate, X-Request-Id",
};
