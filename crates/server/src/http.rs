//! The listener: connections in, requests out to whatever answers them.
//!
//! Owns the sockets' bounds: how many connections, how long each may idle, dribble a header or
//! leave an answer unread, and how a connection ends. HTTP/1.1 and HTTP/2 with prior knowledge
//! share one port, encrypted or not; the first bytes tell which one it is. Knows nothing of
//! Kinesis.

mod activity;
mod answer;
mod body;
mod certificate;
mod connection;
mod socket;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use runtime::{Listener, Policy, Tasks};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config;
use crate::metrics::Connections;

pub(crate) use answer::{AnswerBody, Messages};
pub(crate) use body::{Bodies, Body, Refused};
pub(crate) use tls::Tls;

/// Wait this long after the machine had no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers requests.
pub(crate) trait Answer: Send + Sync + 'static {
    /// Always answers; a refusal is an answer too.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Answered> + Send;
}

/// What a client gets back.
pub(crate) type Answered = Response<AnswerBody>;

/// Marks an answer to a request whose body was not read to the end: HTTP/1 cannot go on after
/// it and closes the connection, HTTP/2 only resets the one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CutShort;

/// The other side of a connection: an extension of each of its requests.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Whether the connection is encrypted.
    pub(crate) secure: bool,
    /// Whom the client's certificate stands for.
    pub(crate) principal: Option<config::ClientPrincipal>,
}

/// The running listener.
pub(crate) struct Front {
    address: SocketAddr,
    draining: CancellationToken,
    connections: TaskTracker,
}

/// What every connection of a listener shares.
struct Shared<A> {
    config: config::Http,
    tls: Option<Arc<Tls>>,
    answer: Arc<A>,
    draining: CancellationToken,
    tasks: Tasks,
    metrics: Connections,
}

impl Front {
    /// Serves what `listener` accepts.
    pub(crate) fn start<A: Answer>(
        config: config::Http,
        tls: Option<Arc<Tls>>,
        listener: Box<dyn Listener>,
        answer: Arc<A>,
        tasks: &Tasks,
        metrics: Connections,
    ) -> Self {
        let front = Self {
            address: listener.address(),
            draining: CancellationToken::new(),
            connections: TaskTracker::new(),
        };
        let draining = front.draining.clone();
        let shared = Shared { config, tls, answer, draining, tasks: tasks.clone(), metrics };
        let accepting = accept(listener, Arc::new(shared), front.connections.clone());
        // The accepting task counts as a connection, so a drain also waits for the port to close.
        let accepting = front.connections.track_future(accepting);
        tasks.spawn("server.http.accept", Policy::StopNode, accepting);
        front
    }

    /// Where clients reach it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection or request and waits, at most `grace`, for those under way. Streamed
    /// answers end.
    pub(crate) async fn drain(&self, grace: Duration) {
        self.draining.cancel();
        self.connections.close();
        if tokio::time::timeout(grace, self.connections.wait()).await.is_err() {
            let open = self.connections.len();
            tracing::warn!(
                open,
                "connections still had requests under way at the end of the grace"
            );
        }
    }
}

async fn accept<A: Answer>(
    listener: Box<dyn Listener>,
    shared: Arc<Shared<A>>,
    connections: TaskTracker,
) {
    let slots = Arc::new(Semaphore::new(shared.config.connections_max.min(Semaphore::MAX_PERMITS)));
    let draining = shared.draining.clone();
    let next = async || {
        let slot = slots.clone().acquire_owned().await.expect("the slots are never closed");
        (slot, listener.accept().await)
    };
    loop {
        let (slot, accepted) = tokio::select! {
            biased;
            () = draining.cancelled() => return,
            next = next() => next,
        };
        match accepted {
            Ok((stream, address)) => {
                let serving = connection::serve(stream, address, shared.clone());
                let serving = connections.track_future(async move {
                    serving.await;
                    drop(slot);
                });
                shared.tasks.spawn("server.http.connection", Policy::Report, serving);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
