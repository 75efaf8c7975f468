use crate::reference::flaw::{Flaw, flaw};

/// Of deployments that are started with limits.
pub const FLAWS: &[Flaw] = &[
    flaw(
        "limit-off-by-one",
        "Lets one request more through than the limit.",
        "RFC 6585 §4",
    ),
    flaw(
        "limit-not-enforced",
        "Counts, and refuses nothing.",
        "RFC 6585 §4",
    ),
    flaw(
        "limit-too-strict",
        "Refuses from four fifths of the limit on.",
        "good practice",
    ),
    flaw(
        "limit-answered-503",
        "Answers 503 where a limit is used up.",
        "RFC 6585 §4",
    ),
    flaw(
        "limit-counted-after-effect",
        "Carries out a write before it finds that the limit is used up.",
        "good practice",
    ),
    flaw(
        "limit-counted-late",
        "Looks whether there is room, and counts a millisecond later.",
        "good practice",
    ),
    flaw(
        "limiter-keyed-by-address",
        "Counts callers with keys of their own by the address that they come from.",
        "draft-ietf-httpapi-ratelimit-headers §3.1.4",
    ),
    flaw(
        "limit-shared-by-all-operations",
        "Counts every request against every limit.",
        "good practice",
    ),
    flaw(
        "limiter-keyed-by-forwarded-for",
        "Takes the first address of X-Forwarded-For for the client's, whoever sends it.",
        "RFC 7239 §8.1",
    ),
    flaw(
        "limiter-keyed-by-url-as-written",
        "Counts every spelling of a URL by itself.",
        "good practice",
    ),
    flaw(
        "limiter-keyed-by-user-agent",
        "Counts every User-Agent by itself.",
        "good practice",
    ),
    flaw(
        "limiter-keyed-by-http-version",
        "Counts HTTP/1.1 and HTTP/2 apart.",
        "good practice",
    ),
    flaw(
        "limit-counted-by-node",
        "Counts at each node what comes there, and nothing of what comes to the others.",
        "good practice",
    ),
    flaw(
        "limit-sliding-in-place-of-fixed",
        "Lets no more through in any window where each window was declared to begin anew.",
        "good practice",
    ),
    flaw(
        "limiter-keyed-by-authorization",
        "Counts every text of Authorization by itself.",
        "good practice",
    ),
    flaw(
        "limit-forgets-head",
        "Does not count HEAD.",
        "good practice",
    ),
    flaw(
        "counter-never-resets",
        "Counts without ever beginning a new window.",
        "good practice",
    ),
    flaw(
        "refused-requests-extend-the-window",
        "Begins the window anew with every request that it refuses.",
        "good practice",
    ),
    flaw(
        "limit-refusal-without-body",
        "Answers 429 with nothing in it.",
        "RFC 6585 §4",
    ),
    flaw(
        "limit-refusal-cacheable",
        "Lets caches keep a 429 for a minute.",
        "RFC 6585 §4",
    ),
    flaw(
        "limit-refusal-names-the-bucket",
        "Tells in a 429 by which address or key it counts.",
        "draft-ietf-httpapi-ratelimit-headers §8.2",
    ),
    flaw(
        "retry-after-in-milliseconds",
        "Writes Retry-After in milliseconds.",
        "RFC 9110 §10.2.3",
    ),
    flaw(
        "retry-after-missing",
        "Sends no Retry-After.",
        "RFC 6585 §4",
    ),
    flaw(
        "retry-after-always-zero",
        "Tells everybody to come again at once.",
        "RFC 9110 §10.2.3",
    ),
    flaw(
        "retry-after-an-hour",
        "Tells everybody to come again in an hour.",
        "good practice",
    ),
    flaw(
        "rate-limit-policy-without-quotes",
        "Writes names of policies as tokens.",
        "draft-ietf-httpapi-ratelimit-headers §3",
    ),
    flaw(
        "rate-limit-remaining-negative",
        "Writes one below zero where nothing is left.",
        "draft-ietf-httpapi-ratelimit-headers §4.1.1",
    ),
    flaw(
        "rate-limit-remaining-constant",
        "Writes the whole limit as what is left, whatever was used.",
        "draft-ietf-httpapi-ratelimit-headers §4.1.1",
    ),
    flaw(
        "rate-limit-remaining-overstated",
        "Writes half the limit more than is left, as long as it serves.",
        "draft-ietf-httpapi-ratelimit-headers §4.1.1",
    ),
    flaw(
        "rate-limit-reset-as-date",
        "Writes the end of the window as seconds since 1970.",
        "draft-ietf-httpapi-ratelimit-headers §4.1.2",
    ),
    flaw(
        "rate-limit-fields-in-trailers",
        "Sends the fields once more behind the body.",
        "draft-ietf-httpapi-ratelimit-headers §3.1, §4.1",
    ),
    flaw(
        "rate-limit-policy-untrue",
        "Writes twice the quota that it enforces.",
        "draft-ietf-httpapi-ratelimit-headers §3.1.1",
    ),
];

/// Of those that count logins, too.
pub const LOGIN_FLAWS: &[Flaw] = &[
    flaw(
        "failures-uncounted",
        "Does not count what is answered with an error.",
        "OWASP API2:2023",
    ),
    flaw(
        "failures-forgiven-by-success",
        "Takes the failures of an address off its count when one of its logins succeeds.",
        "OWASP API2:2023",
    ),
    flaw(
        "limiter-behind-authentication",
        "Counts nothing that finds no operation, and nobody who is not let in.",
        "draft-ietf-httpapi-ratelimit-headers §8.2",
    ),
    flaw(
        "limiter-keyed-by-account",
        "Counts the logins to every account by themselves.",
        "OWASP API2:2023",
    ),
];

/// Of those that count by user.
pub const USER_FLAWS: &[Flaw] = &[flaw(
    "limiter-keyed-by-token",
    "Counts every token of a user by itself.",
    "good practice",
)];

/// Of those that send the fields from before the draft, too.
pub const LEGACY_FLAWS: &[Flaw] = &[
    flaw(
        "legacy-remaining-above-limit",
        "Writes in X-RateLimit-Remaining one more than the limit.",
        "draft-ietf-httpapi-ratelimit-headers, appendix D",
    ),
    flaw(
        "legacy-remaining-stale",
        "Writes in X-RateLimit-Remaining what was left before the request.",
        "draft-ietf-httpapi-ratelimit-headers, appendix D",
    ),
];

/// Of those that tell the wait in the body.
pub const WAIT_FLAWS: &[Flaw] = &[flaw(
    "retry-in-body-in-milliseconds",
    "Writes the wait of the error body in milliseconds.",
    "good practice",
)];

/// Of those that answer with problem details.
pub const PROBLEM_FLAWS: &[Flaw] = &[flaw(
    "limit-refusal-without-type",
    "Answers 429 with a problem of no type.",
    "draft-ietf-httpapi-ratelimit-headers §5.1",
)];

/// Of those whose credentials have a name beside their secret.
pub const NAMED_FLAWS: &[Flaw] = &[flaw(
    "limit-charged-to-whoever-is-named",
    "Counts a request for the credential that it names, whether its secret is right or not.",
    "draft-ietf-httpapi-ratelimit-headers §8.2",
)];

/// Of those with a bucket that refills.
pub const BUCKET_FLAWS: &[Flaw] = &[flaw(
    "limit-fixed-in-place-of-tokens",
    "Begins anew when a window is over where a bucket was declared that refills.",
    "good practice",
)];

/// Of those with a window that slides, and with a limit of what is under way at the same time.
pub const KIND_FLAWS: &[Flaw] = &[
    flaw(
        "limit-fixed-in-place-of-sliding",
        "Begins anew when a window is over where a sliding one was declared.",
        "good practice",
    ),
    flaw(
        "limit-slot-kept-after-abort",
        "Takes a request for one that is under way for ever when its client goes away.",
        "draft-ietf-httpapi-ratelimit-headers §3.1.2",
    ),
];

/// Whether a flaw is one of the limiter.
pub fn is_of_limits(id: &str) -> bool {
    let tables = [
        FLAWS,
        LOGIN_FLAWS,
        USER_FLAWS,
        LEGACY_FLAWS,
        WAIT_FLAWS,
        PROBLEM_FLAWS,
        NAMED_FLAWS,
        BUCKET_FLAWS,
        KIND_FLAWS,
    ];
    tables
        .iter()
        .flat_map(|table| table.iter())
        .any(|flaw| flaw.id == id)
}

/// Of those that carry out several operations in one request.
pub const BATCH_FLAWS: &[Flaw] = &[flaw(
    "limit-counts-a-batch-once",
    "Counts a request that carries out many operations as one.",
    "OWASP API4:2023",
)];
