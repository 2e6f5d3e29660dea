//! The largest records and requests that the API allows, with the default settings.

use serde_json::json;

use crate::harness::{Answer, CBOR, Started, post, request, start};

/// With a key of one byte this is a record of 10 MiB; it is a multiple of three.
const DATA_BYTES: usize = 10 * 1024 * 1024 - 1;

async fn stream() -> Started {
    let started = start(&[]).await;
    let input = json!({"StreamName": "river", "ShardCount": 1, "MaxRecordSizeInKiB": 10240});
    assert_eq!(started.call("CreateStream", input).await.status, 200);
    started
}

/// Zeros in base64.
fn zeros(bytes: usize) -> String {
    "A".repeat(bytes / 3 * 4)
}

/// The first answer of GetRecords, in the encoding of `content_type`.
async fn read(started: &Started, content_type: &str) -> Answer {
    let input = json!({
        "StreamName": "river",
        "ShardId": "shardId-000000000000",
        "ShardIteratorType": "TRIM_HORIZON",
    });
    let iterator = started.call("GetShardIterator", input).await.json();
    let iterator = iterator["ShardIterator"].as_str().unwrap();
    let body = if content_type == CBOR {
        let length = u16::try_from(iterator.len()).unwrap().to_be_bytes();
        [b"\xbf\x6dShardIterator\x79", &length[..], iterator.as_bytes(), b"\xff"].concat()
    } else {
        json!({"ShardIterator": iterator}).to_string().into_bytes()
    };
    let target = "Kinesis_20131202.GetRecords";
    started.http1().await.send(request("POST", target, content_type, body)).await
}

#[tokio::test]
async fn a_record_of_ten_mebibytes_goes_in_and_out_in_json() {
    let started = stream().await;
    let input =
        json!({"StreamName": "river", "PartitionKey": "k", "Data": zeros(DATA_BYTES)}).to_string();
    let answer = started.http1().await.send(post("PutRecord", &input)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let over = json!({"StreamName": "river", "PartitionKey": "kk", "Data": zeros(DATA_BYTES)});
    let refused = started.call("PutRecord", over).await.error();
    assert_eq!(refused.0, "ValidationException");
    let records = read(&started, crate::harness::JSON).await.json();
    assert_eq!(records["Records"][0]["Data"].as_str().unwrap().len(), DATA_BYTES / 3 * 4);
}

#[tokio::test]
async fn a_record_of_ten_mebibytes_goes_in_and_out_in_cbor_over_http2() {
    let started = stream().await;
    let head = b"\xbf\x6aStreamName\x65river\x6cPartitionKey\x61k\x64Data\x5a";
    let length = u32::try_from(DATA_BYTES).unwrap().to_be_bytes();
    let body = [&head[..], &length, &vec![0xf0; DATA_BYTES], b"\xff"].concat();
    let put = request("POST", "Kinesis_20131202.PutRecord", CBOR, body);
    let answer = started.http2().await.send(put).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let records = read(&started, CBOR).await;
    assert_eq!(records.status, 200);
    assert_eq!(records.body.iter().filter(|byte| **byte == 0xf0).count(), DATA_BYTES);
}

#[tokio::test]
async fn five_hundred_records_of_ten_mebibytes_together_are_one_request_in_json() {
    let started = stream().await;
    // 20,970 bytes of data and a key of one byte: 500 of them are just below 10 MiB.
    let record = json!({"PartitionKey": "k", "Data": zeros(20_970)});
    let input = json!({"StreamName": "river", "Records": vec![record; 500]});
    let answer = started.call("PutRecords", input).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["FailedRecordCount"], 0);
    let record = json!({"PartitionKey": "kk", "Data": zeros(20_973)});
    let input = json!({"StreamName": "river", "Records": vec![record; 500]});
    let refused = started.call("PutRecords", input).await.error();
    assert_eq!(refused.1, "Records size exceeds 10 MB limit");
}
