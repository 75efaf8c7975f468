//! Objects of one user, at an API without tenants that tells the id of a new one in `Location` only.

mod deployment;

use std::collections::BTreeMap;
use std::sync::Mutex;

use deployment::bare::{CHECKS, CONTRACT};
use deployment::{Door, Files, Reply, Request, answer, json, proofmark, serve};

const ALICE: &str = "alice-5c1f0a77";
const BOB: &str = "bob-5c1f0a77";
const TARGET: &str = r#"
secrets: { alice: alice-5c1f0a77, bob: bob-5c1f0a77 }
principals:
  user: { roles: [user], credentials: { token: "${secret.alice}" }, values: { memo: "0" } }
  colleague: { roles: [user], is: [other-owner], credentials: { token: "${secret.bob}" } }
  twin: { roles: [user], is: [other-owner], same_user_as: user, credentials: { token: "${secret.alice}" } }
  admin: { roles: [user, admin], is: [other-owner], credentials: { token: "${secret.alice}" } }
operations:
  write-memo:
    request: POST /memos
    allow: [user]
    is: [create, owned]
    body: { json: { text: "${canary}" } }
    makes: { value: memo, header: Location, matches: "[^/]+$" }
    state: list-memos
  list-memos: { request: GET /memos, allow: [user], is: [list, owned] }
  read-memo: { request: "GET /memos/${memo}", allow: [user], is: [item, owned] }
  change-memo: { request: "PUT /memos/${memo}", allow: [user], is: [item, owned], body: { json: { text: "${canary}" } }, state: read-memo }
  remove-memo: { request: "DELETE /memos/${memo}", allow: [user], is: [item, owned], state: read-memo }
consent: { writes: true, max_requests_per_second: 100000 }
"#;

/// What the deployment does not look at.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Reading,
    Writing,
    Deleting,
    Listing,
    /// Refuses, and deletes all the same.
    RefusesTooLate,
    /// Says that all went well, and does nothing.
    Pretends,
}

type Memos = BTreeMap<String, (String, String)>;

fn reply(fault: Fault, memos: &mut Memos, request: &Request) -> Vec<u8> {
    let Some(caller) = request.header("authorization").strip_prefix("Bearer ") else {
        return answer("401 Unauthorized", &["WWW-Authenticate: Bearer"], b"");
    };
    let path = request.target.split('?').next().unwrap_or_default();
    let text = String::from_utf8_lossy(&request.body).into_owned();
    let Some(id) = path.strip_prefix("/memos/") else {
        if request.method == "POST" {
            let id = format!("m{}", memos.len() + 1);
            memos.insert(id.clone(), (caller.to_owned(), text));
            return answer("201 Created", &[&format!("Location: /memos/{id}")], b"");
        }
        let own = |owner: &str| owner == caller || fault == Fault::Listing;
        let texts: Vec<&str> = memos
            .values()
            .filter(|(owner, _)| own(owner))
            .map(|(_, text)| text.as_str())
            .collect();
        return json("200 OK", &format!("[{}]", texts.join(",")));
    };
    let missing = json("404 Not Found", "{}");
    let Some((owner, found)) = memos.get(id).cloned() else {
        return missing;
    };
    let is_open = match request.method.as_str() {
        "GET" => fault == Fault::Reading,
        "PUT" => fault == Fault::Writing,
        _ => fault == Fault::Deleting,
    };
    if owner != caller && !is_open {
        if fault == Fault::Pretends && request.method != "GET" {
            return json("200 OK", "{}");
        }
        if fault == Fault::RefusesTooLate && request.method == "DELETE" {
            memos.insert(id.to_owned(), ("nobody".to_owned(), String::new()));
        }
        return missing;
    }
    match request.method.as_str() {
        "GET" => return json("200 OK", &found),
        "PUT" => memos.insert(id.to_owned(), (owner, text)),
        _ => memos.insert(id.to_owned(), ("nobody".to_owned(), String::new())),
    };
    json("200 OK", "{}")
}

/// Verdicts of the checks about owners, by case.
async fn verdicts(fault: Fault) -> BTreeMap<String, String> {
    let memos = Mutex::new(Memos::new());
    let site = serve(Door::Open, move |request, _| {
        let mut memos = memos.lock().expect("no handler panics");
        // One that is there before the run.
        let seeded = || (ALICE.to_owned(), "{}".to_owned());
        memos.entry("0".to_owned()).or_insert_with(seeded);
        Reply::Keep(reply(fault, &mut memos, request))
    })
    .await;
    let files = Files::new(CONTRACT, CHECKS);
    files.target(&site, "http-api", TARGET);
    let mut arguments = files.run();
    arguments.extend(["--check", "AUTH-TEN-01-OWNER*,AUTH-TEN-02-OWNER"].map(str::to_owned));
    let ran = proofmark(&arguments, &[]).await;
    ran.in_order();
    let is_seeded = |request: &Request| request.target == "/memos/0";
    let deletions = site.requests().into_iter().filter(is_seeded);
    assert!(deletions.into_iter().all(|one| one.method != "DELETE"));
    assert!(!ran.text().contains(BOB), "{}", ran.text());
    let tried = files.verdicts().into_iter();
    tried.filter(|(_, verdict)| verdict != "skipped").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_about_owners_fails_its_own_check() {
    const READ: &str = "AUTH-TEN-01-OWNER[read-memo, user, colleague]";
    const WRITE: &str = "AUTH-TEN-01-OWNER-WRITE[change-memo, user, colleague]";
    const DELETE: &str = "AUTH-TEN-01-OWNER-DELETE[remove-memo, user, colleague]";
    const LIST: &str = "AUTH-TEN-02-OWNER[write-memo, user, colleague]";
    for (fault, fails) in [
        (Fault::None, ""),
        (Fault::Reading, READ),
        (Fault::Writing, WRITE),
        (Fault::Deleting, DELETE),
        (Fault::Listing, LIST),
        (Fault::RefusesTooLate, DELETE),
    ] {
        let found = verdicts(fault).await;
        let wanted: BTreeMap<String, String> = [READ, WRITE, DELETE, LIST]
            .into_iter()
            .map(|case| {
                (
                    case.to_owned(),
                    if case == fails { "fail" } else { "pass" }.to_owned(),
                )
            })
            .collect();
        assert_eq!(found, wanted, "fault of {fails:?}");
    }
}

/// A success that changes nothing breaks no promise; it is only not what is recommended.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_says_that_it_was_done_is_no_breach() {
    let site = Mutex::new(Memos::new());
    let site = serve(Door::Open, move |request, _| {
        let mut memos = site.lock().expect("no handler panics");
        Reply::Keep(reply(Fault::Pretends, &mut memos, request))
    })
    .await;
    let files = Files::new(CONTRACT, CHECKS);
    files.target(&site, "http-api", TARGET);
    let mut arguments = files.run();
    arguments.extend(["--check", "AUTH-TEN-01-OWNER-DELETE"].map(str::to_owned));
    let ran = proofmark(&arguments, &[]).await;
    ran.in_order();
    assert_eq!(ran.code, Some(0), "{}", ran.text());
    assert!(ran.text().contains("(should,"), "{}", ran.text());
}
