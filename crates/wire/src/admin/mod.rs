//! The shapes of Weir's own operations: accounts, principals, keys, policies, and why streams
//! are as they are. Names and words are those of AWS's IAM where it has them.
//!
//! Shapes that hold a secret have no `Debug`.

mod accounts;
mod explain;
mod key_ring;
mod keys;
mod policies;
mod principals;
mod simulate;
mod text;

pub use accounts::{
    Account, CreateAccountInput, CreateAccountOutput, ListAccountsInput, ListAccountsOutput,
};
pub use explain::{
    Cure, CureAction, ExplainStreamInput, ExplainStreamOutput, HeavyKey, ScalingAction,
    ScalingDecision, ShardLimit, ShardTraffic, ThrottleEvent,
};
pub use key_ring::{
    CreateAliasInput, CreateKeyInput, DeleteAliasInput, DeleteKeyInput, DeleteKeyOutput,
    DescribeKeyInput, DescribeKeyOutput, DisableKeyInput, EnableKeyInput, Key, KeyOutput, KeyState,
    KeyUse, ListKeysInput, ListKeysOutput, RotateKeyInput,
};
pub use keys::{
    AccessKeyMetadata, AccessKeyStatus, CreateAccessKeyInput, CreateAccessKeyOutput,
    DeleteAccessKeyInput, ListAccessKeysInput, ListAccessKeysOutput, NewAccessKey,
    UpdateAccessKeyInput,
};
pub use policies::{
    DeletePrincipalPolicyInput, GetPrincipalPolicyInput, GetPrincipalPolicyOutput,
    ListPrincipalPoliciesInput, ListPrincipalPoliciesOutput, PutPrincipalPolicyInput,
};
pub use principals::{
    CreateRoleInput, CreateUserInput, DeleteRoleInput, DeleteUserInput, GetRoleInput, GetUserInput,
    ListRolesInput, ListRolesOutput, ListUsersInput, ListUsersOutput, Role, RoleOutput,
    UpdateRoleInput, User, UserOutput,
};
pub use simulate::{
    ContextEntry, EvaluationResult, MatchedStatement, SimulatePolicyInput, SimulatePolicyOutput,
    SimulatedDecision,
};
