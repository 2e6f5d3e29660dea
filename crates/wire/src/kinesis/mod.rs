//! The shapes of the supported operations, with the member names and constraints of AWS's model.
//!
//! A struct says what a body looks like in both encodings; its `SHAPE` says what is accepted.
//! Members that may be absent are `Option`s, which are never written as null.

mod capacity;
mod consumers;
mod encryption;
mod limits;
mod monitoring;
mod names;
mod policies;
mod quick;
mod records;
mod shards;
mod streams;
mod tags;
pub(crate) mod timestamp;

pub use capacity::{
    CommitmentInputStatus, CommitmentStatus, DescribeAccountSettingsInput,
    DescribeAccountSettingsOutput, MinimumThroughputBillingCommitmentInput,
    MinimumThroughputBillingCommitmentOutput, UpdateAccountSettingsInput,
    UpdateAccountSettingsOutput, UpdateStreamModeInput,
    UpdateStreamRecordDistributionStrategyInput, UpdateStreamWarmThroughputInput,
    UpdateStreamWarmThroughputOutput,
};
pub use consumers::{
    Consumer, ConsumerDescription, ConsumerStatus, DeregisterStreamConsumerInput,
    DescribeStreamConsumerInput, DescribeStreamConsumerOutput, ListStreamConsumersInput,
    ListStreamConsumersOutput, RegisterStreamConsumerInput, RegisterStreamConsumerOutput,
    StartingPosition, SubscribeToShardEvent, SubscribeToShardInput,
};
pub use encryption::{StartStreamEncryptionInput, StopStreamEncryptionInput};
pub use limits::{DescribeLimitsInput, DescribeLimitsOutput, UpdateMaxRecordSizeInput};
pub use monitoring::{
    DisableEnhancedMonitoringInput, EnableEnhancedMonitoringInput, EnhancedMonitoringOutput,
};
pub use policies::{
    DeleteResourcePolicyInput, GetResourcePolicyInput, GetResourcePolicyOutput,
    PutResourcePolicyInput,
};
pub use records::{
    ChildShard, GetRecordsInput, GetRecordsOutput, GetShardIteratorInput, GetShardIteratorOutput,
    PutRecordInput, PutRecordOutput, PutRecordsInput, PutRecordsOutput, PutRecordsRequestEntry,
    PutRecordsResultEntry, Record, ShardIteratorType,
};
pub use shards::{
    HashKeyRange, ListShardsInput, ListShardsOutput, MergeShardsInput, ScalingType,
    SequenceNumberRange, Shard, ShardFilter, ShardFilterType, SplitShardInput,
    UpdateShardCountInput, UpdateShardCountOutput,
};
pub use streams::{
    CreateStreamInput, DecreaseStreamRetentionPeriodInput, DeleteStreamInput, DescribeStreamInput,
    DescribeStreamOutput, DescribeStreamSummaryInput, DescribeStreamSummaryOutput, EncryptionType,
    EnhancedMetrics, IncreaseStreamRetentionPeriodInput, ListStreamsInput, ListStreamsOutput,
    MetricsName, RecordDistributionStrategy, StreamDescription, StreamDescriptionSummary,
    StreamMode, StreamModeDetails, StreamStatus, StreamSummary, WarmThroughput,
};
pub use tags::{
    AddTagsToStreamInput, ListTagsForResourceInput, ListTagsForResourceOutput,
    ListTagsForStreamInput, ListTagsForStreamOutput, RemoveTagsFromStreamInput, Tag,
    TagResourceInput, UntagResourceInput,
};
