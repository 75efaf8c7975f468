//! From a request to its answer: the order in which a deployment judges.
//!
//! Sizes, host and TRACE; the contract's own gate (a tenant header, say); the route; how many requests came from there;
//! who asks and whether he may; how many he sent; the body; the handler. Each flaw of this file moves or skips one of these steps.

use std::sync::Arc;
use std::time::Instant;

use matchit::Router;
use serde_json::{Map, Value};

use super::edge::body::{self, Member, Members};
use super::edge::errors::{self, Error};
use super::edge::{Edge, caching, credentials, host, limits, methods, paths, request_id};
use super::flaw::{Flaw, flaw};
use super::http::{Body, Fields, NOWHERE, Request, Response, Version};
use super::operation::Operation;
use super::rate_limit::{Counted, Payer};
use super::site::{Malformed, Site};
use super::token;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "body-judged-before-authentication",
        "Tells what is wrong with the body before asking who sends it.",
        "RFC 9110 §15.5.2",
    ),
    flaw(
        "body-judged-before-authorisation",
        "Tells a caller without the right what is wrong with the body.",
        "good practice",
    ),
    flaw(
        "existence-told-before-authentication",
        "Looks for the object before asking for credentials.",
        "good practice",
    ),
    flaw(
        "preconditions-judged-before-authorisation",
        "Judges If-Match and If-None-Match before the rights of the caller.",
        "RFC 9110 §13.2.1",
    ),
    flaw(
        "range-judged-before-authorisation",
        "Judges Range before the rights of the caller, and tells how long the answer would be.",
        "RFC 9110 §13.2.1",
    ),
    flaw(
        "server-version-told-where-unreadable",
        "Lets the server in front answer what cannot be read, with its product and version.",
        "RFC 9110 §10.2.4",
    ),
    flaw(
        "continue-before-authentication",
        "Asks for the body with 100 (Continue) before it looks at the credential.",
        "RFC 9110 §10.1.1",
    ),
    flaw(
        "effect-before-authentication",
        "Carries out an unsafe request before it finds that nobody is logged in.",
        "good practice",
    ),
    flaw(
        "effect-before-authorisation",
        "Carries out an unsafe request before it finds that the caller has no right to it.",
        "good practice",
    ),
];

/// What a request asks for that finds nothing.
pub(super) const NOWHERE_OPERATION: Operation = Operation::new("", "", "", &[], 404);

/// An application behind the edge.
pub trait Application: Send + Sync + Sized + 'static {
    /// What a route demands of its caller.
    type Access: Copy + Send + Sync + 'static;
    /// Who was let in.
    type Caller;

    fn edge(&self) -> &Edge;

    /// Judged before the route is looked up.
    fn gate(&self, _request: &Request) -> Result<(), Error> {
        Ok(())
    }

    /// Who asks, and whether he may.
    fn admit(&self, access: Self::Access, request: &Request) -> Result<Self::Caller, Error>;

    /// The same for a head alone, whose request is judged again when its body has come: nothing is used up.
    fn may(&self, access: Self::Access, head: &Request) -> Result<(), Error> {
        self.admit(access, head).map(drop)
    }

    /// The caller that a missing guard amounts to.
    fn stand_in(&self, access: Self::Access, request: &Request) -> Self::Caller;

    /// Whom the rate limits count the request for.
    fn payer(&self, _caller: &Self::Caller) -> Payer {
        Payer::default()
    }

    /// How many operations the request stands for, of which each counts.
    fn carries_out(&self, _operation: &Operation, _request: &Request) -> u32 {
        1
    }

    /// Whom a request that was refused names as its sender.
    fn named(&self, _request: &Request) -> Payer {
        Payer::default()
    }

    /// Whether the object in the path exists at all, for whomever.
    fn exists(&self, template: &str, id: &str) -> bool;

    /// A preflight, where the contract knows CORS; otherwise OPTIONS is answered with Allow alone.
    fn preflight(&self, _request: &Request, _allow: &str) -> Option<Response> {
        None
    }

    /// Told of a head whose body is still to come.
    fn head_came(&self, _head: &Request) {}

    /// Told when the whole request has come.
    fn came(&self, _request: &Request) {}

    /// Told when nobody waits for the answer any more.
    fn undelivered(&self, _request: &Request) {}

    /// The last word on an answer.
    fn decorate(&self, _request: &Request, _response: &mut Response) {}
}

/// A request that was let in.
pub struct Call<'a, A: Application> {
    pub app: &'a A,
    pub request: &'a Request,
    pub caller: A::Caller,
    id: Option<String>,
    /// The members of the body that the schema knows.
    pub body: Map<String, Value>,
    /// Those that it does not; correct handlers don't look.
    pub unknown: Map<String, Value>,
}

impl<A: Application> Call<'_, A> {
    /// The id in the path.
    pub fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    pub fn integer(&self, name: &str) -> Option<i64> {
        self.body.get(name).and_then(Value::as_i64)
    }
}

type Handler<A> = fn(&Call<'_, A>) -> Result<Response, Error>;

/// One row of a routing table. The path of the operation holds at most one `{id}`.
pub struct Route<A: Application> {
    pub operation: Operation,
    pub access: A::Access,
    /// `None`: the operation takes no body and ignores one.
    pub schema: Option<&'static [Member]>,
    pub run: Handler<A>,
}

pub(super) struct Resource<A: Application> {
    template: &'static str,
    routes: Vec<&'static Route<A>>,
}

impl<A: Application> Resource<A> {
    pub(super) fn route(&self, method: &str) -> Option<&'static Route<A>> {
        let method = if method == "HEAD" { "GET" } else { method };
        self.routes
            .iter()
            .copied()
            .find(|route| route.operation.method == method)
    }
}

/// Edge, routes and application put together.
pub struct Pipeline<A: Application> {
    pub(super) app: Arc<A>,
    resources: Router<Resource<A>>,
}

impl<A: Application> Pipeline<A> {
    /// # Panics
    /// When two templates contradict each other; the tables are constants, so a test finds it.
    pub fn new(app: Arc<A>, tables: &[&'static [Route<A>]]) -> Self {
        let mut grouped: Vec<Resource<A>> = Vec::new();
        for route in tables.iter().flat_map(|table| table.iter()) {
            match grouped
                .iter_mut()
                .find(|resource| resource.template == route.operation.path)
            {
                Some(resource) => resource.routes.push(route),
                None => grouped.push(Resource {
                    template: route.operation.path,
                    routes: vec![route],
                }),
            }
        }
        let mut resources = Router::new();
        for resource in grouped {
            resources
                .insert(resource.template, resource)
                .expect("templates of one table do not contradict each other");
        }
        Self { app, resources }
    }

    pub(super) fn find(&self, path: &str) -> Option<(&Resource<A>, Option<String>)> {
        let found = self.resources.at(path).ok()?;
        let id = found.params.get("id").map(ToOwned::to_owned);
        if id.as_deref().is_some_and(|id| !paths::is_id(id)) {
            return None;
        }
        Some((found.value, id))
    }

    fn respond(&self, request: &Request) -> Result<Response, Error> {
        let edge = self.app.edge();
        let flaws = &edge.flaws;
        limits::check_head(request, flaws)?;
        host::check(request)?;
        if request_id::chokes(edge, request) {
            return Err(Error::internal());
        }
        if let Some(error) = token::upset(edge, request) {
            return Err(error);
        }
        let path = caching::routed_path(request.path(), flaws);
        let found = self.find(path);
        let allow = methods::allow(
            found
                .iter()
                .flat_map(|(resource, _)| &resource.routes)
                .map(|route| route.operation.method),
            flaws,
        );
        if request.method == "TRACE" {
            if flaws.has("trace-enabled") {
                return Ok(methods::echo(request));
            }
            return Err(methods::not_allowed(allow, flaws));
        }
        if request.method == "OPTIONS" && (found.is_some() || request.target == "*") {
            return self.options(request, found, allow);
        }
        self.app.gate(request)?;
        let Some((resource, id)) = found else {
            return self.nowhere(request, || self.unguarded_spelling(request, path));
        };
        let Some(route) = resource.route(&request.method) else {
            return self.nowhere(request, || {
                self.unknown_method(resource, id, request, allow)
            });
        };
        let counted = Counted {
            operation: &route.operation,
            request,
            now: Instant::now(),
            carries_out: self.app.carries_out(&route.operation, request),
            flaws,
        };
        let mut charged = edge.limiter.charge_address(&counted)?;
        let admitted = self.admit(resource, route, request, id.as_deref());
        if admitted.is_err() && flaws.has_if_declared("limiter-behind-authentication") {
            charged.take_back();
        }
        if admitted.is_err() && flaws.has_if_declared("limit-charged-to-whoever-is-named") {
            let named = self.app.named(request);
            charged.join(edge.limiter.charge_payer(&counted, &named)?);
        }
        let mut answer = admitted.and_then(|caller| {
            let payer = self.app.payer(&caller);
            match edge.limiter.charge_payer(&counted, &payer) {
                Ok(more) => charged.join(more),
                Err(error) => {
                    if !request.is_safe() && flaws.has_if_declared("limit-counted-after-effect") {
                        self.serve(resource, route, request, id, caller)?;
                    }
                    return Err(error);
                }
            }
            self.serve(resource, route, request, id, caller)
        });
        if answer.is_err() && flaws.has_if_declared("failures-uncounted") {
            charged.take_back();
        }
        charged.ended(answer.is_err());
        charged.tell(&mut answer);
        answer
    }

    fn unknown_method(
        &self,
        resource: &Resource<A>,
        id: Option<String>,
        request: &Request,
        allow: String,
    ) -> Result<Response, Error> {
        let flaws = &self.app.edge().flaws;
        if !methods::is_known(&request.method)
            && flaws.has("unknown-method-unguarded")
            && let Some(route) = resource.route("GET")
        {
            let caller = self.app.stand_in(route.access, request);
            return self.run(route, request, id, caller);
        }
        // Which methods a protected resource knows is told to those who may know.
        if let Some(route) = resource.routes.first()
            && let Err(error) = self.app.admit(route.access, request)
            && error.status == 401
        {
            return Err(error);
        }
        Err(methods::not_allowed(allow, flaws))
    }

    /// A request of somebody who may, and who has not sent too many.
    fn serve(
        &self,
        resource: &Resource<A>,
        route: &Route<A>,
        request: &Request,
        id: Option<String>,
        caller: A::Caller,
    ) -> Result<Response, Error> {
        let edge = self.app.edge();
        let flaws = &edge.flaws;
        if let Some(inner) = methods::overridden(request, flaws)
            && let Some(other) = resource.route(&inner)
        {
            let caller = self.app.stand_in(other.access, request);
            return self.run(other, request, id, caller);
        }
        if let Some(other) = paths::rewritten(request, flaws)
            && let Some((resource, id)) = self.find(&other)
            && let Some(route) = resource.route(&request.method)
        {
            let caller = self.app.stand_in(route.access, request);
            return self.run(route, request, id, caller);
        }
        if let Some(complaint) = errors::database_complaint(edge, request) {
            return Err(complaint);
        }
        if let Some(kept) = edge.cache.get(request, flaws) {
            return Ok(kept);
        }
        let response = self.run(route, request, id, caller)?;
        edge.cache.put(request, &response, flaws);
        Ok(response)
    }

    fn options(
        &self,
        request: &Request,
        found: Option<(&Resource<A>, Option<String>)>,
        allow: String,
    ) -> Result<Response, Error> {
        if let Some(response) = self.app.preflight(request, &allow) {
            return Ok(response);
        }
        if let Some((resource, id)) = found
            && self.app.edge().flaws.has("options-unguarded")
            && let Some(route) = resource.route("GET")
        {
            let caller = self.app.stand_in(route.access, request);
            return self.run(route, request, id, caller);
        }
        Ok(Response::new(204).field("Allow", allow))
    }

    /// A path that nothing is found at; a flawed deployment tries other spellings, for which nobody stands guard.
    fn unguarded_spelling(&self, request: &Request, path: &str) -> Result<Response, Error> {
        let flaws = &self.app.edge().flaws;
        let Some(other) = paths::respelt(path, flaws) else {
            return Err(Error::not_found());
        };
        let (resource, id) = self.find(&other).ok_or_else(Error::not_found)?;
        let route = resource
            .route(&request.method)
            .ok_or_else(Error::not_found)?;
        let caller = self.app.stand_in(route.access, request);
        self.run(route, request, id, caller)
    }

    /// Judges the caller, with everything that a flawed deployment does too early or not at all.
    fn admit(
        &self,
        resource: &Resource<A>,
        route: &Route<A>,
        request: &Request,
        id: Option<&str>,
    ) -> Result<A::Caller, Error> {
        let app = &*self.app;
        let flaws = &app.edge().flaws;
        if (request.method == "HEAD" && flaws.has("head-unguarded"))
            || credentials::waved_through(request, flaws)
        {
            return Ok(app.stand_in(route.access, request));
        }
        // A shared cache answers before the application is asked.
        if app.edge().cache.get(request, flaws).is_some() {
            return Ok(app.stand_in(route.access, request));
        }
        let error = match app.admit(route.access, request) {
            Ok(caller) => return Ok(caller),
            Err(error) => error,
        };
        let is_unknown = error.status == 401;
        let judge_body = || match route.schema {
            Some(schema) => body::read(app.edge(), request, schema).map(drop),
            None => Ok(()),
        };
        if (is_unknown && flaws.has("body-judged-before-authentication"))
            || (!is_unknown && flaws.has("body-judged-before-authorisation"))
        {
            judge_body()?;
        }
        if is_unknown
            && flaws.has("existence-told-before-authentication")
            && id.is_some_and(|id| !app.exists(resource.template, id))
        {
            return Err(Error::not_found());
        }
        if !is_unknown && flaws.has("preconditions-judged-before-authorisation") {
            let if_none_match = request.fields.has("if-none-match");
            if if_none_match && request.is_safe() {
                return Err(Error::new(304, "NOT_MODIFIED", "You know this version."));
            }
            if if_none_match || request.fields.has("if-match") {
                return Err(Error::new(
                    412,
                    "PRECONDITION_FAILED",
                    "The object has changed.",
                ));
            }
        }
        if !is_unknown
            && request.is_safe()
            && request.fields.has("range")
            && flaws.has("range-judged-before-authorisation")
        {
            let error = Error::new(416, "RANGE_NOT_SATISFIABLE", "There is no such part.");
            return Err(error.field("Content-Range", "bytes */1024"));
        }
        if !request.is_safe()
            && ((is_unknown && flaws.has("effect-before-authentication"))
                || (!is_unknown && flaws.has("effect-before-authorisation")))
        {
            let caller = app.stand_in(route.access, request);
            // Only the effect matters here; the caller is told the refusal.
            let _ = self.run(route, request, id.map(ToOwned::to_owned), caller);
        }
        Err(error)
    }

    fn run(
        &self,
        route: &Route<A>,
        request: &Request,
        id: Option<String>,
        caller: A::Caller,
    ) -> Result<Response, Error> {
        let edge = self.app.edge();
        let members = match route.schema {
            Some(schema) => body::read(edge, request, schema)?,
            None => {
                limits::body(request, &edge.flaws)?;
                Members::default()
            }
        };
        let call = Call {
            app: &*self.app,
            request,
            caller,
            id,
            body: members.known,
            unknown: members.unknown,
        };
        let mut response = (route.run)(&call)?;
        if request.method == "HEAD" && edge.flaws.has("head-fields-differ") {
            response.remove("Content-Type");
        }
        if request.method == "HEAD" && edge.flaws.has("head-length-zero") {
            response.body.clear();
        }
        Ok(response)
    }

    fn complete(&self, request: &Request, answer: Result<Response, Error>) -> Response {
        let edge = self.app.edge();
        let id = edge.ids.assign(edge, request);
        let mut response = answer.unwrap_or_else(|error| edge.render(request, &error, &id));
        edge.finish(request, &mut response, &id);
        self.app.decorate(request, &mut response);
        edge.cache.put_refusal(request, &response);
        response
    }
}

impl<A: Application> Site for Pipeline<A> {
    fn screen(&self, head: &Request) -> Option<Response> {
        let app = &*self.app;
        let flaws = &app.edge().flaws;
        if let Some(kept) = app.edge().cache.refusal(head, flaws) {
            return Some(kept);
        }
        let (resource, _) = self.find(head.path())?;
        let route = resource.route(&head.method)?;
        let error = app
            .gate(head)
            .and_then(|()| app.may(route.access, head))
            .err()?;
        if flaws.has("continue-before-authentication")
            || flaws.has("effect-before-authentication")
            || flaws.has("body-judged-before-authentication")
            || flaws.has("token-in-body-read")
        {
            return None;
        }
        Some(self.complete(head, Err(error)))
    }

    fn head_came(&self, head: &Request) {
        self.app.head_came(head);
    }

    fn undelivered(&self, request: &Request) {
        let flaws = &self.app.edge().flaws;
        if flaws.has_if_declared("limit-slot-kept-after-abort") {
            self.keep_slot(request);
        }
        self.app.undelivered(request);
    }

    fn body_bound(&self) -> usize {
        limits::body_bound(&self.app.edge().flaws)
    }

    fn answer(&self, request: &Request) -> Option<Response> {
        let edge = self.app.edge();
        self.app.came(request);
        let kept = edge.cache.refusal(request, &edge.flaws);
        kept.or_else(|| Some(self.complete(request, self.respond(request))))
    }

    fn malformed(&self, fault: Malformed, encrypted: bool) -> Option<Response> {
        let request = Request {
            method: "GET".to_owned(),
            target: "/".to_owned(),
            authority: String::new(),
            version: Version::Http11,
            fields: Fields::default(),
            body: Body::Bytes(Vec::new()),
            encrypted,
            peer: NOWHERE,
            node: crate::reference::http::Node::default(),
        };
        let error = match fault {
            Malformed::HeadTooLarge => {
                Error::new(431, "HEAD_TOO_LARGE", "The header fields are too large.")
            }
            Malformed::Syntax
            | Malformed::TransferCoding
            | Malformed::Expectation
            | Malformed::Slow => Error::new(
                fault.status(),
                "MALFORMED_REQUEST",
                "The request cannot be read.",
            ),
        };
        let mut response = self.complete(&request, Err(error));
        if self
            .app
            .edge()
            .flaws
            .has("server-version-told-where-unreadable")
        {
            response.set("Server", "nginx/1.18.0 (Ubuntu)");
        }
        Some(response)
    }
}
