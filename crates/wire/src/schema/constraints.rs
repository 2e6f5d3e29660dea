//! Constraints: every violation is collected, up to ten, in the order of the model.

use std::borrow::Cow;

use super::coerce::Members;
use super::render::{quoted, shortened};
use super::{Length, List, Map, Range, Shape, Structure, Text};
use crate::error::{ApiError, ErrorCode};
use crate::value::Value;

/// AWS reports no more than this of one request.
const VIOLATIONS_MAX: usize = 10;

const NOT_NULL: &str = "Member must not be null";

pub(super) fn check(members: &Members<'_>, shape: &Structure) -> Result<(), ApiError> {
    let mut found = Violations::default();
    found.structure("", members, shape);
    found.into_result()
}

/// The refusal of a blob that is longer than the stream at hand takes, in the words in which the
/// model's own limit would be reported.
pub fn blob_too_long(path: &str, bytes: usize, bytes_max: usize) -> ApiError {
    let mut found = Violations::default();
    found.texts.push(format!(
        "Value 'java.nio.HeapByteBuffer[pos=0 lim={bytes} cap={bytes}]' at '{path}' failed to \
         satisfy constraint: {}",
        at_most("length", bytes_max)
    ));
    found.into_error()
}

#[derive(Default)]
struct Violations {
    texts: Vec<String>,
}

impl Violations {
    fn into_result(self) -> Result<(), ApiError> {
        if self.texts.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    fn into_error(self) -> ApiError {
        let count = self.texts.len();
        let plural = if count == 1 { "" } else { "s" };
        let list = self.texts.join("; ");
        let text = format!("{count} validation error{plural} detected: {list}");
        ApiError::new(ErrorCode::Validation, text)
    }

    fn is_full(&self) -> bool {
        self.texts.len() == VIOLATIONS_MAX
    }

    fn add(&mut self, path: &str, value: &Value<'_>, shape: &Shape, constraint: &str) {
        if !self.is_full() {
            let value = quoted(value, shape);
            self.texts.push(format!(
                "Value{value} at '{path}' failed to satisfy constraint: {constraint}"
            ));
        }
    }

    fn structure(&mut self, parent: &str, members: &Members<'_>, shape: &Structure) {
        let mut present = members.iter().peekable();
        for member in shape.members {
            if self.is_full() {
                return;
            }
            // Both are in the order of the model, so one pass finds every absent member.
            let value = present.next_if(|(name, _)| name == member.name).map(|(_, value)| value);
            match value {
                Some(value) => self.value(&path(parent, member.name), value, &member.shape),
                None if member.required => {
                    let path = path(parent, member.name);
                    self.add(&path, &Value::Null, &member.shape, NOT_NULL);
                }
                None => {}
            }
        }
    }

    fn value(&mut self, path: &str, value: &Value<'_>, shape: &Shape) {
        match (value, shape) {
            (Value::Str(text), Shape::String(rules)) => self.text(path, value, text, rules, shape),
            (Value::Int(number), Shape::Integer(range)) => {
                self.number(path, value, *number, *range, shape);
            }
            (Value::Blob(bytes), Shape::Blob(length)) => {
                self.length(path, value, bytes.len(), *length, shape);
            }
            (Value::List(elements), Shape::List(list)) => {
                self.list(path, value, elements, list, shape);
            }
            (Value::Map(entries), Shape::Map(map)) => self.map(path, value, entries, map, shape),
            (Value::Map(members), Shape::Structure(inner)) => self.structure(path, members, inner),
            _ => {}
        }
    }

    fn text(&mut self, path: &str, value: &Value<'_>, text: &str, rules: &Text, shape: &Shape) {
        if rules.admits(text) {
            return;
        }
        if let Some(pattern) = rules.pattern
            && !pattern.matches(text)
        {
            let constraint =
                format!("Member must satisfy regular expression pattern: {}", pattern.text);
            self.add(path, value, shape, &constraint);
        }
        self.length(path, value, text.chars().count(), rules.length, shape);
        if !rules.values.is_empty() && !rules.values.contains(&text) {
            self.add(path, value, shape, &enumerated(rules.values));
        }
    }

    fn number(&mut self, path: &str, value: &Value<'_>, number: i64, range: Range, shape: &Shape) {
        if let Some(min) = range.min.filter(|&min| number < min) {
            self.add(path, value, shape, &at_least("value", min));
        }
        if let Some(max) = range.max.filter(|&max| number > max) {
            self.add(path, value, shape, &at_most("value", max));
        }
    }

    fn length(&mut self, path: &str, value: &Value<'_>, got: usize, want: Length, shape: &Shape) {
        if let Some(min) = want.min.filter(|&min| got < min as usize) {
            self.add(path, value, shape, &at_least("length", min));
        }
        if let Some(max) = want.max.filter(|&max| got > max as usize) {
            self.add(path, value, shape, &at_most("length", max));
        }
    }

    fn list(
        &mut self,
        path: &str,
        value: &Value<'_>,
        elements: &[Value<'_>],
        list: &List,
        shape: &Shape,
    ) {
        self.length(path, value, elements.len(), list.length, shape);
        if let Shape::String(rules) = &list.element {
            let fits = |element: &Value<'_>| fits(element, rules.length);
            if !elements.iter().all(fits) {
                let constraint = format!("Member must satisfy constraint: {}", both(rules.length));
                self.add(path, value, shape, &constraint);
            }
            let known = |element: &Value<'_>| is_one_of(element, rules.values);
            if !rules.values.is_empty() && !elements.iter().all(known) {
                let constraint =
                    format!("Member must satisfy constraint: [{}]", enumerated(rules.values));
                self.add(path, value, shape, &constraint);
            }
        }
        for (at, element) in elements.iter().enumerate() {
            if self.is_full() {
                return;
            }
            let path = format!("{path}.{}.member", at + 1);
            match element {
                Value::Null => self.add(&path, element, &list.element, NOT_NULL),
                // What is wrong with a text is reported for the list as a whole.
                Value::Str(_) => {}
                _ => self.value(&path, element, &list.element),
            }
        }
    }

    fn map(
        &mut self,
        path: &str,
        value: &Value<'_>,
        entries: &[(Cow<'_, str>, Value<'_>)],
        map: &Map,
        shape: &Shape,
    ) {
        self.length(path, value, entries.len(), map.length, shape);
        if !entries.iter().all(|(key, _)| map.key.length.admits(key.chars().count())) {
            let constraint = format!("Map keys must satisfy constraint: {}", both(map.key.length));
            self.add(path, value, shape, &constraint);
        }
        if !entries.iter().all(|(_, value)| fits(value, map.value.length)) {
            let constraint =
                format!("Map value must satisfy constraint: {}", both(map.value.length));
            self.add(path, value, shape, &constraint);
        }
        for (key, _) in entries.iter().filter(|(_, value)| *value == Value::Null) {
            self.add(&format!("{path}.{}.member", shortened(key)), &Value::Null, shape, NOT_NULL);
        }
    }
}

fn fits(value: &Value<'_>, length: Length) -> bool {
    match value {
        Value::Str(text) => length.admits(text.chars().count()),
        _ => true,
    }
}

/// A null is reported by itself.
fn is_one_of(value: &Value<'_>, values: &[&str]) -> bool {
    match value {
        Value::Str(text) => values.contains(&&**text),
        _ => true,
    }
}

fn enumerated(values: &[&str]) -> String {
    format!("Member must satisfy enum value set: [{}]", values.join(", "))
}

/// `Records` inside nothing is `records`; `Data` inside `records.1.member` is
/// `records.1.member.data`.
fn path(parent: &str, name: &str) -> String {
    let mut path = String::with_capacity(parent.len() + 1 + name.len());
    if !parent.is_empty() {
        path.push_str(parent);
        path.push('.');
    }
    path.push_str(&name[..1].to_ascii_lowercase());
    path.push_str(&name[1..]);
    path
}

fn at_least(what: &str, min: impl std::fmt::Display) -> String {
    format!("Member must have {what} greater than or equal to {min}")
}

fn at_most(what: &str, max: impl std::fmt::Display) -> String {
    format!("Member must have {what} less than or equal to {max}")
}

/// Both ends in one pair of brackets, the upper one first.
fn both(length: Length) -> String {
    let max = length.max.map(|max| at_most("length", max));
    let min = length.min.map(|min| at_least("length", min));
    let ends: Vec<String> = max.into_iter().chain(min).collect();
    format!("[{}]", ends.join(", "))
}
