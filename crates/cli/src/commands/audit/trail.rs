//! The records of the audit stream, from a moment up to its present end.

use std::collections::VecDeque;

use bytes::Bytes;
use model::{SequenceNumber, Timestamp};
use weir_client::kinesis::{GetRecordsInput, GetShardIteratorInput, ShardIteratorType};
use weir_client::{Client, ClientConfig};

use crate::environment::ConnectionArgs;

/// A record and its place in the stream.
pub(super) struct Kept {
    pub(super) place: Option<u64>,
    pub(super) data: Bytes,
}

/// Reads the audit stream.
pub(super) struct Trail {
    client: Client,
    iterator: Option<String>,
    read: VecDeque<Kept>,
}

impl Trail {
    pub(super) async fn open(
        connection: &ConnectionArgs,
        since: Option<Timestamp>,
    ) -> anyhow::Result<Self> {
        let stream = server::audit_stream();
        // It is read where it is, whatever region the caller's streams are in.
        let region = stream.region().to_string();
        let client = Client::new(ClientConfig { region, ..connection.client_config()? })?;
        let kind = since.map_or(ShardIteratorType::TrimHorizon, |_| ShardIteratorType::AtTimestamp);
        let input = GetShardIteratorInput {
            stream_arn: Some(stream.to_string()),
            shard_id: "shardId-000000000000".into(),
            shard_iterator_type: kind,
            timestamp: since,
            ..GetShardIteratorInput::default()
        };
        let iterator = client.call(input).await?.shard_iterator;
        Ok(Self { client, iterator, read: VecDeque::new() })
    }

    /// The next record; none at what was the end when it was reached.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Kept>> {
        while self.read.is_empty() {
            let Some(iterator) = self.iterator.take() else { return Ok(None) };
            let input = GetRecordsInput {
                shard_iterator: iterator,
                stream_arn: Some(server::audit_stream().to_string()),
                ..GetRecordsInput::default()
            };
            let page = self.client.call(input).await?;
            let place = |number: &str| Some(number.parse::<SequenceNumber>().ok()?.index());
            self.read.extend(
                page.records.into_iter().map(|record| Kept {
                    place: place(&record.sequence_number),
                    data: record.data,
                }),
            );
            if page.millis_behind_latest.unwrap_or_default() > 0 {
                self.iterator = page.next_shard_iterator;
            }
        }
        Ok(self.read.pop_front())
    }
}
