//! Starts nodes and speaks HTTP with them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use model::Timestamp;
use runtime::{Clock, Connection, Policy, SystemClock, Tasks};
use serde_json::Value;
use server::config::{Layers, Profile};
use server::{Config, Node, World};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;

pub(crate) const JSON: &str = "application/x-amz-json-1.1";
pub(crate) const CBOR: &str = "application/x-amz-cbor-1.1";

/// A node in a directory of its own.
pub(crate) struct Started {
    pub(crate) node: Node,
    pub(crate) home: TempDir,
}

/// The settings of `weir dev` on a free port in `directory`, and `settings` over them.
pub(crate) fn config(directory: &Path, settings: &[(&str, &str)]) -> Config {
    let directory = directory.to_str().unwrap();
    let common =
        [("listen", "127.0.0.1:0"), ("data_dir", directory), ("streams.transition_delay", "0ms")];
    let flags = common.iter().chain(settings).map(|(k, v)| ((*k).into(), (*v).into())).collect();
    Layers { flags, ..Layers::defaults(Profile::Dev) }.load().unwrap()
}

pub(crate) async fn start(settings: &[(&str, &str)]) -> Started {
    start_with_clock(settings, Arc::new(SystemClock)).await
}

pub(crate) async fn start_with_clock(settings: &[(&str, &str)], clock: Arc<dyn Clock>) -> Started {
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path(), settings);
    let world = World { clock, ..World::real(&config).unwrap() };
    Started { node: Node::start(config, world).await.unwrap(), home: directory }
}

/// A clock that tests set.
pub(crate) struct Hands(AtomicU64);

impl Hands {
    pub(crate) fn at(time: Timestamp) -> Self {
        Self(time.as_millis().into())
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl Started {
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.node.address()).await.unwrap()
    }

    pub(crate) async fn http1(&self) -> Http1 {
        Http1::over(self.connect().await).await
    }

    pub(crate) async fn http2(&self) -> Http2 {
        Http2::over(self.connect().await).await
    }

    pub(crate) async fn call(&self, operation: &str, input: Value) -> Answer {
        self.http1().await.send(post(operation, &input.to_string())).await
    }

    /// The node serves whoever comes now.
    pub(crate) async fn still_answers(&self) {
        assert_eq!(self.call("ListStreams", serde_json::json!({})).await.status, 200);
    }

    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let page = self.http1().await.send(get("/metrics")).await.text();
        let line = page.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| {
            panic!("no metric {name} in\n{page}");
        });
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    }
}

pub(crate) type Sent = Request<Full<Bytes>>;

/// A connection that speaks HTTP/1.1.
pub(crate) struct Http1(hyper::client::conn::http1::SendRequest<Full<Bytes>>);

/// A connection that speaks HTTP/2 without having asked.
#[derive(Clone)]
pub(crate) struct Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>);

impl Http1 {
    pub(crate) async fn over(stream: impl Connection) -> Self {
        let stream = TokioIo::new(stream);
        let (requests, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        Tasks::default().spawn("test.http1", Policy::Report, async {
            let _ = connection.await;
        });
        Self(requests)
    }

    pub(crate) async fn send(&mut self, request: Sent) -> Answer {
        Answer::of(self.open(request).await).await
    }

    /// Sends a request whose answer comes by and by.
    pub(crate) async fn open(&mut self, request: Sent) -> Response<Incoming> {
        self.0.ready().await.expect("the connection is open");
        self.0.send_request(request).await.unwrap()
    }
}

impl Http2 {
    pub(crate) async fn over(stream: impl Connection) -> Self {
        let (executor, stream) = (TokioExecutor::new(), TokioIo::new(stream));
        let (requests, connection) =
            hyper::client::conn::http2::handshake(executor, stream).await.unwrap();
        Tasks::default().spawn("test.http2", Policy::Report, async {
            let _ = connection.await;
        });
        Self(requests)
    }

    pub(crate) async fn send(&mut self, request: Sent) -> Answer {
        Answer::of(self.open(request).await).await
    }

    /// Sends a request whose answer comes by and by.
    pub(crate) async fn open(&mut self, mut request: Sent) -> Response<Incoming> {
        request.headers_mut().remove("host");
        let uri = format!("http://weir{}", request.uri());
        *request.uri_mut() = uri.parse().unwrap();
        self.0.ready().await.expect("the connection is open");
        self.0.send_request(request).await.unwrap()
    }
}

pub(crate) fn post(operation: &str, body: &str) -> Sent {
    request("POST", &format!("Kinesis_20131202.{operation}"), JSON, body.to_owned())
}

pub(crate) fn get(path: &str) -> Sent {
    Request::get(path).header("host", "weir").body(Full::default()).unwrap()
}

pub(crate) fn request(
    method: &str,
    target: &str,
    content_type: &str,
    body: impl Into<Bytes>,
) -> Sent {
    let request = Request::builder().method(method).uri("/").header("host", "weir");
    let request = request.header("x-amz-target", target).header("content-type", content_type);
    request.body(Full::new(body.into())).unwrap()
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    async fn of(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: head.status, headers: head.headers, body }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The value of a header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The error's name and text, after a check that it is one.
    pub(crate) fn error(&self) -> (String, String) {
        assert_eq!(self.status, 400, "{}", self.text());
        let error = self.json();
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (text("__type"), text("message"))
    }
}

/// Waits for the node to close the connection, and gives what it said before.
pub(crate) async fn read_to_close(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut said = Vec::new();
    // A reset also closes.
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8_lossy(&said).into_owned()
}
