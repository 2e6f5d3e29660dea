//! Policies of streams and consumers.

use serde::{Deserialize, Serialize};

use super::names::*;
use crate::schema::{Input, Length, Structure, Text};

const POLICY: Text = Text { length: Length::ANY, pattern: None, values: &[] };

/// Asks to set the policy of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutResourcePolicyInput {
    /// The resource.
    #[serde(rename = "ResourceARN")]
    pub resource_arn: String,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
    /// The policy, as JSON.
    pub policy: String,
}

impl Input for PutResourcePolicyInput {
    const SHAPE: Structure = Structure {
        name: "PutResourcePolicyInput",
        members: &[
            required_text("ResourceARN", RESOURCE_ARN),
            STREAM_ID_MEMBER,
            required_text("Policy", POLICY),
        ],
    };
}

/// Asks for the policy of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetResourcePolicyInput {
    /// The resource.
    #[serde(rename = "ResourceARN")]
    pub resource_arn: String,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for GetResourcePolicyInput {
    const SHAPE: Structure = Structure {
        name: "GetResourcePolicyInput",
        members: &[required_text("ResourceARN", RESOURCE_ARN), STREAM_ID_MEMBER],
    };
}

/// The policy of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetResourcePolicyOutput {
    /// The policy, as JSON; `{}` if there is none.
    pub policy: String,
}

/// Asks to delete the policy of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteResourcePolicyInput {
    /// The resource.
    #[serde(rename = "ResourceARN")]
    pub resource_arn: String,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for DeleteResourcePolicyInput {
    const SHAPE: Structure = Structure {
        name: "DeleteResourcePolicyInput",
        members: &[required_text("ResourceARN", RESOURCE_ARN), STREAM_ID_MEMBER],
    };
}
