//! Access keys: pairs that sign requests.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::text::*;
use crate::kinesis::timestamp;
use crate::schema::{Input, Structure};

/// Whether a key may sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessKeyStatus {
    /// It may.
    #[default]
    Active,
    /// It may not, until it is switched on again.
    Inactive,
}

impl AccessKeyStatus {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
        }
    }
}

/// A key that was made just now.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewAccessKey {
    /// The half that requests name.
    pub access_key_id: String,
    /// The half that signs. It is not shown again.
    pub secret_access_key: String,
    /// Whose it is; nobody's: it is of the root.
    pub user_name: Option<String>,
    /// Whether it may sign.
    pub status: AccessKeyStatus,
    /// When it was made.
    #[serde(with = "timestamp")]
    pub create_date: Timestamp,
}

/// A key, without its secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKeyMetadata {
    /// The half that requests name.
    pub access_key_id: String,
    /// Whose it is; nobody's: it is of the root.
    pub user_name: Option<String>,
    /// Whether it may sign.
    pub status: AccessKeyStatus,
    /// When it was made.
    #[serde(with = "timestamp")]
    pub create_date: Timestamp,
    /// When it last signed a request since the node started.
    #[serde(with = "timestamp::option", default)]
    pub last_used_date: Option<Timestamp>,
}

/// Asks to make a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateAccessKeyInput {
    /// The user; without one, the root of the account.
    pub user_name: Option<String>,
    /// The account whose root's keys are meant; only the node's own account may say another.
    pub account_id: Option<String>,
}

impl Input for CreateAccessKeyInput {
    const SHAPE: Structure = Structure {
        name: "CreateAccessKeyInput",
        members: &[optional_text("UserName", USER_NAME), optional_text("AccountId", ACCOUNT_ID)],
    };
}

/// A key that was made.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateAccessKeyOutput {
    /// The key.
    pub access_key: NewAccessKey,
}

/// Asks to switch a key on or off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateAccessKeyInput {
    /// The key.
    pub access_key_id: String,
    /// Whether it may sign from now on.
    pub status: AccessKeyStatus,
    /// The user; without one, the root of the account.
    pub user_name: Option<String>,
    /// The account whose root's keys are meant; only the node's own account may say another.
    pub account_id: Option<String>,
}

impl Input for UpdateAccessKeyInput {
    const SHAPE: Structure = Structure {
        name: "UpdateAccessKeyInput",
        members: &[
            required_text("AccessKeyId", ACCESS_KEY_ID),
            required_text("Status", STATUS),
            optional_text("UserName", USER_NAME),
            optional_text("AccountId", ACCOUNT_ID),
        ],
    };
}

/// Asks to delete a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteAccessKeyInput {
    /// The key.
    pub access_key_id: String,
    /// The user; without one, the root of the account.
    pub user_name: Option<String>,
    /// The account whose root's keys are meant; only the node's own account may say another.
    pub account_id: Option<String>,
}

impl Input for DeleteAccessKeyInput {
    const SHAPE: Structure = Structure {
        name: "DeleteAccessKeyInput",
        members: &[
            required_text("AccessKeyId", ACCESS_KEY_ID),
            optional_text("UserName", USER_NAME),
            optional_text("AccountId", ACCOUNT_ID),
        ],
    };
}

/// Asks for the keys of a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAccessKeysInput {
    /// The user; without one, the root of the account.
    pub user_name: Option<String>,
    /// The account whose root's keys are meant; only the node's own account may say another.
    pub account_id: Option<String>,
}

impl Input for ListAccessKeysInput {
    const SHAPE: Structure = Structure {
        name: "ListAccessKeysInput",
        members: &[optional_text("UserName", USER_NAME), optional_text("AccountId", ACCOUNT_ID)],
    };
}

/// The keys of a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAccessKeysOutput {
    /// The keys, the oldest first.
    pub access_key_metadata: Vec<AccessKeyMetadata>,
}
