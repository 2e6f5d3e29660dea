//! From a body to a handler and back.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use wire::kinesis::*;
use wire::{
    ApiError, Call, Caller, Encoding, ErrorCode, Guard, Handlers, Operation, Reply, Services, Tags,
    Target, dispatch,
};

use crate::refusing::Refusing;

/// Answers ListStreams with its caller and its limit, refuses DeleteStream, and nothing else.
struct Echo;

type Answer<I> = Result<<I as Call>::Output, ApiError>;

fn unexpected<T>() -> Result<T, ApiError> {
    Err(ApiError::bare(ErrorCode::InternalFailure))
}

impl Handlers for Echo {
    async fn list_streams(
        &self,
        caller: &Caller,
        input: ListStreamsInput,
    ) -> Answer<ListStreamsInput> {
        Ok(ListStreamsOutput {
            stream_names: vec![caller.account.clone(), caller.region.clone()],
            next_token: input.limit.map(|limit| limit.to_string()),
            ..Default::default()
        })
    }

    async fn create_stream(&self, _: &Caller, _: CreateStreamInput) -> Answer<CreateStreamInput> {
        Ok(())
    }

    async fn delete_stream(
        &self,
        _: &Caller,
        input: DeleteStreamInput,
    ) -> Answer<DeleteStreamInput> {
        let name = input.stream_name.unwrap_or_default();
        Err(ApiError::new(ErrorCode::ResourceNotFound, format!("{name} is not there")))
    }

    async fn add_tags_to_stream(
        &self,
        _: &Caller,
        _: AddTagsToStreamInput,
    ) -> Answer<AddTagsToStreamInput> {
        unexpected()
    }

    async fn decrease_stream_retention_period(
        &self,
        _: &Caller,
        _: DecreaseStreamRetentionPeriodInput,
    ) -> Answer<DecreaseStreamRetentionPeriodInput> {
        unexpected()
    }

    async fn describe_limits(
        &self,
        _: &Caller,
        _: DescribeLimitsInput,
    ) -> Answer<DescribeLimitsInput> {
        unexpected()
    }

    async fn describe_stream(
        &self,
        _: &Caller,
        _: DescribeStreamInput,
    ) -> Answer<DescribeStreamInput> {
        unexpected()
    }

    async fn describe_stream_summary(
        &self,
        _: &Caller,
        _: DescribeStreamSummaryInput,
    ) -> Answer<DescribeStreamSummaryInput> {
        unexpected()
    }

    async fn get_records(&self, _: &Caller, _: GetRecordsInput) -> Answer<GetRecordsInput> {
        unexpected()
    }

    async fn get_shard_iterator(
        &self,
        _: &Caller,
        _: GetShardIteratorInput,
    ) -> Answer<GetShardIteratorInput> {
        unexpected()
    }

    async fn increase_stream_retention_period(
        &self,
        _: &Caller,
        _: IncreaseStreamRetentionPeriodInput,
    ) -> Answer<IncreaseStreamRetentionPeriodInput> {
        unexpected()
    }

    async fn list_shards(&self, _: &Caller, _: ListShardsInput) -> Answer<ListShardsInput> {
        unexpected()
    }

    async fn list_tags_for_resource(
        &self,
        _: &Caller,
        _: ListTagsForResourceInput,
    ) -> Answer<ListTagsForResourceInput> {
        unexpected()
    }

    async fn list_tags_for_stream(
        &self,
        _: &Caller,
        _: ListTagsForStreamInput,
    ) -> Answer<ListTagsForStreamInput> {
        unexpected()
    }

    async fn merge_shards(&self, _: &Caller, _: MergeShardsInput) -> Answer<MergeShardsInput> {
        unexpected()
    }

    async fn put_record(&self, _: &Caller, _: PutRecordInput) -> Answer<PutRecordInput> {
        unexpected()
    }

    async fn put_records(&self, _: &Caller, _: PutRecordsInput) -> Answer<PutRecordsInput> {
        unexpected()
    }

    async fn remove_tags_from_stream(
        &self,
        _: &Caller,
        _: RemoveTagsFromStreamInput,
    ) -> Answer<RemoveTagsFromStreamInput> {
        unexpected()
    }

    async fn split_shard(&self, _: &Caller, _: SplitShardInput) -> Answer<SplitShardInput> {
        unexpected()
    }

    async fn start_stream_encryption(
        &self,
        _: &Caller,
        _: StartStreamEncryptionInput,
    ) -> Answer<StartStreamEncryptionInput> {
        unexpected()
    }

    async fn stop_stream_encryption(
        &self,
        _: &Caller,
        _: StopStreamEncryptionInput,
    ) -> Answer<StopStreamEncryptionInput> {
        unexpected()
    }

    async fn delete_resource_policy(
        &self,
        _: &Caller,
        _: DeleteResourcePolicyInput,
    ) -> Answer<DeleteResourcePolicyInput> {
        unexpected()
    }

    async fn get_resource_policy(
        &self,
        _: &Caller,
        _: GetResourcePolicyInput,
    ) -> Answer<GetResourcePolicyInput> {
        unexpected()
    }

    async fn put_resource_policy(
        &self,
        _: &Caller,
        _: PutResourcePolicyInput,
    ) -> Answer<PutResourcePolicyInput> {
        unexpected()
    }

    async fn tag_resource(&self, _: &Caller, _: TagResourceInput) -> Answer<TagResourceInput> {
        unexpected()
    }

    async fn untag_resource(
        &self,
        _: &Caller,
        _: UntagResourceInput,
    ) -> Answer<UntagResourceInput> {
        unexpected()
    }

    async fn disable_enhanced_monitoring(
        &self,
        _: &Caller,
        _: DisableEnhancedMonitoringInput,
    ) -> Answer<DisableEnhancedMonitoringInput> {
        unexpected()
    }

    async fn enable_enhanced_monitoring(
        &self,
        _: &Caller,
        _: EnableEnhancedMonitoringInput,
    ) -> Answer<EnableEnhancedMonitoringInput> {
        unexpected()
    }

    async fn update_max_record_size(
        &self,
        _: &Caller,
        _: UpdateMaxRecordSizeInput,
    ) -> Answer<UpdateMaxRecordSizeInput> {
        unexpected()
    }

    async fn update_shard_count(
        &self,
        _: &Caller,
        _: UpdateShardCountInput,
    ) -> Answer<UpdateShardCountInput> {
        unexpected()
    }

    async fn describe_account_settings(
        &self,
        _: &Caller,
        _: DescribeAccountSettingsInput,
    ) -> Answer<DescribeAccountSettingsInput> {
        unexpected()
    }

    async fn update_account_settings(
        &self,
        _: &Caller,
        _: UpdateAccountSettingsInput,
    ) -> Answer<UpdateAccountSettingsInput> {
        unexpected()
    }

    async fn update_stream_mode(
        &self,
        _: &Caller,
        _: UpdateStreamModeInput,
    ) -> Answer<UpdateStreamModeInput> {
        unexpected()
    }

    async fn update_stream_record_distribution_strategy(
        &self,
        _: &Caller,
        _: UpdateStreamRecordDistributionStrategyInput,
    ) -> Answer<UpdateStreamRecordDistributionStrategyInput> {
        unexpected()
    }

    async fn update_stream_warm_throughput(
        &self,
        _: &Caller,
        _: UpdateStreamWarmThroughputInput,
    ) -> Answer<UpdateStreamWarmThroughputInput> {
        unexpected()
    }

    async fn deregister_stream_consumer(
        &self,
        _: &Caller,
        _: DeregisterStreamConsumerInput,
    ) -> Answer<DeregisterStreamConsumerInput> {
        unexpected()
    }

    async fn describe_stream_consumer(
        &self,
        _: &Caller,
        _: DescribeStreamConsumerInput,
    ) -> Answer<DescribeStreamConsumerInput> {
        unexpected()
    }

    async fn list_stream_consumers(
        &self,
        _: &Caller,
        _: ListStreamConsumersInput,
    ) -> Answer<ListStreamConsumersInput> {
        unexpected()
    }

    async fn register_stream_consumer(
        &self,
        _: &Caller,
        _: RegisterStreamConsumerInput,
    ) -> Answer<RegisterStreamConsumerInput> {
        unexpected()
    }

    async fn subscribe_to_shard(
        &self,
        _: &Caller,
        _: SubscribeToShardInput,
    ) -> Answer<SubscribeToShardInput> {
        unexpected()
    }
}

/// Lets everything pass but what is about a stream named `secret`.
struct NotSecret;

impl Guard for NotSecret {
    fn authorize(
        &self,
        _: &Caller,
        _: Operation,
        target: &Target<'_>,
        _: Tags<'_>,
    ) -> Result<(), ApiError> {
        match target {
            Target::Stream { name: Some("secret"), .. } => {
                Err(ApiError::bare(ErrorCode::AccessDenied))
            }
            _ => Ok(()),
        }
    }
}

/// Nothing here waits, so one poll is enough.
fn call(operation: Operation, encoding: Encoding, body: &Bytes) -> Result<Bytes, ApiError> {
    let caller = Caller::root("123456789012", "eu-west-1");
    let services = Services { guard: NotSecret, kinesis: Echo, weir: Refusing };
    let future = pin!(dispatch(&services, &caller, operation, encoding, body));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(Reply::Whole(answer))) => Ok(answer),
        Poll::Ready(Ok(Reply::Pieces(pieces))) => Ok(pieces.collect::<Vec<_>>().concat().into()),
        Poll::Ready(Ok(Reply::Events(_))) => panic!("nothing here answers with events"),
        Poll::Ready(Err(refusal)) => Err(refusal),
        Poll::Pending => panic!("a handler of this test waited"),
    }
}

fn call_json(operation: Operation, body: &'static str) -> Result<Bytes, ApiError> {
    call(operation, Encoding::Json, &Bytes::from_static(body.as_bytes()))
}

#[test]
fn a_handler_gets_the_input_and_its_output_is_the_body() {
    let answer = call_json(Operation::ListStreams, r#"{"Limit":3}"#).unwrap();
    let expected =
        r#"{"StreamNames":["123456789012","eu-west-1"],"HasMoreStreams":false,"NextToken":"3"}"#;
    assert_eq!(answer, expected);
    let answer =
        call(Operation::ListStreams, Encoding::Cbor, &Bytes::from_static(b"\xbf\xff")).unwrap();
    assert!(answer.starts_with(b"\xbf\x6bStreamNames\x9f"));
}

#[test]
fn an_operation_without_an_answer_has_an_empty_body() {
    let answer = call_json(Operation::CreateStream, r#"{"StreamName":"orders"}"#);
    assert_eq!(answer, Ok(Bytes::new()));
}

#[test]
fn refusals_come_from_the_schema_and_from_the_handler() {
    let refusal = call_json(Operation::CreateStream, "{}").unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Validation);
    let refusal = call_json(Operation::DeleteStream, r#"{"StreamName":"orders"}"#).unwrap_err();
    assert_eq!(refusal, ApiError::new(ErrorCode::ResourceNotFound, "orders is not there"));
}

#[test]
fn what_is_not_supported_is_unknown() {
    for &operation in Operation::ALL.iter().filter(|operation| !operation.is_supported()) {
        let refusal = call_json(operation, "{}").unwrap_err();
        assert_eq!(refusal, ApiError::bare(ErrorCode::UnknownOperation));
    }
}

#[test]
fn the_guard_decides_before_the_handler_sees_the_input() {
    let refusal = call_json(Operation::DeleteStream, r#"{"StreamName":"secret"}"#).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::AccessDenied);
}
