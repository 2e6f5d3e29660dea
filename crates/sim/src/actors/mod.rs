//! Whoever uses the node. Each actor works until its task is ended; what fails it tries again.

pub(crate) mod follower;
pub(crate) mod operator;
pub(crate) mod poller;
pub(crate) mod producer;
pub(crate) mod reader;
pub(crate) mod resharder;
pub(crate) mod watcher;

use std::ops::Range;
use std::time::Duration;

use tokio::time::sleep;

use crate::run::Run;

/// Waits for a time by chance.
async fn pause(run: &Run, ms: Range<u64>) {
    sleep(Duration::from_millis(run.world.entropy.within(ms))).await;
}
