//! The wish to end a run early.

use std::sync::Arc;

use tokio::sync::watch;

/// Shared by whoever may ask a run to end and by the run; what was reached until then is kept.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Asks the run to end. Tells whether somebody had asked before.
    pub fn ask(&self) -> bool {
        self.0.send_replace(true)
    }

    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when somebody asks.
    pub async fn asked(&self) {
        // Fails only without a sender, and we hold one.
        let _ = self.0.subscribe().wait_for(|asked| *asked).await;
    }
}
