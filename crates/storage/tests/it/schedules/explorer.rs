//! The primitives of the hand-off, with a scheduling decision in front of each use.
//!
//! `Notify` is tokio's, which has such tests of its own: each call is one step here.

use std::sync::Arc;

pub(crate) use shuttle::future::{JoinHandle as Task, spawn, yield_now as pause};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
pub(crate) use shuttle::sync::atomic::{AtomicU64, Ordering};

/// Schedules of each kind in `cargo test`.
const SCHEDULES: usize = 500;
/// So many changes of priority find most defects of order.
const DEPTH: usize = 3;
/// `SEED:COUNT`: tries so many schedules of each kind instead.
const SETTING: &str = "WEIR_SCHEDULES";

/// Runs `test` under many schedules: half of them by chance, half with few changes of priority.
pub(crate) fn explore<F>(test: impl Fn() -> F + Send + Sync + 'static)
where
    F: Future<Output = ()>,
{
    #[expect(clippy::disallowed_methods, reason = "a test is asked for more of itself")]
    let setting = std::env::var(SETTING).unwrap_or(format!("1:{SCHEDULES}"));
    let (seed, count) = setting.split_once(':').expect("SEED:COUNT");
    let (seed, count) = (seed.parse().unwrap(), count.parse().unwrap());
    let test = Arc::new(test);
    let run = |scheduler: Box<dyn shuttle::scheduler::Scheduler + Send>| {
        let test = test.clone();
        let body = move || shuttle::future::block_on(test());
        shuttle::Runner::new(scheduler, shuttle::Config::new()).run(body);
    };
    run(Box::new(RandomScheduler::new_from_seed(seed, count)));
    run(Box::new(PctScheduler::new_from_seed(seed, DEPTH, count)));
}

/// A scheduling decision.
fn step() {
    shuttle::thread::yield_now();
}

pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> shuttle::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }
}

pub(crate) struct Notify(tokio::sync::Notify);

impl Notify {
    pub(crate) fn new() -> Self {
        Self(tokio::sync::Notify::new())
    }

    pub(crate) fn notify_one(&self) {
        step();
        self.0.notify_one();
    }

    pub(crate) fn notify_waiters(&self) {
        step();
        self.0.notify_waiters();
    }

    pub(crate) fn notified(&self) -> tokio::sync::futures::Notified<'_> {
        step();
        self.0.notified()
    }
}
