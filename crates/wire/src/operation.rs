//! The table of operations, and what follows from it: names, targets, handlers, dispatch, coverage.

use std::fmt::{Debug, Write as _};
use std::future::Future;

use bytes::Bytes;

use crate::admin::*;
use crate::codec::{self, Encoding};
use crate::error::{ApiError, ErrorCode};
use crate::kinesis::*;
use crate::schema::{Input, Member, Structure};

mod caller;
mod reply;
mod target;

pub use caller::{Authority, Caller};
pub use reply::{Answer, Events, Reply};
pub use target::{Guard, Tags, Target};

use target::{tags, target};

/// Which plane an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Changes or describes something.
    Control,
    /// Moves records.
    Data,
}

/// An input whose operation is supported: what a client needs to make the call.
pub trait Call: Input {
    /// The operation that takes this input.
    const OPERATION: Operation;
    /// What it answers; `()` for the operations that answer with an empty body.
    type Output: Answer;

    /// What the call is about: policies decide on that before a handler sees the input.
    fn target(&self) -> Target<'_>;

    /// The tags that it gives or takes away.
    fn tags(&self) -> Tags<'_>;
}

/// Does the same with the input of every operation that is carried out.
pub trait CallVisitor {
    /// Does it with one.
    fn visit<I: Call + PartialEq + Debug>(&mut self);
}

/// A section for each service: `name: Parameter: Trait, "prefix of X-Amz-Target" { rows }`. Rows
/// are `Name: Class;` for an operation that is only known, and
/// `Name: Class(target) => method(Input) -> Output;` for one that is carried out; the targets are
/// listed at [`target!`].
macro_rules! operations {
    ($(
        #[doc = $service_doc:literal]
        $service:ident: $H:ident: $trait:ident, $prefix:literal {$(
            #[doc = $doc:literal]
            $name:ident: $class:ident $(($target:ident) => $method:ident($input:ty) -> $output:ty)?;
        )*}
    )*) => {
        /// An operation: first those of the Kinesis API, in the order of AWS's model, then Weir's own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Operation {
            $($(#[doc = $doc] $name,)*)*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &'static [Self] = &[$($(Self::$name),*),*];

            /// The name, as in the service's model.
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$name => stringify!($name),)*)* }
            }

            /// The service, which is what the names of actions in policies begin with.
            pub const fn service(self) -> &'static str {
                match self { $($(Self::$name => stringify!($service),)*)* }
            }

            /// The operations of a service.
            pub fn of(service: &str) -> impl Iterator<Item = Self> {
                Self::ALL.iter().copied().filter(move |operation| operation.service() == service)
            }

            /// The name of the action in policies, such as `kinesis:PutRecord`.
            pub const fn action(self) -> &'static str {
                match self {
                    $($(Self::$name => concat!(stringify!($service), ":", stringify!($name)),)*)*
                }
            }

            /// The value of `X-Amz-Target` that asks for this operation.
            pub const fn target(self) -> &'static str {
                match self { $($(Self::$name => concat!($prefix, stringify!($name)),)*)* }
            }

            /// The operation that a value of `X-Amz-Target` asks for.
            pub fn from_target(target: &str) -> Option<Self> {
                $(
                    if let Some(name) = target.strip_prefix($prefix) {
                        return match name {
                            $(stringify!($name) => Some(Self::$name),)*
                            _ => None,
                        };
                    }
                )*
                None
            }

            /// The plane.
            pub const fn class(self) -> Class {
                match self { $($(Self::$name => Class::$class,)*)* }
            }

            /// Whether it is carried out; the others answer as an operation that AWS lacks.
            pub const fn is_supported(self) -> bool {
                match self {
                    // Naming the method is what restricts this to the rows that have one.
                    $($($(Self::$name => !stringify!($method).is_empty(),)?)*)*
                    _ => false,
                }
            }

            /// What its input may look like, if it is supported.
            pub const fn shape(self) -> Option<Structure> {
                match self {
                    $($($(Self::$name => Some(<$input as Input>::SHAPE),)?)*)*
                    _ => None,
                }
            }

            const fn summary(self) -> &'static str {
                match self { $($(Self::$name => $doc,)*)* }
            }
        }

        $(
            #[doc = $service_doc]
            pub trait $trait: Send + Sync {
                $($(
                    #[doc = $doc]
                    fn $method(
                        &self,
                        caller: &Caller,
                        input: $input,
                    ) -> impl Future<Output = Result<$output, ApiError>> + Send;
                )?)*
            }
        )*

        /// What carries out the operations, a field for each service, and who may ask for them.
        pub struct Services<G, $($H),*> {
            /// Decides who may do what.
            pub guard: G,
            $(#[doc = $service_doc] pub $service: $H,)*
        }

        $($($(
            impl Call for $input {
                const OPERATION: Operation = Operation::$name;
                type Output = $output;

                fn target(&self) -> Target<'_> {
                    target!(self, $target)
                }

                fn tags(&self) -> Tags<'_> {
                    tags!(self, $target)
                }
            }
        )?)*)*

        /// Shows every input to `visitor`, in the order of the table.
        pub fn visit_calls(visitor: &mut impl CallVisitor) {
            $($($(visitor.visit::<$input>();)?)*)*
        }

        /// Reads the body, asks the guard, calls the handler, and encodes what it answers.
        pub async fn dispatch<G: Guard, $($H: $trait),*>(
            services: &Services<G, $($H),*>,
            caller: &Caller,
            operation: Operation,
            encoding: Encoding,
            body: &Bytes,
        ) -> Result<Reply, ApiError> {
            match operation {
                $($($(
                    Operation::$name => {
                        let input: $input = codec::decode_input(encoding, body)?;
                        let (target, tags) = (input.target(), input.tags());
                        services.guard.authorize(caller, operation, &target, tags)?;
                        let output = services.$service.$method(caller, input).await?;
                        Ok(output.reply(encoding))
                    }
                )?)*)*
                _ => Err(ApiError::bare(ErrorCode::UnknownOperation)),
            }
        }
    };
}

operations! {
    /// Carries out the operations of Kinesis.
    kinesis: K: Handlers, "Kinesis_20131202." {
        /// Acknowledge dead letters of a queue.
        AcknowledgeDeadLetterQueueRecords: Data;
        /// Acknowledge records of a queue.
        AcknowledgeQueueRecords: Data;
        /// Add or replace tags of a stream.
        AddTagsToStream: Control(tagged_stream) => add_tags_to_stream(AddTagsToStreamInput) -> ();
        /// Create a managed delivery to object storage.
        CreateChannel: Control;
        /// Create a queue over a stream.
        CreateQueue: Control;
        /// Create a stream.
        CreateStream: Control(new_stream) => create_stream(CreateStreamInput) -> ();
        /// Shorten how long records are kept.
        DecreaseStreamRetentionPeriod: Control(stream)
            => decrease_stream_retention_period(DecreaseStreamRetentionPeriodInput) -> ();
        /// Delete a channel.
        DeleteChannel: Control;
        /// Delete a queue.
        DeleteQueue: Control;
        /// Delete the policy of a resource.
        DeleteResourcePolicy: Control(resource)
            => delete_resource_policy(DeleteResourcePolicyInput) -> ();
        /// Delete a stream and its records.
        DeleteStream: Control(stream) => delete_stream(DeleteStreamInput) -> ();
        /// Remove an enhanced fan-out consumer.
        DeregisterStreamConsumer: Control(consumer)
            => deregister_stream_consumer(DeregisterStreamConsumerInput) -> ();
        /// Describe the settings of the account.
        DescribeAccountSettings: Control(account) => describe_account_settings(
            DescribeAccountSettingsInput
        ) -> DescribeAccountSettingsOutput;
        /// Describe a channel.
        DescribeChannel: Control;
        /// Describe the limits of the account and what is used of them.
        DescribeLimits: Control(account)
            => describe_limits(DescribeLimitsInput) -> DescribeLimitsOutput;
        /// Describe a queue.
        DescribeQueue: Control;
        /// Describe a stream and its shards, page by page.
        DescribeStream: Control(stream)
            => describe_stream(DescribeStreamInput) -> DescribeStreamOutput;
        /// Describe an enhanced fan-out consumer.
        DescribeStreamConsumer: Control(consumer)
            => describe_stream_consumer(DescribeStreamConsumerInput)
                -> DescribeStreamConsumerOutput;
        /// Describe a stream without its shards.
        DescribeStreamSummary: Control(stream)
            => describe_stream_summary(DescribeStreamSummaryInput) -> DescribeStreamSummaryOutput;
        /// Stop per-shard metrics.
        DisableEnhancedMonitoring: Control(stream)
            => disable_enhanced_monitoring(DisableEnhancedMonitoringInput)
            -> EnhancedMonitoringOutput;
        /// Start per-shard metrics.
        EnableEnhancedMonitoring: Control(stream)
            => enable_enhanced_monitoring(EnableEnhancedMonitoringInput)
            -> EnhancedMonitoringOutput;
        /// Read records of a shard from an iterator.
        GetRecords: Data(iterator) => get_records(GetRecordsInput) -> GetRecordsOutput;
        /// Show the policy of a resource.
        GetResourcePolicy: Control(resource)
            => get_resource_policy(GetResourcePolicyInput) -> GetResourcePolicyOutput;
        /// Give an iterator at a position of a shard.
        GetShardIterator: Data(stream)
            => get_shard_iterator(GetShardIteratorInput) -> GetShardIteratorOutput;
        /// Lengthen how long records are kept.
        IncreaseStreamRetentionPeriod: Control(stream)
            => increase_stream_retention_period(IncreaseStreamRetentionPeriodInput) -> ();
        /// List channels.
        ListChannels: Control;
        /// List queues.
        ListQueues: Control;
        /// List the shards of a stream, filtered, page by page.
        ListShards: Control(shards_page) => list_shards(ListShardsInput) -> ListShardsOutput;
        /// List the enhanced fan-out consumers of a stream.
        ListStreamConsumers: Control(stream_arn)
            => list_stream_consumers(ListStreamConsumersInput) -> ListStreamConsumersOutput;
        /// List streams, page by page.
        ListStreams: Control(account) => list_streams(ListStreamsInput) -> ListStreamsOutput;
        /// List the tags of a resource.
        ListTagsForResource: Control(resource)
            => list_tags_for_resource(ListTagsForResourceInput) -> ListTagsForResourceOutput;
        /// List the tags of a stream, page by page.
        ListTagsForStream: Control(stream)
            => list_tags_for_stream(ListTagsForStreamInput) -> ListTagsForStreamOutput;
        /// Merge two adjacent shards into one.
        MergeShards: Control(stream) => merge_shards(MergeShardsInput) -> ();
        /// Write one record.
        PutRecord: Data(stream) => put_record(PutRecordInput) -> PutRecordOutput;
        /// Write up to 500 records, each with its own result.
        PutRecords: Data(stream) => put_records(PutRecordsInput) -> PutRecordsOutput;
        /// Set the policy of a resource.
        PutResourcePolicy: Control(resource)
            => put_resource_policy(PutResourcePolicyInput) -> ();
        /// Receive dead letters of a queue.
        ReceiveDeadLetterQueueRecords: Data;
        /// Receive records of a queue.
        ReceiveQueueRecords: Data;
        /// Register an enhanced fan-out consumer.
        RegisterStreamConsumer: Control(new_consumer)
            => register_stream_consumer(RegisterStreamConsumerInput)
                -> RegisterStreamConsumerOutput;
        /// Remove tags of a stream.
        RemoveTagsFromStream: Control(untagged_stream)
            => remove_tags_from_stream(RemoveTagsFromStreamInput) -> ();
        /// Return dead letters to their queue.
        RestoreDeadLetterQueueRecords: Data;
        /// Split a shard in two.
        SplitShard: Control(stream) => split_shard(SplitShardInput) -> ();
        /// Encrypt the records of a stream with a key.
        StartStreamEncryption: Control(stream)
            => start_stream_encryption(StartStreamEncryptionInput) -> ();
        /// Stop encrypting the records of a stream.
        StopStreamEncryption: Control(stream)
            => stop_stream_encryption(StopStreamEncryptionInput) -> ();
        /// Follow a shard as an enhanced fan-out consumer.
        SubscribeToShard: Data(consumer_arn)
            => subscribe_to_shard(SubscribeToShardInput) -> Events;
        /// Add or replace tags of a resource.
        TagResource: Control(tagged_resource) => tag_resource(TagResourceInput) -> ();
        /// Remove tags of a resource.
        UntagResource: Control(untagged_resource) => untag_resource(UntagResourceInput) -> ();
        /// Change the settings of the account.
        UpdateAccountSettings: Control(account) => update_account_settings(
            UpdateAccountSettingsInput
        ) -> UpdateAccountSettingsOutput;
        /// Change a channel.
        UpdateChannel: Control;
        /// Hide dead letters of a queue for longer or shorter.
        UpdateDeadLetterQueueRecordsVisibility: Data;
        /// Change the largest record that a stream takes.
        UpdateMaxRecordSize: Control(stream_by_arn)
            => update_max_record_size(UpdateMaxRecordSizeInput) -> ();
        /// Change a queue.
        UpdateQueue: Control;
        /// Hide received records of a queue for longer or shorter.
        UpdateQueueRecordsVisibility: Data;
        /// Change the number of shards of a stream, evenly.
        UpdateShardCount: Control(stream)
            => update_shard_count(UpdateShardCountInput) -> UpdateShardCountOutput;
        /// Switch a stream between provisioned and on-demand.
        UpdateStreamMode: Control(stream_arn) => update_stream_mode(UpdateStreamModeInput) -> ();
        /// Change how records without a key find their shard.
        UpdateStreamRecordDistributionStrategy: Control(stream_arn)
            => update_stream_record_distribution_strategy(
                UpdateStreamRecordDistributionStrategyInput
            ) -> ();
        /// Keep capacity of an on-demand stream warm.
        UpdateStreamWarmThroughput: Control(stream) => update_stream_warm_throughput(
            UpdateStreamWarmThroughputInput
        ) -> UpdateStreamWarmThroughputOutput;
    }

    /// Carries out the operations that are Weir's own.
    weir: W: AdminHandlers, "Weir_20261125." {
        /// Make an account, with a key for its root.
        CreateAccount: Control(account)
            => create_account(CreateAccountInput) -> CreateAccountOutput;
        /// List the accounts of the node.
        ListAccounts: Control(account) => list_accounts(ListAccountsInput) -> ListAccountsOutput;
        /// Make a user.
        CreateUser: Control(new_user) => create_user(CreateUserInput) -> UserOutput;
        /// Show a user.
        GetUser: Control(user) => get_user(GetUserInput) -> UserOutput;
        /// List the users of the account, page by page.
        ListUsers: Control(account) => list_users(ListUsersInput) -> ListUsersOutput;
        /// Delete a user that has no keys and no policies any more.
        DeleteUser: Control(user) => delete_user(DeleteUserInput) -> ();
        /// Make a role, with a policy that says who may assume it.
        CreateRole: Control(new_role) => create_role(CreateRoleInput) -> RoleOutput;
        /// Show a role.
        GetRole: Control(role) => get_role(GetRoleInput) -> RoleOutput;
        /// List the roles of the account, page by page.
        ListRoles: Control(account) => list_roles(ListRolesInput) -> ListRolesOutput;
        /// Change who may assume a role, and for how long.
        UpdateRole: Control(role) => update_role(UpdateRoleInput) -> RoleOutput;
        /// Delete a role that has no policies any more.
        DeleteRole: Control(role) => delete_role(DeleteRoleInput) -> ();
        /// Make an access key of a user, or of the caller's account itself.
        CreateAccessKey: Control(key_owner)
            => create_access_key(CreateAccessKeyInput) -> CreateAccessKeyOutput;
        /// Switch an access key on or off.
        UpdateAccessKey: Control(key_owner) => update_access_key(UpdateAccessKeyInput) -> ();
        /// Delete an access key.
        DeleteAccessKey: Control(key_owner) => delete_access_key(DeleteAccessKeyInput) -> ();
        /// List the access keys of a user, or of the caller's account itself.
        ListAccessKeys: Control(key_owner)
            => list_access_keys(ListAccessKeysInput) -> ListAccessKeysOutput;
        /// Attach a policy to a user or a role, or replace it.
        PutPrincipalPolicy: Control(principal)
            => put_principal_policy(PutPrincipalPolicyInput) -> ();
        /// Show a policy of a user or a role.
        GetPrincipalPolicy: Control(principal)
            => get_principal_policy(GetPrincipalPolicyInput) -> GetPrincipalPolicyOutput;
        /// List the policies of a user or a role.
        ListPrincipalPolicies: Control(principal)
            => list_principal_policies(ListPrincipalPoliciesInput) -> ListPrincipalPoliciesOutput;
        /// Detach a policy from a user or a role.
        DeletePrincipalPolicy: Control(principal)
            => delete_principal_policy(DeletePrincipalPolicyInput) -> ();
        /// Say what a principal may do, and why.
        SimulatePolicy: Control(simulated)
            => simulate_policy(SimulatePolicyInput) -> SimulatePolicyOutput;
        /// Explain what is throttled in a stream, by which keys, and what was decided about it.
        ExplainStream: Control(stream) => explain_stream(ExplainStreamInput) -> ExplainStreamOutput;
        /// Make a key that encrypts.
        CreateKey: Control(account) => create_key(CreateKeyInput) -> KeyOutput;
        /// List the keys of the account in the region.
        ListKeys: Control(account) => list_keys(ListKeysInput) -> ListKeysOutput;
        /// Show a key and the streams that use it.
        DescribeKey: Control(key) => describe_key(DescribeKeyInput) -> DescribeKeyOutput;
        /// Let a key be used again.
        EnableKey: Control(key) => enable_key(EnableKeyInput) -> ();
        /// Let a key not be used: neither to write nor to read.
        DisableKey: Control(key) => disable_key(DisableKeyInput) -> ();
        /// Give a key new material; records stay as they are.
        RotateKey: Control(key) => rotate_key(RotateKeyInput) -> KeyOutput;
        /// Delete a key and erase its material: what it encrypted is unreadable for ever.
        DeleteKey: Control(key) => delete_key(DeleteKeyInput) -> DeleteKeyOutput;
        /// Give a key another name.
        CreateAlias: Control(key) => create_alias(CreateAliasInput) -> ();
        /// Take a name of a key away.
        DeleteAlias: Control(alias) => delete_alias(DeleteAliasInput) -> ();
    }
}

/// A page's table of the operations of a service, in the order of the table here.
pub fn coverage(service: &str) -> String {
    let mut table = String::from("| operation | plane | supported | what it does |\n");
    table.push_str("|---|---|---|---|\n");
    for operation in Operation::of(service) {
        let plane = match operation.class() {
            Class::Control => "control",
            Class::Data => "data",
        };
        let supported = if operation.is_supported() { "yes" } else { "not yet" };
        let (name, summary) = (operation.name(), operation.summary().trim());
        writeln!(table, "| {name} | {plane} | {supported} | {summary} |")
            .expect("writing to a string cannot fail");
    }
    table
}

/// A page's table of a service that AWS's documentation does not describe: with the members of
/// each input, the required ones in bold.
pub fn reference(service: &str) -> String {
    let mut table = String::from("| operation | what it takes | what it does |\n|---|---|---|\n");
    for operation in Operation::of(service) {
        let members = operation.shape().map(|shape| shape.members).unwrap_or_default();
        let member = |member: &Member| match member.required {
            true => format!("**{}**", member.name),
            false => member.name.to_owned(),
        };
        let members: Vec<String> = members.iter().map(member).collect();
        let (name, takes, summary) =
            (operation.name(), members.join(", "), operation.summary().trim());
        writeln!(table, "| {name} | {takes} | {summary} |")
            .expect("writing to a string cannot fail");
    }
    table
}

#[cfg(test)]
mod tests;
