//! Policies of streams and consumers: put, shown, deleted, and what requests are about.

use wire::kinesis::*;
use wire::{ApiError, Call, Handlers, Operation, Target};

use crate::world::{Node, World, caller, refusal};

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000001:stream/s";
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
    "Principal":{"AWS":"000000000002"},"Action":"kinesis:PutRecord","Resource":"*"}]}"#;

impl Node {
    async fn put_policy(&self, arn: &str, policy: &str) -> Result<(), ApiError> {
        let (resource_arn, policy) = (arn.to_owned(), policy.to_owned());
        let input = PutResourcePolicyInput { resource_arn, policy, ..Default::default() };
        self.streams.put_resource_policy(&self.caller, input).await
    }

    async fn policy(&self, arn: &str) -> Result<String, ApiError> {
        let input = GetResourcePolicyInput { resource_arn: arn.into(), ..Default::default() };
        Ok(self.streams.get_resource_policy(&self.caller, input).await?.policy)
    }

    async fn delete_policy(&self, arn: &str) -> Result<(), ApiError> {
        let input = DeleteResourcePolicyInput { resource_arn: arn.into(), ..Default::default() };
        self.streams.delete_resource_policy(&self.caller, input).await
    }

    fn arns<I: Call>(&self, input: &I) -> Vec<String> {
        let subject = self.streams.subject(&self.caller, I::OPERATION, &input.target());
        subject.unwrap().unwrap().arns()
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_shown_as_it_was_put_until_it_is_deleted_also_after_a_restart() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    let consumer = node.register("c").await.unwrap().consumer_arn;
    for arn in [STREAM, &consumer] {
        assert_eq!(node.policy(arn).await.unwrap(), "{}");
        let none =
            format!("ResourceNotFoundException: No resource policy found for resource ARN {arn}.");
        assert_eq!(refusal(node.delete_policy(arn).await), none);
        node.put_policy(arn, POLICY).await.unwrap();
        assert_eq!(node.policy(arn).await.unwrap(), POLICY);
    }
    node.stop().await;
    let node = world.start().await;
    for arn in [STREAM, &consumer] {
        assert_eq!(node.policy(arn).await.unwrap(), POLICY);
        let subject =
            node.streams.subject(&node.caller, Operation::PutRecord, &Target::Resource(arn));
        assert!(subject.unwrap().unwrap().policy().is_some(), "{arn}");
        node.delete_policy(arn).await.unwrap();
        assert_eq!(node.policy(arn).await.unwrap(), "{}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_policy_is_refused_and_what_is_not_there_has_none() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    for (document, why) in [
        ("", "Syntax errors in policy."),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "Missing required field Principal",
        ),
    ] {
        let refused = refusal(node.put_policy(STREAM, document).await);
        assert_eq!(refused, format!("InvalidArgumentException: {why}"));
    }
    let missing = "arn:aws:kinesis:us-east-1:000000000001:stream/missing";
    let no_stream =
        "ResourceNotFoundException: Stream missing under account 000000000001 not found.";
    assert_eq!(refusal(node.put_policy(missing, POLICY).await), no_stream);
    assert_eq!(refusal(node.policy(missing).await), no_stream);
    let consumer = format!("{STREAM}/consumer/c:1");
    assert!(refusal(node.policy(&consumer).await).starts_with("ResourceNotFoundException: "));
}

#[tokio::test(start_paused = true)]
async fn what_a_request_is_about_has_one_name_however_it_is_named() {
    let world = World::new();
    let mut node = world.start().await;
    node.create("s", 1).await;
    let iterator = node.iterator("s", "0", ShardIteratorType::Latest).await;
    let consumer = node.register("c").await.unwrap().consumer_arn;
    let by_name = PutRecordInput { stream_name: Some("s".into()), ..Default::default() };
    let other_partition = STREAM.replace("arn:aws:", "arn:aws-cn:");
    let by_arn = PutRecordInput { stream_arn: Some(other_partition), ..Default::default() };
    let by_iterator = GetRecordsInput { shard_iterator: iterator, ..Default::default() };
    let by_consumer = DescribeStreamConsumerInput {
        stream_arn: Some(STREAM.into()),
        consumer_name: Some("c".into()),
        ..Default::default()
    };
    assert_eq!(node.arns(&by_name), [STREAM]);
    assert_eq!(node.arns(&by_arn), [STREAM]);
    assert_eq!(node.arns(&by_iterator), [STREAM]);
    let short = format!("{STREAM}/consumer/c");
    assert_eq!(node.arns(&by_consumer), [short, consumer]);
    // Names are the caller's own, ARNs and tokens say whose they are.
    node.caller = caller("000000000002", "us-east-1");
    assert_eq!(node.arns(&by_name), [STREAM.replace("000000000001", "000000000002")]);
    assert_eq!(node.arns(&by_arn), [STREAM]);
    assert_eq!(node.arns(&by_iterator), [STREAM]);
    let both = PutRecordInput { stream_name: Some("other".into()), ..by_arn };
    let subject = node.streams.subject(&node.caller, Operation::PutRecord, &both.target());
    assert!(refusal(subject.map(|_| ())).starts_with("InvalidArgumentException: "));
}
