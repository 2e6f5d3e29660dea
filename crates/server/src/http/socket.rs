//! A connection's bytes, reported to its [`Activity`], with what was read to tell the protocol
//! given out once more.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use runtime::Connection;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::http::activity::Activity;

/// What an HTTP/2 client says first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Most that is read and dropped before a socket closes on a client that is still sending.
const LINGER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How much of that at once.
const LINGER_READ_BYTES: usize = 8 * 1024;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

pub(super) struct Socket {
    stream: Box<dyn Connection>,
    activity: Arc<Activity>,
    /// What was read and is to be given out again.
    unread: BytesMut,
}

impl Socket {
    pub(super) fn new(stream: Box<dyn Connection>, activity: Arc<Activity>) -> Self {
        Self { stream, activity, unread: BytesMut::new() }
    }

    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Takes bytes back that were read too far.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.unread = bytes.into();
            self.activity.received();
        }
    }

    /// Reads until it is clear what the client speaks; none when it goes before.
    pub(super) async fn sniff(&mut self) -> io::Result<Option<Protocol>> {
        loop {
            let known = self.unread.len().min(PREFACE.len());
            if self.unread[..known] != PREFACE[..known] {
                return Ok(Some(Protocol::Http1));
            }
            if known == PREFACE.len() {
                return Ok(Some(Protocol::Http2));
            }
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Ok(None);
            }
            self.activity.received();
        }
    }

    /// Says goodbye, and if the client was cut short, reads on until it is done or gone: closing
    /// a socket with bytes unread resets it, and the client would lose the answer just sent.
    pub(super) async fn close(mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        if self.activity.was_cut_short() { self.read_to_close().await } else { Ok(()) }
    }

    /// Reads and drops what comes until the client closes, or has sent more than it may.
    pub(super) async fn read_to_close(&mut self) -> io::Result<()> {
        let mut discarded = vec![0; LINGER_READ_BYTES];
        let mut left = LINGER_BYTES_MAX;
        while left > 0 {
            match self.stream.read(&mut discarded).await? {
                0 => break,
                bytes => left = left.saturating_sub(bytes),
            }
        }
        Ok(())
    }

    fn reported(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.activity.blocked(),
            Poll::Ready(_) => self.activity.wrote(),
        }
        written
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let bytes = buffer.remaining().min(self.unread.len());
            buffer.put_slice(&self.unread.split_to(bytes));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.activity.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.reported(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.reported(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A stream that encrypts takes more than the socket does, and keeps the rest.
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        match &flushed {
            Poll::Pending => self.activity.blocked(),
            Poll::Ready(_) => self.activity.flushed(),
        }
        flushed
    }

    /// Only flushes. Whoever serves the connection knows when to [`close`](Self::close) it.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}
