//! Policies attached to users and roles.

use serde::{Deserialize, Serialize};

use super::text::*;
use crate::schema::{Input, Structure};

/// Asks to attach a policy, or to replace the one of that name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutPrincipalPolicyInput {
    /// The user; either it or a role must be said.
    pub user_name: Option<String>,
    /// The role; either it or a user must be said.
    pub role_name: Option<String>,
    /// The policy.
    pub policy_name: String,
    /// The policy, in JSON.
    pub policy_document: String,
}

impl Input for PutPrincipalPolicyInput {
    const SHAPE: Structure = Structure {
        name: "PutPrincipalPolicyInput",
        members: &[
            optional_text("UserName", USER_NAME),
            optional_text("RoleName", ROLE_NAME),
            required_text("PolicyName", POLICY_NAME),
            required_text("PolicyDocument", DOCUMENT),
        ],
    };
}

/// Asks for a policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetPrincipalPolicyInput {
    /// The user; either it or a role must be said.
    pub user_name: Option<String>,
    /// The role; either it or a user must be said.
    pub role_name: Option<String>,
    /// The policy.
    pub policy_name: String,
}

impl Input for GetPrincipalPolicyInput {
    const SHAPE: Structure = Structure {
        name: "GetPrincipalPolicyInput",
        members: &[
            optional_text("UserName", USER_NAME),
            optional_text("RoleName", ROLE_NAME),
            required_text("PolicyName", POLICY_NAME),
        ],
    };
}

/// A policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetPrincipalPolicyOutput {
    /// The user that has it.
    pub user_name: Option<String>,
    /// The role that has it.
    pub role_name: Option<String>,
    /// Its name.
    pub policy_name: String,
    /// The policy, in JSON, as it was put.
    pub policy_document: String,
}

/// Asks for the names of the policies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListPrincipalPoliciesInput {
    /// The user; either it or a role must be said.
    pub user_name: Option<String>,
    /// The role; either it or a user must be said.
    pub role_name: Option<String>,
}

impl Input for ListPrincipalPoliciesInput {
    const SHAPE: Structure = Structure {
        name: "ListPrincipalPoliciesInput",
        members: &[optional_text("UserName", USER_NAME), optional_text("RoleName", ROLE_NAME)],
    };
}

/// The names of the policies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListPrincipalPoliciesOutput {
    /// The names, sorted.
    pub policy_names: Vec<String>,
}

/// Asks to detach a policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeletePrincipalPolicyInput {
    /// The user; either it or a role must be said.
    pub user_name: Option<String>,
    /// The role; either it or a user must be said.
    pub role_name: Option<String>,
    /// The policy.
    pub policy_name: String,
}

impl Input for DeletePrincipalPolicyInput {
    const SHAPE: Structure = Structure {
        name: "DeletePrincipalPolicyInput",
        members: &[
            optional_text("UserName", USER_NAME),
            optional_text("RoleName", ROLE_NAME),
            required_text("PolicyName", POLICY_NAME),
        ],
    };
}
