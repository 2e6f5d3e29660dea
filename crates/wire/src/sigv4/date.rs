//! The moments in signatures, in the compact form of ISO 8601.

use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use model::Timestamp;

/// A moment of a signature, with the text that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// `yyyymmddThhmmssZ`.
    pub(super) text: String,
    pub(super) seconds: u64,
}

impl Moment {
    pub(super) fn from_seconds(seconds: u64) -> Self {
        let moment = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .unwrap_or(jiff::Timestamp::MAX);
        Self { text: moment.strftime("%Y%m%dT%H%M%SZ").to_string(), seconds }
    }

    pub(super) fn at(now: Timestamp) -> Self {
        Self::from_seconds(now.as_seconds())
    }

    /// Reads `X-Amz-Date`, or `Date`, which may also be in the form of HTTP.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match parse_compact(text) {
            Some(seconds) => Some(Self { text: text.to_owned(), seconds }),
            None => parse_http(text).map(Self::from_seconds),
        }
    }

    /// `yyyymmdd`.
    pub(super) fn day(&self) -> &str {
        &self.text[..8]
    }
}

fn parse_compact(text: &str) -> Option<u64> {
    let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
    if bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0i16, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0'))
        })
    };
    let small = |from: usize| number(from, from + 2).and_then(|number| i8::try_from(number).ok());
    let moment =
        DateTime::new(number(0, 4)?, small(4)?, small(6)?, small(9)?, small(11)?, small(13)?, 0)
            .ok()?;
    let moment = TimeZone::UTC.to_timestamp(moment).ok()?;
    u64::try_from(moment.as_second()).ok()
}

fn parse_http(text: &str) -> Option<u64> {
    let zoned = rfc2822::parse(text).ok()?;
    u64::try_from(zoned.timestamp().as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_date_are_read_and_nothing_else() {
        let moment = Moment::parse("20150830T123600Z").unwrap();
        assert_eq!((moment.seconds, moment.day()), (1_440_938_160, "20150830"));
        assert_eq!(Moment::parse("Sun, 30 Aug 2015 12:36:00 GMT"), Some(moment));
        for text in
            ["", "20150830T123600", "20150830 123600Z", "2015083OT123600Z", "now", "x\u{e9}"]
        {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
        assert_eq!(Moment::parse("20151330T123600Z"), None);
        assert_eq!(Moment::parse("19150830T123600Z"), None);
    }
}
