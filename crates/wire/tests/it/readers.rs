//! How every operation reads its input.

use std::collections::BTreeSet;
use std::fmt::Debug;

use bytes::Bytes;
use wire::admin::*;
use wire::codec::{decode_carefully, decode_input, encode};
use wire::kinesis::*;
use wire::schema::Structure;
use wire::{ApiError, Call, Encoding, Operation};

/// An operation that is carried out, with its input.
pub(crate) struct Reader {
    pub(crate) operation: Operation,
    pub(crate) shape: Structure,
    read: fn(Encoding, &Bytes) -> Result<Written, ApiError>,
}

/// An input as this crate writes it: two that are written alike are the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) json: Bytes,
    pub(crate) cbor: Bytes,
}

impl Reader {
    fn of<I: Call + PartialEq + Debug>() -> Self {
        Self { operation: I::OPERATION, shape: I::SHAPE, read: read::<I> }
    }

    /// What a body means, which must not depend on the way it is read.
    pub(crate) fn read(&self, encoding: Encoding, body: &Bytes) -> Result<Written, ApiError> {
        (self.read)(encoding, body)
    }
}

fn read<I: Call + PartialEq + Debug>(
    encoding: Encoding,
    body: &Bytes,
) -> Result<Written, ApiError> {
    let input = decode_input::<I>(encoding, body);
    assert_eq!(input, decode_carefully::<I>(encoding, body), "{encoding} {body:?}");
    let input = input?;
    Ok(Written { json: encode(Encoding::Json, &input), cbor: encode(Encoding::Cbor, &input) })
}

/// One for each operation that is carried out.
pub(crate) fn readers() -> Vec<Reader> {
    let mut readers = readers_of_kinesis();
    readers.extend(readers_of_weir());
    readers
}

fn readers_of_kinesis() -> Vec<Reader> {
    vec![
        Reader::of::<AddTagsToStreamInput>(),
        Reader::of::<CreateStreamInput>(),
        Reader::of::<DecreaseStreamRetentionPeriodInput>(),
        Reader::of::<DeleteResourcePolicyInput>(),
        Reader::of::<DeleteStreamInput>(),
        Reader::of::<DeregisterStreamConsumerInput>(),
        Reader::of::<DescribeAccountSettingsInput>(),
        Reader::of::<DescribeLimitsInput>(),
        Reader::of::<DescribeStreamConsumerInput>(),
        Reader::of::<DescribeStreamInput>(),
        Reader::of::<DescribeStreamSummaryInput>(),
        Reader::of::<DisableEnhancedMonitoringInput>(),
        Reader::of::<EnableEnhancedMonitoringInput>(),
        Reader::of::<GetRecordsInput>(),
        Reader::of::<GetResourcePolicyInput>(),
        Reader::of::<GetShardIteratorInput>(),
        Reader::of::<IncreaseStreamRetentionPeriodInput>(),
        Reader::of::<ListShardsInput>(),
        Reader::of::<ListStreamConsumersInput>(),
        Reader::of::<ListStreamsInput>(),
        Reader::of::<ListTagsForResourceInput>(),
        Reader::of::<ListTagsForStreamInput>(),
        Reader::of::<MergeShardsInput>(),
        Reader::of::<PutRecordInput>(),
        Reader::of::<PutRecordsInput>(),
        Reader::of::<PutResourcePolicyInput>(),
        Reader::of::<RegisterStreamConsumerInput>(),
        Reader::of::<RemoveTagsFromStreamInput>(),
        Reader::of::<SplitShardInput>(),
        Reader::of::<StartStreamEncryptionInput>(),
        Reader::of::<StopStreamEncryptionInput>(),
        Reader::of::<SubscribeToShardInput>(),
        Reader::of::<TagResourceInput>(),
        Reader::of::<UntagResourceInput>(),
        Reader::of::<UpdateAccountSettingsInput>(),
        Reader::of::<UpdateMaxRecordSizeInput>(),
        Reader::of::<UpdateShardCountInput>(),
        Reader::of::<UpdateStreamModeInput>(),
        Reader::of::<UpdateStreamRecordDistributionStrategyInput>(),
        Reader::of::<UpdateStreamWarmThroughputInput>(),
    ]
}

fn readers_of_weir() -> Vec<Reader> {
    vec![
        Reader::of::<CreateAccessKeyInput>(),
        Reader::of::<CreateAccountInput>(),
        Reader::of::<CreateAliasInput>(),
        Reader::of::<CreateKeyInput>(),
        Reader::of::<CreateRoleInput>(),
        Reader::of::<CreateUserInput>(),
        Reader::of::<DeleteAccessKeyInput>(),
        Reader::of::<DeleteAliasInput>(),
        Reader::of::<DeleteKeyInput>(),
        Reader::of::<DeletePrincipalPolicyInput>(),
        Reader::of::<DeleteRoleInput>(),
        Reader::of::<DeleteUserInput>(),
        Reader::of::<DescribeKeyInput>(),
        Reader::of::<DisableKeyInput>(),
        Reader::of::<EnableKeyInput>(),
        Reader::of::<ExplainStreamInput>(),
        Reader::of::<GetPrincipalPolicyInput>(),
        Reader::of::<GetRoleInput>(),
        Reader::of::<GetUserInput>(),
        Reader::of::<ListAccessKeysInput>(),
        Reader::of::<ListAccountsInput>(),
        Reader::of::<ListKeysInput>(),
        Reader::of::<ListPrincipalPoliciesInput>(),
        Reader::of::<ListRolesInput>(),
        Reader::of::<ListUsersInput>(),
        Reader::of::<PutPrincipalPolicyInput>(),
        Reader::of::<RotateKeyInput>(),
        Reader::of::<SimulatePolicyInput>(),
        Reader::of::<UpdateAccessKeyInput>(),
        Reader::of::<UpdateRoleInput>(),
    ]
}

#[test]
fn every_operation_that_is_carried_out_is_among_those_read_here() {
    let supported = Operation::ALL.iter().copied().filter(|operation| operation.is_supported());
    let read = readers().into_iter().map(|reader| reader.operation);
    assert_eq!(read.collect::<BTreeSet<_>>(), supported.collect());
}
