//! A whole node behind a connection that says anything.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use runtime::{Connection, Listener, Net};
use server::config::{Layers, Profile};
use server::{Config, Node, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

/// What a connection holds in each direction before its reader must have read.
const BUFFER_BYTES: usize = 64 * 1024;
/// A connection that said all it has to say is answered and closed well before.
const ANSWER_TIME: Duration = Duration::from_secs(60);

static SERVED: LazyLock<Served> = LazyLock::new(Served::start);

/// Says `bytes` on a fresh connection and nothing more. The node answers in HTTP or hangs up, and
/// no answer is that of a handler that panicked.
pub(crate) fn run(bytes: &[u8]) {
    let said = SERVED.runtime.block_on(SERVED.ask(bytes));
    let is_http = said.is_empty() || said.starts_with(b"HTTP/1.") || said.starts_with(&[0, 0]);
    assert!(is_http, "{}", said.escape_ascii());
    let failed = said.windows(15).any(|text| text == b"InternalFailure");
    assert!(!failed, "{}", said.escape_ascii());
}

struct Served {
    runtime: Runtime,
    clients: mpsc::Sender<DuplexStream>,
    _node: Node,
}

impl Served {
    /// A node that takes any credentials, so that requests get as far as the handlers.
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the machine gives a runtime");
        let flags =
            [("ephemeral", "true"), ("listen", "127.0.0.1:0"), ("streams.transition_delay", "0ms")];
        let flags = flags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let config: Config =
            Layers { flags, ..Layers::defaults(Profile::Dev) }.load().expect("these are settings");
        let (clients, waiting) = mpsc::channel(1);
        let net = Arc::new(Wires(Mutex::new(Some(waiting))));
        let world = World { net, ..World::real(&config).expect("there is room for a directory") };
        let node = runtime.block_on(Node::start(config, world)).expect("the node starts");
        Self { runtime, clients, _node: node }
    }

    async fn ask(&self, bytes: &[u8]) -> Vec<u8> {
        let (ours, theirs) = tokio::io::duplex(BUFFER_BYTES);
        self.clients.send(theirs).await.expect("the node listens");
        let (mut answers, mut requests) = tokio::io::split(ours);
        let mut said = Vec::new();
        let talk = async {
            let asking = async {
                // It may have hung up before the end.
                let _ = requests.write_all(bytes).await;
                let _ = requests.shutdown().await;
            };
            let ((), answered) = tokio::join!(asking, answers.read_to_end(&mut said));
            let _ = answered;
        };
        assert!(timeout(ANSWER_TIME, talk).await.is_ok(), "neither answered nor closed");
        said
    }
}

/// A network whose connections are handed over in this process.
struct Wires(Mutex<Option<mpsc::Receiver<DuplexStream>>>);

#[async_trait]
impl Net for Wires {
    async fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let waiting = self.0.lock().await.take().ok_or(io::ErrorKind::AddrInUse)?;
        Ok(Box::new(Waiting { address, clients: Mutex::new(waiting) }))
    }

    async fn connect(&self, _: &str) -> io::Result<Box<dyn Connection>> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

struct Waiting {
    address: SocketAddr,
    clients: Mutex<mpsc::Receiver<DuplexStream>>,
}

#[async_trait]
impl Listener for Waiting {
    fn address(&self) -> SocketAddr {
        self.address
    }

    async fn accept(&self) -> io::Result<(Box<dyn Connection>, SocketAddr)> {
        match self.clients.lock().await.recv().await {
            Some(client) => Ok((Box::new(client), self.address)),
            None => std::future::pending().await,
        }
    }
}
