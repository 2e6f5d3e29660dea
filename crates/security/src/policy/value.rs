//! The values of conditions: what they mean, and how a request's values are compared with them.

use std::net::IpAddr;
use std::str::FromStr;

use base64_simd::STANDARD as BASE64;

use super::Keys;
use super::pattern::{Pattern, Syntax};

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Text(Syntax),
    TextIgnoringCase,
    Number(Order),
    Date(Order),
    Bool,
    Binary,
    Address,
}

/// What a number or a moment of the request has to be, compared with that of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds<T: PartialOrd>(self, value: T, wanted: T) -> bool {
        match self {
            Self::Equal => value == wanted,
            Self::Less => value < wanted,
            Self::LessOrEqual => value <= wanted,
            Self::Greater => value > wanted,
            Self::GreaterOrEqual => value >= wanted,
        }
    }
}

/// A value of a condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    Text(Pattern),
    TextIgnoringCase(Pattern),
    Number(Order, f64),
    /// In milliseconds since 1970.
    Date(Order, i64),
    Bool(bool),
    Binary(Vec<u8>),
    Address(Network),
}

// Numbers in policies are finite.
impl Eq for Wanted {}

impl Wanted {
    /// Reads a value; none if it can be no value of this kind.
    pub(super) fn parse(test: Test, text: &str, variables: bool) -> Option<Self> {
        Some(match test {
            Test::Text(syntax) => Self::Text(Pattern::parse(text, syntax, variables).ok()?),
            Test::TextIgnoringCase => {
                Self::TextIgnoringCase(Pattern::parse(text, Syntax::Plain, variables).ok()?)
            }
            Test::Number(order) => Self::Number(order, number(text)?),
            Test::Date(order) => Self::Date(order, moment(text)?),
            Test::Bool => Self::Bool(boolean(text)?),
            Test::Binary => Self::Binary(BASE64.decode_to_vec(text).ok()?),
            Test::Address => Self::Address(text.parse().ok()?),
        })
    }

    /// Whether a value of the request is as wanted.
    pub(super) fn admits(&self, value: &str, keys: &Keys<'_>) -> bool {
        match self {
            Self::Text(pattern) => pattern.matches(value, keys),
            Self::TextIgnoringCase(pattern) => {
                pattern.text(keys).is_some_and(|text| text.to_lowercase() == value.to_lowercase())
            }
            Self::Number(order, wanted) => {
                number(value).is_some_and(|value| order.holds(value, *wanted))
            }
            Self::Date(order, wanted) => {
                moment(value).is_some_and(|value| order.holds(value, *wanted))
            }
            Self::Bool(wanted) => boolean(value) == Some(*wanted),
            Self::Binary(wanted) => BASE64.decode_to_vec(value).is_ok_and(|value| value == *wanted),
            Self::Address(network) => value.parse().is_ok_and(|address| network.contains(address)),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    text.eq_ignore_ascii_case("false").then_some(false)
}

/// A moment in one of the forms of ISO 8601 that AWS takes, or in seconds since 1970.
fn moment(text: &str) -> Option<i64> {
    if !text.is_empty() && text.len() != 4 && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse::<i64>().ok()?.checked_mul(1000);
    }
    let day = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    if let Ok(day) = day.parse::<jiff::civil::Date>()
        && !text.contains('T')
    {
        let midnight = jiff::tz::Offset::UTC.to_timestamp(day.at(0, 0, 0, 0));
        return Some(midnight.ok()?.as_millisecond());
    }
    Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond())
}

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    first: IpAddr,
    bits: u32,
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differing = first.to_bits() ^ address.to_bits();
                differing.checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differing = first.to_bits() ^ address.to_bits();
                differing.checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = match text.split_once('/') {
            None => (text, None),
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| ())?)),
        };
        let first: IpAddr = address.parse().map_err(|_| ())?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most { Err(()) } else { Ok(Self { first, bits }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_form_that_aws_takes() {
        let day = 1_372_550_400_000;
        for text in
            ["2013-06-30", "2013-06-30T00:00:00Z", "1372550400", "2013-06-30T02:00:00+02:00"]
        {
            assert_eq!(moment(text), Some(day), "{text}");
        }
        assert_eq!(moment("2013"), Some(1_356_998_400_000));
        assert_eq!(moment("2013-06"), Some(1_370_044_800_000));
        for bad in ["", "soon", "2013-13-01", "2013-06-30T25:00:00Z", "99999999999999999999"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_network_has_the_addresses_that_begin_with_its_bits() {
        let has = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        assert!(has("203.0.113.0/24", "203.0.113.255"));
        assert!(!has("203.0.113.0/24", "203.0.114.0"));
        assert!(has("203.0.113.7", "203.0.113.7"));
        assert!(!has("203.0.113.7", "203.0.113.6"));
        assert!(has("0.0.0.0/0", "9.9.9.9"));
        assert!(!has("0.0.0.0/0", "2001:db8::1"));
        assert!(has("2001:db8:1234:5678::/64", "2001:db8:1234:5678:9::"));
        assert!(!has("2001:db8:1234:5678::/64", "2001:db8:1234:5679::"));
        assert!(has("::/0", "2001:db8::1"));
        assert!(has("10.0.0.0/8", "::ffff:10.1.2.3"), "the same address, as IPv6 writes it");
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0", "10.0.0.0/-1", "10.0.0.0/x"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
