//! The numbers storage tells about itself.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use runtime::Meters;

/// Every handle.
pub(crate) struct Metrics {
    sync_seconds: Histogram,
    group_appends: Histogram,
    group_bytes: Histogram,
    payload_bytes: Counter,
    journal_bytes: Counter,
    segment_bytes: Counter,
    manifest_bytes: Counter,
    pub(crate) segment_read_bytes: Counter,
    pub(crate) segment_entry_bytes: Counter,
    pub(crate) tail_bytes: Gauge,
    pub(crate) logs: Gauge,
    pub(crate) segments: Gauge,
    pub(crate) segments_bytes: Gauge,
    pub(crate) index_bytes: Gauge,
    pub(crate) cache_hits: Counter,
    pub(crate) cache_misses: Counter,
    pub(crate) admissions_refused: Counter,
    recovery_seconds: Gauge<f64, std::sync::atomic::AtomicU64>,
}

impl Metrics {
    pub(crate) fn new(meters: &Meters) -> Self {
        let counter = |name: &str, help: &str| meters.register(name, help, Counter::default());
        let gauge = |name: &str, help: &str| meters.register(name, help, Gauge::default());
        let histogram = |name: &str, help: &str, first, factor, count| {
            let buckets = Histogram::new(exponential_buckets(first, factor, count));
            meters.register(name, help, buckets)
        };
        Self {
            sync_seconds: histogram(
                "weir_storage_sync_seconds",
                "Time to write and sync one chunk of the journal",
                0.000_05,
                2.0,
                16,
            ),
            group_appends: histogram(
                "weir_storage_group_appends",
                "Appends made durable by one chunk",
                1.0,
                2.0,
                13,
            ),
            group_bytes: histogram(
                "weir_storage_group_bytes",
                "Bytes of entries in one chunk",
                256.0,
                4.0,
                9,
            ),
            payload_bytes: counter(
                "weir_storage_entries_bytes",
                "Bytes of entries made durable; compare with the bytes written below",
            ),
            journal_bytes: counter("weir_storage_journal_bytes", "Bytes written to the journal"),
            segment_bytes: counter("weir_storage_segment_bytes", "Bytes written to segments"),
            manifest_bytes: counter("weir_storage_manifest_bytes", "Bytes written to manifests"),
            segment_read_bytes: counter(
                "weir_storage_segment_read_bytes",
                "Bytes read from segments; compare with the bytes of entries above",
            ),
            segment_entry_bytes: counter(
                "weir_storage_segment_entries_bytes",
                "Bytes of entries that came out of segments, from the store or from memory",
            ),
            tail_bytes: gauge("weir_storage_tail_bytes", "Bytes in memory that wait for a segment"),
            logs: gauge("weir_storage_logs", "Logs known"),
            segments: gauge("weir_storage_segments", "Live segments"),
            segments_bytes: gauge("weir_storage_segments_size_bytes", "Size of the live segments"),
            index_bytes: gauge(
                "weir_storage_index_bytes",
                "Bytes of memory for the indexes of segments; compare with their size above",
            ),
            cache_hits: counter("weir_storage_cache_hits", "Reads of segments served from memory"),
            cache_misses: counter("weir_storage_cache_misses", "Reads of segments from the store"),
            admissions_refused: counter(
                "weir_storage_admissions_refused",
                "Appends refused because the tail or the disk was full",
            ),
            recovery_seconds: meters.register(
                "weir_storage_recovery_seconds",
                "How long the last opening took",
                Gauge::default(),
            ),
        }
    }

    pub(crate) fn group(&self, appends: usize, body_bytes: usize) {
        self.group_appends.observe(appends as f64);
        self.group_bytes.observe(body_bytes as f64);
        self.payload_bytes.inc_by(body_bytes as u64);
    }

    pub(crate) fn chunk_written(&self, bytes: usize, elapsed: Duration) {
        self.journal_bytes.inc_by(bytes as u64);
        self.sync_seconds.observe(elapsed.as_secs_f64());
    }

    pub(crate) fn segment_written(&self, bytes: u64) {
        self.segment_bytes.inc_by(bytes);
    }

    pub(crate) fn manifest_written(&self, bytes: usize) {
        self.manifest_bytes.inc_by(bytes as u64);
    }

    pub(crate) fn opened(&self, elapsed: Duration) {
        self.recovery_seconds.set(elapsed.as_secs_f64());
    }
}
