//! Named tasks with a policy for their end, and the node's stop signal.
//!
//! Invariants: every task of a node is spawned here, so `stop_all` leaves none behind; a panic
//! in a `StopNode` task stops the node with the task's name as the reason.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What happens when a task ends by a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The node cannot be trusted any more: stop it.
    StopNode,
    /// Only this task's work is lost: trace it and go on.
    Report,
}

/// Where the blocking parts of a node run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Threads {
    Real,
    Simulated,
}

/// Spawns the tasks of one node.
#[derive(Clone, Debug)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    threads: Threads,
    stopping: CancellationToken,
    reason: OnceLock<String>,
    running: Mutex<JoinSet<()>>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new(Threads::Real)
    }
}

impl Tasks {
    fn new(threads: Threads) -> Self {
        Self(Arc::new(Inner {
            threads,
            stopping: CancellationToken::new(),
            reason: OnceLock::new(),
            running: Mutex::new(JoinSet::new()),
        }))
    }

    /// Runs everything on the current thread, so that one seed gives one order of events.
    pub fn simulated() -> Self {
        Self::new(Threads::Simulated)
    }

    /// Spawns a task. `name` is `<crate>.<component>.<task>`.
    pub fn spawn<F>(&self, name: &'static str, policy: Policy, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        running.spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tasks.panicked(name, policy);
            }
        });
    }

    /// Runs a task that blocks (disk writes) on a thread of its own; inline when simulated.
    pub fn dedicated<F>(&self, name: &'static str, policy: Policy, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.0.threads == Threads::Simulated {
            return self.spawn(name, policy, task);
        }
        let (done, finished) = tokio::sync::oneshot::channel();
        let body = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.expect("a thread can have a timer").block_on(task);
            let _ = done.send(());
        };
        let started = std::thread::Builder::new().name(name.into()).spawn(body);
        started.expect("the machine has a thread left");
        self.spawn(name, policy, async move {
            finished.await.expect("the dedicated thread ends without a panic");
        });
    }

    /// Runs blocking or heavy work (compression, file reads) off the async threads; inline when
    /// simulated.
    pub async fn offload<T, F>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        if self.0.threads == Threads::Simulated {
            return work();
        }
        match tokio::task::spawn_blocking(work).await {
            Ok(value) => value,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Fires when the node is asked to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// Asks the node to stop because of `reason`; the first reason is kept.
    pub fn stop(&self, reason: impl Into<String>) {
        let reason = reason.into();
        if self.0.reason.set(reason.clone()).is_ok() {
            tracing::error!(reason, "the node stops");
        }
        self.0.stopping.cancel();
    }

    /// Why the node was stopped, if a failure stopped it.
    pub fn stop_reason(&self) -> Option<&str> {
        self.0.reason.get().map(String::as_str)
    }

    /// Asks every task to end, waits up to `grace`, then aborts what is left.
    pub async fn stop_all(&self, grace: Duration) {
        self.0.stopping.cancel();
        let mut running =
            std::mem::take(&mut *self.0.running.lock().unwrap_or_else(PoisonError::into_inner));
        let all_ended = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all_ended).await.is_err() {
            tracing::warn!("aborting the tasks that did not end in time");
            running.shutdown().await;
        }
    }

    /// Ends every task at once, wherever it is, as a crash does.
    pub async fn abort_all(&self) {
        let mut running =
            std::mem::take(&mut *self.0.running.lock().unwrap_or_else(PoisonError::into_inner));
        running.shutdown().await;
    }

    fn panicked(&self, name: &str, policy: Policy) {
        match policy {
            Policy::StopNode => self.stop(format!("task {name} panicked")),
            Policy::Report => tracing::error!(task = name, "a task panicked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_data_path_task_stops_the_node_and_names_the_task() {
        let tasks = Tasks::default();
        tasks.spawn("test.panics", Policy::StopNode, async { panic!("on purpose") });
        tasks.stopping().cancelled().await;
        assert_eq!(tasks.stop_reason(), Some("task test.panics panicked"));
    }

    #[tokio::test]
    async fn a_panic_on_a_dedicated_thread_stops_the_node() {
        let tasks = Tasks::default();
        tasks.dedicated("test.thread", Policy::StopNode, async { panic!("on purpose") });
        tasks.stopping().cancelled().await;
        assert_eq!(tasks.stop_reason(), Some("task test.thread panicked"));
    }

    #[tokio::test(start_paused = true)]
    async fn stop_all_aborts_a_task_that_never_ends() {
        let tasks = Tasks::simulated();
        let (held, mut dropped) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn("test.stuck", Policy::Report, async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        tasks.stop_all(Duration::from_secs(1)).await;
        assert!(
            dropped
                .try_recv()
                .is_err_and(|e| e == tokio::sync::oneshot::error::TryRecvError::Closed)
        );
    }
}
