//! Answers that are counted instead of decoded, so that a reader takes as little of the machine as
//! it can: HTTP/1.1 without TLS, read into one buffer that is used again. Of a body only the places
//! of the records' data are looked at; no checksum is verified and nothing is decoded.

use std::sync::Arc;

use anyhow::{Context, bail};
use bytes::Bytes;
use memchr::memmem;
use runtime::{Clock, Connection, Net, SystemClock, TcpNet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use weir_client::kinesis::{GetRecordsInput, SubscribeToShardInput};
use weir_client::{ApiError, Call, ClientConfig, Encoding};
use wire::sigv4::{self, Credentials, PayloadHash, Secret};
use wire::{HttpRequest, codec};

use super::count::{Counter, next_iterator};

/// Small enough to stay in a processor's own cache.
const BUFFER_BYTES: usize = 256 * 1024;
/// Where an answer's other members are: no further than this from its beginning or its end.
const EDGE_BYTES: usize = 1024;

/// Where to connect, and as whom.
#[derive(Clone)]
pub(super) struct Target(Arc<Inner>);

struct Inner {
    authority: String,
    region: String,
    encoding: Encoding,
    credentials: Credentials,
}

/// One connection.
pub(super) struct Raw {
    target: Target,
    stream: Box<dyn Connection>,
    buffer: Box<[u8]>,
    /// What of the buffer was read and not looked at yet.
    start: usize,
    end: usize,
}

/// What GetRecords answered.
pub(super) struct Counted {
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) next: Option<String>,
}

impl Target {
    pub(super) fn new(config: &ClientConfig) -> anyhow::Result<Self> {
        let Some(host) = config.endpoint.strip_prefix("http://") else {
            bail!("{} is encrypted; answers are only counted over http://", config.endpoint);
        };
        let host = host.trim_end_matches('/');
        let authority = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let key = &config.credentials;
        Ok(Self(Arc::new(Inner {
            authority,
            region: config.region.clone(),
            encoding: config.encoding,
            credentials: Credentials {
                access_key_id: key.access_key_id.clone(),
                secret: Secret::new(&key.secret_access_key),
                session_token: key.session_token.clone(),
            },
        })))
    }

    /// A whole request with its signature.
    fn request<I: Call + serde::Serialize>(&self, encoding: Encoding, input: &I) -> Vec<u8> {
        let inner = &*self.0;
        let body = codec::encode(encoding, input);
        let plain = [
            ("content-type", encoding.content_type()),
            ("host", inner.authority.as_str()),
            ("x-amz-target", I::OPERATION.target()),
        ];
        let unsigned = HttpRequest {
            method: "POST",
            path: "/",
            query: "",
            headers: plain.iter().map(|(name, value)| (*name, value.as_bytes())).collect(),
        };
        let payload = PayloadHash::of(&body);
        let now = SystemClock.now();
        let added = sigv4::sign(&unsigned, payload, &inner.credentials, &inner.region, now);
        let mut request = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in plain.into_iter().chain(added.iter().map(|(n, v)| (*n, v.as_str()))) {
            request.extend([name, ": ", value, "\r\n"]);
        }
        request.push_str("\r\n");
        let mut request = request.into_bytes();
        request.extend_from_slice(&body);
        request
    }
}

impl Raw {
    pub(super) async fn connect(target: &Target) -> anyhow::Result<Self> {
        let authority = &target.0.authority;
        let stream = TcpNet.connect(authority).await;
        let stream = stream.with_context(|| format!("connecting to {authority}"))?;
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Ok(Self { target: target.clone(), stream, buffer, start: 0, end: 0 })
    }

    /// Calls GetRecords; a refusal is the inner error.
    pub(super) async fn get_records(
        &mut self,
        shard_iterator: String,
    ) -> anyhow::Result<Result<Counted, ApiError>> {
        let encoding = self.target.0.encoding;
        let input = GetRecordsInput { shard_iterator, ..GetRecordsInput::default() };
        self.stream.write_all(&self.target.request(encoding, &input)).await?;
        let head = self.head().await?;
        let mut left = head.content_length.context("the answer does not say how long it is")?;
        if head.status != 200 {
            let body = self.whole(left).await?;
            return Ok(Err(ApiError::decode(encoding, head.status, &body)));
        }
        let (mut counter, mut edges) = (Counter::new(encoding), Edges::default());
        let mut again = 0;
        while left > 0 {
            if self.end - self.start == again {
                self.fill(again).await?;
            }
            let bytes = &self.buffer[self.start..self.end];
            let bytes = &bytes[..bytes.len().min(again + left)];
            edges.note(&bytes[again..]);
            left -= bytes.len() - again;
            again = counter.feed(bytes);
            self.start += bytes.len() - again;
        }
        self.start += again;
        let Counter { records, bytes, .. } = counter;
        let next = next_iterator(encoding, &edges.first, &edges.last);
        Ok(Ok(Counted { records, bytes, next }))
    }

    /// Calls SubscribeToShard; what comes then is for [`events`](Self::events).
    pub(super) async fn subscribe(&mut self, input: &SubscribeToShardInput) -> anyhow::Result<()> {
        self.stream.write_all(&self.target.request(Encoding::Json, input)).await?;
        let head = self.head().await?;
        if head.status != 200 {
            let body = self.whole(head.content_length.unwrap_or_default()).await?;
            return Err(ApiError::decode(Encoding::Json, head.status, &body).into());
        }
        Ok(())
    }

    /// Counts the next bytes of a subscription; `false` at its end. Event streams come in chunks of
    /// whole messages, so nothing stands within a record that is not of it.
    pub(super) async fn events(&mut self, counter: &mut Counter) -> anyhow::Result<bool> {
        let again = self.end - self.start;
        if self.fill(again).await.is_err() {
            return Ok(false);
        }
        let again = counter.feed(&self.buffer[self.start..self.end]);
        self.start = self.end - again;
        Ok(true)
    }

    /// Reads more behind the last `keep` bytes, which move to the front.
    async fn fill(&mut self, keep: usize) -> anyhow::Result<()> {
        self.buffer.copy_within(self.end - keep..self.end, 0);
        let read = self.stream.read(&mut self.buffer[keep..]).await?;
        (self.start, self.end) = (0, keep + read);
        anyhow::ensure!(read > 0, "the node closed a connection in the middle of an answer");
        Ok(())
    }

    async fn head(&mut self) -> anyhow::Result<Head> {
        loop {
            let unread = &self.buffer[self.start..self.end];
            if let Some(length) = memmem::find(unread, b"\r\n\r\n") {
                let head = Head::parse(&unread[..length])?;
                self.start += length + 4;
                return Ok(head);
            }
            self.fill(unread.len()).await?;
        }
    }

    async fn whole(&mut self, length: usize) -> anyhow::Result<Bytes> {
        let mut body = Vec::new();
        while body.len() < length {
            if self.start == self.end {
                self.fill(0).await?;
            }
            let bytes = &self.buffer[self.start..self.end];
            let bytes = &bytes[..bytes.len().min(length - body.len())];
            body.extend_from_slice(bytes);
            self.start += bytes.len();
        }
        Ok(body.into())
    }
}

/// What is to be known of an answer's head.
struct Head {
    status: u16,
    content_length: Option<usize>,
}

impl Head {
    fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let text = std::str::from_utf8(bytes).context("the head of an answer is not text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let length = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let content_length = length.filter_map(|(_, value)| value.trim().parse().ok()).next();
        Ok(Self { status: status.context("an answer has no status")?, content_length })
    }
}

/// The first and the last bytes of a body.
#[derive(Default)]
struct Edges {
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Edges {
    fn note(&mut self, bytes: &[u8]) {
        let room = EDGE_BYTES.saturating_sub(self.first.len());
        self.first.extend_from_slice(&bytes[..room.min(bytes.len())]);
        self.last.extend_from_slice(&bytes[bytes.len().saturating_sub(EDGE_BYTES)..]);
        self.last.drain(..self.last.len().saturating_sub(EDGE_BYTES));
    }
}
