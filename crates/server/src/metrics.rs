//! What the front and the gateway count.

use std::time::Duration;

use futures_util::StreamExt;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use runtime::Meters;
use wire::{Events, Operation};

use crate::http::Messages;

/// From a cached answer to the longest wait for a slow disk.
const SECONDS: [f64; 14] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The open connections.
#[derive(Clone)]
pub(crate) struct Connections(Gauge);

/// What TLS counts.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) refused: Counter,
    pub(crate) reloaded: Counter,
    pub(crate) reload_failed: Counter,
    pub(crate) expires: Gauge,
}

/// What the audit counts.
#[derive(Clone)]
pub(crate) struct Audit {
    pub(crate) written: Counter,
    pub(crate) failed: Counter,
    pub(crate) omitted: Counter,
}

/// Something open; counted until dropped.
pub(crate) struct Open(Gauge);

/// The handles of the gateway.
pub(crate) struct Metrics {
    pub(crate) connections: Connections,
    pub(crate) tls: Tls,
    pub(crate) audit: Audit,
    pub(crate) received_bytes: Counter,
    pub(crate) sent_bytes: Counter,
    event_streams: Gauge,
    pub(crate) panics: Counter,
    /// By operation, made once, so that a request hashes no label.
    operations: Vec<OperationMetrics>,
    other: OperationMetrics,
}

#[derive(Clone)]
struct OperationMetrics {
    by_status: [Counter; 3],
    seconds: Histogram,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    operation: Name,
    status: Status,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OperationLabel {
    operation: Name,
}

/// The operation's name, or `other` for what is none that this node carries out.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Name(Option<Operation>);

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Status {
    Success,
    ClientError,
    ServerError,
}

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.0.map_or("other", Operation::name).encode(encoder)
    }
}

impl EncodeLabelValue for Status {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let class = match self {
            Self::Success => "2xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
        };
        class.encode(encoder)
    }
}

impl Metrics {
    /// Registers the handles.
    pub(crate) fn new(meters: &Meters) -> Self {
        let requests = meters.register(
            "weir_server_requests",
            "Requests answered, by operation and class of status",
            Family::<Labels, Counter>::default(),
        );
        let seconds = meters.register(
            "weir_server_request_seconds",
            "Time from a request's header to its answer, by operation",
            Family::<OperationLabel, Histogram>::new_with_constructor(|| Histogram::new(SECONDS)),
        );
        let counter = |name, help| meters.register(name, help, Counter::default());
        let handles = |operation| OperationMetrics {
            by_status: [Status::Success, Status::ClientError, Status::ServerError].map(|status| {
                requests.get_or_create(&Labels { operation: Name(operation), status }).clone()
            }),
            seconds: seconds.get_or_create(&OperationLabel { operation: Name(operation) }).clone(),
        };
        let other = handles(None);
        let operation = |operation: &Operation| match operation.is_supported() {
            true => handles(Some(*operation)),
            false => other.clone(),
        };
        Self {
            connections: Connections(meters.register(
                "weir_server_connections",
                "Connections open",
                Gauge::default(),
            )),
            tls: Tls {
                refused: counter(
                    "weir_server_tls_handshakes_refused",
                    "TLS handshakes that failed",
                ),
                reloaded: counter("weir_server_tls_reloads", "New certificates taken from files"),
                reload_failed: counter(
                    "weir_server_tls_reload_failures",
                    "Looks at the files of TLS that found none that can be used",
                ),
                expires: meters.register(
                    "weir_server_tls_certificate_expires_seconds",
                    "When the served certificate ends, in seconds since 1970; 0 without TLS",
                    Gauge::default(),
                ),
            },
            audit: Audit {
                written: counter("weir_server_audit_records", "Audit records written"),
                failed: counter(
                    "weir_server_audit_failures",
                    "Writes of audit records that failed",
                ),
                omitted: counter(
                    "weir_server_audit_omitted",
                    "Refused calls of strangers that got no audit record, being too many",
                ),
            },
            received_bytes: counter("weir_server_received_bytes", "Bytes of request bodies"),
            sent_bytes: counter("weir_server_sent_bytes", "Bytes of answers' bodies"),
            event_streams: meters.register(
                "weir_server_event_streams",
                "Answers that are event streams and have not ended",
                Gauge::default(),
            ),
            panics: counter("weir_server_panics", "Requests whose handling panicked"),
            operations: Operation::ALL.iter().map(operation).collect(),
            other,
        }
    }

    /// Counts the messages of an answer, and the answer for as long as it lives.
    pub(crate) fn streamed(&self, events: Events) -> Messages {
        self.event_streams.inc();
        let (open, sent_bytes) = (Open(self.event_streams.clone()), self.sent_bytes.clone());
        Box::pin(events.into_messages().inspect(move |message| {
            let _counted_until_dropped = &open;
            sent_bytes.inc_by(message.len() as u64);
        }))
    }

    /// A request for `operation` was answered with `status` after `elapsed`.
    pub(crate) fn answered(&self, operation: Option<Operation>, status: u16, elapsed: Duration) {
        let handles =
            operation.map_or(&self.other, |operation| &self.operations[operation as usize]);
        let class = match status {
            500.. => 2,
            400.. => 1,
            _ => 0,
        };
        handles.by_status[class].inc();
        handles.seconds.observe(elapsed.as_secs_f64());
    }
}

impl Connections {
    /// Counts a connection for as long as the answer lives.
    pub(crate) fn opened(&self) -> Open {
        self.0.inc();
        Open(self.0.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
