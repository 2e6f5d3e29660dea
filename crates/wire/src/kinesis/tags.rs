//! Tags of streams, by stream and by resource.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::names::*;
use crate::schema::{Input, Length, List, Map, Shape, Structure, Text};

const TAG_KEY: Text =
    Text { length: Length { min: Some(1), max: Some(128) }, pattern: None, values: &[] };
const TAG_VALUE: Text =
    Text { length: Length { min: Some(0), max: Some(256) }, pattern: None, values: &[] };

pub(super) const TAG_MAP: Shape = Shape::Map(&Map {
    key: TAG_KEY,
    value: TAG_VALUE,
    length: Length { min: Some(1), max: Some(200) },
});

const TAG_KEYS: Shape = Shape::List(&List {
    element: Shape::String(TAG_KEY),
    length: Length { min: Some(1), max: Some(50) },
});

/// A tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Option<String>,
}

/// Asks to add or replace tags of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddTagsToStreamInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for AddTagsToStreamInput {
    const SHAPE: Structure = Structure {
        name: "AddTagsToStreamInput",
        members: &[
            STREAM_NAME_MEMBER,
            required("Tags", TAG_MAP),
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
        ],
    };
}

/// Asks to remove tags of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemoveTagsFromStreamInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The keys of the tags.
    pub tag_keys: Vec<String>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for RemoveTagsFromStreamInput {
    const SHAPE: Structure = Structure {
        name: "RemoveTagsFromStreamInput",
        members: &[
            STREAM_NAME_MEMBER,
            required("TagKeys", TAG_KEYS),
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
        ],
    };
}

/// Asks for a page of a stream's tags.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForStreamInput {
    /// The stream.
    pub stream_name: Option<String>,
    /// The key after which the page starts.
    pub exclusive_start_tag_key: Option<String>,
    /// How many at most.
    pub limit: Option<i32>,
    /// The stream.
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for ListTagsForStreamInput {
    const SHAPE: Structure = Structure {
        name: "ListTagsForStreamInput",
        members: &[
            STREAM_NAME_MEMBER,
            optional_text("ExclusiveStartTagKey", TAG_KEY),
            optional("Limit", page_size(50)),
            STREAM_ARN_MEMBER,
            STREAM_ID_MEMBER,
        ],
    };
}

/// A page of tags.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForStreamOutput {
    /// The tags, by key.
    pub tags: Vec<Tag>,
    /// Whether tags follow the page.
    pub has_more_tags: bool,
}

/// Asks to add or replace tags of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagResourceInput {
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// The resource.
    #[serde(rename = "ResourceARN")]
    pub resource_arn: String,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for TagResourceInput {
    const SHAPE: Structure = Structure {
        name: "TagResourceInput",
        members: &[
            required("Tags", TAG_MAP),
            required_text("ResourceARN", RESOURCE_ARN),
            STREAM_ID_MEMBER,
        ],
    };
}

/// Asks to remove tags of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagResourceInput {
    /// The keys of the tags.
    pub tag_keys: Vec<String>,
    /// The resource.
    #[serde(rename = "ResourceARN")]
    pub resource_arn: String,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for UntagResourceInput {
    const SHAPE: Structure = Structure {
        name: "UntagResourceInput",
        members: &[
            required("TagKeys", TAG_KEYS),
            required_text("ResourceARN", RESOURCE_ARN),
            STREAM_ID_MEMBER,
        ],
    };
}

/// Asks for the tags of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForResourceInput {
    /// The resource.
    #[serde(rename = "ResourceARN")]
    pub resource_arn: String,
    /// Reserved by AWS; ignored.
    pub stream_id: Option<String>,
}

impl Input for ListTagsForResourceInput {
    const SHAPE: Structure = Structure {
        name: "ListTagsForResourceInput",
        members: &[required_text("ResourceARN", RESOURCE_ARN), STREAM_ID_MEMBER],
    };
}

/// The tags of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForResourceOutput {
    /// The tags, by key.
    pub tags: Option<Vec<Tag>>,
}
