//! The registry behind `GET /metrics`. Each crate's `metrics.rs` registers its handles here once.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::{Metric, Registry};

/// Collects the node's metrics and renders them in the OpenMetrics text format.
#[derive(Clone, Debug, Default)]
pub struct Meters(Arc<Mutex<Registry>>);

impl Meters {
    /// Registers `metric` under `name` (without the `_total` of counters, which rendering adds)
    /// and hands it back.
    pub fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        let mut registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register(name, help, metric.clone());
        metric
    }

    /// Every metric with its present value.
    pub fn render(&self) -> String {
        let registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a string does not fail");
        text
    }
}
