//! The table of operations, and what follows from it: names, handlers, dispatch, coverage.

use std::fmt::Write as _;
use std::future::Future;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{self, Encoding};
use crate::error::{ApiError, ErrorCode};
use crate::kinesis::*;
use crate::schema::Input;

/// Who calls, as far as an operation needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The 12-digit account whose streams are meant.
    pub account: String,
    /// The region of the request's credential scope.
    pub region: String,
    /// The request id that the response carries.
    pub request_id: String,
}

/// Which plane an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Changes or describes streams.
    Control,
    /// Moves records.
    Data,
}

/// An input whose operation is supported: what a client needs to make the call.
pub trait Call: Input {
    /// The operation that takes this input.
    const OPERATION: Operation;
    /// What it answers; `()` for the operations that answer with an empty body.
    type Output: Serialize + DeserializeOwned + Send;
}

const TARGET_PREFIX: &str = "Kinesis_20131202.";

/// Rows are `Name: Class;` for an operation that is only known, and
/// `Name: Class => method(Input) -> Output;` for one that is carried out.
macro_rules! operations {
    ($(
        #[doc = $doc:literal]
        $name:ident: $class:ident $(=> $method:ident($input:ty) -> $output:ty)?;
    )*) => {
        /// An operation of the Kinesis API, in the order of AWS's model.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Operation {
            $(#[doc = $doc] $name,)*
        }

        impl Operation {
            /// Every operation of the model.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name, as in AWS's model.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The value of `X-Amz-Target` that asks for this operation.
            pub const fn target(self) -> &'static str {
                match self { $(Self::$name => concat!("Kinesis_20131202.", stringify!($name)),)* }
            }

            /// The operation that a value of `X-Amz-Target` asks for.
            pub fn from_target(target: &str) -> Option<Self> {
                match target.strip_prefix(TARGET_PREFIX)? {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The plane.
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }

            /// Whether it is carried out; the others answer as an operation that AWS lacks.
            pub const fn is_supported(self) -> bool {
                match self {
                    // Naming the method is what restricts this to the rows that have one.
                    $($(Self::$name => !stringify!($method).is_empty(),)?)*
                    _ => false,
                }
            }

            const fn summary(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }

        /// What carries out the operations: one function for each that is supported.
        pub trait Handlers: Send + Sync {
            $($(
                #[doc = $doc]
                fn $method(
                    &self,
                    caller: &Caller,
                    input: $input,
                ) -> impl Future<Output = Result<$output, ApiError>> + Send;
            )?)*
        }

        $($(
            impl Call for $input {
                const OPERATION: Operation = Operation::$name;
                type Output = $output;
            }
        )?)*

        /// Reads the body, calls the handler, and gives the body of the answer, which is empty
        /// for the operations that answer nothing.
        pub async fn dispatch<H: Handlers>(
            handlers: &H,
            caller: &Caller,
            operation: Operation,
            encoding: Encoding,
            body: &Bytes,
        ) -> Result<Bytes, ApiError> {
            match operation {
                $($(
                    Operation::$name => {
                        let input = codec::decode_input(encoding, body)?;
                        let output = handlers.$method(caller, input).await?;
                        Ok(codec::encode(encoding, &output))
                    }
                )?)*
                _ => Err(ApiError::bare(ErrorCode::UnknownOperation)),
            }
        }
    };
}

operations! {
    /// Acknowledge dead letters of a queue.
    AcknowledgeDeadLetterQueueRecords: Data;
    /// Acknowledge records of a queue.
    AcknowledgeQueueRecords: Data;
    /// Add or replace tags of a stream.
    AddTagsToStream: Control => add_tags_to_stream(AddTagsToStreamInput) -> ();
    /// Create a managed delivery to object storage.
    CreateChannel: Control;
    /// Create a queue over a stream.
    CreateQueue: Control;
    /// Create a stream.
    CreateStream: Control => create_stream(CreateStreamInput) -> ();
    /// Shorten how long records are kept.
    DecreaseStreamRetentionPeriod: Control
        => decrease_stream_retention_period(DecreaseStreamRetentionPeriodInput) -> ();
    /// Delete a channel.
    DeleteChannel: Control;
    /// Delete a queue.
    DeleteQueue: Control;
    /// Delete the policy of a resource.
    DeleteResourcePolicy: Control;
    /// Delete a stream and its records.
    DeleteStream: Control => delete_stream(DeleteStreamInput) -> ();
    /// Remove an enhanced fan-out consumer.
    DeregisterStreamConsumer: Control;
    /// Describe the settings of the account.
    DescribeAccountSettings: Control;
    /// Describe a channel.
    DescribeChannel: Control;
    /// Describe the limits of the account and what is used of them.
    DescribeLimits: Control => describe_limits(DescribeLimitsInput) -> DescribeLimitsOutput;
    /// Describe a queue.
    DescribeQueue: Control;
    /// Describe a stream and its shards, page by page.
    DescribeStream: Control => describe_stream(DescribeStreamInput) -> DescribeStreamOutput;
    /// Describe an enhanced fan-out consumer.
    DescribeStreamConsumer: Control;
    /// Describe a stream without its shards.
    DescribeStreamSummary: Control
        => describe_stream_summary(DescribeStreamSummaryInput) -> DescribeStreamSummaryOutput;
    /// Stop per-shard metrics.
    DisableEnhancedMonitoring: Control;
    /// Start per-shard metrics.
    EnableEnhancedMonitoring: Control;
    /// Read records of a shard from an iterator.
    GetRecords: Data => get_records(GetRecordsInput) -> GetRecordsOutput;
    /// Show the policy of a resource.
    GetResourcePolicy: Control;
    /// Give an iterator at a position of a shard.
    GetShardIterator: Data => get_shard_iterator(GetShardIteratorInput) -> GetShardIteratorOutput;
    /// Lengthen how long records are kept.
    IncreaseStreamRetentionPeriod: Control
        => increase_stream_retention_period(IncreaseStreamRetentionPeriodInput) -> ();
    /// List channels.
    ListChannels: Control;
    /// List queues.
    ListQueues: Control;
    /// List the shards of a stream, filtered, page by page.
    ListShards: Control => list_shards(ListShardsInput) -> ListShardsOutput;
    /// List the enhanced fan-out consumers of a stream.
    ListStreamConsumers: Control;
    /// List streams, page by page.
    ListStreams: Control => list_streams(ListStreamsInput) -> ListStreamsOutput;
    /// List the tags of a resource.
    ListTagsForResource: Control
        => list_tags_for_resource(ListTagsForResourceInput) -> ListTagsForResourceOutput;
    /// List the tags of a stream, page by page.
    ListTagsForStream: Control
        => list_tags_for_stream(ListTagsForStreamInput) -> ListTagsForStreamOutput;
    /// Merge two adjacent shards into one.
    MergeShards: Control => merge_shards(MergeShardsInput) -> ();
    /// Write one record.
    PutRecord: Data => put_record(PutRecordInput) -> PutRecordOutput;
    /// Write up to 500 records, each with its own result.
    PutRecords: Data => put_records(PutRecordsInput) -> PutRecordsOutput;
    /// Set the policy of a resource.
    PutResourcePolicy: Control;
    /// Receive dead letters of a queue.
    ReceiveDeadLetterQueueRecords: Data;
    /// Receive records of a queue.
    ReceiveQueueRecords: Data;
    /// Register an enhanced fan-out consumer.
    RegisterStreamConsumer: Control;
    /// Remove tags of a stream.
    RemoveTagsFromStream: Control => remove_tags_from_stream(RemoveTagsFromStreamInput) -> ();
    /// Return dead letters to their queue.
    RestoreDeadLetterQueueRecords: Data;
    /// Split a shard in two.
    SplitShard: Control => split_shard(SplitShardInput) -> ();
    /// Encrypt the records of a stream with a key.
    StartStreamEncryption: Control;
    /// Stop encrypting the records of a stream.
    StopStreamEncryption: Control;
    /// Follow a shard as an enhanced fan-out consumer.
    SubscribeToShard: Data;
    /// Add or replace tags of a resource.
    TagResource: Control => tag_resource(TagResourceInput) -> ();
    /// Remove tags of a resource.
    UntagResource: Control => untag_resource(UntagResourceInput) -> ();
    /// Change the settings of the account.
    UpdateAccountSettings: Control;
    /// Change a channel.
    UpdateChannel: Control;
    /// Hide dead letters of a queue for longer or shorter.
    UpdateDeadLetterQueueRecordsVisibility: Data;
    /// Change the largest record that a stream takes.
    UpdateMaxRecordSize: Control;
    /// Change a queue.
    UpdateQueue: Control;
    /// Hide received records of a queue for longer or shorter.
    UpdateQueueRecordsVisibility: Data;
    /// Change the number of shards of a stream, evenly.
    UpdateShardCount: Control => update_shard_count(UpdateShardCountInput) -> UpdateShardCountOutput;
    /// Switch a stream between provisioned and on-demand.
    UpdateStreamMode: Control;
    /// Change how records without a key find their shard.
    UpdateStreamRecordDistributionStrategy: Control;
    /// Keep capacity of an on-demand stream warm.
    UpdateStreamWarmThroughput: Control;
}

/// The table of `docs/coverage.md`, in the order of the model.
pub fn coverage() -> String {
    let mut table = String::from("| operation | plane | supported | what it does |\n");
    table.push_str("|---|---|---|---|\n");
    for operation in Operation::ALL {
        let plane = match operation.class() {
            Class::Control => "control",
            Class::Data => "data",
        };
        let supported = if operation.is_supported() { "yes" } else { "not yet" };
        let (name, summary) = (operation.name(), operation.summary().trim());
        writeln!(table, "| {name} | {plane} | {supported} | {summary} |")
            .expect("writing to a string cannot fail");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_the_operations_of_the_model_in_its_order() {
        let model = include_str!("../tests/model/operations.txt");
        let expected: Vec<&str> = model.lines().collect();
        let actual: Vec<String> = Operation::ALL
            .iter()
            .map(|operation| format!("{} {:?}", operation.name(), operation.class()))
            .collect();
        assert_eq!(actual, expected);
    }

    #[test]
    fn an_operation_is_found_only_by_its_exact_target() {
        for &operation in Operation::ALL {
            assert_eq!(Operation::from_target(operation.target()), Some(operation));
            assert_eq!(Operation::from_target(operation.name()), None);
            let shouted = operation.target().to_uppercase();
            assert_eq!(Operation::from_target(&shouted), None);
        }
        assert_eq!(Operation::from_target("Kinesis_20131202."), None);
    }

    #[test]
    fn the_coverage_page_has_a_row_for_each_operation() {
        let page = coverage();
        assert_eq!(page.lines().count(), Operation::ALL.len() + 2);
        assert!(page.contains("| PutRecords | data | yes | Write up to 500 records"));
        assert!(page.contains("| SubscribeToShard | data | not yet |"));
    }
}
