//! Tags of streams and consumers: which ones AWS takes, and its words for those it does not.

use std::collections::BTreeMap;

use model::ConsumerArn;
use model::limits::TAGS_MAX;

use super::{active, consumers};
use crate::catalog::{Edit, Snapshot, StreamKey, StreamRecord};
use crate::error::{Error, Result};

/// AddTagsToStream and TagResource.
pub(crate) fn add(
    snapshot: &Snapshot,
    edit: &mut Edit,
    key: &StreamKey,
    tags: BTreeMap<String, String>,
) -> Result<()> {
    check_characters(tags.iter().flat_map(|(key, value)| [key, value]))?;
    let stream = active(snapshot, key)?;
    check_percent(key, "add tags to", tags.iter().flat_map(|(key, value)| [key, value]))?;
    let mut record = StreamRecord::clone(&stream.record);
    record.tags.extend(tags);
    check_count(key, record.tags.len())?;
    edit.put_stream(key, record);
    Ok(())
}

/// RemoveTagsFromStream and UntagResource.
pub(crate) fn remove(
    snapshot: &Snapshot,
    edit: &mut Edit,
    key: &StreamKey,
    tag_keys: &[String],
) -> Result<()> {
    check_characters(tag_keys)?;
    let stream = active(snapshot, key)?;
    check_percent(key, "remove tags from", tag_keys)?;
    let mut record = StreamRecord::clone(&stream.record);
    record.tags.retain(|tag, _| !tag_keys.contains(tag));
    edit.put_stream(key, record);
    Ok(())
}

/// TagResource of a consumer.
pub(crate) fn add_to_consumer(
    snapshot: &Snapshot,
    edit: &mut Edit,
    (key, arn): (&StreamKey, &ConsumerArn),
    tags: BTreeMap<String, String>,
) -> Result<()> {
    check_characters(tags.iter().flat_map(|(key, value)| [key, value]))?;
    let (_, consumer) = consumers::active(snapshot, key, arn)?;
    check_percent(key, "add tags to", tags.iter().flat_map(|(key, value)| [key, value]))?;
    let mut record = consumer.record.clone();
    record.tags.extend(tags);
    check_count(key, record.tags.len())?;
    edit.put_consumer(key, arn.name(), record);
    Ok(())
}

/// UntagResource of a consumer.
pub(crate) fn remove_from_consumer(
    snapshot: &Snapshot,
    edit: &mut Edit,
    (key, arn): (&StreamKey, &ConsumerArn),
    tag_keys: &[String],
) -> Result<()> {
    check_characters(tag_keys)?;
    let (_, consumer) = consumers::active(snapshot, key, arn)?;
    check_percent(key, "remove tags from", tag_keys)?;
    let mut record = consumer.record.clone();
    record.tags.retain(|tag, _| !tag_keys.contains(tag));
    edit.put_consumer(key, arn.name(), record);
    Ok(())
}

/// The tags that a stream or a consumer begins with.
pub(crate) fn check_new(key: &StreamKey, tags: &BTreeMap<String, String>) -> Result<()> {
    check_characters(tags.iter().flat_map(|(key, value)| [key, value]))?;
    check_percent(key, "add tags to", tags.iter().flat_map(|(key, value)| [key, value]))?;
    check_count(key, tags.len())
}

fn check_characters<'t>(texts: impl IntoIterator<Item = &'t String>) -> Result<()> {
    let mut texts = texts.into_iter();
    if texts.all(|text| text.chars().all(is_allowed)) {
        return Ok(());
    }
    Err(Error::Invalid(
        "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white \
         space, _ . / = + - % @."
            .into(),
    ))
}

fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, '_' | '.' | '/' | '-' | '=' | '+' | ' ' | '@' | '%')
        || matches!(character, '\u{C0}'..='\u{1FFF}' | '\u{2C00}'..='\u{D7FF}')
}

/// The first check says that `%` is valid; AWS refuses it all the same, later.
fn check_percent<'t>(
    key: &StreamKey,
    doing: &str,
    texts: impl IntoIterator<Item = &'t String>,
) -> Result<()> {
    if !texts.into_iter().any(|text| text.contains('%')) {
        return Ok(());
    }
    let StreamKey { name, account, .. } = key;
    Err(Error::Invalid(format!(
        "Failed to {doing} stream {name} under account {account} because some tags contained \
         illegal characters. The allowed characters are Unicode letters, white-spaces, \
         '_',',','/','=','+','-','@'."
    )))
}

/// AWS still says 10 where it means 50.
fn check_count(key: &StreamKey, count: usize) -> Result<()> {
    if count <= TAGS_MAX {
        return Ok(());
    }
    let StreamKey { name, account, .. } = key;
    Err(Error::Invalid(format!(
        "Failed to add tags to stream {name} under account {account} because a given stream \
         cannot have more than 10 tags associated with it."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_any_script_are_taken_and_separators_are_not() {
        let ok = |text: &str| check_characters([&text.to_owned()]).is_ok();
        for taken in ["", "aZ 09_./-=+@", "äöü", "日本", "%"] {
            assert!(ok(taken), "{taken}");
        }
        for refused in [";", ",", "\t", "\n", "a:b", "\u{2028}", "🙂", "ß\u{A0}"] {
            assert!(!ok(refused), "{refused:?}");
        }
    }
}
