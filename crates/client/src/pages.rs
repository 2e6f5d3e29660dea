//! Lists that come in pages, whole.

use wire::kinesis::{
    DescribeStreamSummaryInput, ListShardsInput, ListStreamsInput, Shard, ShardFilter,
    StreamDescriptionSummary, StreamSummary,
};

use crate::{Client, Result};

impl Client {
    /// The summaries of all streams, sorted by name.
    pub async fn streams(&self) -> Result<Vec<StreamSummary>> {
        let mut streams = Vec::new();
        let mut input = ListStreamsInput::default();
        loop {
            let page = self.call(input).await?;
            streams.extend(page.stream_summaries.unwrap_or_default());
            let Some(last) = page.stream_names.last().filter(|_| page.has_more_streams) else {
                return Ok(streams);
            };
            input = ListStreamsInput {
                exclusive_start_stream_name: Some(last.clone()),
                ..ListStreamsInput::default()
            };
        }
    }

    /// The shards of a stream that `filter` lets through, sorted by id.
    pub async fn shards(&self, stream: &str, filter: ShardFilter) -> Result<Vec<Shard>> {
        let mut shards = Vec::new();
        let mut input = ListShardsInput {
            stream_name: Some(stream.to_owned()),
            shard_filter: Some(filter),
            ..ListShardsInput::default()
        };
        loop {
            let page = self.call(input).await?;
            shards.extend(page.shards.unwrap_or_default());
            let Some(token) = page.next_token else { return Ok(shards) };
            input = ListShardsInput { next_token: Some(token), ..ListShardsInput::default() };
        }
    }

    /// The description of a stream without its shards, or `None` when there is no such stream.
    pub async fn summary(&self, stream: &str) -> Result<Option<StreamDescriptionSummary>> {
        let stream_name = Some(stream.to_owned());
        let input = DescribeStreamSummaryInput { stream_name, ..Default::default() };
        match self.call(input).await {
            Ok(output) => Ok(Some(output.stream_description_summary)),
            Err(error) if error.code() == Some(wire::ErrorCode::ResourceNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
