//! The bodies of answers: whole, piece by piece, or message after message.
//!
//! A streamed body keeps its connection busy for as long as it lives, ends between two messages
//! when the listener drains, and is asked for its next message only when the one before has gone
//! towards the client: so a client that does not read holds up nothing but itself, and it is cut
//! off when it has not read for `http.write_timeout`. Over HTTP/1 the full socket tells (see
//! [`Activity`](super::activity::Activity)); over HTTP/2 the window of the one request does, which
//! is what [`attended`] is for.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use wire::codec::Pieces;

use crate::http::activity;

/// Messages; each goes out as soon as it is there.
pub(crate) type Messages = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// The body of an answer.
pub(crate) enum AnswerBody {
    /// It is there; none when it is sent.
    Whole(Option<Bytes>),
    /// It has a known length and is encoded as it is sent.
    Pieces(Box<Encoding>),
    /// It comes by and by.
    Streamed(Box<Streamed>),
}

/// A body that is encoded as it is sent.
pub(crate) struct Encoding {
    pieces: Pieces,
    /// Its connection is not idle.
    under_way: Option<activity::Request>,
    /// Only over HTTP/2.
    unread: Option<Arc<Unread>>,
}

/// A body that comes by and by.
pub(crate) struct Streamed {
    messages: Messages,
    /// What its connection does for it.
    attended: Option<Attended>,
}

struct Attended {
    /// The connection is not idle.
    _under_way: activity::Request,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Only over HTTP/2.
    unread: Option<Arc<Unread>>,
}

impl From<Bytes> for AnswerBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }
}

impl From<Pieces> for AnswerBody {
    fn from(pieces: Pieces) -> Self {
        Self::Pieces(Box::new(Encoding { pieces, under_way: None, unread: None }))
    }
}

impl AnswerBody {
    /// A body of messages.
    pub(crate) fn streamed(messages: Messages) -> Self {
        Self::Streamed(Box::new(Streamed { messages, attended: None }))
    }

    /// Ties the body to its connection.
    pub(super) fn attend(&mut self, under_way: activity::Request, draining: &CancellationToken) {
        match self {
            Self::Whole(_) => {}
            Self::Pieces(encoding) => {
                encoding.under_way = Some(under_way);
                encoding.unread = UNREAD.try_with(Arc::clone).ok();
            }
            Self::Streamed(streamed) => {
                streamed.attended = Some(Attended {
                    _under_way: under_way,
                    draining: Box::pin(draining.clone().cancelled_owned()),
                    unread: UNREAD.try_with(Arc::clone).ok(),
                });
            }
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match self.get_mut() {
            Self::Whole(bytes) => bytes.take().filter(|bytes| !bytes.is_empty()),
            Self::Pieces(encoding) => encoding.next_piece(),
            Self::Streamed(streamed) => ready!(streamed.poll_message(context)),
        };
        Poll::Ready(frame.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Self::Pieces(encoding) => encoding.pieces.left() == 0,
            Self::Streamed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Pieces(encoding) => SizeHint::with_exact(encoding.pieces.left()),
            Self::Streamed(_) => SizeHint::default(),
        }
    }
}

impl Encoding {
    fn next_piece(&mut self) -> Option<Bytes> {
        let piece = self.pieces.next();
        if let Some(unread) = &self.unread {
            unread.handed_out(piece.is_some());
        }
        piece
    }
}

impl Streamed {
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(attended) = &mut self.attended
            && attended.draining.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(None);
        }
        let message = self.messages.as_mut().poll_next(context);
        if let Some(unread) = self.attended.as_ref().and_then(|a| a.unread.as_ref()) {
            unread.handed_out(matches!(message, Poll::Ready(Some(_))));
        }
        message
    }
}

tokio::task_local! {
    /// Of the HTTP/2 request that the task carries.
    static UNREAD: Arc<Unread>;
}

/// Since when a message waits for its client: that long the body was not asked for another.
#[derive(Default)]
struct Unread(Mutex<Option<Instant>>);

impl Unread {
    fn handed_out(&self, something: bool) {
        *self.0.lock() = something.then(Instant::now);
    }
}

/// Carries one HTTP/2 request to its end, unless its client leaves a message unread for too long:
/// then the request is reset, and the others of the connection go on.
pub(super) async fn attended(request: impl Future<Output = ()>, write_timeout: Duration) {
    let unread = Arc::new(Unread::default());
    let overdue = overdue(unread.clone(), write_timeout);
    tokio::select! {
        biased;
        () = UNREAD.scope(unread, request) => {}
        () = overdue => tracing::debug!("resetting a request whose client does not read"),
    }
}

/// The request is carried by the same task, so whenever it hands out a message this is asked too.
async fn overdue(unread: Arc<Unread>, write_timeout: Duration) {
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|context| {
        let Some(since) = *unread.0.lock() else { return Poll::Pending };
        let deadline = since + write_timeout;
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(context)
    })
    .await;
}
