//! A service that answers what a test says.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use model::Timestamp;
use runtime::{Clock, Connection, Entropy, Listener, Net, Policy, Tasks};
use wire::sigv4::{PayloadHash, Secret, parse, signing_key};
use wire::{ApiError, Call, HttpRequest, Operation, codec};

use weir_client::{Client, ClientConfig, Credentials, Encoding, World};

/// A call as the service sees it; its signature has been verified.
pub(crate) struct Received {
    pub(crate) operation: Operation,
    pub(crate) encoding: Encoding,
    pub(crate) body: Bytes,
    /// Counts the connections from 0.
    pub(crate) connection: u64,
    pub(crate) session_token: Option<String>,
}

impl Received {
    /// The input, if the call is of this kind.
    pub(crate) fn input<I: Call>(&self) -> Option<I> {
        (self.operation == I::OPERATION)
            .then(|| codec::decode_input(self.encoding, &self.body).expect("it is well-formed"))
    }

    /// An answer to this kind of call.
    pub(crate) fn answer<I: Call<Output: serde::Serialize>>(&self, output: I::Output) -> Reply {
        assert_eq!(self.operation, I::OPERATION);
        Reply::Answer(codec::encode(self.encoding, &output))
    }
}

/// What the service does with a call.
pub(crate) enum Reply {
    Answer(Bytes),
    Refusal(ApiError),
    /// Answers, then closes the connection without a word.
    AnswerAndClose(Bytes),
    /// Closes the connection instead of answering.
    Cut,
    /// Never answers.
    Hang,
}

type Script = dyn Fn(&Received) -> Reply + Send + Sync;

#[derive(Clone)]
struct Service {
    script: Arc<Script>,
    tasks: Tasks,
    connections: Arc<AtomicU64>,
}

const SECRET: &str = "secret";
const TOKEN: &str = "token";
const REGION: &str = "eu-central-1";
const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

/// A client of a service that follows `script`.
pub(crate) fn client(
    config: ClientConfig,
    script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
) -> Client {
    let config = ClientConfig {
        endpoint: "http://weir.test:4567".into(),
        region: REGION.into(),
        credentials: Credentials {
            access_key_id: "AKID".into(),
            secret_access_key: SECRET.into(),
            session_token: Some(TOKEN.into()),
        },
        ..config
    };
    let tasks = Tasks::simulated();
    let service =
        Service { script: Arc::new(script), tasks: tasks.clone(), connections: Arc::default() };
    let world = World {
        clock: Arc::new(FixedClock),
        entropy: Arc::new(FixedEntropy),
        net: Arc::new(service),
        tasks,
    };
    Client::in_world(config, world).expect("the configuration is fine")
}

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Makes every wait as long as it may be.
struct FixedEntropy;

impl Entropy for FixedEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0xff);
    }
}

#[async_trait]
impl Net for Service {
    async fn listen(&self, _: SocketAddr) -> io::Result<Box<dyn Listener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn connect(&self, authority: &str) -> io::Result<Box<dyn Connection>> {
        if authority != "weir.test:4567" {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let service = self.clone();
        self.tasks.spawn("test.connection", Policy::Report, async move {
            let answer = service_fn(|request| service.answer(number, request));
            let http = hyper::server::conn::http1::Builder::new();
            // An error is a connection that the script cut.
            let _ = http.serve_connection(TokioIo::new(ours), answer).await;
        });
        Ok(Box::new(theirs))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the script cuts the connection")]
struct Cut;

impl Service {
    async fn answer(
        &self,
        connection: u64,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Cut> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let target = header("x-amz-target").expect("there is a target");
        let content_type = header("content-type").expect("there is a content type");
        verify(&head, &body);
        let received = Received {
            operation: Operation::from_target(target).expect("the target is an operation"),
            encoding: Encoding::from_content_type(content_type).expect("it is known"),
            body,
            connection,
            session_token: header("x-amz-security-token").map(str::to_owned),
        };
        let (status, body, close) = match (self.script)(&received) {
            Reply::Answer(body) => (200, body, false),
            Reply::AnswerAndClose(body) => (200, body, true),
            Reply::Refusal(error) => {
                (error.code.http_status(), error.encode(received.encoding), false)
            }
            Reply::Cut => return Err(Cut),
            Reply::Hang => match pending::<Infallible>().await {},
        };
        let mut response = Response::builder().status(status).header("x-amzn-requestid", "r-1");
        if close {
            response = response.header("connection", "close");
        }
        Ok(response.body(Full::new(body)).expect("the parts are valid"))
    }
}

/// Checks the signature as a server does.
fn verify(head: &hyper::http::request::Parts, body: &[u8]) {
    let request = HttpRequest {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect(),
    };
    assert_eq!(request.headers.get("host"), Some("weir.test:4567"));
    let signed = parse(&request).expect("it is signed");
    let scope = signed.scope(NOW).expect("it is signed for this service, now");
    assert_eq!((scope.key_id, scope.region), ("AKID", REGION));
    let key = signing_key(&Secret::new(SECRET), scope.date, scope.region);
    signed.verify(&request, PayloadHash::of(body), &key).expect("the signature is right");
}

/// A configuration that tries `attempts` times.
pub(crate) fn attempts(attempts: u32) -> ClientConfig {
    ClientConfig {
        attempts_max: attempts,
        attempt_timeout: Duration::from_secs(30),
        ..ClientConfig::default()
    }
}
