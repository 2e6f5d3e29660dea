use std::collections::BTreeMap;

use super::{Caller, Operation};
use crate::error::ApiError;

/// What a request is about, as the request names it. Nothing is checked: what it names may be
/// garbage or not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// Nothing in particular, of the caller's account.
    Account,
    /// A stream, by its name, its ARN or both.
    Stream {
        /// Its name.
        name: Option<&'a str>,
        /// Its ARN.
        arn: Option<&'a str>,
    },
    /// The stream whose shards are listed: named, or in the token of a page.
    ShardsPage {
        /// Its name.
        name: Option<&'a str>,
        /// Its ARN.
        arn: Option<&'a str>,
        /// The token.
        token: Option<&'a str>,
    },
    /// The stream that a shard iterator reads.
    Iterator {
        /// The token.
        token: &'a str,
        /// The ARN of the stream, if it is said as well.
        arn: Option<&'a str>,
    },
    /// An enhanced fan-out consumer, by its ARN, by its name and its stream, or by all of them.
    Consumer {
        /// Its ARN.
        arn: Option<&'a str>,
        /// The ARN of its stream.
        stream: Option<&'a str>,
        /// Its name.
        name: Option<&'a str>,
    },
    /// Whatever has this ARN.
    Resource(&'a str),
    /// A user of the caller's account, by name.
    User(&'a str),
    /// A role of the caller's account, by name.
    Role(&'a str),
    /// A key that encrypts, by its id, its ARN, or the name or ARN of an alias.
    Key(&'a str),
    /// A user, a role or the root of an account, by ARN.
    Principal(&'a str),
    /// The root of an account: of the caller's own if none is said.
    Root(Option<&'a str>),
}

/// The tags that a request gives to what it is about, or takes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tags<'a> {
    /// It does neither.
    #[default]
    Untouched,
    /// These it gives.
    Given(&'a BTreeMap<String, String>),
    /// Those with these keys it takes away.
    Taken(&'a [String]),
}

impl<'a> Tags<'a> {
    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.keys().next().is_none()
    }

    /// Their keys.
    pub fn keys(self) -> impl Iterator<Item = &'a str> {
        let (given, taken) = match self {
            Self::Untouched => (None, None),
            Self::Given(tags) => (Some(tags.keys()), None),
            Self::Taken(keys) => (None, Some(keys.iter())),
        };
        given.into_iter().flatten().chain(taken.into_iter().flatten()).map(String::as_str)
    }

    /// The value of a tag that is given, by its key in lower case.
    pub fn value(self, key: &str) -> Option<&'a str> {
        let Self::Given(tags) = self else { return None };
        tags.iter().find(|(tag, _)| tag.to_lowercase() == key).map(|(_, value)| value.as_str())
    }
}

/// Decides who may do what.
pub trait Guard: Send + Sync {
    /// Lets the call pass, or refuses it.
    fn authorize(
        &self,
        caller: &Caller,
        operation: Operation,
        target: &Target<'_>,
        tags: Tags<'_>,
    ) -> Result<(), ApiError>;
}

/// The target of an input, by the word that stands in the table.
macro_rules! target {
    ($input:ident, account) => {{
        let _ = $input;
        Target::Account
    }};
    ($input:ident, new_stream) => {
        Target::Stream { name: Some(&$input.stream_name), arn: None }
    };
    ($input:ident, tagged_stream) => {
        target!($input, stream)
    };
    ($input:ident, untagged_stream) => {
        target!($input, stream)
    };
    ($input:ident, tagged_resource) => {
        target!($input, resource)
    };
    ($input:ident, untagged_resource) => {
        target!($input, resource)
    };
    ($input:ident, stream) => {
        Target::Stream { name: $input.stream_name.as_deref(), arn: $input.stream_arn.as_deref() }
    };
    ($input:ident, stream_arn) => {
        Target::Stream { name: None, arn: Some(&$input.stream_arn) }
    };
    ($input:ident, new_consumer) => {
        target!($input, stream_arn)
    };
    ($input:ident, stream_by_arn) => {
        Target::Stream { name: None, arn: $input.stream_arn.as_deref() }
    };
    ($input:ident, shards_page) => {
        Target::ShardsPage {
            name: $input.stream_name.as_deref(),
            arn: $input.stream_arn.as_deref(),
            token: $input.next_token.as_deref(),
        }
    };
    ($input:ident, iterator) => {
        Target::Iterator { token: &$input.shard_iterator, arn: $input.stream_arn.as_deref() }
    };
    ($input:ident, consumer) => {
        Target::Consumer {
            arn: $input.consumer_arn.as_deref(),
            stream: $input.stream_arn.as_deref(),
            name: $input.consumer_name.as_deref(),
        }
    };
    ($input:ident, consumer_arn) => {
        Target::Consumer { arn: Some(&$input.consumer_arn), stream: None, name: None }
    };
    ($input:ident, resource) => {
        Target::Resource(&$input.resource_arn)
    };
    ($input:ident, new_user) => {
        target!($input, user)
    };
    ($input:ident, new_role) => {
        target!($input, role)
    };
    ($input:ident, user) => {
        Target::User(&$input.user_name)
    };
    ($input:ident, role) => {
        Target::Role(&$input.role_name)
    };
    ($input:ident, simulated) => {
        Target::Principal(&$input.principal_arn)
    };
    ($input:ident, key_owner) => {
        match &$input.user_name {
            Some(user) => Target::User(user),
            None => Target::Root($input.account_id.as_deref()),
        }
    };
    ($input:ident, key) => {
        Target::Key(&$input.key_id)
    };
    ($input:ident, alias) => {
        Target::Key(&$input.alias_name)
    };
    ($input:ident, principal) => {
        match (&$input.user_name, &$input.role_name) {
            (Some(user), None) => Target::User(user),
            (None, Some(role)) => Target::Role(role),
            // Both or neither: the handler refuses it.
            _ => Target::Account,
        }
    };
}

/// The tags in an input, by the same word.
macro_rules! tags {
    ($input:ident, new_stream) => {
        $input.tags.as_ref().map_or(Tags::Untouched, Tags::Given)
    };
    ($input:ident, new_consumer) => {
        tags!($input, new_stream)
    };
    ($input:ident, new_user) => {
        Tags::Given(&$input.tags)
    };
    ($input:ident, new_role) => {
        Tags::Given(&$input.tags)
    };
    ($input:ident, tagged_stream) => {
        Tags::Given(&$input.tags)
    };
    ($input:ident, tagged_resource) => {
        Tags::Given(&$input.tags)
    };
    ($input:ident, untagged_stream) => {
        Tags::Taken(&$input.tag_keys)
    };
    ($input:ident, untagged_resource) => {
        Tags::Taken(&$input.tag_keys)
    };
    ($input:ident, $other:ident) => {{
        let _ = $input;
        Tags::Untouched
    }};
}

pub(super) use {tags, target};
