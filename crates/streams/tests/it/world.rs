//! A node's lower half on a temporary directory, with a clock that passes as tokio's paused one.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use bytesize::ByteSize;
use model::Timestamp;
use object_store::memory::InMemory;
use runtime::{Clock, Disk, DiskFile, DiskLock, Entropy, LocalDisk, Meters, SystemEntropy, Tasks};
use security::{KeyRing, MasterKey, keys};
use storage::Storage;
use streams::{Config, Fanout, Limits, Mode, Parts, Streams};
use tempfile::TempDir;
use tokio::time::Instant;
use wire::kinesis::*;
use wire::{ApiError, Caller, Handlers};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What outlives a node.
pub(crate) struct World {
    directory: TempDir,
    objects: Arc<InMemory>,
    /// There is no space for a new file while it is set.
    pub(crate) disk_is_full: Arc<AtomicBool>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) storage: storage::Config,
    pub(crate) config: Config,
    pub(crate) limits: Limits,
    pub(crate) fanout: Fanout,
}

/// A running node; `caller` is who asks.
pub(crate) struct Node {
    pub(crate) streams: Streams,
    pub(crate) storage: Storage,
    pub(crate) keys: KeyRing,
    pub(crate) meters: Meters,
    pub(crate) caller: Caller,
    tasks: Tasks,
}

pub(crate) struct TestClock {
    started: Instant,
    skew_ms: AtomicI64,
}

impl TestClock {
    pub(crate) fn step(&self, milliseconds: i64) {
        self.skew_ms.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let elapsed = self.started.elapsed().as_millis() as u64;
        let skew = self.skew_ms.load(Ordering::Relaxed);
        Timestamp::from_millis((1_767_225_600_000 + elapsed).saturating_add_signed(skew))
    }
}

impl World {
    /// Changes are done at once and limits relaxed.
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            objects: Arc::default(),
            disk_is_full: Arc::default(),
            clock: Arc::new(TestClock { started: Instant::now(), skew_ms: AtomicI64::new(0) }),
            storage: storage::Config {
                // Small, so that a full disk is soon met.
                journal_file_bytes: ByteSize::mib(1),
                ..storage::Config::default()
            },
            config: Config { transition_delay: Duration::ZERO, ..Config::default() },
            limits: Limits { mode: Mode::Relaxed, ..Limits::default() },
            fanout: Fanout::default(),
        }
    }

    /// With AWS's limits.
    pub(crate) fn aws() -> Self {
        let mut world = Self::new();
        world.limits.mode = Mode::Aws;
        world
    }

    /// Changes take `delay`.
    pub(crate) fn slow(delay: Duration) -> Self {
        let mut world = Self::new();
        world.config.transition_delay = delay;
        world
    }

    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub(crate) async fn start(&self) -> Node {
        let (tasks, meters) = (Tasks::simulated(), Meters::default());
        let disk = LocalDisk::new(self.directory.path().to_owned()).unwrap();
        let parts = storage::Parts {
            disk: Arc::new(FillingDisk { disk, full: self.disk_is_full.clone() }),
            objects: self.objects.clone(),
            clock: self.clock.clone(),
            entropy: Arc::new(SystemEntropy),
            tasks: tasks.clone(),
            meters: meters.clone(),
        };
        let storage = Storage::open(self.storage.clone(), parts).await.unwrap();
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let keys = keys::Parts {
            storage: storage.clone(),
            master_key: MasterKey::new([7; 32], entropy.clone()),
            clock: self.clock.clone(),
            entropy,
            tasks: tasks.clone(),
        };
        let keys = KeyRing::start(keys).await.unwrap();
        let parts = Parts {
            storage: storage.clone(),
            keys: keys.clone(),
            clock: self.clock.clone(),
            entropy: Arc::new(SystemEntropy),
            tasks: tasks.clone(),
            meters: meters.clone(),
        };
        let streams =
            Streams::start(self.config.clone(), self.limits.clone(), self.fanout.clone(), parts)
                .await
                .unwrap();
        Node { streams, storage, keys, meters, tasks, caller: caller("000000000001", "us-east-1") }
    }
}

pub(crate) fn caller(account: &str, region: &str) -> Caller {
    Caller::root(account, region)
}

impl Node {
    pub(crate) async fn stop(self) {
        self.storage.close().await.unwrap();
        self.tasks.stop_all(Duration::from_secs(1)).await;
    }

    pub(crate) async fn create(&self, name: &str, shards: i32) {
        self.try_create(name, shards).await.unwrap();
    }

    pub(crate) async fn try_create(&self, name: &str, shards: i32) -> Result<(), ApiError> {
        let input = CreateStreamInput {
            stream_name: name.into(),
            shard_count: Some(shards),
            ..Default::default()
        };
        self.streams.create_stream(&self.caller, input).await
    }

    pub(crate) async fn delete(&self, name: &str) -> Result<(), ApiError> {
        let input = DeleteStreamInput { stream_name: Some(name.into()), ..Default::default() };
        self.streams.delete_stream(&self.caller, input).await
    }

    pub(crate) async fn describe(&self, name: &str) -> Result<StreamDescription, ApiError> {
        let input = DescribeStreamInput { stream_name: Some(name.into()), ..Default::default() };
        let output = self.streams.describe_stream(&self.caller, input).await?;
        Ok(output.stream_description)
    }

    pub(crate) async fn status(&self, name: &str) -> StreamStatus {
        self.describe(name).await.unwrap().stream_status
    }

    pub(crate) async fn put(
        &self,
        name: &str,
        key: &str,
        data: &str,
    ) -> Result<PutRecordOutput, ApiError> {
        let input = PutRecordInput {
            stream_name: Some(name.into()),
            data: Bytes::copy_from_slice(data.as_bytes()),
            partition_key: Some(key.into()),
            ..Default::default()
        };
        self.streams.put_record(&self.caller, input).await
    }

    /// Puts to the shard that owns the decimal hash key.
    pub(crate) async fn put_at(&self, name: &str, hash: &str, data: &str) -> PutRecordOutput {
        let input = PutRecordInput {
            stream_name: Some(name.into()),
            data: Bytes::copy_from_slice(data.as_bytes()),
            partition_key: Some("key".into()),
            explicit_hash_key: Some(hash.into()),
            ..Default::default()
        };
        self.streams.put_record(&self.caller, input).await.unwrap()
    }

    /// Encrypts what is put from now on.
    pub(crate) async fn encrypt(&self, name: &str, key_id: &str) -> Result<(), ApiError> {
        let input = StartStreamEncryptionInput {
            stream_name: Some(name.into()),
            encryption_type: EncryptionType::Kms,
            key_id: key_id.into(),
            stream_arn: None,
            stream_id: None,
        };
        self.streams.start_stream_encryption(&self.caller, input).await
    }

    /// Encrypts no longer.
    pub(crate) async fn stop_encrypting(&self, name: &str) -> Result<(), ApiError> {
        let input = StopStreamEncryptionInput {
            stream_name: Some(name.into()),
            encryption_type: EncryptionType::Kms,
            key_id: "alias/aws/kinesis".into(),
            stream_arn: None,
            stream_id: None,
        };
        self.streams.stop_stream_encryption(&self.caller, input).await
    }

    pub(crate) async fn iterator(
        &self,
        name: &str,
        shard: &str,
        kind: ShardIteratorType,
    ) -> String {
        self.try_iterator(iterator_input(name, shard, kind)).await.unwrap()
    }

    pub(crate) async fn try_iterator(
        &self,
        input: GetShardIteratorInput,
    ) -> Result<String, ApiError> {
        let output = self.streams.get_shard_iterator(&self.caller, input).await?;
        Ok(output.shard_iterator.unwrap())
    }

    pub(crate) async fn get(&self, iterator: &str) -> Result<GetRecordsOutput, ApiError> {
        let input = GetRecordsInput { shard_iterator: iterator.into(), ..Default::default() };
        self.streams.get_records(&self.caller, input).await
    }

    /// Everything that a shard keeps, as text, and its last answer.
    pub(crate) async fn read_all(
        &self,
        name: &str,
        shard: &str,
    ) -> (Vec<String>, GetRecordsOutput) {
        let mut iterator = self.iterator(name, shard, ShardIteratorType::TrimHorizon).await;
        let mut texts = Vec::new();
        loop {
            let output = self.get(&iterator).await.unwrap();
            texts.extend(output.records.iter().map(text));
            match &output.next_shard_iterator {
                Some(next) if !output.records.is_empty() => iterator = next.clone(),
                _ => return (texts, output),
            }
        }
    }

    pub(crate) async fn shards(
        &self,
        name: &str,
        filter: Option<ShardFilter>,
    ) -> Result<Vec<Shard>, ApiError> {
        let input = ListShardsInput {
            stream_name: Some(name.into()),
            shard_filter: filter,
            ..Default::default()
        };
        Ok(self.streams.list_shards(&self.caller, input).await?.shards.unwrap())
    }

    pub(crate) async fn split(&self, name: &str, shard: &str, at: &str) -> Result<(), ApiError> {
        let input = SplitShardInput {
            stream_name: Some(name.into()),
            shard_to_split: shard.into(),
            new_starting_hash_key: at.into(),
            ..Default::default()
        };
        self.streams.split_shard(&self.caller, input).await
    }

    pub(crate) async fn merge(&self, name: &str, left: &str, right: &str) -> Result<(), ApiError> {
        let input = MergeShardsInput {
            stream_name: Some(name.into()),
            shard_to_merge: left.into(),
            adjacent_shard_to_merge: right.into(),
            ..Default::default()
        };
        self.streams.merge_shards(&self.caller, input).await
    }

    pub(crate) async fn scale(
        &self,
        name: &str,
        target: i32,
    ) -> Result<UpdateShardCountOutput, ApiError> {
        let input = UpdateShardCountInput {
            stream_name: Some(name.into()),
            target_shard_count: target,
            ..Default::default()
        };
        self.streams.update_shard_count(&self.caller, input).await
    }
}

pub(crate) fn iterator_input(
    name: &str,
    shard: &str,
    kind: ShardIteratorType,
) -> GetShardIteratorInput {
    GetShardIteratorInput {
        stream_name: Some(name.into()),
        shard_id: shard.into(),
        shard_iterator_type: kind,
        ..Default::default()
    }
}

pub(crate) fn text(record: &Record) -> String {
    String::from_utf8(record.data.to_vec()).unwrap()
}

/// `Code: message` of a refusal.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
    result.unwrap_err().to_string()
}

/// A disk that has no space for a new file, from time to time.
struct FillingDisk {
    disk: LocalDisk,
    full: Arc<AtomicBool>,
}

#[async_trait]
impl Disk for FillingDisk {
    async fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.disk.list(directory).await
    }

    async fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        if self.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.disk.create(path).await
    }

    async fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open(path).await
    }

    async fn open_read_only(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open_read_only(path).await
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path).await
    }

    async fn lock(&self) -> io::Result<DiskLock> {
        self.disk.lock().await
    }
}
