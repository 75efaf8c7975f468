//! How far a run is: a bar on a terminal, a line from time to time elsewhere.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::judge::Verdict;
use crate::report::visible;
use crate::run::Observer;
use crate::suite::plan::Case;

/// How often a run without a terminal says how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How far a run is, over all its targets together.
pub(super) struct Progress {
    bar: ProgressBar,
    failed: AtomicUsize,
    /// Whether the cases of all targets were counted before the first began.
    is_counted: AtomicBool,
}

impl Progress {
    pub(super) fn new(live: bool, target: &str) -> Self {
        let bar = ProgressBar::with_draw_target(
            Some(0),
            if live {
                ProgressDrawTarget::stderr()
            } else {
                ProgressDrawTarget::hidden()
            },
        );
        let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        bar.set_prefix(
            target
                .chars()
                .filter(|c| !c.is_control())
                .take(30)
                .collect::<String>(),
        );
        Self {
            bar,
            failed: AtomicUsize::new(0),
            is_counted: AtomicBool::new(false),
        }
    }

    /// So many cases in all.
    pub(super) fn expects(&self, cases: usize) {
        self.bar.set_length(cases as u64);
        self.is_counted.store(true, Ordering::Relaxed);
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn begins(&self, cases: usize) {
        if !self.is_counted.load(Ordering::Relaxed) {
            self.bar.inc_length(cases as u64);
        }
    }

    fn decided(&self, case: &Case, verdict: &Verdict) {
        if matches!(verdict, Verdict::Fail { .. }) {
            self.failed.fetch_add(1, Ordering::Relaxed);
            self.bar
                .set_message(format!("last failure: {}", case.check));
        }
        self.bar.inc(1);
    }

    fn noticed(&self, says: &str) {
        let line = visible(says);
        // Between two frames of the bar.
        self.bar.suspend(|| {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        });
    }
}

/// Where no bar is drawn, a line from time to time shows that the run goes on.
pub(super) async fn tell_now_and_then(progress: Arc<Progress>) {
    let mut seconds = 0;
    while progress.bar.is_hidden() {
        tokio::time::sleep(TOLD_EVERY).await;
        seconds += TOLD_EVERY.as_secs();
        let (done, all) = (progress.bar.position(), progress.bar.length());
        progress.noticed(&match all {
            None | Some(0) => format!("{seconds} s: waiting for the target"),
            Some(all) => format!(
                "{seconds} s: {done} of {all} cases decided, {} failed",
                progress.failed.load(Ordering::Relaxed)
            ),
        });
    }
}
