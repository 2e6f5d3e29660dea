//! Encryption of a stream's records with a key.

use serde::{Deserialize, Serialize};

use super::EncryptionType;
use super::names::*;
use crate::schema::{Input, Member, Structure};

const MEMBERS: &[Member] = &[
    STREAM_NAME_MEMBER,
    required_text("EncryptionType", one_of(&["NONE", "KMS"])),
    required_text("KeyId", KEY_ID),
    STREAM_ARN_MEMBER,
    STREAM_ID_MEMBER,
];

/// Asks to encrypt the records that are put from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartStreamEncryptionInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The kind of encryption, of which there is one.
    pub encryption_type: EncryptionType,
    /// The key: its UUID, its ARN, or the name or ARN of one of its aliases.
    pub key_id: String,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for StartStreamEncryptionInput {
    const SHAPE: Structure = Structure { name: "StartStreamEncryptionInput", members: MEMBERS };
}

/// Asks to encrypt no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StopStreamEncryptionInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The kind of encryption, of which there is one.
    pub encryption_type: EncryptionType,
    /// The key that the stream is encrypted with.
    pub key_id: String,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for StopStreamEncryptionInput {
    const SHAPE: Structure = Structure { name: "StopStreamEncryptionInput", members: MEMBERS };
}
