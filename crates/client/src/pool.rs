//! Connections to one endpoint, kept open between calls.
//!
//! A connection is driven by the call that uses it, so the client needs no tasks of its own and a
//! call costs no hop between tasks. An idle connection is not watched: it is asked whether it is
//! still open when it is taken out. Invariant: a connection goes back only after a complete
//! answer, so one cut off in the middle is dropped and closed.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use runtime::Net;

use crate::tls::Tls;

/// More than GetRecords' 10 MiB of payload in its largest encoding.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

type Cause = Box<dyn std::error::Error + Send + Sync>;
type Driver = http1::Connection<TokioIo<Box<dyn runtime::Connection>>, Full<Bytes>>;

/// A complete answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was sent.
    Connect(io::Error),
    /// The connection broke.
    Broken(Cause),
}

pub(crate) struct Pool {
    net: Arc<dyn Net>,
    tls: Option<Tls>,
    authority: String,
    connect_timeout: Duration,
    turns: Semaphore,
    idle: Mutex<Vec<Link>>,
}

impl Pool {
    pub(crate) fn new(
        net: Arc<dyn Net>,
        tls: Option<Tls>,
        authority: String,
        connect_timeout: Duration,
        connections_max: usize,
    ) -> Self {
        let turns = Semaphore::new(connections_max.clamp(1, Semaphore::MAX_PERMITS));
        Self { net, tls, authority, connect_timeout, turns, idle: Mutex::default() }
    }

    /// Sends `request` and waits for the whole answer.
    pub(crate) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
        let mut link = match self.take_idle() {
            Some(link) => link,
            None => self.connect().await?,
        };
        let answer = link.exchange(request).await.map_err(Failure::Broken)?;
        if link.is_reusable() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        }
        Ok(answer)
    }

    /// Sends `request` on a connection of its own, for an answer that comes by and by.
    pub(crate) async fn open(&self, request: Request<Full<Bytes>>) -> Result<Opened, Failure> {
        let mut link = self.connect().await?;
        let response = link.start(request).await.map_err(Failure::Broken)?;
        Ok(Opened { response, link })
    }

    /// The connection used last, so that spare ones grow old and are closed by the server.
    fn take_idle(&self) -> Option<Link> {
        loop {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let mut link = idle.pop()?;
            drop(idle);
            if link.is_reusable() {
                return Some(link);
            }
        }
    }

    async fn connect(&self) -> Result<Link, Failure> {
        let connect = async {
            let stream = self.net.connect(&self.authority).await?;
            match &self.tls {
                Some(tls) => tls.connect(stream).await,
                None => Ok(stream),
            }
        };
        let connected = timeout(self.connect_timeout, connect).await;
        let stream = connected
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(Failure::Connect)?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Failure::Connect(io::Error::other(error)))?;
        Ok(Link { sender, driver: Some(Box::pin(driver)) })
    }
}

/// An answer whose head is there. Its connection closes with it.
pub(crate) struct Opened {
    response: Response<Incoming>,
    link: Link,
}

impl Opened {
    pub(crate) fn is_success(&self) -> bool {
        self.response.status().is_success()
    }

    /// All of the rest, for an answer that turned out to be whole.
    pub(crate) async fn whole(mut self) -> Result<Answer, Failure> {
        let mut body = Vec::new();
        while let Some(bytes) = self.next().await? {
            if body.len() + bytes.len() > ANSWER_BYTES_MAX {
                return Err(Failure::Broken("the answer is too long".into()));
            }
            body.extend_from_slice(&bytes);
        }
        let (head, _) = self.response.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body: body.into() })
    }

    /// The next bytes of the body, or none at its end. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = self.link.drive(self.response.body_mut().frame()).await;
            match frame.transpose().map_err(|error| Failure::Broken(error.into()))? {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }
}

/// One connection.
struct Link {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once the connection is closed.
    driver: Option<Pin<Box<Driver>>>,
}

impl Link {
    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Cause> {
        let response = self.sender.send_request(request);
        let answer = async {
            let (head, body) = response.await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        self.drive(answer).await
    }

    /// Waits for the head of the answer.
    async fn start(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Cause> {
        let response = self.sender.send_request(request);
        Ok(self.drive(response).await?)
    }

    /// Waits for what the connection brings, and drives it meanwhile.
    async fn drive<T>(&mut self, outcome: impl Future<Output = T>) -> T {
        let mut outcome = pin!(outcome);
        if let Some(driver) = self.driver.as_mut() {
            tokio::select! {
                biased;
                outcome = &mut outcome => return outcome,
                _ = driver => {}
            }
        }
        // The connection is closed; the answer may have arrived before. Dropping the driver
        // makes a pending request fail.
        self.driver = None;
        outcome.await
    }

    /// Lets the connection notice that the other side closed it.
    fn is_reusable(&mut self) -> bool {
        let closed = self.driver.as_mut().is_none_or(|driver| driver.now_or_never().is_some());
        if closed {
            self.driver = None;
        }
        !closed && self.sender.is_ready()
    }
}
