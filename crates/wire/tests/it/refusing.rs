//! Weir's own operations with nothing behind them.

use wire::admin::*;
use wire::{AdminHandlers, ApiError, Call, Caller, ErrorCode};

type Answer<I> = Result<<I as Call>::Output, ApiError>;

/// Refuses everything.
pub(crate) struct Refusing;

fn refused<T>() -> Result<T, ApiError> {
    Err(ApiError::bare(ErrorCode::InternalFailure))
}

impl AdminHandlers for Refusing {
    async fn create_account(
        &self,
        _: &Caller,
        _: CreateAccountInput,
    ) -> Answer<CreateAccountInput> {
        refused()
    }

    async fn list_accounts(&self, _: &Caller, _: ListAccountsInput) -> Answer<ListAccountsInput> {
        refused()
    }

    async fn create_user(&self, _: &Caller, _: CreateUserInput) -> Answer<CreateUserInput> {
        refused()
    }

    async fn get_user(&self, _: &Caller, _: GetUserInput) -> Answer<GetUserInput> {
        refused()
    }

    async fn list_users(&self, _: &Caller, _: ListUsersInput) -> Answer<ListUsersInput> {
        refused()
    }

    async fn delete_user(&self, _: &Caller, _: DeleteUserInput) -> Answer<DeleteUserInput> {
        refused()
    }

    async fn create_role(&self, _: &Caller, _: CreateRoleInput) -> Answer<CreateRoleInput> {
        refused()
    }

    async fn get_role(&self, _: &Caller, _: GetRoleInput) -> Answer<GetRoleInput> {
        refused()
    }

    async fn list_roles(&self, _: &Caller, _: ListRolesInput) -> Answer<ListRolesInput> {
        refused()
    }

    async fn update_role(&self, _: &Caller, _: UpdateRoleInput) -> Answer<UpdateRoleInput> {
        refused()
    }

    async fn delete_role(&self, _: &Caller, _: DeleteRoleInput) -> Answer<DeleteRoleInput> {
        refused()
    }

    async fn create_access_key(
        &self,
        _: &Caller,
        _: CreateAccessKeyInput,
    ) -> Answer<CreateAccessKeyInput> {
        refused()
    }

    async fn update_access_key(
        &self,
        _: &Caller,
        _: UpdateAccessKeyInput,
    ) -> Answer<UpdateAccessKeyInput> {
        refused()
    }

    async fn delete_access_key(
        &self,
        _: &Caller,
        _: DeleteAccessKeyInput,
    ) -> Answer<DeleteAccessKeyInput> {
        refused()
    }

    async fn list_access_keys(
        &self,
        _: &Caller,
        _: ListAccessKeysInput,
    ) -> Answer<ListAccessKeysInput> {
        refused()
    }

    async fn put_principal_policy(
        &self,
        _: &Caller,
        _: PutPrincipalPolicyInput,
    ) -> Answer<PutPrincipalPolicyInput> {
        refused()
    }

    async fn get_principal_policy(
        &self,
        _: &Caller,
        _: GetPrincipalPolicyInput,
    ) -> Answer<GetPrincipalPolicyInput> {
        refused()
    }

    async fn list_principal_policies(
        &self,
        _: &Caller,
        _: ListPrincipalPoliciesInput,
    ) -> Answer<ListPrincipalPoliciesInput> {
        refused()
    }

    async fn delete_principal_policy(
        &self,
        _: &Caller,
        _: DeletePrincipalPolicyInput,
    ) -> Answer<DeletePrincipalPolicyInput> {
        refused()
    }

    async fn explain_stream(
        &self,
        _: &Caller,
        _: ExplainStreamInput,
    ) -> Answer<ExplainStreamInput> {
        refused()
    }

    async fn create_key(&self, _: &Caller, _: CreateKeyInput) -> Answer<CreateKeyInput> {
        refused()
    }

    async fn list_keys(&self, _: &Caller, _: ListKeysInput) -> Answer<ListKeysInput> {
        refused()
    }

    async fn describe_key(&self, _: &Caller, _: DescribeKeyInput) -> Answer<DescribeKeyInput> {
        refused()
    }

    async fn enable_key(&self, _: &Caller, _: EnableKeyInput) -> Answer<EnableKeyInput> {
        refused()
    }

    async fn disable_key(&self, _: &Caller, _: DisableKeyInput) -> Answer<DisableKeyInput> {
        refused()
    }

    async fn rotate_key(&self, _: &Caller, _: RotateKeyInput) -> Answer<RotateKeyInput> {
        refused()
    }

    async fn delete_key(&self, _: &Caller, _: DeleteKeyInput) -> Answer<DeleteKeyInput> {
        refused()
    }

    async fn create_alias(&self, _: &Caller, _: CreateAliasInput) -> Answer<CreateAliasInput> {
        refused()
    }

    async fn delete_alias(&self, _: &Caller, _: DeleteAliasInput) -> Answer<DeleteAliasInput> {
        refused()
    }

    async fn simulate_policy(
        &self,
        _: &Caller,
        _: SimulatePolicyInput,
    ) -> Answer<SimulatePolicyInput> {
        refused()
    }
}
