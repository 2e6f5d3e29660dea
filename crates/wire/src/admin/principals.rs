//! Users and roles.

use std::collections::BTreeMap;

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::text::*;
use crate::kinesis::timestamp;
use crate::schema::{Input, Structure};

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct User {
    /// Its name, unique in the account whatever the case.
    pub user_name: String,
    /// Tells it from a later user of the same name.
    pub user_id: String,
    /// Its ARN.
    pub arn: String,
    /// When it was made.
    #[serde(with = "timestamp")]
    pub create_date: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserOutput {
    /// The user.
    pub user: User,
}

/// Asks to make a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateUserInput {
    /// The user.
    pub user_name: String,
    /// Its tags, which policies can ask for.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Input for CreateUserInput {
    const SHAPE: Structure = Structure {
        name: "CreateUserInput",
        members: &[required_text("UserName", USER_NAME), optional("Tags", TAGS)],
    };
}

/// Asks for a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetUserInput {
    /// The user.
    pub user_name: String,
}

impl Input for GetUserInput {
    const SHAPE: Structure =
        Structure { name: "GetUserInput", members: &[required_text("UserName", USER_NAME)] };
}

/// Asks to delete a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteUserInput {
    /// The user.
    pub user_name: String,
}

impl Input for DeleteUserInput {
    const SHAPE: Structure =
        Structure { name: "DeleteUserInput", members: &[required_text("UserName", USER_NAME)] };
}

/// Asks for a page of the users.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListUsersInput {
    /// How many at most.
    pub limit: Option<i32>,
    /// Where the page starts.
    pub next_token: Option<String>,
}

impl Input for ListUsersInput {
    const SHAPE: Structure =
        Structure { name: "ListUsersInput", members: &[LIMIT_MEMBER, NEXT_TOKEN_MEMBER] };
}

/// A page of users.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListUsersOutput {
    /// The users, by name.
    pub users: Vec<User>,
    /// Where the next page starts, if there is one.
    pub next_token: Option<String>,
}

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Role {
    /// Its name, unique in the account whatever the case.
    pub role_name: String,
    /// Tells it from a later role of the same name.
    pub role_id: String,
    /// Its ARN.
    pub arn: String,
    /// When it was made.
    #[serde(with = "timestamp")]
    pub create_date: Timestamp,
    /// Who may assume it.
    pub assume_role_policy_document: String,
    /// What it is for.
    pub description: Option<String>,
    /// How long a session may last, in seconds.
    pub max_session_duration: i32,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleOutput {
    /// The role.
    pub role: Role,
}

/// Asks to make a role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateRoleInput {
    /// The role.
    pub role_name: String,
    /// Who may assume it: a policy.
    pub assume_role_policy_document: String,
    /// What it is for.
    pub description: Option<String>,
    /// How long a session may last, in seconds: an hour if it is not said.
    pub max_session_duration: Option<i32>,
    /// Its tags, which policies can ask for.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Input for CreateRoleInput {
    const SHAPE: Structure = Structure {
        name: "CreateRoleInput",
        members: &[
            required_text("RoleName", ROLE_NAME),
            required_text("AssumeRolePolicyDocument", DOCUMENT),
            optional_text("Description", DESCRIPTION),
            optional("MaxSessionDuration", SESSION_SECONDS),
            optional("Tags", TAGS),
        ],
    };
}

/// Asks for a role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRoleInput {
    /// The role.
    pub role_name: String,
}

impl Input for GetRoleInput {
    const SHAPE: Structure =
        Structure { name: "GetRoleInput", members: &[required_text("RoleName", ROLE_NAME)] };
}

/// Asks to change a role. What is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateRoleInput {
    /// The role.
    pub role_name: String,
    /// Who may assume it: a policy.
    pub assume_role_policy_document: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// How long a session may last, in seconds.
    pub max_session_duration: Option<i32>,
}

impl Input for UpdateRoleInput {
    const SHAPE: Structure = Structure {
        name: "UpdateRoleInput",
        members: &[
            required_text("RoleName", ROLE_NAME),
            optional_text("AssumeRolePolicyDocument", DOCUMENT),
            optional_text("Description", DESCRIPTION),
            optional("MaxSessionDuration", SESSION_SECONDS),
        ],
    };
}

/// Asks to delete a role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteRoleInput {
    /// The role.
    pub role_name: String,
}

impl Input for DeleteRoleInput {
    const SHAPE: Structure =
        Structure { name: "DeleteRoleInput", members: &[required_text("RoleName", ROLE_NAME)] };
}

/// Asks for a page of the roles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRolesInput {
    /// How many at most.
    pub limit: Option<i32>,
    /// Where the page starts.
    pub next_token: Option<String>,
}

impl Input for ListRolesInput {
    const SHAPE: Structure =
        Structure { name: "ListRolesInput", members: &[LIMIT_MEMBER, NEXT_TOKEN_MEMBER] };
}

/// A page of roles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRolesOutput {
    /// The roles, by name.
    pub roles: Vec<Role>,
    /// Where the next page starts, if there is one.
    pub next_token: Option<String>,
}
