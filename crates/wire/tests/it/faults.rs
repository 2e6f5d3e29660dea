//! Inputs that break one rule of their schema are refused, in the same words in both encodings.

use std::borrow::Cow;

use wire::schema::{Length, List, Map, Member, Shape, Structure, Text};
use wire::value::Value;
use wire::{Encoding, ErrorCode};

use crate::legal::{
    blob, edge_inputs, least, least_members, list_of, map_of, string, text_of_length, with_member,
};
use crate::readers::readers;
use crate::tree::{Tree, bodies};

/// A value that breaks a rule.
struct Fault {
    value: Tree,
    /// What the refusal says about it.
    says: String,
}

fn fault(value: Tree, says: impl Into<String>) -> Fault {
    Fault { value, says: says.into() }
}

const NOT_NULL: &str = "Member must not be null";

/// Every way to break one rule of a shape.
fn faults(shape: &'static Shape) -> Vec<Fault> {
    match shape {
        Shape::String(text) => {
            let pattern = text.pattern.map(|pattern| {
                let wrong = "é".repeat(text.length.min.unwrap_or(1).max(1) as usize);
                fault(string(wrong), format!("regular expression pattern: {}", pattern.text))
            });
            lengths_of_text(text).into_iter().chain(pattern).chain(no_such_value(text)).collect()
        }
        Shape::Integer(range) => {
            let below = range.min.map(|min| {
                fault(Value::Int(min - 1), format!("value greater than or equal to {min}"))
            });
            let above = range.max.map(|max| {
                fault(Value::Int(max + 1), format!("value less than or equal to {max}"))
            });
            below.into_iter().chain(above).collect()
        }
        Shape::Blob(length) => lengths(*length, blob),
        Shape::Boolean | Shape::Timestamp => Vec::new(),
        Shape::List(list) => {
            let mut found = lengths(list.length, |count| list_of(list, count));
            found.extend(faults_of_an_element(list));
            found
        }
        Shape::Map(map) => {
            let mut found = lengths(map.length, |count| map_of(map, count));
            found.extend(faults_of_an_entry(map));
            found
        }
        Shape::Structure(structure) => {
            faults_of_members(structure).into_iter().map(|(_, fault)| fault).collect()
        }
    }
}

/// One shorter than the shortest and one longer than the longest.
fn lengths(length: Length, of: impl Fn(usize) -> Tree) -> Vec<Fault> {
    let short = length.min.filter(|&min| min > 0).map(|min| {
        let says = format!("length greater than or equal to {min}");
        fault(of(min as usize - 1), says)
    });
    let long = length.max.map(|max| {
        let says = format!("length less than or equal to {max}");
        fault(of(max as usize + 1), says)
    });
    short.into_iter().chain(long).collect()
}

fn lengths_of_text(text: &Text) -> Vec<Fault> {
    lengths(text.length, |length| string(text_of_length(text, length)))
}

fn no_such_value(text: &Text) -> Option<Fault> {
    let value = string("NO_SUCH_VALUE".to_owned());
    (!text.values.is_empty()).then(|| fault(value, "enum value set: ["))
}

/// What is wrong with texts is said about the list, about other elements where they are.
fn faults_of_an_element(list: &'static List) -> Vec<Fault> {
    let mut found = faults(&list.element);
    found.push(fault(Value::Null, NOT_NULL));
    let count = list.length.min.unwrap_or(1).max(1) as usize;
    let within = |fault: Fault| {
        let mut elements = vec![least(&list.element); count];
        elements[count - 1] = fault.value;
        Fault { value: Value::List(elements), says: fault.says }
    };
    found.into_iter().map(within).collect()
}

fn faults_of_an_entry(map: &Map) -> Vec<Fault> {
    for text in [&map.key, &map.value] {
        let is_plain = text.pattern.is_none() && text.values.is_empty();
        assert!(is_plain, "of texts in maps only the lengths are checked: {text:?}");
    }
    let text_in = |value: Tree| match value {
        Value::Str(text) => text,
        other => panic!("{other:?} is no text"),
    };
    let (key, value) = (Cow::Borrowed("name"), string(text_of_length(&map.value, 1)));
    let entries = |key, value| Value::Map(vec![(key, value)]);
    let keys = lengths_of_text(&map.key).into_iter().map(|fault| Fault {
        value: entries(text_in(fault.value), value.clone()),
        says: "Map keys must satisfy constraint".to_owned(),
    });
    let values = lengths_of_text(&map.value).into_iter().map(|fault| Fault {
        value: entries(key.clone(), fault.value),
        says: "Map value must satisfy constraint".to_owned(),
    });
    let null = fault(entries(key.clone(), Value::Null), NOT_NULL);
    keys.chain(values).chain([null]).collect()
}

/// A structure in which one member is missing or wrong, with that member.
fn faults_of_members(structure: &Structure) -> Vec<(&'static Member, Fault)> {
    let mut found = Vec::new();
    for member in structure.members {
        if member.required {
            let mut members = least_members(structure);
            members.retain(|(name, _)| name != member.name);
            found.push((member, fault(Value::Map(members), NOT_NULL)));
        }
        let wrong = faults(&member.shape).into_iter().map(|fault| {
            let value = with_member(structure, member, fault.value);
            (member, Fault { value, says: fault.says })
        });
        found.extend(wrong);
    }
    found
}

#[test]
fn every_rule_of_every_input_is_kept_in_both_encodings_and_in_the_same_words() {
    let mut broken = 0;
    for reader in readers() {
        let name = reader.operation.name();
        for (member, fault) in faults_of_members(&reader.shape) {
            let (json, cbor) = bodies(&fault.value);
            let refusal = reader
                .read(Encoding::Json, &json)
                .expect_err(&format!("{name}.{} {}", member.name, fault.says));
            let (code, text) = (refusal.code, refusal.message.clone().unwrap_or_default());
            assert_eq!(code, ErrorCode::Validation, "{name} {text}");
            let (initial, rest) = member.name.split_at(1);
            let path = format!(" at '{}{rest}", initial.to_ascii_lowercase());
            assert!(text.contains(&path), "{name}: {path} is not in {text}");
            assert!(text.contains(&fault.says), "{name}: {} is not in {text}", fault.says);
            assert_eq!(reader.read(Encoding::Cbor, &cbor), Err(refusal), "{name} {cbor:?}");
            broken += 1;
        }
    }
    assert!(broken > 300, "only {broken} rules were found");
}

#[test]
fn what_is_at_the_edge_of_a_rule_is_legal_in_both_encodings() {
    for reader in readers() {
        for value in edge_inputs(&reader.shape) {
            let (json, cbor) = bodies(&value);
            let read = reader.read(Encoding::Json, &json);
            let written = read.unwrap_or_else(|e| panic!("{} {e}", reader.operation.name()));
            assert_eq!(reader.read(Encoding::Cbor, &cbor).as_ref(), Ok(&written));
            assert_eq!(reader.read(Encoding::Json, &written.json).as_ref(), Ok(&written));
            assert_eq!(reader.read(Encoding::Cbor, &written.cbor).as_ref(), Ok(&written));
        }
    }
}
