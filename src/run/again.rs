//! Requests of earlier steps, sent again byte for byte.

use std::io;

use serde_json::Value;

use super::case::Walk;
use super::prepare::Fault;
use super::race::harness;
use super::request::node;
use crate::journal::Slot;
use crate::suite::model::Resend;
use crate::wire::Request;

impl Walk<'_> {
    pub(super) async fn resend(&mut self, slot: Slot, resend: &Resend) -> io::Result<()> {
        let again = self.again(
            &resend.resend,
            resend.fresh_connection,
            resend.node.as_ref(),
        );
        let request = match again {
            Ok(request) => request,
            Err(fault) => {
                self.hindered(slot, fault).await;
                return Ok(());
            }
        };
        let subject = self.subject([
            &resend.control,
            &resend.expect,
            &resend.should,
            &resend.advise,
        ]);
        if let Some(sends_as) = self.saved_as.get(&resend.resend) {
            self.keep_to_budgets(sends_as).await;
        }
        let sent = self.transmit(&request, subject, &resend.capture).await?;
        if let Some(name) = &resend.save {
            self.saved.insert(name.clone(), request);
        }
        self.took(slot, sent, &resend.capture);
        Ok(())
    }

    /// The request that an earlier step saved.
    pub(super) fn again(
        &self,
        name: &str,
        fresh_connection: bool,
        named: Option<&Value>,
    ) -> Result<Request, Fault> {
        let saved = self.saved.get(name).cloned();
        let mut request =
            saved.ok_or_else(|| harness(format!("no earlier step was saved as `{name}`")))?;
        request.fresh_connection |= fresh_connection;
        request.cut = None;
        if let Some(named) = named {
            let found = node(named, &self.field.plan.target, &self.scope());
            request.origin.node = Some(found.map_err(|error| harness(error.to_string()))?);
        }
        Ok(request)
    }
}
