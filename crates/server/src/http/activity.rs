//! What a connection is doing, and when it has been doing it for too long.
//!
//! The socket's wrapper and the requests report here; the connection's task asks. A deadline is
//! computed from what is going on now, so nothing has to be armed or disarmed on the way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use tokio::time::{Instant, Sleep};

use crate::config;

/// Why a connection is closed on a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// No request for too long.
    Idle,
    /// A request's header was begun and not ended.
    Header,
    /// An answer was left unread.
    Write,
}

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
    fn deadline(&self, config: &config::Http) -> (Instant, Option<Overdue>) {
        let state = self.0.lock();
        let (idle, header) = (state.since + config.idle_timeout, state.since + config.header_timeout);
        let phase = match state.doing {
            Doing::Idle => (idle, Some(Overdue::Idle)),
            Doing::Header => (header, Some(Overdue::Header)),
            // The last request may end on another task without waking this connection's.
            Doing::Requests(_) => (Instant::now() + config.idle_timeout, None),
        };
        match state.blocked_since.map(|since| since + config.write_timeout) {
            Some(write) if write < phase.0 => (write, Some(Overdue::Write)),
            _ => phase,
        }
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
    sleep: Pin<Box<Sleep>>,
}

impl Watch {
    pub(super) fn new(activity: Arc<Activity>, config: config::Http) -> Self {
        let (first, _) = activity.deadline(&config);
        Self { activity, config, sleep: Box::pin(tokio::time::sleep_until(first)) }
    }

    /// Waits until the client is overdue. The deadline is computed anew whenever the
    /// connection's task wakes; the timer is moved only when it is too late or has fired.
    pub(super) async fn overdue(&mut self) -> Overdue {
        std::future::poll_fn(|context| self.poll_overdue(context)).await
    }

    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<Overdue> {
        loop {
            let (deadline, overdue) = self.activity.deadline(&self.config);
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
