//! What happened, line by line: two runs of one seed must leave the same lines.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// Collects the events of one run. Clones write to the same trace.
#[derive(Clone, Debug)]
pub struct Trace {
    started: Instant,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Trace {
    /// An empty trace that counts time from now.
    pub fn start() -> Self {
        Self { started: Instant::now(), lines: Arc::default() }
    }

    /// Adds an event.
    pub fn event(&self, text: impl std::fmt::Display) {
        let at_us = self.started.elapsed().as_micros();
        tracing::debug!("{at_us:>12} {text}");
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(format!("{at_us:>12} {text}"));
    }

    /// Everything so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Where two traces part, if they do: the lines' number and both texts.
pub fn first_difference(left: &[String], right: &[String]) -> Option<String> {
    let ended = "(the trace ended)".to_owned();
    (0..left.len().max(right.len())).find_map(|index| {
        let (a, b) = (left.get(index).unwrap_or(&ended), right.get(index).unwrap_or(&ended));
        (a != b).then(|| format!("line {}:\n  first run:  {a}\n  second run: {b}", index + 1))
    })
}
