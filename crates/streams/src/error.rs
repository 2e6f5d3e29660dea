//! What can go wrong, by what a caller would do about it, in AWS's words.
//!
//! The texts of operations live beside the rules that refuse; here are those that many share.

use model::{AccountId, ShardId};

use crate::catalog::StreamKey;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong. Texts are AWS's where AWS has one, hence with capitals and full stops.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not touch what it names.
    #[error("{0}")]
    Denied(String),
    /// An argument is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A member breaks a constraint that its shape alone does not tell.
    #[error("{0}")]
    Validation(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It exists already, or its state does not allow this.
    #[error("{0}")]
    InUse(String),
    /// A quota or a rate of the control plane is used up.
    #[error("{0}")]
    LimitExceeded(String),
    /// A shard's throughput is used up.
    #[error("{0}")]
    Throttled(String),
    /// A shard iterator is too old.
    #[error("{0}")]
    ExpiredIterator(String),
    /// A page token is too old.
    #[error("{0}")]
    ExpiredToken(String),
    /// All is well, and nothing was done because the caller asked for that.
    #[error("The request was rejected because the DryRun parameter was specified.")]
    DryRun,
    /// The shards changed under a put more often or for longer than it could wait.
    #[error("the shards of stream {0} are being changed")]
    Moved(String),
    /// Records of the node itself were not written, or nobody knows.
    #[error("records were not written to the system stream {0}")]
    Unwritten(String),
    /// The catalog holds something that this program did not write.
    #[error("the catalog is damaged: {0}")]
    Corrupt(String),
    /// The node stops.
    #[error("the node stops")]
    Stopping,
    /// A key cannot be used.
    #[error(transparent)]
    Keys(#[from] security::Error),
    /// Storage refused or failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

impl Error {
    /// Whether nothing was done, for certain.
    pub(crate) fn is_refusal(&self) -> bool {
        !matches!(self, Self::Storage(_) | Self::Stopping)
    }
}

/// No such stream, or one that may not be used yet.
pub(crate) fn no_such_stream(key: &StreamKey) -> Error {
    Error::NotFound(format!("Stream {} under account {} not found.", key.name, key.account))
}

/// No such consumer; `consumer` is its name or its ARN.
pub(crate) fn no_such_consumer(key: &StreamKey, consumer: impl std::fmt::Display) -> Error {
    Error::NotFound(format!("Consumer {consumer}, account {} not found.", key.account))
}

/// No such shard, as the control plane says it; `shard` is as the caller wrote it or canonical.
pub(crate) fn no_such_shard(key: &StreamKey, shard: impl std::fmt::Display) -> Error {
    let StreamKey { name, account, .. } = key;
    Error::NotFound(format!(
        "Could not find shard {shard} in stream {name} under account {account}."
    ))
}

/// No such shard, as the data plane says it.
pub(crate) fn shard_gone(key: &StreamKey, shard: ShardId) -> Error {
    let StreamKey { name, account, .. } = key;
    Error::NotFound(format!(
        "Shard {shard} in stream {name} under account {account} does not exist"
    ))
}

/// The shard takes no more in this second.
pub(crate) fn shard_rate_text(key: &StreamKey, shard: ShardId) -> String {
    let StreamKey { name, account, .. } = key;
    format!("Rate exceeded for shard {shard} in stream {name} under account {account}.")
}

/// A quota of shards would be passed.
pub(crate) fn shard_limit(key: &StreamKey, current: u32, limit: u32, more: u32) -> Error {
    let StreamKey { account, region, .. } = key;
    Error::LimitExceeded(format!(
        "This request would exceed the shard limit for the account {account} in {region}. \
         Current shard count for the account: {current}. Limit: {limit}. Number of additional \
         shards that would have resulted from this request: {more}. Refer to the AWS Service \
         Limits page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for \
         current limits and how to request higher limits."
    ))
}

/// Too many streams appear and disappear at once. The two blanks are AWS's.
pub(crate) fn transition_limit(account: AccountId, limit: usize) -> Error {
    Error::LimitExceeded(format!(
        "This request would have exceed the limit on the number  of streams that can \
         simultaneously be in CREATING or DELETING for the account {account}. Limit: {limit}."
    ))
}
