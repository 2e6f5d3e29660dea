//! Inputs made from their schema: any legal one, and those at the edges of what is legal.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use wire::schema::{Length, List, Map, Member, Pattern, Range, Shape, Structure, Text};
use wire::value::Value;

use crate::tree::Tree;

type Entry = (Cow<'static, str>, Tree);

/// How far beyond its shortest an arbitrary value goes; the edges are tried apart from these.
const EXTRA: usize = 40;

/// How to write what a pattern matches: a beginning, then so many of these letters that the whole
/// has a length in the range.
struct Form {
    head: &'static str,
    letters: &'static str,
    lengths: RangeInclusive<usize>,
}

const DIGITS: &str = "0123456789";
const ARN_HEAD: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/";
const CONSUMER_HEAD: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders/consumer/c:";

const fn form(head: &'static str, letters: &'static str, lengths: RangeInclusive<usize>) -> Form {
    Form { head, letters, lengths }
}

impl Form {
    /// A pattern that is not here is a mistake of this file.
    fn of(text: &Text) -> Self {
        let any = usize::MAX;
        let Some(pattern) = text.pattern else {
            return form("", "aé\u{1f980}\"\\\n \0\u{1f}\u{7f}/", 0..=any).within(text.length);
        };
        let forms = [
            (Pattern::NAME, form("", "aZ0_.-", 1..=any)),
            (Pattern::HASH_KEY, form("1", DIGITS, 1..=39)),
            (Pattern::SEQUENCE_NUMBER, form("1", DIGITS, 1..=129)),
            (Pattern::STREAM_ARN, form(ARN_HEAD, "aZ0_.-", ARN_HEAD.len() + 1..=any)),
            (Pattern::RESOURCE_ARN, form(ARN_HEAD, "aZ0_.-", ARN_HEAD.len() + 1..=any)),
            (Pattern::CONSUMER_ARN, form(CONSUMER_HEAD, DIGITS, CONSUMER_HEAD.len() + 1..=any)),
            (Pattern::STREAM_ID, form("abcdefghij0123456789-", "az09", 24..=24)),
            (Pattern::PRINCIPAL_NAME, form("", "aZ0_+=,.@-", 1..=any)),
            (Pattern::ACCESS_KEY_ID, form("", "aZ0_", 1..=any)),
            (Pattern::ACCOUNT_ID, form("", DIGITS, 12..=12)),
        ];
        let found = forms.into_iter().find(|(known, _)| known.text == pattern.text);
        let (_, form) = found.unwrap_or_else(|| panic!("nothing known matches {pattern:?}"));
        form.within(text.length)
    }

    fn within(self, length: Length) -> Self {
        let (least, most) = (length.min.unwrap_or(0) as usize, length.max);
        let most = most.map_or(*self.lengths.end(), |max| (*self.lengths.end()).min(max as usize));
        Self { lengths: least.max(*self.lengths.start())..=most, ..self }
    }

    fn written(&self, length: usize) -> String {
        self.head.chars().chain(self.letters.chars().cycle()).take(length).collect()
    }
}

/// A text in the form that `text` asks for, of any length.
pub(crate) fn text_of_length(text: &Text, length: usize) -> String {
    Form::of(text).written(length)
}

fn any_text(text: &'static Text) -> BoxedStrategy<String> {
    if !text.values.is_empty() {
        return select(text.values).prop_map(str::to_owned).boxed();
    }
    let form = Form::of(text);
    let (least, most) = form.lengths.clone().into_inner();
    let letters: Vec<char> = form.letters.chars().collect();
    let rest = least - form.head.len()..=(most.min(least + EXTRA) - form.head.len());
    vec(select(letters), rest).prop_map(move |rest| form.head.chars().chain(rest).collect()).boxed()
}

/// Any legal value of a shape.
fn any_value(shape: &'static Shape) -> BoxedStrategy<Tree> {
    match shape {
        Shape::String(text) => any_text(text).prop_map(string).boxed(),
        Shape::Integer(range) => numbers(*range).prop_map(Value::Int).boxed(),
        Shape::Boolean => any::<bool>().prop_map(Value::Bool).boxed(),
        Shape::Blob(length) => vec(any::<u8>(), sizes(*length))
            .prop_map(|bytes| Value::Blob(Bytes::from(bytes)))
            .boxed(),
        Shape::Timestamp => (0..4_000_000_000_000i64).prop_map(Value::Timestamp).boxed(),
        Shape::List(list) => {
            vec(any_value(&list.element), sizes(list.length)).prop_map(Value::List).boxed()
        }
        Shape::Map(map) => btree_map(any_text(&map.key), any_text(&map.value), sizes(map.length))
            .prop_map(|map| {
                let entry = |(key, value)| (Cow::Owned(key), string(value));
                Value::Map(map.into_iter().map(entry).collect())
            })
            .boxed(),
        Shape::Structure(structure) => any_input(structure),
    }
}

/// Any legal input: required members always there, the others sometimes, or null.
pub(crate) fn any_input(structure: &Structure) -> BoxedStrategy<Tree> {
    let members: Vec<BoxedStrategy<Option<Entry>>> = structure
        .members
        .iter()
        .map(|member| {
            let some = any_value(&member.shape).prop_map(|value| Some(entry(member, value)));
            if member.required {
                return some.boxed();
            }
            let null = Just(Some(entry(member, Value::Null)));
            prop_oneof![3 => some, 1 => null, 2 => Just(None)].boxed()
        })
        .collect();
    members.prop_map(|members| Value::Map(members.into_iter().flatten().collect())).boxed()
}

pub(crate) fn string(text: String) -> Tree {
    Value::Str(Cow::Owned(text))
}

fn entry(member: &'static Member, value: Tree) -> Entry {
    (Cow::Borrowed(member.name), value)
}

fn numbers(range: Range) -> RangeInclusive<i64> {
    range.min.unwrap_or(i64::from(i32::MIN))..=range.max.unwrap_or(i64::from(i32::MAX))
}

fn sizes(length: Length) -> RangeInclusive<usize> {
    let least = length.min.unwrap_or(0) as usize;
    least..=(length.max.unwrap_or(u32::MAX) as usize).min(least + 8)
}

/// The smallest legal value of a shape.
pub(crate) fn least(shape: &Shape) -> Tree {
    match shape {
        Shape::String(Text { values: [first, ..], .. }) => string((*first).to_owned()),
        Shape::String(text) => {
            let form = Form::of(text);
            string(form.written(*form.lengths.start()))
        }
        Shape::Integer(range) => Value::Int(range.min.unwrap_or(0)),
        Shape::Boolean => Value::Bool(false),
        Shape::Blob(length) => blob(length.min.unwrap_or(0) as usize),
        Shape::Timestamp => Value::Timestamp(0),
        Shape::List(list) => list_of(list, list.length.min.unwrap_or(0) as usize),
        Shape::Map(map) => map_of(map, map.length.min.unwrap_or(0) as usize),
        Shape::Structure(structure) => Value::Map(least_members(structure)),
    }
}

/// The required members, each as small as can be.
pub(crate) fn least_members(structure: &Structure) -> Vec<Entry> {
    let required = structure.members.iter().filter(|member| member.required);
    required.map(|member| entry(member, least(&member.shape))).collect()
}

/// The required members and this one.
pub(crate) fn with_member(structure: &Structure, member: &'static Member, value: Tree) -> Tree {
    let mut members = least_members(structure);
    members.retain(|(name, _)| name != member.name);
    members.push(entry(member, value));
    Value::Map(members)
}

pub(crate) fn blob(length: usize) -> Tree {
    Value::Blob(Bytes::from(vec![0xa5; length]))
}

pub(crate) fn list_of(list: &List, count: usize) -> Tree {
    Value::List(vec![least(&list.element); count])
}

pub(crate) fn map_of(map: &Map, count: usize) -> Tree {
    let value = least(&Shape::String(map.value));
    let entry = |at: usize| (Cow::Owned(format!("name-{at}")), value.clone());
    Value::Map((0..count).map(entry).collect())
}

/// Legal values of a shape that would not be if they were a bit shorter, longer, smaller or larger.
pub(crate) fn edges(shape: &'static Shape) -> Vec<Tree> {
    match shape {
        Shape::String(text) if !text.values.is_empty() => {
            text.values.iter().map(|value| string((*value).to_owned())).collect()
        }
        Shape::String(text) => edge_texts(text).into_iter().map(string).collect(),
        Shape::Integer(range) => {
            let (min, max) = numbers(*range).into_inner();
            vec![Value::Int(min), Value::Int(max)]
        }
        Shape::Boolean => vec![Value::Bool(false), Value::Bool(true)],
        Shape::Blob(length) => edge_sizes(*length).map(blob).into(),
        Shape::Timestamp => [0, 1, 253_402_300_799_999].map(Value::Timestamp).into(),
        Shape::List(list) => {
            let mut lists: Vec<Tree> = edge_sizes(list.length).map(|n| list_of(list, n)).into();
            let fill = |element| vec![element; list.length.min.unwrap_or(1).max(1) as usize];
            lists.extend(edges(&list.element).into_iter().map(fill).map(Value::List));
            lists
        }
        Shape::Map(map) => {
            let mut maps: Vec<Tree> = edge_sizes(map.length).map(|n| map_of(map, n)).into();
            for key in edge_texts(&map.key) {
                for value in edge_texts(&map.value) {
                    maps.push(Value::Map(vec![(Cow::Owned(key.clone()), string(value))]));
                }
            }
            maps
        }
        Shape::Structure(structure) => edge_inputs(structure),
    }
}

fn edge_texts(text: &Text) -> Vec<String> {
    let form = Form::of(text);
    let (least, most) = form.lengths.clone().into_inner();
    let most = if most == usize::MAX { least + EXTRA } else { most };
    vec![form.written(least), form.written(most)]
}

fn edge_sizes(length: Length) -> [usize; 2] {
    let least = length.min.unwrap_or(0) as usize;
    [least, length.max.map_or(least + EXTRA, |max| max as usize)]
}

/// The smallest input, the one with every member, and for each member those at its edges.
pub(crate) fn edge_inputs(structure: &Structure) -> Vec<Tree> {
    let full = structure.members.iter().map(|member| entry(member, least(&member.shape)));
    let mut inputs =
        vec![Value::Map(least_members(structure)), Value::Map(full.collect::<Vec<_>>())];
    for member in structure.members {
        let values = edges(&member.shape).into_iter();
        inputs.extend(values.map(|value| with_member(structure, member, value)));
    }
    inputs
}
