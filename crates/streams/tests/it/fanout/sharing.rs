//! Many subscribers of one shard, and what stops one of them.

use super::*;

#[tokio::test(start_paused = true)]
async fn who_does_not_read_holds_up_nobody_and_gets_everything_later() {
    let node = World::new().start().await;
    let consumer = node.with_consumer(1).await;
    let other = node.register("d").await.unwrap().consumer_arn;
    let mut slow = node.subscribe(&consumer, "0", position(LATEST)).await;
    let mut quick = node.subscribe(&other, "0", position(LATEST)).await;
    let large = "x".repeat(100_000);
    for n in 0..40 {
        node.put("s", "k", &format!("{n:02}{large}")).await.unwrap();
        assert_eq!(quick.texts(1).await[0][..2], format!("{n:02}"));
    }
    let mut got = 0;
    while got < 40 {
        let message = slow.message().await.unwrap();
        assert!(message.len() < 700_000, "an event is bounded: {} bytes", message.len());
        let mut decoder = Decoder::default();
        decoder.push(&message);
        let Some(Event::Payload { encoding, payload, .. }) = decoder.next_event().unwrap() else {
            panic!("no event")
        };
        let event: SubscribeToShardEvent = wire::codec::decode_output(encoding, &payload).unwrap();
        for record in &event.records {
            assert_eq!(text(record)[..2], format!("{got:02}"));
            got += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn subscribers_at_the_tip_are_sent_the_same_bytes() {
    let node = World::new().start().await;
    node.create("s", 1).await;
    let mut followers = Vec::new();
    for n in 0..5 {
        let consumer = node.register(&format!("c{n}")).await.unwrap().consumer_arn;
        followers.push(node.subscribe(&consumer, "0", position(LATEST)).await);
    }
    for value in ["one", "two"] {
        node.put("s", "k", value).await.unwrap();
        let mut places = Vec::new();
        let mut messages = Vec::new();
        for follower in &mut followers {
            let message = follower.message().await.unwrap();
            places.push(message.as_ptr());
            messages.push(message);
        }
        assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_whose_key_is_disabled_ends_with_that_error() {
    let node = World::new().start().await;
    let realm = security::keys::Realm {
        account: "000000000001".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
    };
    let consumer = node.with_consumer(1).await;
    let key = node.keys.create_key(&realm, String::new()).await.unwrap().arn;
    node.encrypt("s", &key).await.unwrap();
    node.put("s", "k", "sealed").await.unwrap();
    let mut follower = node.subscribe(&consumer, "0", position(OLDEST)).await;
    let event = follower.event().await;
    assert_eq!(text(&event.records[0]), "sealed");
    assert_eq!(event.records[0].encryption_type, Some(EncryptionType::Kms));
    node.put("s", "k", "never read").await.unwrap();
    node.keys.disable(&realm, &key).await.unwrap();
    let Some(Event::Refusal(error)) = follower.next().await else { panic!("it goes on") };
    assert_eq!(error.to_string(), format!("KMSDisabledException: {key} is disabled."));
    assert_eq!(follower.next().await, None);
}
