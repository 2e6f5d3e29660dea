//! Keys that encrypt, and their aliases.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::text::*;
use crate::kinesis::timestamp;
use crate::schema::{Input, Member, Shape, Structure};

const KEY_ID_MEMBER: Member = required_text("KeyId", KEY_ID);

/// What may be done with a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// Everything.
    #[default]
    Enabled,
    /// Nothing, until it is enabled again.
    Disabled,
    /// Nothing, ever.
    Deleted,
}

impl KeyState {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::Deleted => "Deleted",
        }
    }
}

/// A key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Key {
    /// Its UUID.
    pub key_id: String,
    /// Its ARN.
    pub arn: String,
    /// What may be done with it.
    pub key_state: KeyState,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// When it was made.
    #[serde(with = "timestamp")]
    pub creation_date: Timestamp,
    /// Which material it has: 1, and one more with each rotation.
    pub material_version: i32,
    /// When it got this material.
    #[serde(with = "timestamp")]
    pub material_date: Timestamp,
    /// Whether Weir made it by itself.
    pub managed: bool,
    /// Its aliases.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// A stream that may have records under a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyUse {
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    /// Whether what is put now is encrypted with the key.
    pub current: bool,
    /// The most records that can be under it: all that the stream keeps.
    pub records_max: i64,
}

/// A key that was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyOutput {
    /// The key.
    pub key: Key,
}

/// Asks to make a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateKeyInput {
    /// What it is for.
    pub description: Option<String>,
}

impl Input for CreateKeyInput {
    const SHAPE: Structure =
        Structure { name: "CreateKeyInput", members: &[optional_text("Description", DESCRIPTION)] };
}

/// Asks for the keys of the account in the region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListKeysInput {}

impl Input for ListKeysInput {
    const SHAPE: Structure = Structure { name: "ListKeysInput", members: &[] };
}

/// The keys of the account in the region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListKeysOutput {
    /// The keys: at most a thousand, and deleted ones while a stream has records under them.
    pub keys: Vec<Key>,
}

/// Asks for a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeKeyInput {
    /// Its UUID, its ARN, or the name or ARN of one of its aliases.
    pub key_id: String,
}

impl Input for DescribeKeyInput {
    const SHAPE: Structure = Structure { name: "DescribeKeyInput", members: &[KEY_ID_MEMBER] };
}

/// A key, and who uses it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeKeyOutput {
    /// The key.
    pub key: Key,
    /// The streams that may have records under it.
    pub uses: Vec<KeyUse>,
}

/// Asks to let a key be used again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EnableKeyInput {
    /// The key.
    pub key_id: String,
}

impl Input for EnableKeyInput {
    const SHAPE: Structure = Structure { name: "EnableKeyInput", members: &[KEY_ID_MEMBER] };
}

/// Asks to let a key not be used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DisableKeyInput {
    /// The key.
    pub key_id: String,
}

impl Input for DisableKeyInput {
    const SHAPE: Structure = Structure { name: "DisableKeyInput", members: &[KEY_ID_MEMBER] };
}

/// Asks to give a key new material.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RotateKeyInput {
    /// The key.
    pub key_id: String,
}

impl Input for RotateKeyInput {
    const SHAPE: Structure = Structure { name: "RotateKeyInput", members: &[KEY_ID_MEMBER] };
}

/// Asks to delete a key, and with it what was encrypted with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteKeyInput {
    /// The key.
    pub key_id: String,
    /// That the caller knows what becomes unreadable for ever. Without it nothing is deleted, and
    /// the refusal says what that would be.
    pub acknowledge_data_loss: Option<bool>,
}

impl Input for DeleteKeyInput {
    const SHAPE: Structure = Structure {
        name: "DeleteKeyInput",
        members: &[KEY_ID_MEMBER, optional("AcknowledgeDataLoss", Shape::Boolean)],
    };
}

/// What became unreadable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteKeyOutput {
    /// The streams that had records under the key.
    pub uses: Vec<KeyUse>,
}

/// Asks to give a key another name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateAliasInput {
    /// The name: `alias/…`.
    pub alias_name: String,
    /// The key.
    pub key_id: String,
}

impl Input for CreateAliasInput {
    const SHAPE: Structure = Structure {
        name: "CreateAliasInput",
        members: &[required_text("AliasName", ALIAS_NAME), KEY_ID_MEMBER],
    };
}

/// Asks to take a name away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteAliasInput {
    /// The name: `alias/…`.
    pub alias_name: String,
}

impl Input for DeleteAliasInput {
    const SHAPE: Structure =
        Structure { name: "DeleteAliasInput", members: &[required_text("AliasName", ALIAS_NAME)] };
}
