//! A contract of three operations and the checks of it, so that what a test expects does not hang on the shipped suites.

pub const CONTRACT: &str = r#"contract: bare
title: For one test
source: none
credentials:
  token: { header: Authorization, scheme: Bearer }
principals:
  user:
    roles: [user]
    credentials: { token: "${secret.token}" }
operations:
  me: { request: GET /me, allow: [user], is: [personal] }
  things: { request: GET /things, allow: [user], is: [list] }
  create: { request: POST /things, allow: [user], is: [create], state: things, body: { json: { name: "${canary}" } } }
answers:
  accepted: { status: 2xx }
  unauthenticated: { status: 401 }
  refused: { status: 4xx }
checks: { include: ["BARE-*"] }
"#;

pub const CHECKS: &str = r#"
- id: BARE-401-01
  title: Without a credential there is a challenge
  level: must
  source: none
  for_each:
    operation: { operations: protected read }
    principal: { principals: allowed, on: operation }
  control: [{ send: "${operation}", as: "${principal}", control: accepted }]
  steps:
    - send: ${operation}
      expect: [unauthenticated, { header: { WWW-Authenticate: present } }]
  remedy: none
  proved_by: [challenge-missing]
- id: BARE-SNIFF-01
  title: Types are not guessed
  level: must
  source: none
  steps:
    - send: me
      as: user
      control: accepted
      expect: { header: { X-Content-Type-Options: { equals: nosniff } } }
  remedy: none
  proved_by: [challenge-missing]
- id: BARE-LEAK-01
  title: Answers show no stack trace
  level: must
  source: none
  steps:
    - send: me
      as: user
      control: accepted
      expect: { body: { excludes: "stack trace at", json: true } }
  remedy: none
  proved_by: [challenge-missing]
- id: BARE-PLAIN-01
  title: Plain HTTP gives nothing away
  level: must
  source: none
  steps:
    - send: me
      over: plain
      expect: { any_of: [{ status: [3xx, 4xx] }, { connection: [refused, closed, reset] }] }
  remedy: none
  proved_by: [challenge-missing]
- id: BARE-WRITE-01
  title: Things are only created with a credential
  level: must
  source: none
  control: [{ send: create, as: user, control: accepted }]
  steps:
    - send: create
      expect: unauthenticated
  remedy: none
  proved_by: [challenge-missing]
"#;

/// What target files of this contract begin with, after their addresses. No waiting longer than needed.
pub const TOKEN: &str = "tok-3f9a1c77e2b84d55";
