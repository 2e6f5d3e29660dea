//! Each principal of the table of cases, and what the SDK makes of what it is told.

use std::fmt::Debug;
use std::fs;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::ShardIteratorType;

use crate::{client_of, variable};

const STREAMS: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/";

#[tokio::test]
async fn each_principal_is_told_what_aws_would_tell_it() {
    let table = fs::read_to_string(variable("WEIR_CASES")).unwrap();
    let mut failures = Vec::new();
    let mut cases = 0;
    for line in table.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let (&[principal, operation, stream, outcome], text) = columns.split_at(4) else {
            unreachable!("split_at gives four")
        };
        let expected = [&[outcome], text].concat().join(": ");
        let actual = match call(&client_of(principal), operation, stream).await {
            Ok(()) => "ok".to_owned(),
            Err(told) => told,
        };
        if actual != expected {
            failures.push(format!("{principal}: {operation} on {stream}\n{expected}\n{actual}"));
        }
        cases += 1;
    }
    assert!(cases > 0, "the table has cases");
    assert!(failures.is_empty(), "expected, got:\n{}", failures.join("\n"));
}

async fn call(kinesis: &Client, operation: &str, stream: &str) -> Result<(), String> {
    let arn = format!("{STREAMS}{stream}");
    match operation {
        "PutRecord" => {
            let put = kinesis.put_record().stream_arn(arn).partition_key("k").data(Blob::new("x"));
            put.send().await.map(drop).map_err(told)
        }
        "DescribeStreamSummary" => {
            let describe = kinesis.describe_stream_summary().stream_arn(arn);
            describe.send().await.map(drop).map_err(told)
        }
        "GetRecords" => {
            let start = kinesis.get_shard_iterator().stream_arn(&arn);
            let start = start.shard_id("shardId-000000000000");
            let start = start.shard_iterator_type(ShardIteratorType::TrimHorizon).send();
            let position = start.await.map_err(told)?.shard_iterator.unwrap();
            let get = kinesis.get_records().stream_arn(arn).shard_iterator(position);
            get.send().await.map(drop).map_err(told)
        }
        other => panic!("no operation {other}"),
    }
}

fn told<E: ProvideErrorMetadata + Debug, R: Debug>(error: SdkError<E, R>) -> String {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => format!("{error:?}"),
    }
}
