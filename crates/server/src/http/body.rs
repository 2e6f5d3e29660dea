//! Request bodies: read whole, into one buffer of the right size, within a deadline.
//!
//! Memory is bounded twice: each body by its own limit, and all of them together, over all
//! connections, by a number of permits that a body holds until its request is answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config;

/// What one permit stands for.
const PERMIT_BYTES: usize = 1024;

/// A body that is too large is read and dropped up to this many times the limit, so that the
/// connection can go on; beyond that it is cut short.
const DRAIN_FACTOR: usize = 2;

/// Reads bodies within their bounds.
pub(crate) struct Bodies {
    bytes_max: usize,
    timeout: Duration,
    room: Arc<Semaphore>,
}

/// A whole body, and its share of the memory for bodies.
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is larger than the limit; whether it was read to its end nevertheless.
    TooLarge { drained: bool },
    /// It did not arrive in time.
    Late,
    /// The bodies of other requests took all the memory for as long as a body may take.
    NoRoom,
    /// The client went away, or broke the framing.
    Broken,
}

impl Bodies {
    pub(crate) fn new(config: &config::Http) -> Self {
        let bytes = |size: bytesize::ByteSize| usize::try_from(size.0).unwrap_or(usize::MAX);
        let permits = bytes(config.bodies_bytes_max).div_ceil(PERMIT_BYTES);
        Self {
            bytes_max: bytes(config.body_bytes_max),
            timeout: config.body_timeout,
            room: Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// The whole of `body`.
    pub(crate) async fn read(&self, body: Incoming) -> Result<Body, Refused> {
        if body.is_end_stream() {
            return Ok(Body { bytes: Bytes::new(), _room: None });
        }
        let announced = body.size_hint().exact().map(|b| usize::try_from(b).unwrap_or(usize::MAX));
        // A chunked body tells no length: it may become as large as any.
        let length = announced.unwrap_or(self.bytes_max);
        let deadline = tokio::time::Instant::now() + self.timeout;
        if length > self.bytes_max {
            let drain = self.drain(body, 0);
            return Err(tokio::time::timeout_at(deadline, drain).await.unwrap_or(Refused::Late));
        }
        let permits = u32::try_from(length.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(permits);
        let room = tokio::time::timeout_at(deadline, room).await.map_err(|_| Refused::NoRoom)?;
        let room = room.expect("the permits are never taken back");
        let bytes = tokio::time::timeout_at(deadline, self.collect(body, announced)).await;
        Ok(Body { bytes: bytes.map_err(|_| Refused::Late)??, _room: Some(room) })
    }

    async fn collect(
        &self,
        mut body: Incoming,
        announced: Option<usize>,
    ) -> Result<Bytes, Refused> {
        let first = next(&mut body).await?.unwrap_or_default();
        if announced == Some(first.len()) {
            return Ok(first);
        }
        let mut whole = BytesMut::with_capacity(announced.unwrap_or(first.len()));
        whole.extend_from_slice(&first);
        // Given back now: it is a slice of the connection's read buffer.
        drop(first);
        while let Some(part) = next(&mut body).await? {
            if whole.len() + part.len() > self.bytes_max {
                return Err(self.drain(body, whole.len() + part.len()).await);
            }
            whole.extend_from_slice(&part);
        }
        Ok(whole.freeze())
    }

    /// Reads on and drops, unless the end is too far; `read` bytes were read before.
    async fn drain(&self, mut body: Incoming, mut read: usize) -> Refused {
        let read_max = self.bytes_max.saturating_mul(DRAIN_FACTOR);
        let to_come = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if read.saturating_add(to_come) > read_max {
            return Refused::TooLarge { drained: false };
        }
        while read <= read_max {
            match next(&mut body).await {
                Ok(Some(part)) => read += part.len(),
                Ok(None) => return Refused::TooLarge { drained: true },
                Err(refused) => return refused,
            }
        }
        Refused::TooLarge { drained: false }
    }
}

/// The next bytes of `body`; trailers are not looked at.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Refused> {
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
            Err(_) => return Err(Refused::Broken),
        }
    }
    Ok(None)
}
