//! Looks at the stream's shards again and again.

use anyhow::{Result, ensure};
use weir_client::Client;
use weir_client::kinesis::{DescribeStreamInput, Shard};

use super::{pause, reader};
use crate::faults::Fault;
use crate::run::{Run, STREAM};

const PAUSE_MS: std::ops::Range<u64> = 1..60;
/// The most shards in an answer of DescribeStream.
const PAGE: i32 = 10_000;

pub(crate) async fn work(run: Run, client: Client) {
    let hours_pass = run.profile.has(Fault::Expiry);
    loop {
        match look(&run, &client).await {
            Ok(shards) => {
                let kept = run.lineage().saw(&shards, hours_pass);
                run.require(kept);
            }
            Err(error) => run.trace.event(format_args!("watcher: {error:#}")),
        }
        pause(&run, PAUSE_MS).await;
    }
}

async fn look(run: &Run, client: &Client) -> Result<Vec<Shard>> {
    if run.world.entropy.one_in(2) {
        return Ok(reader::shards(client).await?);
    }
    let input = DescribeStreamInput {
        stream_name: Some(STREAM.into()),
        limit: Some(PAGE),
        ..DescribeStreamInput::default()
    };
    let description = client.call(input).await?.stream_description;
    ensure!(!description.has_more_shards, "there are too many shards for one page");
    Ok(description.shards)
}
