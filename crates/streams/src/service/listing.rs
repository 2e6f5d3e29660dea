//! Pages: streams, shards, tags.
//!
//! Every page of a listing is a page of one snapshot: a token carries what fixes it.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use model::limits::{
    DESCRIBE_STREAM_SHARDS_MAX, LIST_SHARDS_MAX, LIST_STREAMS_MAX, TOKEN_LIFETIME_MS,
};
use model::{ShardId, Timestamp};
use wire::kinesis::*;
use wire::{Caller, Operation};

use super::address::{self, Resource};
use super::shapes;
use super::streams::at;
use crate::Inner;
use crate::catalog::{Incarnation, Shard, Status, Stream, StreamKey};
use crate::control::rates::Rated;
use crate::control::{existing, not_in};
use crate::error::{Error, Result, no_such_stream};
use crate::sealed::Kind;
use crate::shard::iterator::expired_text;

/// A moment after all others.
const LATEST: Timestamp = Timestamp::from_millis(u64::MAX);

/// Which shards a listing has, in terms that do not change from page to page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
enum Filter {
    /// All that can still have records.
    #[n(0)]
    All,
    /// Those that were open at a moment, as it was known when the stream's next shard was this one.
    #[n(1)]
    Open {
        /// In milliseconds.
        #[n(0)]
        at: u64,
        #[n(1)]
        before: u32,
    },
    /// Those that were open at a moment or later, in milliseconds.
    #[n(2)]
    OpenSince(#[n(0)] u64),
}

/// What a token of ListShards says.
#[derive(Encode, Decode)]
pub(super) struct ShardsPage {
    #[n(0)]
    account: String,
    #[n(1)]
    region: String,
    #[n(2)]
    name: String,
    #[n(3)]
    incarnation: Incarnation,
    #[n(4)]
    filter: Filter,
    /// The last shard of the page before.
    #[n(5)]
    after: u32,
    #[n(6)]
    issued: u64,
}

/// What a token of ListStreams says.
#[derive(Encode, Decode)]
pub(super) struct StreamsPage {
    #[n(0)]
    account: String,
    #[n(1)]
    region: String,
    /// The last name of the page before.
    #[n(2)]
    after: String,
    #[n(3)]
    issued: u64,
}

impl Inner {
    pub(super) fn describe_stream(
        &self,
        caller: &Caller,
        input: DescribeStreamInput,
    ) -> Result<DescribeStreamOutput> {
        let DescribeStreamInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::DescribeStream, name, arn)?;
        self.rate(Rated::DescribeStream, &key)?;
        let snapshot = self.control.catalog.snapshot();
        let stream = existing(&snapshot, &key)?;
        let after = input.exclusive_start_shard_id.as_deref();
        let after = after.map(|id| address::shard(&key, id)).transpose()?;
        let mut shards = stream
            .visible_shards(self.control.clock.now())
            .filter(|shard| after.is_none_or(|after| shard.id > after));
        let limit = page_size(input.limit, DESCRIBE_STREAM_SHARDS_MAX);
        let page: Vec<_> = shards.by_ref().take(limit).map(shapes::shard).collect();
        let (encryption_type, key_id) = shapes::encryption(stream);
        let description = StreamDescription {
            stream_name: key.name.to_string(),
            stream_arn: stream.arn().to_string(),
            stream_status: shapes::status(stream),
            stream_mode_details: shapes::mode(stream),
            shards: page,
            has_more_shards: shards.next().is_some(),
            retention_period_hours: shapes::int(stream.record.retention_hours),
            stream_creation_timestamp: stream.record.created,
            enhanced_monitoring: shapes::monitoring(stream),
            encryption_type,
            key_id,
        };
        Ok(DescribeStreamOutput { stream_description: description })
    }

    pub(super) fn list_streams(
        &self,
        caller: &Caller,
        input: ListStreamsInput,
    ) -> Result<ListStreamsOutput> {
        let (account, region) = address::home(caller)?;
        self.rate_account(Rated::ListStreams, (account, &region))?;
        let now = self.control.clock.now();
        let after = match &input.next_token {
            Some(token) => Some(self.open_streams_page(caller, token, now)?.after),
            None => input.exclusive_start_stream_name,
        };
        let snapshot = self.control.catalog.snapshot();
        let mut streams = snapshot
            .streams_of(account, &region)
            .filter(|stream| after.as_deref().is_none_or(|after| stream.key.name.as_str() > after));
        let page: Vec<_> =
            streams.by_ref().take(page_size(input.limit, LIST_STREAMS_MAX)).collect();
        let more = streams.next().and(page.last()).map(|last| StreamsPage {
            account: account.to_string(),
            region: region.to_string(),
            after: last.key.name.to_string(),
            issued: now.as_millis(),
        });
        Ok(ListStreamsOutput {
            stream_names: page.iter().map(|stream| stream.key.name.to_string()).collect(),
            has_more_streams: more.is_some(),
            next_token: more.map(|page| self.sealer.seal(Kind::StreamsPage, &page)),
            stream_summaries: Some(page.iter().map(|stream| summary(stream)).collect()),
        })
    }

    fn open_streams_page(
        &self,
        caller: &Caller,
        token: &str,
        now: Timestamp,
    ) -> Result<StreamsPage> {
        let page: Option<StreamsPage> = self.sealer.open(Kind::StreamsPage, token);
        let page = page.filter(|p| p.account == caller.account && p.region == caller.region);
        let page = page.ok_or_else(invalid_token)?;
        check_age(page.issued, now)?;
        Ok(page)
    }

    pub(super) fn list_shards(
        &self,
        caller: &Caller,
        input: ListShardsInput,
    ) -> Result<ListShardsOutput> {
        let now = self.control.clock.now();
        let snapshot = self.control.catalog.snapshot();
        let (stream, filter, after) = match &input.next_token {
            Some(token) => {
                check_alone(&input)?;
                let (key, page) = self.open_shards_page(caller, token)?;
                let stream = snapshot.same_stream(&key, page.incarnation);
                let stream = stream.ok_or_else(|| no_such_stream(&key))?;
                (stream, page.filter, Some(ShardId::new(page.after)))
            }
            None => {
                let ListShardsInput { stream_name: name, stream_arn: arn, .. } = &input;
                let key = named_stream(caller, name.as_deref(), arn.as_deref())?;
                let stream = existing(&snapshot, &key)?;
                let created = input.stream_creation_timestamp;
                if created.is_some_and(|c| c.as_seconds() != stream.record.created.as_seconds()) {
                    return Err(no_such_stream(&key));
                }
                let (filter, after) = first_page(stream, &input, now)?;
                (stream, filter, after)
            }
        };
        self.rate(Rated::ListShards, &stream.key)?;
        if !matches!(stream.status(), Status::Active | Status::Updating) {
            return Err(not_in(stream, "ACTIVE or UPDATING"));
        }
        let limit = page_size(input.max_results, LIST_SHARDS_MAX);
        let mut shards = select(stream, filter, now).into_iter();
        let mut shards = shards.by_ref().filter(|s| after.is_none_or(|after| s.id > after));
        let page: Vec<_> = shards.by_ref().take(limit).collect();
        let more = shards.next().and(page.last());
        let next_token = more.map(|last| self.next_shards(stream, filter, last.id, now));
        Ok(ListShardsOutput {
            shards: Some(page.into_iter().map(shapes::shard).collect()),
            next_token,
        })
    }

    /// What a token says, and the stream that it lists: whether the caller may list that stream
    /// was decided before.
    fn open_shards_page(&self, caller: &Caller, token: &str) -> Result<(StreamKey, ShardsPage)> {
        let page: Option<ShardsPage> = self.sealer.open(Kind::ShardsPage, token);
        let page = page.filter(|page| page.region == caller.region).ok_or_else(invalid_token)?;
        check_age(page.issued, self.control.clock.now())?;
        let (_, region) = address::home(caller)?;
        let account = page.account.parse().map_err(|_| invalid_token())?;
        let name = page.name.parse().map_err(|_| invalid_token())?;
        Ok((StreamKey { account, region, name }, page))
    }

    /// The stream whose shards a token lists.
    pub(super) fn listed_stream(&self, caller: &Caller, token: &str) -> Result<StreamKey> {
        Ok(self.open_shards_page(caller, token)?.0)
    }

    fn next_shards(
        &self,
        stream: &Stream,
        filter: Filter,
        last: ShardId,
        now: Timestamp,
    ) -> String {
        let page = ShardsPage {
            account: stream.key.account.to_string(),
            region: stream.key.region.to_string(),
            name: stream.key.name.to_string(),
            incarnation: stream.record.incarnation,
            filter,
            after: last.index(),
            issued: now.as_millis(),
        };
        self.sealer.seal(Kind::ShardsPage, &page)
    }

    pub(super) fn list_tags_for_stream(
        &self,
        caller: &Caller,
        input: ListTagsForStreamInput,
    ) -> Result<ListTagsForStreamOutput> {
        let ListTagsForStreamInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::ListTagsForStream, name, arn)?;
        self.rate(Rated::ListTagsForStream, &key)?;
        let after = input.exclusive_start_tag_key.as_deref();
        let mut tags = self.tags(&key)?.into_iter();
        let mut tags =
            tags.by_ref().filter(|tag| after.is_none_or(|after| tag.key.as_str() > after));
        let page = tags.by_ref().take(page_size(input.limit, usize::MAX)).collect();
        Ok(ListTagsForStreamOutput { tags: page, has_more_tags: tags.next().is_some() })
    }

    pub(super) fn list_tags_for_resource(
        &self,
        caller: &Caller,
        input: ListTagsForResourceInput,
    ) -> Result<ListTagsForResourceOutput> {
        let operation = Operation::ListTagsForResource;
        let tags = match address::resource(caller, operation, &input.resource_arn)? {
            Resource::Stream(key) => {
                self.rate(Rated::ListTagsForResource, &key)?;
                self.tags(&key)?
            }
            Resource::Consumer(key, arn) => self.consumer_tags(&key, &arn)?,
        };
        Ok(ListTagsForResourceOutput { tags: Some(tags) })
    }

    fn tags(&self, key: &StreamKey) -> Result<Vec<Tag>> {
        let snapshot = self.control.catalog.snapshot();
        Ok(shapes::tags(&existing(&snapshot, key)?.record.tags))
    }
}

fn summary(stream: &Stream) -> StreamSummary {
    StreamSummary {
        stream_name: stream.key.name.to_string(),
        stream_arn: stream.arn().to_string(),
        stream_status: shapes::status(stream),
        stream_mode_details: shapes::mode(stream),
        stream_creation_timestamp: Some(stream.record.created),
    }
}

/// The stream that ListShards names.
pub(super) fn named_stream(
    caller: &Caller,
    name: Option<&str>,
    arn: Option<&str>,
) -> Result<StreamKey> {
    if name.is_none() && arn.is_none() {
        return Err(Error::Invalid("Either NextToken or StreamName should be provided.".into()));
    }
    address::stream(caller, Operation::ListShards, name, arn)
}

/// A token says everything but the page size.
fn check_alone(input: &ListShardsInput) -> Result<()> {
    let others = [
        ("StreamName", input.stream_name.is_some()),
        ("StreamARN", input.stream_arn.is_some()),
        ("ExclusiveStartShardId", input.exclusive_start_shard_id.is_some()),
        ("StreamCreationTimestamp", input.stream_creation_timestamp.is_some()),
        ("ShardFilter", input.shard_filter.is_some()),
    ];
    match others.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((other, _)) => {
            Err(Error::Invalid(format!("NextToken and {other} cannot be provided together.")))
        }
    }
}

/// What a request without a token asks for, and after which shard it starts.
fn first_page(
    stream: &Stream,
    input: &ListShardsInput,
    now: Timestamp,
) -> Result<(Filter, Option<ShardId>)> {
    let shard = |text: &String| address::shard(&stream.key, text);
    let after = input.exclusive_start_shard_id.as_ref().map(shard).transpose()?;
    let Some(filter) = &input.shard_filter else { return Ok((Filter::All, after)) };
    check_members(filter)?;
    let wanted = filter.timestamp.unwrap_or_default().min(now);
    // A moment before the horizon, or before there were shards, means the first that there is.
    let horizon = stream.horizon(now).max(stream.record.created);
    let before = stream.record.next_shard;
    let open_at = |moment: Timestamp| Filter::Open { at: moment.as_millis(), before };
    Ok(match filter.kind {
        ShardFilterType::AfterShardId => {
            let given = filter.shard_id.as_ref().map(shard).transpose()?;
            (Filter::All, after.max(given))
        }
        ShardFilterType::FromTrimHorizon => (Filter::All, after),
        ShardFilterType::AtLatest => (open_at(LATEST), after),
        ShardFilterType::AtTrimHorizon => (open_at(horizon), after),
        ShardFilterType::AtTimestamp => (open_at(wanted.max(horizon)), after),
        ShardFilterType::FromTimestamp => (Filter::OpenSince(wanted.as_millis()), after),
    })
}

/// Each type comes with the member that it needs, and with no other.
fn check_members(filter: &ShardFilter) -> Result<()> {
    use ShardFilterType::{AfterShardId, AtTimestamp, FromTimestamp};
    let by_time = matches!(filter.kind, AtTimestamp | FromTimestamp);
    let members = [
        ("ShardId", filter.shard_id.is_some(), filter.kind == AfterShardId),
        ("Timestamp", filter.timestamp.is_some(), by_time),
    ];
    for (member, given, needed) in members {
        let text = match (given, needed) {
            (true, false) => "cannot be provided with",
            (false, true) => "must be provided with",
            _ => continue,
        };
        let kind = filter_name(filter.kind);
        return Err(Error::Invalid(format!("{member} {text} the ShardFilter type {kind}.")));
    }
    Ok(())
}

fn filter_name(kind: ShardFilterType) -> &'static str {
    match kind {
        ShardFilterType::AfterShardId => "AFTER_SHARD_ID",
        ShardFilterType::AtTrimHorizon => "AT_TRIM_HORIZON",
        ShardFilterType::FromTrimHorizon => "FROM_TRIM_HORIZON",
        ShardFilterType::AtLatest => "AT_LATEST",
        ShardFilterType::AtTimestamp => "AT_TIMESTAMP",
        ShardFilterType::FromTimestamp => "FROM_TIMESTAMP",
    }
}

/// The shards of a listing, in the order of their ids.
fn select(stream: &Stream, filter: Filter, now: Timestamp) -> Vec<&Shard> {
    let visible = stream.visible_shards(now);
    match filter {
        Filter::All => visible.collect(),
        Filter::OpenSince(moment) => {
            let moment = Timestamp::from_millis(moment);
            visible.filter(|s| s.record.closed.is_none_or(|closed| closed >= moment)).collect()
        }
        Filter::Open { at, before } => {
            let known: Vec<_> = visible.filter(|shard| shard.id.index() < before).collect();
            let parents = known.iter().flat_map(|s| [s.record.parent, s.record.adjacent_parent]);
            let closed: BTreeSet<_> = parents.flatten().collect();
            let moment = Timestamp::from_millis(at);
            let is_open = |shard: &&Shard| match closed.contains(&shard.id) {
                true => shard.record.was_open_at(moment),
                // It was closed later than this listing began, if at all.
                false => shard.record.opened <= moment,
            };
            known.into_iter().filter(is_open).collect()
        }
    }
}

pub(super) fn page_size(wanted: Option<i32>, max: usize) -> usize {
    wanted.and_then(|wanted| usize::try_from(wanted).ok()).unwrap_or(max).min(max)
}

pub(super) fn check_age(issued: u64, now: Timestamp) -> Result<()> {
    let issued = Timestamp::from_millis(issued);
    if now.millis_since(issued) <= TOKEN_LIFETIME_MS {
        return Ok(());
    }
    Err(Error::ExpiredToken(expired_text("NextToken", "token", issued, now)))
}

pub(super) fn invalid_token() -> Error {
    Error::Invalid("Invalid NextToken.".into())
}
