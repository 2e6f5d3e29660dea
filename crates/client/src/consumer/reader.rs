//! One shard's place, and the call that reads on from there.

use std::sync::Arc;

use model::Timestamp;
use tokio::time::sleep;
use wire::ErrorCode;
use wire::kinesis::{GetRecordsInput, GetRecordsOutput, GetShardIteratorInput, ShardIteratorType};

use crate::consumer::ConsumerConfig;
use crate::{Client, Error, Result};

/// Where to take a new iterator when there is none, or when it has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resume {
    Oldest,
    Newest,
    At(Timestamp),
    After(String),
}

pub(super) struct Reader {
    pub(super) shard_id: Arc<str>,
    pub(super) iterator: Option<String>,
    pub(super) resume: Resume,
    /// Nothing new came last time: wait before asking again.
    pub(super) is_idle: bool,
}

impl Reader {
    pub(super) fn new(shard_id: Arc<str>, resume: Resume) -> Self {
        Self { shard_id, iterator: None, resume, is_idle: false }
    }

    /// Reads one batch and gives the reader back with it.
    pub(super) async fn read(
        mut self,
        client: Client,
        config: Arc<ConsumerConfig>,
    ) -> (Self, Result<GetRecordsOutput>) {
        if self.is_idle {
            sleep(config.poll_interval).await;
        }
        let mut outcome = self.try_read(&client, &config).await;
        // An iterator lives for five minutes, which a consumer may spend on other things.
        let expired = |error: &Error| error.code() == Some(ErrorCode::ExpiredIterator);
        if outcome.as_ref().is_err_and(expired) {
            self.iterator = None;
            outcome = self.try_read(&client, &config).await;
        }
        (self, outcome)
    }

    async fn try_read(
        &mut self,
        client: &Client,
        config: &ConsumerConfig,
    ) -> Result<GetRecordsOutput> {
        let shard_iterator = self.take_position(client, config).await?;
        let limit = Some(i32::from(config.batch_records_max));
        client.call(GetRecordsInput { shard_iterator, limit, ..Default::default() }).await
    }

    /// The iterator to read from; asks for one if there is none.
    pub(super) async fn take_position(
        &mut self,
        client: &Client,
        config: &ConsumerConfig,
    ) -> Result<String> {
        if let Some(iterator) = &self.iterator {
            return Ok(iterator.clone());
        }
        let (kind, sequence_number, timestamp) = match &self.resume {
            Resume::Oldest => (ShardIteratorType::TrimHorizon, None, None),
            Resume::Newest => (ShardIteratorType::Latest, None, None),
            Resume::At(time) => (ShardIteratorType::AtTimestamp, None, Some(*time)),
            Resume::After(number) => {
                (ShardIteratorType::AfterSequenceNumber, Some(number.clone()), None)
            }
        };
        let input = GetShardIteratorInput {
            stream_name: Some(config.stream.clone()),
            shard_id: self.shard_id.to_string(),
            shard_iterator_type: kind,
            starting_sequence_number: sequence_number,
            timestamp,
            ..GetShardIteratorInput::default()
        };
        let asked = client.world().clock.now();
        let iterator = client.call(input).await?.shard_iterator.ok_or_else(|| Error::Answer {
            operation: "GetShardIterator",
            reason: "it has no iterator".into(),
        })?;
        if self.resume == Resume::Newest {
            // Should this iterator expire, the end of then is the place, not the end of now.
            self.resume = Resume::At(asked);
        }
        self.iterator = Some(iterator.clone());
        Ok(iterator)
    }
}
