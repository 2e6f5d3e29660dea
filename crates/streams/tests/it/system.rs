//! Streams of the node itself.

use bytes::Bytes;
use model::AccountId;
use streams::{Newest, SystemStream};
use wire::kinesis::*;
use wire::{ErrorCode, Handlers};

use crate::world::World;

const AUDIT: SystemStream = SystemStream::Audit;

fn reader() -> AccountId {
    "000000000000".parse().unwrap()
}

fn texts(texts: &[&'static str]) -> Vec<Bytes> {
    texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect()
}

#[tokio::test(start_paused = true)]
async fn what_the_node_appends_is_found_at_its_place_also_after_a_restart() {
    let world = World::new();
    let node = world.start().await;
    for _ in 0..2 {
        node.streams.keep_system_stream(AUDIT, 24, reader()).await.unwrap();
    }
    assert_eq!(node.streams.newest(AUDIT).await.unwrap(), Newest { next: 1, record: None });
    node.streams.append(AUDIT, &texts(&["a", "b"])).await.unwrap();
    node.streams.append(AUDIT, &texts(&["c"])).await.unwrap();
    node.stop().await;

    let node = world.start().await;
    node.streams.keep_system_stream(AUDIT, 48, reader()).await.unwrap();
    let newest = node.streams.newest(AUDIT).await.unwrap();
    assert_eq!(newest, Newest { next: 4, record: texts(&["c"]).pop() });
}

#[tokio::test(start_paused = true)]
async fn records_that_are_gone_keep_their_places() {
    let world = World::new();
    let node = world.start().await;
    node.streams.keep_system_stream(AUDIT, 24, reader()).await.unwrap();
    node.streams.append(AUDIT, &texts(&["a"])).await.unwrap();
    world.clock.step(25 * 3_600_000);
    assert_eq!(node.streams.newest(AUDIT).await.unwrap(), Newest { next: 2, record: None });
}

#[tokio::test(start_paused = true)]
async fn a_system_stream_is_there_at_once_and_nobody_may_change_it() {
    let mut world = World::aws();
    world.config.transition_delay = std::time::Duration::from_secs(60);
    let node = world.start().await;
    node.streams.keep_system_stream(AUDIT, 24, reader()).await.unwrap();
    node.streams.append(AUDIT, &texts(&["a"; 5000])).await.unwrap();
    let arn = AUDIT.arn().to_string();
    let (caller, streams) = (&node.caller, &node.streams);
    let (stream_arn, stream_name) = (Some(arn.clone()), None);
    let put = PutRecordInput {
        stream_arn: stream_arn.clone(),
        partition_key: Some("a".into()),
        ..Default::default()
    };
    let delete = DeleteStreamInput { stream_arn, stream_name, ..Default::default() };
    for refusal in [
        streams.put_record(caller, put).await.unwrap_err(),
        streams.delete_stream(caller, delete).await.unwrap_err(),
    ] {
        assert_eq!(refusal.code, ErrorCode::AccessDenied);
        assert!(refusal.to_string().contains("kept by the node itself"), "{refusal}");
    }
}
