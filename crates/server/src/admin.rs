//! Weir's own operations: each is carried out by the service that owns what it is about.

use security::Identity;
use streams::Streams;
use wire::admin::*;
use wire::{AdminHandlers, ApiError, Call, Caller};

type Answer<I> = Result<<I as Call>::Output, ApiError>;

/// Hands every operation to its service.
pub(crate) struct Admin {
    pub(crate) identity: Identity,
    pub(crate) streams: Streams,
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
}
