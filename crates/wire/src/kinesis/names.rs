//! Members and types that many shapes share.

use crate::schema::{Length, Member, Pattern, Range, Shape, Text};

const fn text(min: u32, max: u32, pattern: Option<Pattern>) -> Text {
    Text { length: Length { min: Some(min), max: Some(max) }, pattern, values: &[] }
}

const fn patterned(pattern: Pattern) -> Text {
    Text { length: Length::ANY, pattern: Some(pattern), values: &[] }
}

pub(super) const NAME: Text = text(1, 128, Some(Pattern::NAME));
pub(super) const STREAM_ARN: Text = text(1, 2048, Some(Pattern::STREAM_ARN));
pub(super) const CONSUMER_ARN: Text = text(1, 2048, Some(Pattern::CONSUMER_ARN));
pub(super) const STREAM_ID: Text = text(1, 24, Some(Pattern::STREAM_ID));
pub(super) const RESOURCE_ARN: Text = text(1, 2048, Some(Pattern::RESOURCE_ARN));
pub(super) const HASH_KEY: Text = patterned(Pattern::HASH_KEY);
pub(super) const SEQUENCE_NUMBER: Text = patterned(Pattern::SEQUENCE_NUMBER);
pub(super) const NEXT_TOKEN: Text = text(1, 1_048_576, None);
pub(super) const SHARD_ITERATOR: Text = text(1, 512, None);
pub(super) const KEY_ID: Text = text(1, 2048, None);
pub(super) const PARTITION_KEY: Text = text(1, 256, None);

pub(super) const POSITIVE: Shape = Shape::Integer(Range { min: Some(1), max: None });
pub(super) const NATURAL: Shape = Shape::Integer(Range { min: Some(0), max: None });

pub(super) const fn page_size(max: i64) -> Shape {
    Shape::Integer(Range { min: Some(1), max: Some(max) })
}

pub(super) const fn optional(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: false }
}

pub(super) const fn required(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: true }
}

pub(super) const fn optional_text(name: &'static str, text: Text) -> Member {
    optional(name, Shape::String(text))
}

pub(super) const fn required_text(name: &'static str, text: Text) -> Member {
    required(name, Shape::String(text))
}

pub(super) const fn one_of(values: &'static [&'static str]) -> Text {
    Text { length: Length::ANY, pattern: None, values }
}

pub(super) const STREAM_NAME_MEMBER: Member = optional_text("StreamName", NAME);
pub(super) const STREAM_ARN_MEMBER: Member = optional_text("StreamARN", STREAM_ARN);
pub(super) const STREAM_ID_MEMBER: Member = optional_text("StreamId", STREAM_ID);
pub(super) const DRY_RUN_MEMBER: Member = optional("DryRun", Shape::Boolean);
