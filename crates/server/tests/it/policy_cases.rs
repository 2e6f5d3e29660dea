//! For every operation that is carried out, a request and the resource that it is about.

use serde_json::{Value, json};
use wire::Operation;

/// The account of the node.
pub(crate) const ACCOUNT: &str = "000000000000";

/// What the permission of an operation is for, and the member that names it.
#[derive(Clone, Copy)]
enum On {
    Stream(&'static str),
    Consumer,
    User,
    Role,
    Principal,
    /// A key or its alias.
    Key(&'static str),
    /// Nothing in particular.
    All,
}

/// A request that gets as far as its handler, and the ARN that its permission is for. Most are
/// about things that do not exist: whether they do is not told before the permission is there.
pub(crate) fn case(operation: Operation, iterator: &str) -> (Value, String) {
    if operation == Operation::GetRecords {
        let river = format!("arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/river");
        return (json!({"ShardIterator": iterator}), river);
    }
    let (on, mut input) = match operation.service() {
        "weir" => weir(operation),
        _ => records(operation).or_else(|| shards(operation)).unwrap_or_else(|| rest(operation)),
    };
    let stream = format!("arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/ghost");
    let (member, name, arn) = match on {
        On::Stream("StreamName") => ("StreamName", "ghost".into(), stream),
        On::Stream(member) => (member, stream.clone(), stream),
        On::Consumer => {
            let consumer = format!("{stream}/consumer/c:1700000000");
            ("ConsumerARN", consumer.clone(), consumer)
        }
        On::User => ("UserName", "ghost".into(), format!("arn:aws:iam::{ACCOUNT}:user/ghost")),
        On::Role => ("RoleName", "ghost".into(), format!("arn:aws:iam::{ACCOUNT}:role/ghost")),
        On::Key(member) => {
            let alias = format!("arn:aws:kms:us-east-1:{ACCOUNT}:alias/ghost");
            (member, "alias/ghost".into(), alias)
        }
        On::Principal => {
            let user = format!("arn:aws:iam::{ACCOUNT}:user/ghost");
            ("PrincipalArn", user.clone(), user)
        }
        On::All => return (input, "*".into()),
    };
    input[member] = json!(name);
    (input, arn)
}

const NAME: On = On::Stream("StreamName");
const ARN: On = On::Stream("StreamARN");
const RESOURCE: On = On::Stream("ResourceARN");

/// Records and who reads them.
fn records(operation: Operation) -> Option<(On, Value)> {
    Some(match operation {
        Operation::DeregisterStreamConsumer => (On::Consumer, json!({})),
        Operation::DescribeStreamConsumer => (On::Consumer, json!({})),
        Operation::GetShardIterator => {
            (NAME, json!({"ShardId": "0", "ShardIteratorType": "LATEST"}))
        }
        Operation::ListStreamConsumers => (ARN, json!({})),
        Operation::PutRecord => (NAME, json!({"PartitionKey": "k", "Data": ""})),
        Operation::PutRecords => (NAME, json!({"Records": [{"PartitionKey": "k", "Data": ""}]})),
        Operation::RegisterStreamConsumer => (ARN, json!({"ConsumerName": "c"})),
        Operation::SubscribeToShard => {
            (On::Consumer, json!({"ShardId": "0", "StartingPosition": {"Type": "LATEST"}}))
        }
        _ => return None,
    })
}

/// Shards and capacity.
fn shards(operation: Operation) -> Option<(On, Value)> {
    Some(match operation {
        Operation::ListShards => (NAME, json!({})),
        Operation::MergeShards => (NAME, json!({"ShardToMerge": "0", "AdjacentShardToMerge": "1"})),
        Operation::SplitShard => (NAME, json!({"ShardToSplit": "0", "NewStartingHashKey": "9"})),
        Operation::UpdateMaxRecordSize => (ARN, json!({"MaxRecordSizeInKiB": 2048})),
        Operation::UpdateShardCount => {
            (NAME, json!({"TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"}))
        }
        Operation::UpdateStreamMode => {
            (ARN, json!({"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}))
        }
        Operation::UpdateStreamRecordDistributionStrategy => {
            (ARN, json!({"RecordDistributionStrategy": "AUTO"}))
        }
        Operation::UpdateStreamWarmThroughput => (NAME, json!({"WarmThroughputMiBps": 1})),
        _ => return None,
    })
}

/// Streams as a whole, their tags and policies, and the account.
fn rest(operation: Operation) -> (On, Value) {
    let metrics = json!({"ShardLevelMetrics": ["ALL"]});
    let key = json!({"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"});
    let commitment = json!({"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}});
    match operation {
        Operation::AddTagsToStream => (NAME, json!({"Tags": {"a": "b"}})),
        Operation::CreateStream => (NAME, json!({"ShardCount": 1})),
        Operation::DecreaseStreamRetentionPeriod => (NAME, json!({"RetentionPeriodHours": 24})),
        Operation::DeleteResourcePolicy | Operation::GetResourcePolicy => (RESOURCE, json!({})),
        Operation::DeleteStream | Operation::ListTagsForStream => (NAME, json!({})),
        Operation::DescribeAccountSettings | Operation::DescribeLimits => (On::All, json!({})),
        Operation::DescribeStream | Operation::DescribeStreamSummary => (NAME, json!({})),
        Operation::DisableEnhancedMonitoring => (NAME, metrics),
        Operation::EnableEnhancedMonitoring => (NAME, metrics),
        Operation::IncreaseStreamRetentionPeriod => (NAME, json!({"RetentionPeriodHours": 25})),
        Operation::ListStreams => (On::All, json!({})),
        Operation::ListTagsForResource => (RESOURCE, json!({})),
        Operation::PutResourcePolicy => (RESOURCE, json!({"Policy": "{}"})),
        Operation::RemoveTagsFromStream => (NAME, json!({"TagKeys": ["a"]})),
        Operation::StartStreamEncryption | Operation::StopStreamEncryption => (NAME, key),
        Operation::TagResource => (RESOURCE, json!({"Tags": {"a": "b"}})),
        Operation::UntagResource => (RESOURCE, json!({"TagKeys": ["a"]})),
        Operation::UpdateAccountSettings => (On::All, commitment),
        other => panic!("{} lacks a policy case", other.name()),
    }
}

/// Weir's own operations.
fn weir(operation: Operation) -> (On, Value) {
    let key = "AKIAGHOSTGHOSTGHOSTG";
    match operation {
        Operation::CreateAccessKey | Operation::ListAccessKeys => (On::User, json!({})),
        Operation::CreateAccount => (On::All, json!({"AccountId": "111122223333"})),
        Operation::CreateAlias => (On::Key("KeyId"), json!({"AliasName": "alias/other"})),
        Operation::CreateKey | Operation::ListKeys => (On::All, json!({})),
        Operation::DeleteAlias => (On::Key("AliasName"), json!({})),
        Operation::DeleteKey | Operation::DescribeKey | Operation::DisableKey => {
            (On::Key("KeyId"), json!({}))
        }
        Operation::EnableKey | Operation::RotateKey => (On::Key("KeyId"), json!({})),
        Operation::CreateRole => (On::Role, json!({"AssumeRolePolicyDocument": "{}"})),
        Operation::CreateUser | Operation::DeleteUser | Operation::GetUser => (On::User, json!({})),
        Operation::DeleteAccessKey => (On::User, json!({"AccessKeyId": key})),
        Operation::DeletePrincipalPolicy => (On::User, json!({"PolicyName": "p"})),
        Operation::DeleteRole | Operation::GetRole | Operation::UpdateRole => (On::Role, json!({})),
        Operation::ExplainStream => (NAME, json!({})),
        Operation::GetPrincipalPolicy => (On::Role, json!({"PolicyName": "p"})),
        Operation::ListAccounts | Operation::ListRoles | Operation::ListUsers => {
            (On::All, json!({}))
        }
        Operation::ListPrincipalPolicies => (On::User, json!({})),
        Operation::PutPrincipalPolicy => {
            (On::Role, json!({"PolicyName": "p", "PolicyDocument": "{}"}))
        }
        Operation::SimulatePolicy => (On::Principal, json!({"ActionNames": ["kinesis:PutRecord"]})),
        Operation::UpdateAccessKey => (On::User, json!({"AccessKeyId": key, "Status": "Inactive"})),
        other => panic!("{} lacks a policy case", other.name()),
    }
}
