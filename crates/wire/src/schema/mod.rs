//! What a request may look like, and what AWS says when it looks otherwise.
//!
//! Two steps, in AWS's order: every member is brought to its type (`coerce`; the first mismatch
//! is a `SerializationException`), then every constraint is checked (`constraints`; up to ten
//! violations make one `ValidationException`).

mod coerce;
mod constraints;
mod pattern;
mod render;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::Encoding;
use crate::error::ApiError;
use crate::value::Value;

pub use constraints::blob_too_long;
pub use pattern::Pattern;

/// The input of an operation.
pub trait Input: Serialize + DeserializeOwned + Send {
    /// What is accepted.
    const SHAPE: Structure;

    /// Reads the body without a tree, for the operations where that pays. `None` means: not sure,
    /// take the careful way, which also has the error texts.
    fn decode_quickly(_encoding: Encoding, _body: &Bytes) -> Option<Self> {
        None
    }
}

/// The type of a value, with its constraints.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A text.
    String(Text),
    /// A 32-bit number.
    Integer(Range),
    /// A truth value.
    Boolean,
    /// Bytes.
    Blob(Length),
    /// A moment.
    Timestamp,
    /// An array.
    List(&'static List),
    /// An object with free names.
    Map(&'static Map),
    /// An object with known members.
    Structure(&'static Structure),
}

/// How long something may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// At least.
    pub min: Option<u32>,
    /// At most.
    pub max: Option<u32>,
}

impl Length {
    /// Any length.
    pub const ANY: Self = Self { min: None, max: None };

    /// Whether `length` is within.
    pub fn admits(self, length: usize) -> bool {
        self.min.is_none_or(|min| length >= min as usize)
            && self.max.is_none_or(|max| length <= max as usize)
    }
}

/// How large a number may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// At least.
    pub min: Option<i64>,
    /// At most.
    pub max: Option<i64>,
}

/// What a text may be.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Its length in characters.
    pub length: Length,
    /// The expression it must match.
    pub pattern: Option<Pattern>,
    /// If not empty, the only values it may have, in the order in which AWS lists them.
    pub values: &'static [&'static str],
}

impl Text {
    /// Whether `text` violates nothing.
    pub fn admits(&self, text: &str) -> bool {
        (self.length == Length::ANY || self.length.admits(text.chars().count()))
            && self.pattern.is_none_or(|pattern| pattern.matches(text))
            && (self.values.is_empty() || self.values.contains(&text))
    }
}

/// What an array may hold.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// Its elements.
    pub element: Shape,
    /// How many.
    pub length: Length,
}

/// What an object with free names may hold.
#[derive(Clone, Copy, Debug)]
pub struct Map {
    /// Its names.
    pub key: Text,
    /// Its values.
    pub value: Text,
    /// How many.
    pub length: Length,
}

/// An object with known members.
#[derive(Clone, Copy, Debug)]
pub struct Structure {
    /// Its name in the model.
    pub name: &'static str,
    /// Its members, in the order of the model.
    pub members: &'static [Member],
}

/// A member of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
}

/// Brings a request's object to its shape, or says what is wrong with it. The result has each
/// member at most once, no unknown ones, no nulls, and every value in its own type.
pub fn check<'a>(
    value: Value<'a>,
    shape: &Structure,
    encoding: Encoding,
) -> Result<Value<'a>, ApiError> {
    let members = coerce::structure(value, shape, encoding)?;
    constraints::check(&members, shape)?;
    Ok(Value::Map(members))
}

#[cfg(test)]
mod tests;
