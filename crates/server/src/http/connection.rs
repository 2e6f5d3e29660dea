//! One connection: which protocol it speaks, its requests, its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper::{Request, Version};
use hyper_util::rt::TokioIo;
use runtime::{Connection, Policy, Tasks};

use crate::http::activity::{Activity, Overdue, Watch};
use crate::http::socket::{Protocol, Socket};
use crate::http::tls::Encrypted;
use crate::http::{Answer, Answered, CutShort, Peer, Shared, answer};

/// Largest header of a request.
const HEADER_BYTES_MAX: u32 = 32 * 1024;
/// Most that is read from an HTTP/1 socket at once. A connection keeps such a buffer after a
/// large body, so this is what ten thousand busy connections are made of.
const READ_BYTES_MAX: usize = 256 * 1024;
/// What an HTTP/2 client may send ahead, per request and per connection.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// What is queued for one HTTP/2 request whose client reads slowly.
const SEND_BYTES_MAX: usize = 1024 * 1024;

/// How long a client that is refused in the middle of its body gets to read the answer, and one
/// that is told that an HTTP/2 connection ends to close it.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// Serves `stream` until the client goes, is overdue, or the listener drains.
pub(super) async fn serve<A: Answer>(
    stream: Box<dyn Connection>,
    address: SocketAddr,
    shared: Arc<Shared<A>>,
) {
    let _open = shared.metrics.opened();
    let mut peer = Peer { address, secure: false, principal: None };
    // Boxed, so that a connection does not carry room for a handshake for the rest of its life.
    let Some(stream) = Box::pin(encrypt(stream, &mut peer, &shared)).await else { return };
    let peer = Arc::new(peer);
    let activity = Arc::new(Activity::new());
    let mut watch = Watch::new(activity.clone(), shared.config.clone());
    let mut next = Some(Socket::new(stream, activity));
    while let Some(mut socket) = next.take() {
        let protocol = tokio::select! {
            biased;
            () = shared.draining.cancelled() => return,
            protocol = socket.sniff() => protocol,
            overdue = watch.overdue() => return trace_overdue(overdue),
        };
        // Boxed, so that a connection that says nothing does not carry room for both.
        next = match protocol {
            Ok(Some(Protocol::Http1)) => {
                Box::pin(serve_http1(socket, &peer, &shared, &mut watch)).await
            }
            Ok(Some(Protocol::Http2)) => {
                Box::pin(serve_http2(socket, &peer, &shared, &mut watch)).await;
                None
            }
            Ok(None) | Err(_) => None,
        };
    }
}

/// The connection after its handshake, which has as long as a header has; as it is where there
/// is no TLS.
async fn encrypt<A: Answer>(
    stream: Box<dyn Connection>,
    peer: &mut Peer,
    shared: &Shared<A>,
) -> Option<Box<dyn Connection>> {
    let Some(tls) = &shared.tls else { return Some(stream) };
    let accepted = tokio::select! {
        biased;
        () = shared.draining.cancelled() => return None,
        accepted = tokio::time::timeout(shared.config.header_timeout, tls.accept(stream)) => accepted,
    };
    match accepted {
        Ok(Ok(Encrypted { stream, principal })) => {
            peer.secure = true;
            peer.principal = principal;
            Some(stream)
        }
        Ok(Err(error)) => {
            tracing::debug!(peer = %peer.address, %error, "a TLS handshake failed");
            None
        }
        Err(_) => {
            trace_overdue(Overdue::Header);
            None
        }
    }
}

/// Serves requests until the end, or until the connection has idled for a while: then it gives
/// the socket back and its buffers up, some 20 KiB and after large bodies many times as much.
async fn serve_http1<A: Answer>(
    socket: Socket,
    peer: &Arc<Peer>,
    shared: &Shared<A>,
    watch: &mut Watch,
) -> Option<Socket> {
    let service = service(shared, peer, socket.activity());
    let mut connection = http1::Builder::new()
        // The watch sees to it, and tells an idle client from a slow one.
        .header_read_timeout(None)
        .max_header_size(HEADER_BYTES_MAX as usize)
        .max_buf_size(READ_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), service);
    watch.may_rest(true);
    let mut draining = false;
    let ended = loop {
        tokio::select! {
            biased;
            () = shared.draining.cancelled(), if !draining => {
                draining = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
            ended = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)) => break Some(ended),
            overdue = watch.overdue() => match overdue {
                Overdue::Rest => break None,
                overdue => {
                    trace_overdue(overdue);
                    return None;
                }
            },
        }
    };
    // Nothing is lost: no request is under way, and what was written is flushed, or else the
    // connection would not count as idle.
    let parts = connection.into_parts();
    let mut socket = parts.io.into_inner();
    let Some(ended) = ended else {
        watch.may_rest(false);
        socket.put_back(parts.read_buf);
        return Some(socket);
    };
    trace_end(ended);
    let _ = tokio::time::timeout(LINGER, socket.close()).await;
    None
}

async fn serve_http2<A: Answer>(
    mut socket: Socket,
    peer: &Arc<Peer>,
    shared: &Shared<A>,
    watch: &mut Watch,
) {
    let Some(ended) = converse(&mut socket, peer, shared, watch).await else { return };
    // A client that says goodbye while answers are on their way closes when it has read them. It
    // would lose what it has not read yet if it were told the end of the connection before, and
    // all of that if the socket were reset; until then it is as idle as any other.
    let patience = if ended.is_ok() { shared.config.idle_timeout } else { LINGER };
    trace_end(ended);
    let hurried = async {
        shared.draining.cancelled().await;
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! {
        biased;
        _ = socket.read_to_close() => {}
        () = hurried => {}
        () = tokio::time::sleep(patience) => {}
    }
    let _ = tokio::time::timeout(LINGER, socket.close()).await;
}

/// Serves requests until both sides have said all; none when the client was overdue.
async fn converse<A: Answer>(
    socket: &mut Socket,
    peer: &Arc<Peer>,
    shared: &Shared<A>,
    watch: &mut Watch,
) -> Option<hyper::Result<()>> {
    socket.activity().multiplexed();
    let service = service(shared, peer, socket.activity());
    let (tasks, write_timeout) = (shared.tasks.clone(), shared.config.write_timeout);
    let connection = http2::Builder::new(RequestTasks { tasks, write_timeout })
        .max_concurrent_streams(shared.config.streams_per_connection_max)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(HEADER_BYTES_MAX)
        .max_send_buf_size(SEND_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    let mut draining = false;
    loop {
        tokio::select! {
            biased;
            () = shared.draining.cancelled(), if !draining => {
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
            ended = connection.as_mut() => return Some(ended),
            overdue = watch.overdue() => {
                trace_overdue(overdue);
                return None;
            }
        }
    }
}

/// Runs the requests of HTTP/2 connections. One that has begun goes on when its client leaves.
#[derive(Clone)]
struct RequestTasks {
    tasks: Tasks,
    write_timeout: Duration,
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for RequestTasks {
    fn execute(&self, request: F) {
        let request = answer::attended(request, self.write_timeout);
        self.tasks.spawn("server.http.request", Policy::Report, request);
    }
}

fn service<A: Answer>(
    shared: &Shared<A>,
    peer: &Arc<Peer>,
    activity: &Arc<Activity>,
) -> impl Service<
    Request<Incoming>,
    Response = Answered,
    Error = Infallible,
    Future = BoxFuture<'static, Result<Answered, Infallible>>,
> + use<A> {
    let (answer, draining) = (shared.answer.clone(), shared.draining.clone());
    let (peer, activity) = (peer.clone(), activity.clone());
    service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let under_way = activity.request();
        let (answer, activity, draining) = (answer.clone(), activity.clone(), draining.clone());
        let answered: BoxFuture<'static, _> = Box::pin(async move {
            let version = request.version();
            let mut answered = answer.answer(request).await;
            if answered.extensions_mut().remove::<CutShort>().is_some() && version < Version::HTTP_2
            {
                activity.cut_short();
                answered.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            answered.body_mut().attend(under_way, &draining);
            Ok(answered)
        });
        answered
    })
}

fn trace_overdue(overdue: Overdue) {
    tracing::debug!(?overdue, "closing a connection");
}

fn trace_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}
