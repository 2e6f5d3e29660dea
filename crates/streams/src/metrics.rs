//! What CloudWatch would show of streams and shards.
//!
//! The counters lie in the catalog's streams and in the shards that are used, so that counting is
//! one addition, a deleted stream's series end with it, and an idle shard has none. Rendering
//! walks the catalog.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use runtime::Meters;

use crate::catalog::{ShardMetric, Snapshot, Stream};
use crate::shard::Live;
use crate::shard::throttle::Limit;

/// A number that many add to.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// For what is added while it lasts.
    pub(crate) fn take_back(&self, less: u64) {
        self.0.fetch_sub(less, Ordering::Relaxed);
    }

    /// For what goes up and down.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Of one stream.
#[derive(Default)]
pub(crate) struct StreamCounters {
    pub(crate) incoming_bytes: Count,
    pub(crate) incoming_records: Count,
    pub(crate) get_records: CallCounters,
    pub(crate) get_records_records: Count,
    pub(crate) get_records_iterator_age_ms: Count,
    pub(crate) put_record: CallCounters,
    pub(crate) put_records: CallCounters,
    pub(crate) put_records_total: Count,
    pub(crate) put_records_successful: Count,
    pub(crate) put_records_failed: Count,
    pub(crate) put_records_throttled: Count,
    pub(crate) expired_records: Count,
    pub(crate) reads_throttled: Count,
    pub(crate) writes_throttled: Count,
    /// Let through, although AWS would have refused them.
    pub(crate) reads_over_rate: Count,
    pub(crate) writes_over_rate: Count,
}

/// Of one enhanced fan-out consumer.
#[derive(Default)]
pub(crate) struct ConsumerCounters {
    pub(crate) subscribe_successes: Count,
    pub(crate) subscribe_rate_exceeded: Count,
    pub(crate) event_bytes: Count,
    pub(crate) event_records: Count,
    pub(crate) events: Count,
    pub(crate) event_millis_behind: Count,
    /// Subscriptions that are open.
    pub(crate) subscriptions: Count,
}

/// Of one operation on one stream.
#[derive(Default)]
pub(crate) struct CallCounters {
    pub(crate) bytes: Count,
    pub(crate) microseconds: Count,
    pub(crate) successes: Count,
    pub(crate) calls: Count,
}

/// Of one shard.
#[derive(Default)]
pub(crate) struct ShardCounters {
    pub(crate) incoming_bytes: Count,
    pub(crate) incoming_records: Count,
    pub(crate) outgoing_bytes: Count,
    pub(crate) outgoing_records: Count,
    pub(crate) iterator_age_ms: Count,
    pub(crate) reads_throttled: Count,
    pub(crate) writes_throttled: Count,
}

type Latest = Arc<ArcSwap<Snapshot>>;
type OfConsumer = fn(&ConsumerCounters) -> &Count;
type OfStream = fn(&StreamCounters) -> &Count;
type OfShard = fn(&ShardCounters) -> &Count;

/// Registers every family; their values are the catalog's.
pub(crate) fn register(meters: &Meters, latest: &Latest) {
    for (name, help, read) in STREAM_COUNTERS {
        let kind = MetricType::Counter;
        meters.register(name, help, PerStream { latest: latest.clone(), read: *read, kind });
    }
    for (metric, name, help, read) in SHARD_COUNTERS {
        let (latest, kind) = (latest.clone(), MetricType::Counter);
        meters.register(name, help, PerShard { latest, metric: *metric, read: *read, kind });
    }
    meters.register(
        "weir_streams_throttled",
        "records and calls that a limit of a shard refused, or let through because limits are \
         relaxed",
        Throttled { latest: latest.clone() },
    );
    for (name, help, kind, read) in CONSUMER_NUMBERS {
        let (latest, kind) = (latest.clone(), *kind);
        meters.register(name, help, PerConsumer { latest, read: *read, kind });
    }
    let (latest, kind) = (latest.clone(), MetricType::Gauge);
    meters.register(
        "weir_streams_get_records_iterator_age_milliseconds",
        "CloudWatch GetRecords.IteratorAgeMilliseconds of the last answer that had records",
        PerStream { latest: latest.clone(), read: |c| &c.get_records_iterator_age_ms, kind },
    );
    meters.register(
        "weir_streams_shard_iterator_age_milliseconds",
        "CloudWatch IteratorAgeMilliseconds of a shard's last answer that had records",
        PerShard { latest, metric: ShardMetric::IteratorAge, read: |c| &c.iterator_age_ms, kind },
    );
}

const STREAM_COUNTERS: &[(&str, &str, OfStream)] = &[
    ("weir_streams_incoming_bytes", "CloudWatch IncomingBytes", |c| &c.incoming_bytes),
    ("weir_streams_incoming_records", "CloudWatch IncomingRecords", |c| &c.incoming_records),
    (
        "weir_streams_expired_records",
        "records let go of because retention does not keep them any more",
        |c| &c.expired_records,
    ),
    ("weir_streams_get_records_bytes", "CloudWatch GetRecords.Bytes", |c| &c.get_records.bytes),
    ("weir_streams_get_records_records", "CloudWatch GetRecords.Records", |c| {
        &c.get_records_records
    }),
    ("weir_streams_get_records_calls", "GetRecords calls", |c| &c.get_records.calls),
    ("weir_streams_get_records_success", "CloudWatch GetRecords.Success", |c| {
        &c.get_records.successes
    }),
    ("weir_streams_get_records_microseconds", "sum of CloudWatch GetRecords.Latency", |c| {
        &c.get_records.microseconds
    }),
    ("weir_streams_put_record_bytes", "CloudWatch PutRecord.Bytes", |c| &c.put_record.bytes),
    ("weir_streams_put_record_calls", "PutRecord calls", |c| &c.put_record.calls),
    ("weir_streams_put_record_success", "CloudWatch PutRecord.Success", |c| {
        &c.put_record.successes
    }),
    ("weir_streams_put_record_microseconds", "sum of CloudWatch PutRecord.Latency", |c| {
        &c.put_record.microseconds
    }),
    ("weir_streams_put_records_bytes", "CloudWatch PutRecords.Bytes", |c| &c.put_records.bytes),
    ("weir_streams_put_records_calls", "PutRecords calls", |c| &c.put_records.calls),
    (
        "weir_streams_put_records_success",
        "CloudWatch PutRecords.Success: calls with at least one record taken",
        |c| &c.put_records.successes,
    ),
    ("weir_streams_put_records_microseconds", "sum of CloudWatch PutRecords.Latency", |c| {
        &c.put_records.microseconds
    }),
    ("weir_streams_put_records_total_records", "CloudWatch PutRecords.TotalRecords", |c| {
        &c.put_records_total
    }),
    (
        "weir_streams_put_records_successful_records",
        "CloudWatch PutRecords.SuccessfulRecords",
        |c| &c.put_records_successful,
    ),
    ("weir_streams_put_records_failed_records", "CloudWatch PutRecords.FailedRecords", |c| {
        &c.put_records_failed
    }),
    ("weir_streams_put_records_throttled_records", "CloudWatch PutRecords.ThrottledRecords", |c| {
        &c.put_records_throttled
    }),
    (
        "weir_streams_read_provisioned_throughput_exceeded",
        "CloudWatch ReadProvisionedThroughputExceeded",
        |c| &c.reads_throttled,
    ),
    (
        "weir_streams_write_provisioned_throughput_exceeded",
        "CloudWatch WriteProvisionedThroughputExceeded",
        |c| &c.writes_throttled,
    ),
    (
        "weir_streams_reads_over_rate",
        "reads that AWS would have throttled and this node did not (limits.mode = relaxed)",
        |c| &c.reads_over_rate,
    ),
    (
        "weir_streams_writes_over_rate",
        "records that AWS would have throttled and this node did not (limits.mode = relaxed)",
        |c| &c.writes_over_rate,
    ),
];

/// Of the streams for which EnableEnhancedMonitoring switched them on.
const SHARD_COUNTERS: &[(ShardMetric, &str, &str, OfShard)] = &[
    (
        ShardMetric::IncomingBytes,
        "weir_streams_shard_incoming_bytes",
        "CloudWatch IncomingBytes by shard",
        |c| &c.incoming_bytes,
    ),
    (
        ShardMetric::IncomingRecords,
        "weir_streams_shard_incoming_records",
        "CloudWatch IncomingRecords by shard",
        |c| &c.incoming_records,
    ),
    (
        ShardMetric::OutgoingBytes,
        "weir_streams_shard_outgoing_bytes",
        "CloudWatch OutgoingBytes by shard",
        |c| &c.outgoing_bytes,
    ),
    (
        ShardMetric::OutgoingRecords,
        "weir_streams_shard_outgoing_records",
        "CloudWatch OutgoingRecords by shard",
        |c| &c.outgoing_records,
    ),
    (
        ShardMetric::ReadsThrottled,
        "weir_streams_shard_read_provisioned_throughput_exceeded",
        "CloudWatch ReadProvisionedThroughputExceeded by shard",
        |c| &c.reads_throttled,
    ),
    (
        ShardMetric::WritesThrottled,
        "weir_streams_shard_write_provisioned_throughput_exceeded",
        "CloudWatch WriteProvisionedThroughputExceeded by shard",
        |c| &c.writes_throttled,
    ),
];

const CONSUMER_NUMBERS: &[(&str, &str, MetricType, OfConsumer)] = &[
    (
        "weir_streams_subscribe_to_shard_success",
        "CloudWatch SubscribeToShard.Success",
        MetricType::Counter,
        |c| &c.subscribe_successes,
    ),
    (
        "weir_streams_subscribe_to_shard_rate_exceeded",
        "CloudWatch SubscribeToShard.RateExceeded",
        MetricType::Counter,
        |c| &c.subscribe_rate_exceeded,
    ),
    (
        "weir_streams_subscribe_to_shard_event_bytes",
        "CloudWatch SubscribeToShardEvent.Bytes",
        MetricType::Counter,
        |c| &c.event_bytes,
    ),
    (
        "weir_streams_subscribe_to_shard_event_records",
        "CloudWatch SubscribeToShardEvent.Records",
        MetricType::Counter,
        |c| &c.event_records,
    ),
    (
        "weir_streams_subscribe_to_shard_event_success",
        "CloudWatch SubscribeToShardEvent.Success",
        MetricType::Counter,
        |c| &c.events,
    ),
    (
        "weir_streams_subscribe_to_shard_event_millis_behind_latest",
        "CloudWatch SubscribeToShardEvent.MillisBehindLatest of the last event",
        MetricType::Gauge,
        |c| &c.event_millis_behind,
    ),
    (
        "weir_streams_subscriptions",
        "Subscriptions of an enhanced fan-out consumer that are open",
        MetricType::Gauge,
        |c| &c.subscriptions,
    ),
];

/// One number of every consumer.
#[derive(Clone)]
struct PerConsumer {
    latest: Latest,
    read: OfConsumer,
    kind: MetricType,
}

impl EncodeMetric for PerConsumer {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for stream in self.latest.load().streams.values() {
            for consumer in &stream.consumers {
                let mut labels = labels(stream);
                labels.push(("consumer", consumer.name.to_string()));
                let value = (self.read)(&consumer.live.counters).get();
                encode_value(encoder.encode_family(&labels.as_slice())?, self.kind, value)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        self.kind
    }
}

impl fmt::Debug for PerConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of every consumer")
    }
}

/// One number of every stream.
#[derive(Clone)]
struct PerStream {
    latest: Latest,
    read: OfStream,
    kind: MetricType,
}

/// One number of every shard that was used, of the streams that have `metric` switched on.
#[derive(Clone)]
struct PerShard {
    latest: Latest,
    metric: ShardMetric,
    read: OfShard,
    kind: MetricType,
}

impl EncodeMetric for PerStream {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for stream in self.latest.load().streams.values() {
            let value = (self.read)(&stream.counters).get();
            encode_value(encoder.encode_family(&labels(stream).as_slice())?, self.kind, value)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        self.kind
    }
}

/// What each limit did in each stream that it did anything in.
#[derive(Clone)]
struct Throttled {
    latest: Latest,
}

impl EncodeMetric for Throttled {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let outcomes = [(true, "refused"), (false, "let_through")];
        for stream in self.latest.load().streams.values() {
            for (limit, (refused, outcome)) in
                Limit::ALL.into_iter().flat_map(|limit| outcomes.map(|outcome| (limit, outcome)))
            {
                let count = stream.events.count(limit, refused).get();
                if count > 0 {
                    let mut labels = labels(stream);
                    labels.push(("limit", limit.name().to_lowercase()));
                    labels.push(("outcome", outcome.to_owned()));
                    let labels = labels.as_slice();
                    encode_value(encoder.encode_family(&labels)?, self.metric_type(), count)?;
                }
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

impl EncodeMetric for PerShard {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let snapshot = self.latest.load();
        let monitored = |stream: &&Arc<Stream>| stream.record.monitored.contains(self.metric);
        for stream in snapshot.streams.values().filter(monitored) {
            let labels = labels(stream);
            let used = stream.shards.iter().filter_map(|shard| Some((shard.id, shard.used()?)));
            for (id, Live { counters, .. }) in used {
                let mut labels = labels.clone();
                labels.push(("shard", id.to_string()));
                let value = (self.read)(counters).get();
                encode_value(encoder.encode_family(&labels.as_slice())?, self.kind, value)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        self.kind
    }
}

fn encode_value(mut encoder: MetricEncoder<'_>, kind: MetricType, value: u64) -> fmt::Result {
    match kind {
        MetricType::Gauge => encoder.encode_gauge(&value),
        _ => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
    }
}

fn labels(stream: &Stream) -> Vec<(&'static str, String)> {
    let key = &stream.key;
    vec![
        ("account", key.account.to_string()),
        ("region", key.region.to_string()),
        ("stream", key.name.to_string()),
    ]
}

impl fmt::Debug for PerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of every stream")
    }
}

impl fmt::Debug for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what limits did in every stream")
    }
}

impl fmt::Debug for PerShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of every shard")
    }
}
