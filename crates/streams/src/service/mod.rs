//! The operations: shapes in, model values to the rules, shapes and API errors out. No rules here.

mod address;
mod capacity;
mod consumers;
mod encryption;
mod explain;
pub(crate) mod fuzz;
mod listing;
mod policies;
mod position;
mod reading;
mod settings;
mod shapes;
mod streams;
mod subject;
mod subscribing;
mod writing;

pub use encryption::KeyUse;
use wire::kinesis::*;
use wire::{ApiError, Caller, ErrorCode, Events, Handlers};

use crate::{Error, Inner, Streams};

pub use subject::Subject;

type Answer<T> = Result<T, ApiError>;

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let error = match error {
            Error::Keys(error) => return error.into(),
            error => error,
        };
        let code = match &error {
            Error::Denied(_) => ErrorCode::AccessDenied,
            Error::Invalid(_) => ErrorCode::InvalidArgument,
            Error::Validation(_) => ErrorCode::Validation,
            Error::NotFound(_) => ErrorCode::ResourceNotFound,
            Error::InUse(_) => ErrorCode::ResourceInUse,
            Error::LimitExceeded(_) => ErrorCode::LimitExceeded,
            Error::Throttled(_) => ErrorCode::ProvisionedThroughputExceeded,
            Error::ExpiredIterator(_) => ErrorCode::ExpiredIterator,
            Error::ExpiredToken(_) => ErrorCode::ExpiredNextToken,
            Error::DryRun => ErrorCode::DryRunOperation,
            Error::Storage(storage) if storage.is_retryable() => {
                tracing::warn!(%error, "a request was put off");
                return Self::bare(ErrorCode::ServiceUnavailable);
            }
            Error::Moved(_)
            | Error::Unwritten(_)
            | Error::Corrupt(_)
            | Error::Stopping
            | Error::Keys(_)
            | Error::Storage(_) => {
                tracing::error!(%error, "a request failed");
                return Self::bare(ErrorCode::InternalFailure);
            }
        };
        Self::new(code, error.to_string())
    }
}

impl Streams {
    fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Handlers for Streams {
    async fn add_tags_to_stream(&self, caller: &Caller, input: AddTagsToStreamInput) -> Answer<()> {
        Ok(self.inner().add_tags_to_stream(caller, input).await?)
    }

    async fn create_stream(&self, caller: &Caller, input: CreateStreamInput) -> Answer<()> {
        Ok(self.inner().create_stream(caller, input).await?)
    }

    async fn decrease_stream_retention_period(
        &self,
        caller: &Caller,
        input: DecreaseStreamRetentionPeriodInput,
    ) -> Answer<()> {
        Ok(self.inner().decrease_stream_retention_period(caller, input).await?)
    }

    async fn delete_stream(&self, caller: &Caller, input: DeleteStreamInput) -> Answer<()> {
        Ok(self.inner().delete_stream(caller, input).await?)
    }

    async fn describe_account_settings(
        &self,
        caller: &Caller,
        _: DescribeAccountSettingsInput,
    ) -> Answer<DescribeAccountSettingsOutput> {
        Ok(self.inner().describe_account_settings(caller)?)
    }

    async fn deregister_stream_consumer(
        &self,
        caller: &Caller,
        input: DeregisterStreamConsumerInput,
    ) -> Answer<()> {
        Ok(self.inner().deregister_stream_consumer(caller, input).await?)
    }

    async fn describe_limits(
        &self,
        caller: &Caller,
        _: DescribeLimitsInput,
    ) -> Answer<DescribeLimitsOutput> {
        Ok(self.inner().describe_limits(caller)?)
    }

    async fn describe_stream(
        &self,
        caller: &Caller,
        input: DescribeStreamInput,
    ) -> Answer<DescribeStreamOutput> {
        Ok(self.inner().describe_stream(caller, input)?)
    }

    async fn describe_stream_consumer(
        &self,
        caller: &Caller,
        input: DescribeStreamConsumerInput,
    ) -> Answer<DescribeStreamConsumerOutput> {
        Ok(self.inner().describe_stream_consumer(caller, input)?)
    }

    async fn describe_stream_summary(
        &self,
        caller: &Caller,
        input: DescribeStreamSummaryInput,
    ) -> Answer<DescribeStreamSummaryOutput> {
        Ok(self.inner().describe_stream_summary(caller, input)?)
    }

    async fn disable_enhanced_monitoring(
        &self,
        caller: &Caller,
        input: DisableEnhancedMonitoringInput,
    ) -> Answer<EnhancedMonitoringOutput> {
        Ok(self.inner().disable_enhanced_monitoring(caller, input).await?)
    }

    async fn enable_enhanced_monitoring(
        &self,
        caller: &Caller,
        input: EnableEnhancedMonitoringInput,
    ) -> Answer<EnhancedMonitoringOutput> {
        Ok(self.inner().enable_enhanced_monitoring(caller, input).await?)
    }

    async fn get_records(
        &self,
        caller: &Caller,
        input: GetRecordsInput,
    ) -> Answer<GetRecordsOutput> {
        Ok(self.inner().get_records(caller, input).await?)
    }

    async fn get_shard_iterator(
        &self,
        caller: &Caller,
        input: GetShardIteratorInput,
    ) -> Answer<GetShardIteratorOutput> {
        Ok(self.inner().get_shard_iterator(caller, input).await?)
    }

    async fn increase_stream_retention_period(
        &self,
        caller: &Caller,
        input: IncreaseStreamRetentionPeriodInput,
    ) -> Answer<()> {
        Ok(self.inner().increase_stream_retention_period(caller, input).await?)
    }

    async fn list_shards(
        &self,
        caller: &Caller,
        input: ListShardsInput,
    ) -> Answer<ListShardsOutput> {
        Ok(self.inner().list_shards(caller, input)?)
    }

    async fn list_stream_consumers(
        &self,
        caller: &Caller,
        input: ListStreamConsumersInput,
    ) -> Answer<ListStreamConsumersOutput> {
        Ok(self.inner().list_stream_consumers(caller, input)?)
    }

    async fn list_streams(
        &self,
        caller: &Caller,
        input: ListStreamsInput,
    ) -> Answer<ListStreamsOutput> {
        Ok(self.inner().list_streams(caller, input)?)
    }

    async fn list_tags_for_resource(
        &self,
        caller: &Caller,
        input: ListTagsForResourceInput,
    ) -> Answer<ListTagsForResourceOutput> {
        Ok(self.inner().list_tags_for_resource(caller, input)?)
    }

    async fn list_tags_for_stream(
        &self,
        caller: &Caller,
        input: ListTagsForStreamInput,
    ) -> Answer<ListTagsForStreamOutput> {
        Ok(self.inner().list_tags_for_stream(caller, input)?)
    }

    async fn merge_shards(&self, caller: &Caller, input: MergeShardsInput) -> Answer<()> {
        Ok(self.inner().merge_shards(caller, input).await?)
    }

    async fn delete_resource_policy(
        &self,
        caller: &Caller,
        input: DeleteResourcePolicyInput,
    ) -> Answer<()> {
        Ok(self.inner().delete_resource_policy(caller, input).await?)
    }

    async fn get_resource_policy(
        &self,
        caller: &Caller,
        input: GetResourcePolicyInput,
    ) -> Answer<GetResourcePolicyOutput> {
        Ok(self.inner().get_resource_policy(caller, input)?)
    }

    async fn put_resource_policy(
        &self,
        caller: &Caller,
        input: PutResourcePolicyInput,
    ) -> Answer<()> {
        Ok(self.inner().put_resource_policy(caller, input).await?)
    }

    async fn put_record(&self, caller: &Caller, input: PutRecordInput) -> Answer<PutRecordOutput> {
        self.inner().put_record(caller, input).await
    }

    async fn put_records(
        &self,
        caller: &Caller,
        input: PutRecordsInput,
    ) -> Answer<PutRecordsOutput> {
        Ok(self.inner().put_records(caller, input).await?)
    }

    async fn register_stream_consumer(
        &self,
        caller: &Caller,
        input: RegisterStreamConsumerInput,
    ) -> Answer<RegisterStreamConsumerOutput> {
        Ok(self.inner().register_stream_consumer(caller, input).await?)
    }

    async fn remove_tags_from_stream(
        &self,
        caller: &Caller,
        input: RemoveTagsFromStreamInput,
    ) -> Answer<()> {
        Ok(self.inner().remove_tags_from_stream(caller, input).await?)
    }

    async fn split_shard(&self, caller: &Caller, input: SplitShardInput) -> Answer<()> {
        Ok(self.inner().split_shard(caller, input).await?)
    }

    async fn subscribe_to_shard(
        &self,
        caller: &Caller,
        input: SubscribeToShardInput,
    ) -> Answer<Events> {
        Ok(self.inner().subscribe_to_shard(caller, input).await?)
    }

    async fn start_stream_encryption(
        &self,
        caller: &Caller,
        input: StartStreamEncryptionInput,
    ) -> Answer<()> {
        Ok(self.inner().start_stream_encryption(caller, input).await?)
    }

    async fn stop_stream_encryption(
        &self,
        caller: &Caller,
        input: StopStreamEncryptionInput,
    ) -> Answer<()> {
        Ok(self.inner().stop_stream_encryption(caller, input).await?)
    }

    async fn tag_resource(&self, caller: &Caller, input: TagResourceInput) -> Answer<()> {
        Ok(self.inner().tag_resource(caller, input).await?)
    }

    async fn untag_resource(&self, caller: &Caller, input: UntagResourceInput) -> Answer<()> {
        Ok(self.inner().untag_resource(caller, input).await?)
    }

    async fn update_account_settings(
        &self,
        caller: &Caller,
        input: UpdateAccountSettingsInput,
    ) -> Answer<UpdateAccountSettingsOutput> {
        Ok(self.inner().update_account_settings(caller, input).await?)
    }

    async fn update_max_record_size(
        &self,
        caller: &Caller,
        input: UpdateMaxRecordSizeInput,
    ) -> Answer<()> {
        Ok(self.inner().update_max_record_size(caller, input).await?)
    }

    async fn update_shard_count(
        &self,
        caller: &Caller,
        input: UpdateShardCountInput,
    ) -> Answer<UpdateShardCountOutput> {
        Ok(self.inner().update_shard_count(caller, input).await?)
    }

    async fn update_stream_mode(
        &self,
        caller: &Caller,
        input: UpdateStreamModeInput,
    ) -> Answer<()> {
        Ok(self.inner().update_stream_mode(caller, input).await?)
    }

    async fn update_stream_record_distribution_strategy(
        &self,
        caller: &Caller,
        input: UpdateStreamRecordDistributionStrategyInput,
    ) -> Answer<()> {
        Ok(self.inner().update_stream_record_distribution_strategy(caller, input).await?)
    }

    async fn update_stream_warm_throughput(
        &self,
        caller: &Caller,
        input: UpdateStreamWarmThroughputInput,
    ) -> Answer<UpdateStreamWarmThroughputOutput> {
        Ok(self.inner().update_stream_warm_throughput(caller, input).await?)
    }
}
