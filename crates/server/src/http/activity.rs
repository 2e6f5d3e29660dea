//! What a connection is doing, and when it has been doing it for too long.
//!
//! The socket's wrapper and the requests report here; the connection's task asks. A deadline is
//! computed from what is going on now, so nothing has to be armed or disarmed on the way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, Sleep};

use crate::config;

/// What is to be done about a connection whose client does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// No request for too long.
    Idle,
    /// A request's header was begun and not ended.
    Header,
    /// An answer was left unread.
    Write,
    /// Idle for long enough to give the memory of its requests back; not closed.
    Rest,
}

/// An idle HTTP/1 connection keeps its buffers this long.
const REST_AFTER: Duration = Duration::from_secs(1);

/// The state of one connection.
pub(super) struct Activity(Mutex<State>);

struct State {
    doing: Doing,
    /// When it began doing that, or last gave a sign of life while idle.
    since: Instant,
    /// When a write first found the socket full; none once bytes moved again.
    blocked_since: Option<Instant>,
    /// HTTP/2: bytes between requests may be a ping and do not begin a header.
    multiplexed: bool,
    /// A request was answered before its body had been read.
    cut_short: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Idle,
    Header,
    Requests(u32),
}

/// A request under way; ends when dropped.
pub(super) struct Request(Arc<Activity>);

impl Activity {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            doing: Doing::Idle,
            since: Instant::now(),
            blocked_since: None,
            multiplexed: false,
            cut_short: false,
        }))
    }

    /// The connection turned out to carry many requests at a time.
    pub(super) fn multiplexed(&self) {
        let mut state = self.0.lock();
        state.multiplexed = true;
        state.turn_to(Doing::Idle);
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        let mut state = self.0.lock();
        if state.doing == Doing::Idle {
            let begun = if state.multiplexed { Doing::Idle } else { Doing::Header };
            state.turn_to(begun);
        }
    }

    /// Bytes went out.
    pub(super) fn wrote(&self) {
        let mut state = self.0.lock();
        state.blocked_since = None;
        if state.doing == Doing::Idle {
            state.since = Instant::now();
        }
    }

    /// Nothing that was written waits any more.
    pub(super) fn flushed(&self) {
        self.0.lock().blocked_since = None;
    }

    /// The socket takes no more bytes: the client does not read.
    pub(super) fn blocked(&self) {
        self.0.lock().blocked_since.get_or_insert_with(Instant::now);
    }

    /// A request's header is whole.
    pub(super) fn request(self: &Arc<Self>) -> Request {
        let mut state = self.0.lock();
        let already = if let Doing::Requests(count) = state.doing { count } else { 0 };
        state.turn_to(Doing::Requests(already + 1));
        Request(self.clone())
    }

    /// The request under way is answered although its body was not read to the end.
    pub(super) fn cut_short(&self) {
        self.0.lock().cut_short = true;
    }

    /// Whether the client may still be sending what nobody will read.
    pub(super) fn was_cut_short(&self) -> bool {
        self.0.lock().cut_short
    }

    /// When to look again, and what will be overdue then if nothing happens before.
    fn deadline(&self, config: &config::Http, may_rest: bool) -> (Instant, Option<Overdue>) {
        let state = self.0.lock();
        let (after, overdue) = match (state.blocked_since, state.doing) {
            (Some(since), _) => return (since + config.write_timeout, Some(Overdue::Write)),
            // The last request may end on another task without waking this connection's.
            (None, Doing::Requests(_)) => return (Instant::now() + config.idle_timeout, None),
            (None, Doing::Header) => (config.header_timeout, Overdue::Header),
            (None, Doing::Idle) if may_rest && REST_AFTER < config.idle_timeout => {
                (REST_AFTER, Overdue::Rest)
            }
            (None, Doing::Idle) => (config.idle_timeout, Overdue::Idle),
        };
        (state.since + after, Some(overdue))
    }
}

impl State {
    fn turn_to(&mut self, doing: Doing) {
        self.doing = doing;
        self.since = Instant::now();
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        match state.doing {
            Doing::Requests(count) if count > 1 => state.doing = Doing::Requests(count - 1),
            _ => state.turn_to(Doing::Idle),
        }
    }
}

/// Tells a connection's task when the client is overdue.
pub(super) struct Watch {
    activity: Arc<Activity>,
    config: config::Http,
    may_rest: bool,
    sleep: Pin<Box<Sleep>>,
}

impl Watch {
    pub(super) fn new(activity: Arc<Activity>, config: config::Http) -> Self {
        let (first, _) = activity.deadline(&config, false);
        let sleep = Box::pin(tokio::time::sleep_until(first));
        Self { activity, config, may_rest: false, sleep }
    }

    /// Whether the connection holds memory that it could do without while it idles.
    pub(super) fn may_rest(&mut self, may_rest: bool) {
        self.may_rest = may_rest;
    }

    /// Waits until the client is overdue. The deadline is computed anew whenever the
    /// connection's task wakes; the timer is moved only when it is too late or has fired.
    pub(super) async fn overdue(&mut self) -> Overdue {
        std::future::poll_fn(|context| self.poll_overdue(context)).await
    }

    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<Overdue> {
        loop {
            let (deadline, overdue) = self.activity.deadline(&self.config, self.may_rest);
            if let Some(overdue) = overdue.filter(|_| deadline <= Instant::now()) {
                return Poll::Ready(overdue);
            }
            if deadline < self.sleep.deadline() || self.sleep.is_elapsed() {
                self.sleep.as_mut().reset(deadline);
            }
            ready!(self.sleep.as_mut().poll(context));
        }
    }
}
