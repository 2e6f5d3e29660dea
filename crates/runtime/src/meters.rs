//! The registry behind `GET /metrics`. Each crate's `metrics.rs` registers its handles here once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::{Metric, Registry};

/// Collects the node's metrics and renders them in the OpenMetrics text format.
#[derive(Clone, Debug, Default)]
pub struct Meters(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    registry: Registry,
    described: Vec<MetricDescription>,
}

/// What is known of a metric without its values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricDescription {
    /// Its name as it is rendered.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// What it counts.
    pub help: String,
}

impl Meters {
    /// Registers `metric` under `name` (without the `_total` of counters, which rendering adds)
    /// and hands it back.
    pub fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        let kind = metric.metric_type().as_str().to_owned();
        let suffix = if kind == "counter" { "_total" } else { "" };
        let description =
            MetricDescription { name: format!("{name}{suffix}"), kind, help: help.to_owned() };
        let mut known = self.known();
        known.described.push(description);
        known.registry.register(name, help, metric.clone());
        metric
    }

    /// Every metric with its present value.
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.known().registry).expect("writing to a string does not fail");
        text
    }

    /// Every metric, by name.
    pub fn describe(&self) -> Vec<MetricDescription> {
        let mut described = self.known().described.clone();
        described.sort();
        described
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;

    use super::*;

    #[test]
    fn metrics_are_described_as_they_are_rendered() {
        let meters = Meters::default();
        meters.register("weir_b", "bees", Counter::<u64>::default()).inc();
        meters.register("weir_a", "ants", Gauge::<i64>::default());
        let described = meters.describe();
        let names: Vec<_> = described.iter().map(|d| (&*d.name, &*d.kind, &*d.help)).collect();
        assert_eq!(names, [("weir_a", "gauge", "ants"), ("weir_b_total", "counter", "bees")]);
        for MetricDescription { name, .. } in described {
            assert!(meters.render().contains(&format!("\n{name} ")), "{name}");
        }
    }
}
