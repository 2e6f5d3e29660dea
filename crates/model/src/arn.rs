//! The long names of streams and their consumers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::limits::ARN_CHARS_MAX;
use crate::names::{AccountId, ConsumerName, Region, StreamName};
use crate::timestamp::Timestamp;

/// `arn:<partition>:kinesis:<region>:<account>:stream/<name>`.
///
/// ```
/// let arn: model::StreamArn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders".parse()?;
/// assert_eq!(arn.name().as_str(), "orders");
/// assert_eq!(arn.to_string(), "arn:aws:kinesis:us-east-1:000000000000:stream/orders");
/// # Ok::<(), model::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamArn {
    partition: Arc<str>,
    region: Region,
    account: AccountId,
    name: StreamName,
}

impl StreamArn {
    /// The ARN of a stream; the region tells the partition.
    pub fn new(region: Region, account: AccountId, name: StreamName) -> Self {
        Self { partition: region.partition().into(), region, account, name }
    }

    /// The account that owns the stream, which need not be the caller's.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The region the stream lives in.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The stream's name.
    pub fn name(&self) -> &StreamName {
        &self.name
    }
}

impl FromStr for StreamArn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let error = || Error::new("the ARN of a stream", text);
        if text.len() > ARN_CHARS_MAX {
            return Err(error());
        }
        let mut parts = text.splitn(6, ':');
        let mut part = || parts.next().ok_or_else(error);
        let ("arn", partition, "kinesis") = (part()?, part()?, part()?) else {
            return Err(error());
        };
        if !partition.starts_with("aws") {
            return Err(error());
        }
        let region = part()?.parse().map_err(|_| error())?;
        let account = part()?.parse().map_err(|_| error())?;
        let name = part()?.strip_prefix("stream/").ok_or_else(error)?;
        let name = name.parse().map_err(|_| error())?;
        Ok(Self { partition: partition.into(), region, account, name })
    }
}

impl fmt::Display for StreamArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, region, account, name } = self;
        write!(f, "arn:{partition}:kinesis:{region}:{account}:stream/{name}")
    }
}

/// `<ARN of the stream>/consumer/<name>:<second of its registration>`.
///
/// ```
/// let text = "arn:aws:kinesis:us-east-1:000000000000:stream/orders/consumer/billing:1700000000";
/// let arn: model::ConsumerArn = text.parse()?;
/// assert_eq!(arn.stream().name().as_str(), "orders");
/// assert_eq!(arn.name().as_str(), "billing");
/// assert_eq!(arn.to_string(), text);
/// # Ok::<(), model::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConsumerArn {
    stream: StreamArn,
    name: ConsumerName,
    created_seconds: u64,
}

impl ConsumerArn {
    /// The ARN of a consumer that was registered at `created`.
    pub fn new(stream: StreamArn, name: ConsumerName, created: Timestamp) -> Self {
        Self { stream, name, created_seconds: created.as_seconds() }
    }

    /// The stream that it reads.
    pub fn stream(&self) -> &StreamArn {
        &self.stream
    }

    /// Its name.
    pub fn name(&self) -> &ConsumerName {
        &self.name
    }

    /// The second of its registration, which tells apart consumers that had one name.
    pub fn created_seconds(&self) -> u64 {
        self.created_seconds
    }
}

impl FromStr for ConsumerArn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let error = || Error::new("the ARN of a consumer", text);
        if text.len() > ARN_CHARS_MAX {
            return Err(error());
        }
        let (stream, rest) = text.split_once("/consumer/").ok_or_else(error)?;
        let (name, created) = rest.split_once(':').ok_or_else(error)?;
        if !created.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error());
        }
        Ok(Self {
            stream: stream.parse().map_err(|_| error())?,
            name: name.parse().map_err(|_| error())?,
            created_seconds: created.parse().map_err(|_| error())?,
        })
    }
}

impl fmt::Display for ConsumerArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, name, created_seconds } = self;
        write!(f, "{stream}/consumer/{name}:{created_seconds}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_reads_back_as_written_whatever_its_account_and_partition() {
        for text in [
            "arn:aws:kinesis:us-east-1:123456789012:stream/S",
            "arn:aws-cn:kinesis:cn-north-1:000000000001:stream/a.b-c_d",
        ] {
            assert_eq!(text.parse::<StreamArn>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_stream_s_arn_is_refused() {
        for bad in [
            "",
            "arn:aws:kinesis:us-east-1:123456789012:stream/",
            "arn:aws:kinesis:us-east-1:12345:stream/S",
            "arn:gcp:kinesis:us-east-1:123456789012:stream/S",
            "arn:aws:s3:us-east-1:123456789012:stream/S",
            "arn:aws:kinesis:us-east-1:123456789012:stream/S/consumer/c:1",
            "arn:aws:kinesis:us-east-1:123456789012:S",
        ] {
            assert!(bad.parse::<StreamArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_a_consumer_s_arn_is_refused() {
        let stream = "arn:aws:kinesis:us-east-1:123456789012:stream/S";
        for bad in ["", "/consumer/c", "/consumer/c:", "/consumer/c:+1", "/consumer/c d:1", "/c:1"]
        {
            assert!(format!("{stream}{bad}").parse::<ConsumerArn>().is_err(), "{bad}");
        }
    }
}
