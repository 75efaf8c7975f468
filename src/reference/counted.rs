//! Requests that are counted without being carried out.

use std::time::Instant;

use super::dispatch::{Application, NOWHERE_OPERATION, Pipeline};
use super::edge::errors::Error;
use super::http::{Request, Response};
use super::rate_limit::Counted;

impl<A: Application> Pipeline<A> {
    /// What finds no operation is counted under the limits that are about all of them.
    pub(super) fn nowhere(
        &self,
        request: &Request,
        act: impl FnOnce() -> Result<Response, Error>,
    ) -> Result<Response, Error> {
        let edge = self.app.edge();
        let flaws = &edge.flaws;
        if flaws.has_if_declared("limiter-behind-authentication")
            || flaws.has_if_declared("failures-uncounted")
        {
            return act();
        }
        let charged = edge.limiter.charge_address(&Counted {
            operation: &NOWHERE_OPERATION,
            request,
            now: Instant::now(),
            carries_out: 1,
            flaws,
        })?;
        let mut answer = act();
        charged.tell(&mut answer);
        answer
    }

    /// Counts the request as one that is under way for ever.
    pub(super) fn keep_slot(&self, request: &Request) {
        let edge = self.app.edge();
        let Some((resource, _)) = self.find(request.path()) else {
            return;
        };
        let Some(route) = resource.route(&request.method) else {
            return;
        };
        let counted = Counted {
            operation: &route.operation,
            request,
            now: Instant::now(),
            carries_out: 1,
            flaws: &edge.flaws,
        };
        if let Ok(caller) = self.app.admit(route.access, request)
            && let Ok(mut charged) = edge
                .limiter
                .charge_payer(&counted, &self.app.payer(&caller))
        {
            charged.never_ends();
        }
    }
}
