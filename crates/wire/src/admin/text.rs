//! Members and types that many shapes share.

use crate::schema::{Length, Map, Member, Pattern, Range, Shape, Text};

const fn text(min: u32, max: u32, pattern: Option<Pattern>) -> Text {
    Text { length: Length { min: Some(min), max: Some(max) }, pattern, values: &[] }
}

pub(super) const STREAM_NAME: Text = text(1, 128, Some(Pattern::NAME));
pub(super) const STREAM_ARN: Text = text(1, 2048, Some(Pattern::STREAM_ARN));
pub(super) const USER_NAME: Text = text(1, 64, Some(Pattern::PRINCIPAL_NAME));
pub(super) const ROLE_NAME: Text = text(1, 64, Some(Pattern::PRINCIPAL_NAME));
pub(super) const POLICY_NAME: Text = text(1, 128, Some(Pattern::PRINCIPAL_NAME));
pub(super) const ACCESS_KEY_ID: Text = text(16, 128, Some(Pattern::ACCESS_KEY_ID));
pub(super) const ACCOUNT_ID: Text =
    Text { length: Length::ANY, pattern: Some(Pattern::ACCOUNT_ID), values: &[] };
/// As long as IAM lets a document be; what is kept of one principal has a smaller bound.
pub(super) const DOCUMENT: Text = text(1, 131_072, None);
pub(super) const DESCRIPTION: Text = text(0, 1000, None);
pub(super) const KEY_ID: Text = text(1, 2048, None);
pub(super) const ALIAS_NAME: Text = text(1, 256, None);
pub(super) const STATUS: Text =
    Text { length: Length::ANY, pattern: None, values: &["Active", "Inactive"] };

/// One hour to twelve.
pub(super) const SESSION_SECONDS: Shape =
    Shape::Integer(Range { min: Some(3600), max: Some(43_200) });

pub(super) const TAGS: Shape = Shape::Map(&Map {
    key: text(1, 128, None),
    value: text(0, 256, None),
    length: Length { min: None, max: Some(50) },
});

pub(super) const LIMIT_MEMBER: Member =
    optional("Limit", Shape::Integer(Range { min: Some(1), max: Some(1000) }));
pub(super) const NEXT_TOKEN_MEMBER: Member =
    optional("NextToken", Shape::String(text(1, 128, None)));

pub(super) const fn optional(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: false }
}

pub(super) const fn optional_text(name: &'static str, text: Text) -> Member {
    optional(name, Shape::String(text))
}

pub(super) const fn required_text(name: &'static str, text: Text) -> Member {
    Member { name, shape: Shape::String(text), required: true }
}
