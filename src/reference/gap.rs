//! The moment between a look-up and a note, for deployments that leave one.

use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

const GAP: Duration = Duration::from_millis(1);

/// Lets a millisecond pass in which other requests are served.
pub fn gap() {
    pause(GAP);
}

/// Lets a time pass in which other requests are served.
pub fn pause(time: Duration) {
    let many_threads = Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    match many_threads {
        true => tokio::task::block_in_place(|| std::thread::sleep(time)),
        false => std::thread::sleep(time),
    }
}
