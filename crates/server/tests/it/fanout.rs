//! SubscribeToShard over real sockets.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use serde_json::{Value, json};
use wire::event_stream::{Decoder, Event};

use crate::harness::{CBOR, Started, post, request, start};

/// The events of an answer that comes by and by.
struct Follower {
    body: Incoming,
    decoder: Decoder,
}

impl Follower {
    fn of(response: Response<Incoming>) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/vnd.amazon.eventstream");
        assert!(response.headers().contains_key("x-amzn-requestid"));
        Self { body: response.into_body(), decoder: Decoder::default() }
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.decoder.next_event().unwrap() {
                return Some(event);
            }
            let frame = self.body.frame().await?.unwrap();
            self.decoder.push(&frame.into_data().unwrap());
        }
    }

    /// The next event with records, or the last one.
    async fn records(&mut self) -> Value {
        loop {
            match self.next().await.expect("the subscription lasts") {
                Event::InitialResponse => {}
                Event::Payload { payload, .. } => {
                    let event: Value = serde_json::from_slice(&payload).unwrap();
                    let ended = event.get("ChildShards").is_some();
                    if ended || !event["Records"].as_array().unwrap().is_empty() {
                        return event;
                    }
                }
                Event::Refusal(error) => panic!("{error}"),
            }
        }
    }
}

impl Started {
    async fn consumer(&self) -> Value {
        let stream = json!({"StreamName": "s", "ShardCount": 1});
        assert_eq!(self.call("CreateStream", stream).await.status, 200);
        let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
        let input = json!({"StreamARN": arn, "ConsumerName": "c"});
        self.call("RegisterStreamConsumer", input).await.json()["Consumer"]["ConsumerARN"].take()
    }

    async fn put(&self, text: &str) {
        let data = base64_simd::STANDARD.encode_to_string(text);
        let input = json!({"StreamName": "s", "PartitionKey": "k", "Data": data});
        assert_eq!(self.call("PutRecord", input).await.status, 200);
    }
}

fn subscription(consumer: &Value) -> Value {
    let position = json!({"Type": "TRIM_HORIZON"});
    json!({"ConsumerARN": consumer, "ShardId": "shardId-000000000000", "StartingPosition": position})
}

fn data(event: &Value) -> String {
    let data = event["Records"][0]["Data"].as_str().unwrap();
    String::from_utf8(base64_simd::STANDARD.decode_to_vec(data).unwrap()).unwrap()
}

#[tokio::test]
async fn both_versions_of_http_carry_events_as_they_come() {
    for http2 in [false, true] {
        let started = start(&[]).await;
        let consumer = started.consumer().await;
        let subscribe = post("SubscribeToShard", &subscription(&consumer).to_string());
        let response = match http2 {
            true => started.http2().await.open(subscribe).await,
            false => started.http1().await.open(subscribe).await,
        };
        let mut follower = Follower::of(response);
        // It is there although nothing was put yet.
        assert_eq!(follower.next().await, Some(Event::InitialResponse));
        for text in ["one", "two"] {
            started.put(text).await;
            let event = follower.records().await;
            assert_eq!(data(&event), text);
            assert_eq!(event["MillisBehindLatest"], 0);
        }
        assert!(started.metric("weir_server_event_streams").await > 0.5);
        let split = json!({
            "StreamName": "s",
            "ShardToSplit": "shardId-000000000000",
            "NewStartingHashKey": "1000",
        });
        assert_eq!(started.call("SplitShard", split).await.status, 200);
        let last = follower.records().await;
        assert_eq!(last["ChildShards"].as_array().unwrap().len(), 2);
        assert!(last.get("ContinuationSequenceNumber").is_none());
        assert_eq!(follower.next().await, None);
        assert!(started.metric("weir_server_event_streams").await < 0.5);
        started.node.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_node_that_stops_ends_its_subscriptions_and_does_not_wait_for_them() {
    let started = start(&[]).await;
    let consumer = started.consumer().await;
    let subscribe = post("SubscribeToShard", &subscription(&consumer).to_string());
    let mut follower = Follower::of(started.http1().await.open(subscribe).await);
    assert_eq!(follower.next().await, Some(Event::InitialResponse));
    let stopping = tokio::time::timeout(Duration::from_secs(10), started.node.stop());
    let (stopped, end) = tokio::join!(stopping, follower.next());
    stopped.expect("in time").unwrap();
    assert_eq!(end, None);
}

#[tokio::test]
async fn a_refused_subscription_is_a_plain_error_and_cbor_is_taken_too() {
    let started = start(&[]).await;
    let consumer = started.consumer().await;
    let mut missing = subscription(&consumer);
    missing["ShardId"] = "shardId-000000000009".into();
    let refused = started.call("SubscribeToShard", missing).await;
    assert_eq!(refused.error().0, "ResourceNotFoundException");

    // AWS answers 500 to this; here the events are those of JSON, as their headers say.
    let input: wire::kinesis::SubscribeToShardInput = wire::codec::decode_input(
        wire::Encoding::Json,
        &Bytes::from(subscription(&consumer).to_string()),
    )
    .unwrap();
    let body = wire::codec::encode(wire::Encoding::Cbor, &input);
    let subscribe = request("POST", "Kinesis_20131202.SubscribeToShard", CBOR, body);
    let mut follower = Follower::of(started.http1().await.open(subscribe).await);
    started.put("v").await;
    assert_eq!(data(&follower.records().await), "v");
}
