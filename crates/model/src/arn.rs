//! The long name of a stream.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::limits::ARN_CHARS_MAX;
use crate::names::{AccountId, Region, StreamName};

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
}
