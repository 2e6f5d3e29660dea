//! Conditions: an operator, a condition key and the values that it may have.

use wire::value::Value;

use super::Keys;
use super::document::Malformed;
use super::pattern::Syntax;
use super::value::{Order, Test, Wanted};

/// A condition of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// In lower case.
    key: String,
    check: Check,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Check {
    /// The key is there, or it is not.
    Absent(Vec<bool>),
    Values {
        quantifier: Quantifier,
        negated: bool,
        if_exists: bool,
        wanted: Vec<Wanted>,
    },
}

/// Which of the request's values have to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    /// The operator has no qualifier, since it is meant for keys with one value.
    One,
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

impl Condition {
    pub(super) fn parse(
        operator: &str,
        key: &str,
        values: &Value<'_>,
        variables: bool,
    ) -> Result<Self, Malformed> {
        let is_key = key.split_once(':').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
        if !is_key {
            return Err(Malformed::new("Actions/Conditions must be prefaced by a vendor."));
        }
        let texts = scalars(values).ok_or_else(|| Malformed::new("Syntax errors in policy."))?;
        let bad = |text: &str| {
            Malformed::new(format!(
                "The value \"{text}\" is not valid for the operator {operator}."
            ))
        };
        let check = if operator == "Null" {
            let wanted = |text: &String| match &**text {
                "true" => Ok(true),
                "false" => Ok(false),
                other => Err(bad(other)),
            };
            Check::Absent(texts.iter().map(wanted).collect::<Result<_, _>>()?)
        } else {
            let unknown = || Malformed::new(format!("Invalid Condition type : {operator}"));
            let (quantifier, negated, test, if_exists) =
                taken_apart(operator).ok_or_else(unknown)?;
            let wanted =
                |text: &String| Wanted::parse(test, text, variables).ok_or_else(|| bad(text));
            let wanted = texts.iter().map(wanted).collect::<Result<_, _>>()?;
            Check::Values { quantifier, negated, if_exists, wanted }
        };
        Ok(Self { key: key.to_lowercase(), check })
    }

    /// Whether it holds for a request.
    pub(super) fn holds(&self, keys: &Keys<'_>) -> bool {
        let values = keys(&self.key).filter(|values| !values.is_empty());
        let (quantifier, negated, if_exists, wanted) = match &self.check {
            Check::Absent(wanted) => return wanted.contains(&values.is_none()),
            Check::Values { quantifier, negated, if_exists, wanted } => {
                (*quantifier, *negated, *if_exists, wanted)
            }
        };
        let Some(values) = values else {
            return if_exists
                || match quantifier {
                    Quantifier::One => negated,
                    Quantifier::All => true,
                    Quantifier::Any => false,
                };
        };
        let mut values = values.iter();
        let passes = |value: &String| wanted.iter().any(|w| w.admits(value, keys)) != negated;
        match quantifier {
            // A negated operator must not be passed by one of several values.
            Quantifier::One if negated => values.all(passes),
            Quantifier::One | Quantifier::Any => values.any(passes),
            Quantifier::All => values.all(passes),
        }
    }
}

/// The parts of an operator's name.
fn taken_apart(operator: &str) -> Option<(Quantifier, bool, Test, bool)> {
    let (quantifier, rest) = match operator.split_once(':') {
        None => (Quantifier::One, operator),
        Some(("ForAllValues", rest)) => (Quantifier::All, rest),
        Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
        Some(_) => return None,
    };
    let (name, if_exists) = match rest.strip_suffix("IfExists") {
        Some(name) => (name, true),
        None => (rest, false),
    };
    let (negated, test) = match name {
        "StringEquals" => (false, Test::Text(Syntax::Plain)),
        "StringNotEquals" => (true, Test::Text(Syntax::Plain)),
        "StringEqualsIgnoreCase" => (false, Test::TextIgnoringCase),
        "StringNotEqualsIgnoreCase" => (true, Test::TextIgnoringCase),
        "StringLike" => (false, Test::Text(Syntax::Glob)),
        "StringNotLike" => (true, Test::Text(Syntax::Glob)),
        "ArnEquals" | "ArnLike" => (false, Test::Text(Syntax::Arn)),
        "ArnNotEquals" | "ArnNotLike" => (true, Test::Text(Syntax::Arn)),
        "NumericEquals" => (false, Test::Number(Order::Equal)),
        "NumericNotEquals" => (true, Test::Number(Order::Equal)),
        "NumericLessThan" => (false, Test::Number(Order::Less)),
        "NumericLessThanEquals" => (false, Test::Number(Order::LessOrEqual)),
        "NumericGreaterThan" => (false, Test::Number(Order::Greater)),
        "NumericGreaterThanEquals" => (false, Test::Number(Order::GreaterOrEqual)),
        "DateEquals" => (false, Test::Date(Order::Equal)),
        "DateNotEquals" => (true, Test::Date(Order::Equal)),
        "DateLessThan" => (false, Test::Date(Order::Less)),
        "DateLessThanEquals" => (false, Test::Date(Order::LessOrEqual)),
        "DateGreaterThan" => (false, Test::Date(Order::Greater)),
        "DateGreaterThanEquals" => (false, Test::Date(Order::GreaterOrEqual)),
        "Bool" => (false, Test::Bool),
        "BinaryEquals" => (false, Test::Binary),
        "IpAddress" => (false, Test::Address),
        "NotIpAddress" => (true, Test::Address),
        _ => return None,
    };
    Some((quantifier, negated, test, if_exists))
}

/// A text, number or truth value, or a list of them, not empty, as texts.
fn scalars(value: &Value<'_>) -> Option<Vec<String>> {
    let scalar = |value: &Value<'_>| match value {
        Value::Str(text) => Some(text.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::List(values) if !values.is_empty() => values.iter().map(scalar).collect(),
        value => Some(vec![scalar(value)?]),
    }
}
