//! What AWS fixes. What AWS lets an account raise is configuration, not here.

/// Characters of the name of a stream or a consumer.
pub const NAME_CHARS_MAX: usize = 128;
/// Characters of an ARN.
pub const ARN_CHARS_MAX: usize = 2048;
/// Characters (not bytes) of a partition key.
pub const PARTITION_KEY_CHARS_MAX: usize = 256;
/// Records of one PutRecords call.
pub const PUT_RECORDS_MAX: usize = 500;
/// Data and partition keys of one PutRecords call, in bytes.
pub const PUT_RECORDS_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Data and partition key of one record, in bytes, unless its stream allows more.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// Records of one GetRecords answer.
pub const GET_RECORDS_MAX: usize = 10_000;
/// Data of one GetRecords answer, in bytes.
pub const GET_RECORDS_BYTES_MAX: usize = 10 * 1024 * 1024;
/// The shortest and the default retention.
pub const RETENTION_HOURS_MIN: u32 = 24;
/// The longest retention.
pub const RETENTION_HOURS_MAX: u32 = 8760;
/// Tags of one stream.
pub const TAGS_MAX: usize = 50;
/// How long iterators and page tokens are valid, in milliseconds.
pub const TOKEN_LIFETIME_MS: u64 = 300_000;
/// What one shard takes per second, in bytes and in records.
pub const SHARD_WRITE_BYTES_PER_SECOND: u64 = 1024 * 1024;
/// What one shard takes per second, in records.
pub const SHARD_WRITE_RECORDS_PER_SECOND: u64 = 1000;
/// What one shard gives per second to all its polling readers, in bytes.
pub const SHARD_READ_BYTES_PER_SECOND: u64 = 2 * 1024 * 1024;
/// GetRecords calls that one shard takes per second.
pub const SHARD_READ_CALLS_PER_SECOND: u64 = 5;

/// Characters of a shard iterator.
pub const SHARD_ITERATOR_CHARS_MAX: usize = 512;
/// Shards that a stream starts with when nobody says how many.
pub const SHARDS_DEFAULT: u32 = 4;
/// The most shards UpdateShardCount goes to.
pub const UPDATE_SHARD_COUNT_MAX: u32 = 10_000;
/// UpdateShardCount calls of one stream in a rolling day.
pub const UPDATE_SHARD_COUNTS_PER_DAY: usize = 10;
/// Streams of an account that may be CREATING or DELETING at once.
pub const STREAMS_IN_TRANSITION_MAX: usize = 5;
/// On-demand streams of an account.
pub const ON_DEMAND_STREAMS_MAX: usize = 50;
/// UpdateStreamMode switches of one stream in a rolling day.
pub const STREAM_MODE_CHANGES_PER_DAY: usize = 2;

/// Starts of encryption of one stream in 24 hours, and stops as well.
pub const ENCRYPTION_CHANGES_PER_DAY: usize = 25;
/// The most warm throughput of one stream, in MiB per second.
pub const WARM_MIBPS_MAX: u32 = 10 * 1024;
/// What one shard contributes to it.
pub const WARM_MIBPS_PER_SHARD: u32 = (SHARD_WRITE_BYTES_PER_SECOND / (1024 * 1024)) as u32;
/// Enhanced fan-out consumers of a stream, unless its owner may have more.
pub const CONSUMERS_PER_STREAM: u32 = 20;
/// The same of an on-demand stream whose account is committed to a minimum throughput.
pub const CONSUMERS_PER_COMMITTED_STREAM: usize = 50;
/// Consumers of a stream that may be CREATING at once.
pub const CONSUMERS_CREATING_MAX: usize = 5;
/// Consumers of one ListStreamConsumers answer.
pub const LIST_CONSUMERS_MAX: usize = 100;
/// What one shard gives per second to one enhanced fan-out consumer, in bytes.
pub const CONSUMER_READ_BYTES_PER_SECOND: u64 = 2 * 1024 * 1024;
/// SubscribeToShard calls of one consumer and shard per second.
pub const SUBSCRIBE_CALLS_PER_SECOND: u64 = 1;
/// How long a subscription keeps its place before another of its consumer may take it over.
pub const SUBSCRIPTION_EXCLUSIVE_MS: u64 = 5000;
/// A subscription hears something at least this often.
pub const SUBSCRIPTION_EVENT_EVERY_MS: u64 = 5000;
/// Shards of one DescribeStream answer.
pub const DESCRIBE_STREAM_SHARDS_MAX: usize = 100;
/// Shards of one ListShards answer.
pub const LIST_SHARDS_MAX: usize = 1000;
/// Streams of one ListStreams answer.
pub const LIST_STREAMS_MAX: usize = 100;

const _: () = assert!(RECORD_BYTES_MAX <= PUT_RECORDS_BYTES_MAX);
const _: () = assert!(PUT_RECORDS_BYTES_MAX <= GET_RECORDS_BYTES_MAX, "any batch can be read back");
const _: () = assert!(PUT_RECORDS_MAX <= GET_RECORDS_MAX);
const _: () = assert!(RETENTION_HOURS_MIN <= RETENTION_HOURS_MAX);
