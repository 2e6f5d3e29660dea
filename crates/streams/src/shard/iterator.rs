//! Shard iterators: where to read on, in a token that lives for five minutes.

use minicbor::{Decode, Encode};
use model::limits::TOKEN_LIFETIME_MS;
use model::{ShardId, Timestamp};
use storage::Offset;

use crate::catalog::{Incarnation, Stream, StreamKey};
use crate::error::{Error, Result};
use crate::sealed::{Kind, Sealer};

/// What an iterator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShardIterator {
    pub(crate) stream: StreamKey,
    pub(crate) incarnation: Incarnation,
    pub(crate) shard: ShardId,
    pub(crate) next: Offset,
}

/// An iterator inside its token.
#[derive(Encode, Decode)]
struct Content {
    #[n(0)]
    account: String,
    #[n(1)]
    region: String,
    #[n(2)]
    name: String,
    #[n(3)]
    incarnation: Incarnation,
    #[n(4)]
    shard: u32,
    #[n(5)]
    next: u64,
    #[n(6)]
    issued: u64,
}

impl ShardIterator {
    pub(crate) fn new(stream: &Stream, shard: ShardId, next: Offset) -> Self {
        let incarnation = stream.record.incarnation;
        Self { stream: stream.key.clone(), incarnation, shard, next }
    }

    /// A token that is good for five minutes from `now` on.
    pub(crate) fn seal(&self, sealer: &Sealer, now: Timestamp) -> String {
        let content = Content {
            account: self.stream.account.to_string(),
            region: self.stream.region.to_string(),
            name: self.stream.name.to_string(),
            incarnation: self.incarnation,
            shard: self.shard.index(),
            next: self.next.0,
            issued: now.as_millis(),
        };
        sealer.seal(Kind::ShardIterator, &content)
    }

    /// Opens a token. Quotation marks around it are let pass, as AWS does.
    pub(crate) fn open(token: &str, sealer: &Sealer, now: Timestamp) -> Result<Self> {
        let bare = token.strip_prefix('"').and_then(|token| token.strip_suffix('"'));
        let content: Option<Content> = sealer.open(Kind::ShardIterator, bare.unwrap_or(token));
        let opened = content.and_then(|content| {
            let issued = Timestamp::from_millis(content.issued);
            content.into_iterator().map(|iterator| (iterator, issued))
        });
        let (iterator, issued) =
            opened.ok_or_else(|| Error::Invalid("Invalid ShardIterator.".into()))?;
        if now.millis_since(issued) > TOKEN_LIFETIME_MS {
            return Err(Error::ExpiredIterator(expired_text("Iterator", "iterator", issued, now)));
        }
        Ok(iterator)
    }
}

impl Content {
    fn into_iterator(self) -> Option<ShardIterator> {
        let (account, region) = (self.account.parse().ok()?, self.region.parse().ok()?);
        Some(ShardIterator {
            stream: StreamKey { account, region, name: self.name.parse().ok()? },
            incarnation: self.incarnation,
            shard: ShardId::new(self.shard),
            next: Offset(self.next),
        })
    }
}

/// What AWS says of a token that is too old.
pub(crate) fn expired_text(subject: &str, noun: &str, issued: Timestamp, now: Timestamp) -> String {
    format!(
        "{subject} expired. The {noun} was created at time {} while right now it is {} which is \
         further in the future than the tolerated delay of {TOKEN_LIFETIME_MS} milliseconds.",
        java_date(issued),
        java_date(now)
    )
}

/// A moment as Java prints it: `Thu Jan 22 01:22:02 UTC 2015`.
fn java_date(time: Timestamp) -> String {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%a %b %d %H:%M:%S UTC %Y").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::limits::SHARD_ITERATOR_CHARS_MAX;
    use runtime::SystemEntropy;

    use super::*;

    const ISSUED: Timestamp = Timestamp::from_seconds(1_421_889_722);

    fn sealer() -> Sealer {
        Sealer::new(&[7; 32], Arc::new(SystemEntropy))
    }

    fn iterator(name: &str) -> ShardIterator {
        ShardIterator {
            stream: StreamKey {
                account: "123456789012".parse().unwrap(),
                region: "ap-southeast-2-and-more-letters".parse().unwrap(),
                name: name.parse().unwrap(),
            },
            incarnation: Incarnation(u64::MAX),
            shard: ShardId::MAX,
            next: Offset(u64::MAX),
        }
    }

    #[test]
    fn an_iterator_comes_back_from_its_token_even_in_quotation_marks() {
        let sealer = sealer();
        let token = iterator("s").seal(&sealer, ISSUED);
        for token in [&token, &format!("\"{token}\"")] {
            assert_eq!(ShardIterator::open(token, &sealer, ISSUED).unwrap(), iterator("s"));
        }
    }

    #[test]
    fn the_longest_iterator_is_as_short_as_the_api_wants() {
        let token = iterator(&"n".repeat(128)).seal(&sealer(), ISSUED);
        assert!(token.len() <= SHARD_ITERATOR_CHARS_MAX, "{}", token.len());
    }

    #[test]
    fn an_iterator_older_than_five_minutes_is_refused_in_the_words_of_aws() {
        let sealer = sealer();
        let token = iterator("s").seal(&sealer, ISSUED);
        let at = |seconds| Timestamp::from_seconds(ISSUED.as_seconds() + seconds);
        assert!(ShardIterator::open(&token, &sealer, at(300)).is_ok());
        let error = ShardIterator::open(&token, &sealer, at(301)).unwrap_err();
        assert!(matches!(error, Error::ExpiredIterator(_)));
        assert_eq!(
            error.to_string(),
            "Iterator expired. The iterator was created at time Thu Jan 22 01:22:02 UTC 2015 \
             while right now it is Thu Jan 22 01:27:03 UTC 2015 which is further in the future \
             than the tolerated delay of 300000 milliseconds."
        );
    }

    #[test]
    fn garbage_is_an_invalid_iterator() {
        let error = ShardIterator::open("AAAA", &sealer(), ISSUED).unwrap_err();
        assert_eq!(error.to_string(), "Invalid ShardIterator.");
    }
}
