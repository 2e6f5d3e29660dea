//! Enhanced fan-out consumers: states, quotas, names, pages, tags.

use std::collections::BTreeMap;
use std::time::Duration;

use wire::kinesis::*;
use wire::{ApiError, Handlers};

use crate::world::{Node, World, refusal};

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000001:stream/s";

impl Node {
    pub(crate) async fn register(&self, name: &str) -> Result<Consumer, ApiError> {
        let input = RegisterStreamConsumerInput {
            stream_arn: STREAM.into(),
            consumer_name: name.into(),
            ..Default::default()
        };
        Ok(self.streams.register_stream_consumer(&self.caller, input).await?.consumer)
    }

    pub(crate) async fn deregister(&self, arn: &str) -> Result<(), ApiError> {
        let input =
            DeregisterStreamConsumerInput { consumer_arn: Some(arn.into()), ..Default::default() };
        self.streams.deregister_stream_consumer(&self.caller, input).await
    }

    async fn describe_consumer(&self, name: &str) -> Result<ConsumerDescription, ApiError> {
        let input = DescribeStreamConsumerInput {
            stream_arn: Some(STREAM.into()),
            consumer_name: Some(name.into()),
            ..Default::default()
        };
        let output = self.streams.describe_stream_consumer(&self.caller, input).await?;
        Ok(output.consumer_description)
    }

    async fn consumers(
        &self,
        max: Option<i32>,
        token: Option<String>,
    ) -> Result<(String, Option<String>), ApiError> {
        let input = ListStreamConsumersInput {
            stream_arn: STREAM.into(),
            max_results: max,
            next_token: token,
            ..Default::default()
        };
        let output = self.streams.list_stream_consumers(&self.caller, input).await?;
        let names = output.consumers.unwrap().into_iter().map(|consumer| consumer.consumer_name);
        Ok((names.collect::<Vec<_>>().join(" "), output.next_token))
    }

    async fn consumer_count(&self) -> Option<i32> {
        let input =
            DescribeStreamSummaryInput { stream_name: Some("s".into()), ..Default::default() };
        let output = self.streams.describe_stream_summary(&self.caller, input).await.unwrap();
        output.stream_description_summary.consumer_count
    }

    async fn tags_of(&self, arn: &str) -> Result<Vec<(String, String)>, ApiError> {
        let input = ListTagsForResourceInput { resource_arn: arn.into(), ..Default::default() };
        let output = self.streams.list_tags_for_resource(&self.caller, input).await?;
        Ok(output.tags.unwrap().into_iter().map(|tag| (tag.key, tag.value.unwrap())).collect())
    }
}

#[tokio::test(start_paused = true)]
async fn a_consumer_is_registered_and_removed_through_its_states() {
    let world = World::slow(Duration::from_millis(200));
    let node = world.start().await;
    let settle = || tokio::time::sleep(Duration::from_millis(210));
    node.create("s", 1).await;
    assert_eq!(
        refusal(node.register("c").await),
        "ResourceInUseException: Stream s under account 000000000001 not ACTIVE or UPDATING, \
         instead in state CREATING"
    );
    settle().await;
    assert_eq!(
        refusal(node.describe_consumer("c").await),
        "ResourceNotFoundException: Consumer c, account 000000000001 not found."
    );
    let registered = node.register("c").await.unwrap();
    assert_eq!(registered.consumer_status, ConsumerStatus::Creating);
    let second = registered.consumer_creation_timestamp.as_seconds();
    assert_eq!(registered.consumer_arn, format!("{STREAM}/consumer/c:{second}"));
    let status = async || node.describe_consumer("c").await.map(|c| c.consumer_status);
    assert_eq!(status().await, Ok(ConsumerStatus::Creating));
    assert_eq!(
        refusal(node.register("c").await),
        "ResourceInUseException: Consumer c under stream s already exists for account 000000000001."
    );
    settle().await;
    assert_eq!(status().await, Ok(ConsumerStatus::Active));
    assert_eq!(node.describe_consumer("c").await.unwrap().stream_arn, STREAM);
    assert_eq!(node.consumer_count().await, Some(1));

    node.deregister(&registered.consumer_arn).await.unwrap();
    assert_eq!(status().await, Ok(ConsumerStatus::Deleting));
    node.deregister(&registered.consumer_arn).await.unwrap();
    settle().await;
    assert!(status().await.is_err());
    assert_eq!(
        refusal(node.deregister(&registered.consumer_arn).await),
        format!(
            "ResourceNotFoundException: Consumer {}, account 000000000001 not found.",
            registered.consumer_arn
        )
    );
    assert_eq!(node.consumer_count().await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_was_being_registered_is_active_after_a_restart() {
    let world = World::slow(Duration::from_millis(200));
    let node = world.start().await;
    node.create("s", 1).await;
    tokio::time::sleep(Duration::from_millis(210)).await;
    let registered = node.register("c").await.unwrap();
    node.stop().await;
    let node = world.start().await;
    tokio::time::sleep(Duration::from_millis(210)).await;
    let consumer = node.describe_consumer("c").await.unwrap();
    assert_eq!(consumer.consumer_status, ConsumerStatus::Active);
    assert_eq!(consumer.consumer_arn, registered.consumer_arn);
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_consumers_is_deleted_only_together_with_them() {
    let node = World::new().start().await;
    node.create("s", 1).await;
    node.register("c").await.unwrap();
    assert_eq!(
        refusal(node.delete("s").await),
        "ResourceInUseException: Stream s under account 000000000001 has registered consumers. \
         Deregister them, or set EnforceConsumerDeletion."
    );
    let input = DeleteStreamInput {
        stream_name: Some("s".into()),
        enforce_consumer_deletion: Some(true),
        ..Default::default()
    };
    node.streams.delete_stream(&node.caller, input).await.unwrap();
    node.create("s", 1).await;
    assert_eq!(node.consumers(None, None).await.unwrap(), (String::new(), None));
}

#[tokio::test(start_paused = true)]
async fn the_consumers_of_a_stream_are_limited_and_so_are_those_being_created() {
    let mut world = World::aws();
    world.config.transition_delay = Duration::from_secs(2);
    let node = world.start().await;
    node.create("s", 1).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    for n in 0..20 {
        if n > 0 && n % 5 == 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(
                refusal(node.register("more").await),
                "LimitExceededException: This request would exceed the limit on the number of \
                 consumers of stream s under account 000000000001 that can simultaneously be in \
                 CREATING. Limit: 5."
            );
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        node.register(&format!("c{n}")).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        refusal(node.register("more").await),
        "LimitExceededException: This request would exceed the limit on the number of consumers \
         of stream s under account 000000000001. Current consumer count: 20. Limit: 20."
    );
}

#[tokio::test(start_paused = true)]
async fn consumers_are_listed_by_name_in_pages_whose_tokens_expire() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    for name in ["c", "a", "d", "b"] {
        node.register(name).await.unwrap();
    }
    assert_eq!(node.consumers(None, None).await.unwrap(), ("a b c d".into(), None));
    let (names, token) = node.consumers(Some(3), None).await.unwrap();
    assert_eq!(names, "a b c");
    let (names, end) = node.consumers(Some(3), token.clone()).await.unwrap();
    assert_eq!((names.as_str(), end), ("d", None));
    let refused = node.consumers(None, Some("AAAA".into())).await;
    assert_eq!(refusal(refused), "InvalidArgumentException: Invalid NextToken.");
    tokio::time::sleep(Duration::from_secs(301)).await;
    let refused = refusal(node.consumers(None, token).await);
    assert!(refused.starts_with("ExpiredNextTokenException: NextToken expired."), "{refused}");
    let input = ListStreamConsumersInput {
        stream_arn: STREAM.into(),
        stream_creation_timestamp: Some(model::Timestamp::from_seconds(1)),
        ..Default::default()
    };
    assert_eq!(
        refusal(node.streams.list_stream_consumers(&node.caller, input).await),
        "ResourceNotFoundException: Stream s under account 000000000001 not found."
    );
}

#[tokio::test(start_paused = true)]
async fn names_that_contradict_each_other_are_refused_and_another_second_is_another_consumer() {
    let node = World::new().start().await;
    node.create("s", 1).await;
    let arn = node.register("c").await.unwrap().consumer_arn;
    let describe = |stream: Option<&str>, name: Option<&str>, arn: Option<&str>| {
        let input = DescribeStreamConsumerInput {
            stream_arn: stream.map(str::to_owned),
            consumer_name: name.map(str::to_owned),
            consumer_arn: arn.map(str::to_owned),
            ..Default::default()
        };
        node.streams.describe_stream_consumer(&node.caller, input)
    };
    assert!(describe(Some(STREAM), Some("c"), Some(&arn)).await.is_ok());
    for (stream, name) in [(Some(STREAM), Some("d")), (Some("arn:x"), Some("c"))] {
        assert_eq!(
            refusal(describe(stream, name, Some(&arn)).await),
            "InvalidArgumentException: ConsumerARN, StreamARN and ConsumerName must name the same \
             consumer if they are provided together."
        );
    }
    for (stream, name) in [(None, Some("c")), (Some(STREAM), None), (None, None)] {
        assert_eq!(
            refusal(describe(stream, name, None).await),
            "InvalidArgumentException: Either ConsumerARN or both StreamARN and ConsumerName \
             should be provided."
        );
    }
    let other = format!("{STREAM}/consumer/c:1");
    assert_eq!(
        refusal(describe(None, None, Some(&other)).await),
        format!("ResourceNotFoundException: Consumer {other}, account 000000000001 not found.")
    );
}

#[tokio::test(start_paused = true)]
async fn a_consumer_has_tags_of_its_own() {
    let node = World::new().start().await;
    node.create("s", 1).await;
    let tags = |tags: &[(&str, &str)]| -> BTreeMap<String, String> {
        tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let input = RegisterStreamConsumerInput {
        stream_arn: STREAM.into(),
        consumer_name: "c".into(),
        tags: Some(tags(&[("a", "1"), ("b", "2")])),
        ..Default::default()
    };
    let registered = node.streams.register_stream_consumer(&node.caller, input).await.unwrap();
    let arn = registered.consumer.consumer_arn;
    let input = TagResourceInput {
        resource_arn: arn.clone(),
        tags: tags(&[("b", "3"), ("c", "4")]),
        ..Default::default()
    };
    node.streams.tag_resource(&node.caller, input).await.unwrap();
    let input = UntagResourceInput {
        resource_arn: arn.clone(),
        tag_keys: vec!["a".into()],
        ..Default::default()
    };
    node.streams.untag_resource(&node.caller, input).await.unwrap();
    let expected = [("b".to_owned(), "3".to_owned()), ("c".to_owned(), "4".to_owned())];
    assert_eq!(node.tags_of(&arn).await.unwrap(), expected);
    assert_eq!(node.tags_of(STREAM).await.unwrap(), []);
    let input = RegisterStreamConsumerInput {
        stream_arn: STREAM.into(),
        consumer_name: "d".into(),
        tags: Some(tags(&[("a;", "1")])),
        ..Default::default()
    };
    let refused = refusal(node.streams.register_stream_consumer(&node.caller, input).await);
    assert!(refused.starts_with("InvalidArgumentException: Some tags contain invalid"));
}
