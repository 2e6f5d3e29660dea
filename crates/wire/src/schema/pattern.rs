//! The few regular expressions of the model, each with a matcher of its own: a regular expression
//! engine would cost more than all of them.

/// An expression of the model.
#[derive(Clone, Copy)]
pub struct Pattern {
    /// The expression as error texts show it.
    pub text: &'static str,
    matcher: fn(&str) -> bool,
}

impl Pattern {
    /// Names of streams and shards.
    pub const NAME: Self = Self { text: "[a-zA-Z0-9_.-]+", matcher: is_name };
    /// Hash keys in decimal.
    pub const HASH_KEY: Self =
        Self { text: r"0|([1-9]\d{0,38})", matcher: |text| is_decimal(text, 39) };
    /// Sequence numbers.
    pub const SEQUENCE_NUMBER: Self =
        Self { text: r"0|([1-9]\d{0,128})", matcher: |text| is_decimal(text, 129) };
    /// ARNs of streams.
    pub const STREAM_ARN: Self =
        Self { text: r"arn:aws.*:kinesis:.*:\d{12}:stream/\S+", matcher: is_stream_arn };
    /// ARNs of whatever can be tagged.
    pub const RESOURCE_ARN: Self = Self {
        text: r"arn:aws.*:kinesis:.*:\d{12}:.*(stream|channel|queue)/\S+",
        matcher: is_resource_arn,
    };
    /// ARNs of enhanced fan-out consumers.
    pub const CONSUMER_ARN: Self = Self {
        text: r"^(arn):aws.*:kinesis:.*:\d{12}:.*stream\/[a-zA-Z0-9_.-]+\/consumer\/[a-zA-Z0-9_.-]+:[0-9]+",
        matcher: is_consumer_arn,
    };
    /// The reserved ids of streams.
    pub const STREAM_ID: Self = Self { text: "[a-z0-9]{20}-[a-z0-9]{3}", matcher: is_stream_id };

    /// Names of users, roles, their policies and their sessions.
    pub const PRINCIPAL_NAME: Self = Self { text: r"[\w+=,.@-]+", matcher: is_principal_name };
    /// Names of sessions.
    pub const SESSION_NAME: Self = Self { text: r"[\w+=,.@-]*", matcher: is_principal_name };
    /// What a role's owner and who assumes it agreed on.
    pub const EXTERNAL_ID: Self = Self { text: r"[\w+=,.@:\/-]*", matcher: is_external_id };
    /// Ids of access keys.
    pub const ACCESS_KEY_ID: Self = Self { text: r"[\w]+", matcher: is_word };
    /// Ids of accounts.
    pub const ACCOUNT_ID: Self = Self { text: r"\d{12}", matcher: is_account_id };

    /// Whether the whole of `text` matches.
    pub fn matches(self, text: &str) -> bool {
        (self.matcher)(text)
    }
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pattern({})", self.text)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

fn is_principal_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

fn is_external_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
    text.bytes().all(allowed)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_decimal(text: &str, digits_max: usize) -> bool {
    match text.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => text.len() <= digits_max && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn is_stream_id(text: &str) -> bool {
    text.len() == 24
        && text.bytes().enumerate().all(|(at, byte)| match at {
            20 => byte == b'-',
            _ => byte.is_ascii_lowercase() || byte.is_ascii_digit(),
        })
}

fn is_stream_arn(text: &str) -> bool {
    accounts_in(text).any(|(_, rest)| rest.strip_prefix("stream/").is_some_and(is_solid))
}

fn is_resource_arn(text: &str) -> bool {
    accounts_in(text).any(|(_, rest)| {
        ["stream/", "channel/", "queue/"].iter().any(|kind| {
            rest.match_indices(kind)
                .any(|(at, kind)| is_one_line(&rest[..at]) && is_solid(&rest[at + kind.len()..]))
        })
    })
}

fn is_consumer_arn(text: &str) -> bool {
    accounts_in(text).any(|(_, rest)| {
        rest.match_indices("stream/")
            .any(|(at, kind)| is_one_line(&rest[..at]) && is_consumer(&rest[at + kind.len()..]))
    })
}

/// `name/consumer/name:number`.
fn is_consumer(text: &str) -> bool {
    let parts = text.split_once("/consumer/").and_then(|(stream, rest)| {
        rest.split_once(':').map(|(consumer, number)| [stream, consumer, number])
    });
    parts.is_some_and(|[stream, consumer, number]| {
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_name(stream) && is_name(consumer) && is_number
    })
}

/// Every way to read `text` as `arn:aws.*:kinesis:.*:\d{12}:` and a rest.
fn accounts_in(text: &str) -> impl Iterator<Item = (&str, &str)> {
    // `:` is one byte, so the twelve bytes after one are digits or no account; slices of digits
    // end on character boundaries.
    text.match_indices(':').filter_map(move |(colon, _)| {
        let account = text.as_bytes().get(colon + 1..colon + 13)?;
        if !account.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let rest = text[colon + 13..].strip_prefix(':')?;
        let head = &text[..colon];
        let between = head.strip_prefix("arn:aws")?;
        // The colon before the account may be the one that ends `:kinesis:`, but not both at once.
        (is_one_line(between) && between.contains(":kinesis:")).then_some((head, rest))
    })
}

/// `.*` of a Java expression stops at the end of a line.
fn is_one_line(text: &str) -> bool {
    !text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
}

/// `\S+` of a Java expression.
fn is_solid(text: &str) -> bool {
    !text.is_empty() && !text.contains([' ', '\t', '\n', '\x0b', '\x0c', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_match_as_a_whole() {
        for (pattern, good, bad) in [
            (Pattern::NAME, &["a", "Orders_2.x-y"][..], &["", "a b", "a/b", "é", "a\n"][..]),
            (
                Pattern::HASH_KEY,
                &["0", "1", "340282366920938463463374607431768211456"],
                &["", "00", "01", "-1", "1a", "1000000000000000000000000000000000000000"],
            ),
            (
                Pattern::SEQUENCE_NUMBER,
                &["0", "49671246667567228643283430150187087032206582658"],
                &["LATEST", "0x1", " 1"],
            ),
            (
                Pattern::STREAM_ID,
                &["abcdefghij0123456789-a1b"],
                &["abcdefghij0123456789-a1B", "abcdefghij0123456789aa1b", "a-b"],
            ),
        ] {
            for text in good {
                assert!(pattern.matches(text), "{text} should match {pattern:?}");
            }
            for text in bad {
                assert!(!pattern.matches(text), "{text} should not match {pattern:?}");
            }
        }
    }

    #[test]
    fn arns_match_where_the_expression_does() {
        let stream = Pattern::STREAM_ARN;
        assert!(stream.matches("arn:aws:kinesis:us-east-1:123456789012:stream/s"));
        assert!(stream.matches("arn:aws-cn:kinesis:cn-north-1:123456789012:stream/a:b/c"));
        assert!(stream.matches("arn:aws:kinesis::123456789012:stream/s"));
        assert!(stream.matches("arn:aws:x:kinesis:y:1:123456789012:stream/s"));
        for text in [
            "arn:aws:kinesis:us-east-1:12345678901:stream/s",
            "arn:aws:kinesis:us-east-1:123456789012:stream/",
            "arn:aws:kinesis:us-east-1:123456789012:stream/a b",
            "arn:aws:kinesis:us-east-1:123456789012:queue/q",
            "arn:aws:kinesis:123456789012:stream/s",
            "arn:aws:sqs:us-east-1:123456789012:stream/s",
            " arn:aws:kinesis:us-east-1:123456789012:stream/s",
            "arn:aws:kinesis:us\n:123456789012:stream/s",
            "arn:aws:kinesis:é:12345678901é:stream/s",
            "",
        ] {
            assert!(!stream.matches(text), "{text}");
        }
        let resource = Pattern::RESOURCE_ARN;
        for text in [
            "arn:aws:kinesis:us-east-1:123456789012:stream/s",
            "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1",
            "arn:aws:kinesis:us-east-1:123456789012:queue/q",
            "arn:aws:kinesis:us-east-1:123456789012:x y-channel/c",
        ] {
            assert!(resource.matches(text), "{text}");
        }
        assert!(!resource.matches("arn:aws:kinesis:us-east-1:123456789012:topic/t"));
        let consumer = Pattern::CONSUMER_ARN;
        for text in [
            "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1",
            "arn:aws:kinesis:us-east-1:123456789012:x/stream/S.1/consumer/c_-.:1700000000",
        ] {
            assert!(consumer.matches(text), "{text}");
        }
        for text in [
            "arn:aws:kinesis:us-east-1:123456789012:stream/s",
            "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c",
            "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:",
            "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1x",
            "arn:aws:kinesis:us-east-1:123456789012:stream/s/t/consumer/c:1",
        ] {
            assert!(!consumer.matches(text), "{text}");
        }
    }
}
