//! Weir's own operations: each is carried out by the service that owns what it is about.

mod key_ring;

use security::{Identity, KeyRing};
use streams::Streams;
use wire::admin::*;
use wire::{AdminHandlers, ApiError, Call, Caller};

use crate::guard::Policies;
use crate::simulate::simulate;
use key_ring::KeyAdmin;
pub(crate) use key_ring::realm;

type Answer<I> = Result<<I as Call>::Output, ApiError>;

/// Hands every operation to its service.
pub(crate) struct Admin {
    identity: Identity,
    streams: Streams,
    keys: KeyAdmin,
    policies: Policies,
}

impl Admin {
    pub(crate) fn new(
        identity: Identity,
        keys: KeyRing,
        streams: Streams,
        policies: Policies,
    ) -> Self {
        let keys = KeyAdmin { keys, streams: streams.clone() };
        Self { identity, streams, keys, policies }
    }
}

impl AdminHandlers for Admin {
    async fn create_account(
        &self,
        caller: &Caller,
        input: CreateAccountInput,
    ) -> Answer<CreateAccountInput> {
        self.identity.create_account(caller, input).await
    }

    async fn list_accounts(
        &self,
        caller: &Caller,
        input: ListAccountsInput,
    ) -> Answer<ListAccountsInput> {
        self.identity.list_accounts(caller, input).await
    }

    async fn create_user(
        &self,
        caller: &Caller,
        input: CreateUserInput,
    ) -> Answer<CreateUserInput> {
        self.identity.create_user(caller, input).await
    }

    async fn get_user(&self, caller: &Caller, input: GetUserInput) -> Answer<GetUserInput> {
        self.identity.get_user(caller, input).await
    }

    async fn list_users(&self, caller: &Caller, input: ListUsersInput) -> Answer<ListUsersInput> {
        self.identity.list_users(caller, input).await
    }

    async fn delete_user(
        &self,
        caller: &Caller,
        input: DeleteUserInput,
    ) -> Answer<DeleteUserInput> {
        self.identity.delete_user(caller, input).await
    }

    async fn create_role(
        &self,
        caller: &Caller,
        input: CreateRoleInput,
    ) -> Answer<CreateRoleInput> {
        self.identity.create_role(caller, input).await
    }

    async fn get_role(&self, caller: &Caller, input: GetRoleInput) -> Answer<GetRoleInput> {
        self.identity.get_role(caller, input).await
    }

    async fn list_roles(&self, caller: &Caller, input: ListRolesInput) -> Answer<ListRolesInput> {
        self.identity.list_roles(caller, input).await
    }

    async fn update_role(
        &self,
        caller: &Caller,
        input: UpdateRoleInput,
    ) -> Answer<UpdateRoleInput> {
        self.identity.update_role(caller, input).await
    }

    async fn delete_role(
        &self,
        caller: &Caller,
        input: DeleteRoleInput,
    ) -> Answer<DeleteRoleInput> {
        self.identity.delete_role(caller, input).await
    }

    async fn create_access_key(
        &self,
        caller: &Caller,
        input: CreateAccessKeyInput,
    ) -> Answer<CreateAccessKeyInput> {
        self.identity.create_access_key(caller, input).await
    }

    async fn update_access_key(
        &self,
        caller: &Caller,
        input: UpdateAccessKeyInput,
    ) -> Answer<UpdateAccessKeyInput> {
        self.identity.update_access_key(caller, input).await
    }

    async fn delete_access_key(
        &self,
        caller: &Caller,
        input: DeleteAccessKeyInput,
    ) -> Answer<DeleteAccessKeyInput> {
        self.identity.delete_access_key(caller, input).await
    }

    async fn list_access_keys(
        &self,
        caller: &Caller,
        input: ListAccessKeysInput,
    ) -> Answer<ListAccessKeysInput> {
        self.identity.list_access_keys(caller, input).await
    }

    async fn put_principal_policy(
        &self,
        caller: &Caller,
        input: PutPrincipalPolicyInput,
    ) -> Answer<PutPrincipalPolicyInput> {
        self.identity.put_principal_policy(caller, input).await
    }

    async fn get_principal_policy(
        &self,
        caller: &Caller,
        input: GetPrincipalPolicyInput,
    ) -> Answer<GetPrincipalPolicyInput> {
        self.identity.get_principal_policy(caller, input).await
    }

    async fn list_principal_policies(
        &self,
        caller: &Caller,
        input: ListPrincipalPoliciesInput,
    ) -> Answer<ListPrincipalPoliciesInput> {
        self.identity.list_principal_policies(caller, input).await
    }

    async fn delete_principal_policy(
        &self,
        caller: &Caller,
        input: DeletePrincipalPolicyInput,
    ) -> Answer<DeletePrincipalPolicyInput> {
        self.identity.delete_principal_policy(caller, input).await
    }

    async fn explain_stream(
        &self,
        caller: &Caller,
        input: ExplainStreamInput,
    ) -> Answer<ExplainStreamInput> {
        self.streams.explain_stream(caller, input).await
    }

    async fn create_key(&self, caller: &Caller, input: CreateKeyInput) -> Answer<CreateKeyInput> {
        self.keys.create(caller, input).await
    }

    async fn list_keys(&self, caller: &Caller, _: ListKeysInput) -> Answer<ListKeysInput> {
        self.keys.list(caller)
    }

    async fn describe_key(
        &self,
        caller: &Caller,
        input: DescribeKeyInput,
    ) -> Answer<DescribeKeyInput> {
        self.keys.describe(caller, &input)
    }

    async fn enable_key(&self, caller: &Caller, input: EnableKeyInput) -> Answer<EnableKeyInput> {
        Ok(self.keys.keys.enable(&realm(caller)?, &input.key_id).await?)
    }

    async fn disable_key(
        &self,
        caller: &Caller,
        input: DisableKeyInput,
    ) -> Answer<DisableKeyInput> {
        Ok(self.keys.keys.disable(&realm(caller)?, &input.key_id).await?)
    }

    async fn rotate_key(&self, caller: &Caller, input: RotateKeyInput) -> Answer<RotateKeyInput> {
        self.keys.rotate(caller, input).await
    }

    async fn delete_key(&self, caller: &Caller, input: DeleteKeyInput) -> Answer<DeleteKeyInput> {
        self.keys.delete(caller, input).await
    }

    async fn create_alias(
        &self,
        caller: &Caller,
        input: CreateAliasInput,
    ) -> Answer<CreateAliasInput> {
        let CreateAliasInput { alias_name, key_id } = input;
        Ok(self.keys.keys.create_alias(&realm(caller)?, &alias_name, &key_id).await?)
    }

    async fn delete_alias(
        &self,
        caller: &Caller,
        input: DeleteAliasInput,
    ) -> Answer<DeleteAliasInput> {
        Ok(self.keys.keys.delete_alias(&realm(caller)?, &input.alias_name).await?)
    }

    async fn simulate_policy(
        &self,
        caller: &Caller,
        input: SimulatePolicyInput,
    ) -> Answer<SimulatePolicyInput> {
        simulate(&self.policies, &self.identity, caller, input)
    }
}
