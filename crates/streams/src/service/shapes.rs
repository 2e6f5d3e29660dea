//! Catalog values as shapes of the API.

use std::collections::BTreeMap;

use wire::kinesis::{
    self, ConsumerStatus, EncryptionType, EnhancedMetrics, MetricsName, StreamModeDetails,
    StreamStatus, Tag,
};

use crate::catalog::{Consumer, Shard, ShardMetric, ShardMetrics, Status, Stream, StreamMode};
use crate::shard::cursor;

pub(super) fn shard(shard: &Shard) -> kinesis::Shard {
    let record = &shard.record;
    kinesis::Shard {
        shard_id: shard.id.to_string(),
        parent_shard_id: record.parent.map(|id| id.to_string()),
        adjacent_parent_shard_id: record.adjacent_parent.map(|id| id.to_string()),
        hash_key_range: range(shard),
        sequence_number_range: kinesis::SequenceNumberRange {
            starting_sequence_number: record.first_number(shard.id).to_string(),
            ending_sequence_number: record.last_number(shard.id).map(|n| n.to_string()),
        },
    }
}

/// A record as readers get it, by whichever operation.
pub(super) fn record(record: cursor::Record) -> kinesis::Record {
    kinesis::Record {
        sequence_number: record.number.to_string(),
        approximate_arrival_timestamp: Some(record.arrived),
        data: record.data,
        partition_key: record.key,
        encryption_type: record.is_encrypted.then_some(EncryptionType::Kms),
    }
}

pub(super) fn child(shard: &Shard) -> kinesis::ChildShard {
    let parents = [shard.record.parent, shard.record.adjacent_parent];
    kinesis::ChildShard {
        shard_id: shard.id.to_string(),
        parent_shards: parents.into_iter().flatten().map(|id| id.to_string()).collect(),
        hash_key_range: range(shard),
    }
}

fn range(shard: &Shard) -> kinesis::HashKeyRange {
    kinesis::HashKeyRange {
        starting_hash_key: shard.record.range.start().to_string(),
        ending_hash_key: shard.record.range.end().to_string(),
    }
}

pub(super) fn status(stream: &Stream) -> StreamStatus {
    match stream.status() {
        Status::Creating => StreamStatus::Creating,
        Status::Active => StreamStatus::Active,
        Status::Updating => StreamStatus::Updating,
        Status::Deleting => StreamStatus::Deleting,
    }
}

pub(super) fn consumer(stream: &Stream, consumer: &Consumer) -> kinesis::Consumer {
    kinesis::Consumer {
        consumer_name: consumer.name.to_string(),
        consumer_arn: stream.consumer_arn(consumer).to_string(),
        consumer_status: match stream.consumer_status(consumer) {
            Status::Creating => ConsumerStatus::Creating,
            Status::Active | Status::Updating => ConsumerStatus::Active,
            Status::Deleting => ConsumerStatus::Deleting,
        },
        consumer_creation_timestamp: consumer.record.created,
    }
}

pub(super) fn tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let tag =
        |(key, value): (&String, &String)| Tag { key: key.clone(), value: Some(value.clone()) };
    tags.iter().map(tag).collect()
}

pub(super) fn mode(stream: &Stream) -> Option<StreamModeDetails> {
    let stream_mode = match stream.record.mode {
        StreamMode::Provisioned => kinesis::StreamMode::Provisioned,
        StreamMode::OnDemand => kinesis::StreamMode::OnDemand,
    };
    Some(StreamModeDetails { stream_mode })
}

pub(super) fn monitoring(stream: &Stream) -> Vec<EnhancedMetrics> {
    vec![EnhancedMetrics { shard_level_metrics: Some(metrics(stream.record.monitored)) }]
}

pub(super) fn metrics(metrics: ShardMetrics) -> Vec<MetricsName> {
    metrics.iter().map(metric).collect()
}

pub(super) fn metric(metric: ShardMetric) -> MetricsName {
    match metric {
        ShardMetric::IncomingBytes => MetricsName::IncomingBytes,
        ShardMetric::IncomingRecords => MetricsName::IncomingRecords,
        ShardMetric::OutgoingBytes => MetricsName::OutgoingBytes,
        ShardMetric::OutgoingRecords => MetricsName::OutgoingRecords,
        ShardMetric::WritesThrottled => MetricsName::WriteProvisionedThroughputExceeded,
        ShardMetric::ReadsThrottled => MetricsName::ReadProvisionedThroughputExceeded,
        ShardMetric::IteratorAge => MetricsName::IteratorAgeMilliseconds,
    }
}

/// Whether the stream is encrypted, and the key as it was named when that was started.
pub(super) fn encryption(stream: &Stream) -> (Option<EncryptionType>, Option<String>) {
    match &stream.record.encryption {
        None => (Some(EncryptionType::None), None),
        Some(encryption) => (Some(EncryptionType::Kms), Some(encryption.key_id.clone())),
    }
}

/// What is told of records: AWS leaves it out when they are not encrypted.
pub(super) fn encryption_of_records(stream: &Stream) -> Option<EncryptionType> {
    stream.record.encryption.is_some().then_some(EncryptionType::Kms)
}

/// A count as the API's 32-bit integer.
pub(super) fn int(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}
