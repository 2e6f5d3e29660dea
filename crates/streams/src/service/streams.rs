//! The control plane: streams as a whole, their shards' number, their tags.

use std::num::NonZeroU32;

use model::HashKey;
use model::limits::{ON_DEMAND_STREAMS_MAX, RECORD_BYTES_MAX};
use wire::kinesis::*;
use wire::{Caller, Operation};

use super::address::{self, Resource};
use super::{capacity, shapes};
use crate::Inner;
use crate::catalog::{StreamKey, StreamMode};
use crate::control::lifecycle::{self, NewStream};
use crate::control::rates::Rated;
use crate::control::retention::{self, Direction};
use crate::control::{existing, reshard, tags};
use crate::error::{Error, Result};

impl Inner {
    pub(super) async fn create_stream(
        &self,
        caller: &Caller,
        input: CreateStreamInput,
    ) -> Result<()> {
        let new = new_stream(caller, input)?;
        self.rate(Rated::CreateStream, &new.key)?;
        tags::check_new(&new.key, &new.tags)?;
        let key = new.key.clone();
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            lifecycle::create(snapshot, edit, rules, now, new)
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }

    pub(super) async fn delete_stream(
        &self,
        caller: &Caller,
        input: DeleteStreamInput,
    ) -> Result<()> {
        let DeleteStreamInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::DeleteStream, name, arn)?;
        self.rate(Rated::DeleteStream, &key)?;
        let (named, with_consumers) = (key.clone(), input.enforce_consumer_deletion == Some(true));
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            lifecycle::delete(snapshot, edit, rules, now, (&named, with_consumers))
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }

    pub(super) fn describe_stream_summary(
        &self,
        caller: &Caller,
        input: DescribeStreamSummaryInput,
    ) -> Result<DescribeStreamSummaryOutput> {
        let DescribeStreamSummaryInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::DescribeStreamSummary, name, arn)?;
        self.rate(Rated::DescribeStreamSummary, &key)?;
        let snapshot = self.control.catalog.snapshot();
        let (stream, now) = (existing(&snapshot, &key)?, self.control.clock.now());
        let (encryption_type, key_id) = shapes::encryption(stream);
        let summary = StreamDescriptionSummary {
            stream_name: key.name.to_string(),
            stream_arn: stream.arn().to_string(),
            stream_id: None,
            stream_status: shapes::status(stream),
            stream_mode_details: shapes::mode(stream),
            retention_period_hours: shapes::int(stream.record.retention_hours),
            stream_creation_timestamp: stream.record.created,
            enhanced_monitoring: shapes::monitoring(stream),
            encryption_type,
            key_id,
            open_shard_count: shapes::int(stream.open_shards().len()),
            consumer_count: Some(shapes::int(stream.consumers.len())),
            warm_throughput: capacity::warm_throughput(&snapshot, stream, now),
            max_record_size_in_kib: Some(shapes::int(stream.record.record_kib_max)),
            channel_count: None,
            record_distribution_strategy: capacity::strategy(stream),
            queue_count: None,
        };
        Ok(DescribeStreamSummaryOutput { stream_description_summary: summary })
    }

    pub(super) fn describe_limits(&self, caller: &Caller) -> Result<DescribeLimitsOutput> {
        let (account, region) = address::home(caller)?;
        self.rate_account(Rated::DescribeLimits, (account, &region))?;
        let snapshot = self.control.catalog.snapshot();
        let streams = snapshot.streams_of(account, &region);
        let on_demand = streams.filter(|s| s.record.mode == StreamMode::OnDemand).count();
        Ok(DescribeLimitsOutput {
            shard_limit: shapes::int(self.control.rules.limits.shards_per_account),
            open_shard_count: shapes::int(snapshot.provisioned_shards(account, &region)),
            on_demand_stream_count: shapes::int(on_demand),
            on_demand_stream_count_limit: shapes::int(ON_DEMAND_STREAMS_MAX),
            channel_count: None,
            channel_count_limit: None,
        })
    }

    pub(super) async fn increase_stream_retention_period(
        &self,
        caller: &Caller,
        input: IncreaseStreamRetentionPeriodInput,
    ) -> Result<()> {
        let operation = Operation::IncreaseStreamRetentionPeriod;
        let key = at(caller, operation, &input.stream_name, &input.stream_arn)?;
        self.rate(Rated::IncreaseStreamRetentionPeriod, &key)?;
        self.keep_for(key, Direction::Longer, input.retention_period_hours).await
    }

    pub(super) async fn decrease_stream_retention_period(
        &self,
        caller: &Caller,
        input: DecreaseStreamRetentionPeriodInput,
    ) -> Result<()> {
        let operation = Operation::DecreaseStreamRetentionPeriod;
        let key = at(caller, operation, &input.stream_name, &input.stream_arn)?;
        self.rate(Rated::DecreaseStreamRetentionPeriod, &key)?;
        self.keep_for(key, Direction::Shorter, input.retention_period_hours).await
    }

    async fn keep_for(&self, key: StreamKey, direction: Direction, hours: i32) -> Result<()> {
        let named = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, _: &_, now| {
            retention::change(snapshot, edit, now, &named, direction, hours)
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }

    pub(super) async fn split_shard(&self, caller: &Caller, input: SplitShardInput) -> Result<()> {
        let SplitShardInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::SplitShard, name, arn)?;
        self.rate(Rated::SplitShard, &key)?;
        let shard = address::shard(&key, &input.shard_to_split)?;
        let start = &input.new_starting_hash_key;
        let start: HashKey = start.parse().map_err(|_| {
            Error::Invalid(format!(
                "Invalid NewStartingHashKey. NewStartingHashKey must be in the range: [0, \
                 2^128-1]. Specified value was {start}"
            ))
        })?;
        let named = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            reshard::split(snapshot, edit, rules, now, &named, (shard, start))
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }

    pub(super) async fn merge_shards(
        &self,
        caller: &Caller,
        input: MergeShardsInput,
    ) -> Result<()> {
        let MergeShardsInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::MergeShards, name, arn)?;
        self.rate(Rated::MergeShards, &key)?;
        let left = address::shard(&key, &input.shard_to_merge)?;
        let right = address::shard(&key, &input.adjacent_shard_to_merge)?;
        let named = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            reshard::merge(snapshot, edit, rules, now, &named, (left, right))
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }

    pub(super) async fn update_shard_count(
        &self,
        caller: &Caller,
        input: UpdateShardCountInput,
    ) -> Result<UpdateShardCountOutput> {
        let UpdateShardCountInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::UpdateShardCount, name, arn)?;
        self.rate(Rated::UpdateShardCount, &key)?;
        let target = positive(input.target_shard_count)?;
        let named = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            reshard::scale(snapshot, edit, rules, now, &named, target)
        };
        let before = self.control.change(&key, decide).await?;
        Ok(UpdateShardCountOutput {
            stream_name: Some(key.name.to_string()),
            current_shard_count: before.as_ref().map(|s| shapes::int(s.open_shards().len())),
            target_shard_count: Some(input.target_shard_count),
            stream_arn: before.map(|stream| stream.arn().to_string()),
        })
    }

    pub(super) async fn add_tags_to_stream(
        &self,
        caller: &Caller,
        input: AddTagsToStreamInput,
    ) -> Result<()> {
        let AddTagsToStreamInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::AddTagsToStream, name, arn)?;
        self.rate(Rated::AddTagsToStream, &key)?;
        self.tag(key, input.tags).await
    }

    pub(super) async fn tag_resource(
        &self,
        caller: &Caller,
        input: TagResourceInput,
    ) -> Result<()> {
        match address::resource(caller, Operation::TagResource, &input.resource_arn)? {
            Resource::Stream(key) => {
                self.rate(Rated::TagResource, &key)?;
                self.tag(key, input.tags).await
            }
            Resource::Consumer(key, arn) => self.tag_consumer(key, arn, input.tags).await,
        }
    }

    async fn tag(
        &self,
        key: StreamKey,
        tags: std::collections::BTreeMap<String, String>,
    ) -> Result<()> {
        let named = key.clone();
        let decide =
            move |snapshot: &_, edit: &mut _, _: &_, _| tags::add(snapshot, edit, &named, tags);
        self.control.change(&key, decide).await?;
        Ok(())
    }

    pub(super) async fn remove_tags_from_stream(
        &self,
        caller: &Caller,
        input: RemoveTagsFromStreamInput,
    ) -> Result<()> {
        let RemoveTagsFromStreamInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::RemoveTagsFromStream, name, arn)?;
        self.rate(Rated::RemoveTagsFromStream, &key)?;
        self.untag(key, input.tag_keys).await
    }

    pub(super) async fn untag_resource(
        &self,
        caller: &Caller,
        input: UntagResourceInput,
    ) -> Result<()> {
        match address::resource(caller, Operation::UntagResource, &input.resource_arn)? {
            Resource::Stream(key) => {
                self.rate(Rated::UntagResource, &key)?;
                self.untag(key, input.tag_keys).await
            }
            Resource::Consumer(key, arn) => self.untag_consumer(key, arn, input.tag_keys).await,
        }
    }

    async fn untag(&self, key: StreamKey, tag_keys: Vec<String>) -> Result<()> {
        let named = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, _: &_, _| {
            tags::remove(snapshot, edit, &named, &tag_keys)
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }
}

/// The stream of a request; see [`address::stream`].
pub(super) fn at(
    caller: &Caller,
    operation: Operation,
    name: &Option<String>,
    arn: &Option<String>,
) -> Result<StreamKey> {
    address::stream(caller, operation, name.as_deref(), arn.as_deref())
}

fn new_stream(caller: &Caller, input: CreateStreamInput) -> Result<NewStream> {
    let details = input.stream_mode_details.unwrap_or_default();
    let mode = capacity::mode(details.stream_mode);
    if mode == StreamMode::OnDemand && input.shard_count.is_some() {
        return Err(Error::Invalid(
            "ShardCount cannot be specified for a stream in On-Demand mode.".into(),
        ));
    }
    let record_kib = input.max_record_size_in_kib.and_then(|kib| u32::try_from(kib).ok());
    Ok(NewStream {
        key: address::named(caller, &input.stream_name)?,
        shards: input.shard_count.map(positive).transpose()?,
        mode,
        record_kib_max: record_kib.unwrap_or((RECORD_BYTES_MAX / 1024) as u32),
        distribution: capacity::distribution(input.record_distribution_strategy),
        warm_mibps: input.warm_throughput_mibps.map(capacity::natural).transpose()?,
        tags: input.tags.unwrap_or_default(),
    })
}

/// A number that the shape says is positive.
fn positive(number: i32) -> Result<NonZeroU32> {
    let positive = u32::try_from(number).ok().and_then(NonZeroU32::new);
    positive.ok_or_else(|| Error::Invalid(format!("{number} shards are not possible.")))
}
