//! The streams that Weir keeps for itself: ordinary streams of a reserved account.
//!
//! Invariants: nobody but the node writes to them or changes them, whatever a policy says; they
//! have one shard, so what the node appends has one order; an append is never throttled.

use std::cmp::Ordering;
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use model::{AccountId, HashKey, Region, ShardId, StreamArn, StreamName};
use wire::Operation;

use crate::catalog::{Distribution, Stream, StreamKey, StreamMode};
use crate::config::Mode;
use crate::control::Control;
use crate::control::lifecycle::{self, NewStream};
use crate::control::policies;
use crate::control::retention::{self, Direction};
use crate::error::{Error, Result, no_such_stream};
use crate::router::{Outcome, Router};
use crate::shard::cursor::{Budget, Cursor};
use crate::shard::writer::Put;
use crate::{Inner, Streams};

/// Owns what Weir keeps for itself. No principal is of this account.
static ACCOUNT: LazyLock<AccountId> =
    LazyLock::new(|| "999999999999".parse().expect("it has 12 digits"));
/// Where it is, whatever regions are used.
const REGION: &str = "us-east-1";
/// As much as an ordinary stream's records may have by default, in KiB.
const RECORD_KIB_MAX: u32 = 1024;

/// What can be done with it by others than the node.
const READS: [Operation; 5] = [
    Operation::DescribeStream,
    Operation::DescribeStreamSummary,
    Operation::GetRecords,
    Operation::GetShardIterator,
    Operation::ListShards,
];

/// A stream that Weir keeps for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemStream {
    /// Who asked for what, and what was answered.
    Audit,
}

impl SystemStream {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Audit];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audit => "weir-audit",
        }
    }

    /// Its ARN, by which it is read.
    pub fn arn(self) -> StreamArn {
        let StreamKey { account, region, name } = self.key();
        StreamArn::new(region, account, name)
    }

    /// Lets the principals of an account read it, as far as their own policies do.
    fn policy(self, readers: AccountId) -> String {
        let actions = READS.map(|operation| format!("\"{}\"", operation.action())).join(", ");
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow",
 "Principal": {{"AWS": "arn:aws:iam::{readers}:root"}}, "Action": [{actions}],
 "Resource": "{}"}}]}}"#,
            self.arn()
        )
    }

    fn key(self) -> StreamKey {
        let region: Region = REGION.parse().expect("it is a region");
        let name: StreamName = self.name().parse().expect("it is a name");
        StreamKey { account: *ACCOUNT, region, name }
    }
}

/// Whether an account is the reserved one, which no principal may be of.
pub fn is_reserved(account: AccountId) -> bool {
    account == *ACCOUNT
}

/// Refuses what would change a stream of the reserved account, whoever asks.
pub(crate) fn check(operation: Operation, key: &StreamKey) -> Result<()> {
    if !is_reserved(key.account) || READS.contains(&operation) {
        return Ok(());
    }
    let (StreamKey { account, name, .. }, action) = (key, operation.action());
    Err(Error::Denied(format!(
        "Stream {name} under account {account} is kept by the node itself: nobody is authorized \
         to perform {action} on it."
    )))
}

/// The end of a system stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    /// The place of the next record, counted from 1 at the stream's beginning, however many of
    /// those before are gone.
    pub next: u64,
    /// The record before it, unless that is gone.
    pub record: Option<Bytes>,
}

impl Streams {
    /// Makes a system stream unless it is there, keeps its records for this long, and lets those
    /// principals of `readers` read it whose policies allow it. At the answer it is there.
    pub async fn keep_system_stream(
        &self,
        stream: SystemStream,
        retention_hours: u32,
        readers: AccountId,
    ) -> Result<()> {
        let (inner, key) = (&*self.0, stream.key());
        if inner.control.catalog.snapshot().stream(&key).is_none() {
            inner.create_system_stream(&key).await?;
        }
        // Also after a stop between the two halves of the creation.
        inner.control.complete(&inner.system_stream(&key)?).await?;
        let kept = inner.system_stream(&key)?;
        let policy = Some(stream.policy(readers));
        if kept.record.policy != policy {
            let named = key.clone();
            let decide = move |snapshot: &_, edit: &mut _, _: &_, _| {
                policies::change_of_stream(snapshot, edit, &named, policy)
            };
            inner.control.change(&key, decide).await?;
        }
        inner.keep_for_hours(&key, kept.record.retention_hours, retention_hours).await
    }

    /// Appends records to a system stream, in order, and waits until they are durable.
    pub async fn append(&self, stream: SystemStream, records: &[Bytes]) -> Result<()> {
        let (inner, key) = (&*self.0, stream.key());
        let snapshot = inner.control.catalog.snapshot();
        let stream = inner.system_stream(&key)?;
        let put = |data| Put { key: Some("weir"), hash: HashKey::new(0), data };
        let puts: Vec<_> = records.iter().map(|data| put(&data[..])).collect();
        let router = Router {
            catalog: &inner.control.catalog,
            storage: &inner.control.storage,
            keys: &inner.control.keys,
            clock: inner.control.clock.as_ref(),
            mode: Mode::Relaxed,
            principal: "",
        };
        let outcomes = router.put(snapshot, stream, &puts).await;
        if outcomes.iter().all(|outcome| matches!(outcome, Outcome::Written { .. })) {
            return Ok(());
        }
        Err(Error::Unwritten(key.name.to_string()))
    }

    /// Where a system stream ends.
    pub async fn newest(&self, stream: SystemStream) -> Result<Newest> {
        let inner = &*self.0;
        let stream = inner.system_stream(&stream.key())?;
        let shard = stream.shard(ShardId::new(0)).ok_or_else(|| no_such_stream(&stream.key))?;
        let Control { storage, keys, .. } = &inner.control;
        let state = shard.live(storage).log.state();
        let newest = Newest { next: state.next.0, record: None };
        if state.first >= state.next {
            return Ok(newest);
        }
        let now = inner.control.clock.now();
        let cursor = Cursor { stream: &stream, shard, storage, keys, now };
        let last = storage::Offset(state.next.0 - 1);
        let read = cursor.read(last, Budget { records: 1, bytes: usize::MAX }).await?;
        Ok(Newest { record: read.records.into_iter().next().map(|record| record.data), ..newest })
    }
}

impl Inner {
    async fn keep_for_hours(&self, key: &StreamKey, now: u32, wanted: u32) -> Result<()> {
        let direction = match now.cmp(&wanted) {
            Ordering::Equal => return Ok(()),
            Ordering::Less => Direction::Longer,
            Ordering::Greater => Direction::Shorter,
        };
        let (named, hours) = (key.clone(), i32::try_from(wanted).unwrap_or(i32::MAX));
        let decide = move |snapshot: &_, edit: &mut _, _: &_, now| {
            retention::change(snapshot, edit, now, &named, direction, hours)
        };
        self.control.change(key, decide).await?;
        Ok(())
    }

    async fn create_system_stream(&self, key: &StreamKey) -> Result<()> {
        let new = NewStream {
            key: key.clone(),
            shards: Some(NonZeroU32::MIN),
            mode: StreamMode::Provisioned,
            record_kib_max: RECORD_KIB_MAX,
            distribution: Distribution::ByKey,
            warm_mibps: None,
            tags: Default::default(),
        };
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            lifecycle::create(snapshot, edit, rules, now, new)
        };
        self.control.change(key, decide).await?;
        Ok(())
    }

    fn system_stream(&self, key: &StreamKey) -> Result<Arc<Stream>> {
        let snapshot = self.control.catalog.snapshot();
        snapshot.stream(key).cloned().ok_or_else(|| no_such_stream(key))
    }
}
