//! Over pipes in memory and a paused clock: when nothing more can happen, the next deadline is
//! reached at once, so a test that waits for one takes no time and proves that it is kept.

use std::io;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use runtime::{Connection, Meters};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{Mutex, Notify, broadcast, mpsc};
use tokio::time::{Instant, timeout};

use super::*;
use crate::metrics::Metrics;

mod goodbye;
mod streaming;

const GET: &[u8] = b"GET /size/5 HTTP/1.1\r\nhost: weir\r\n\r\n";
const WAIT: &[u8] = b"GET /wait HTTP/1.1\r\nhost: weir\r\n\r\n";
const PIPE_BYTES: usize = 64 * 1024;

/// Reads a body if there is one, then: `/size/N` answers N bytes; `/wait` answers two when it is
/// let go; `/stream/N` sends message after message.
struct Answers {
    bodies: Bodies,
    begun: Notify,
    go_on: Notify,
    /// What `/stream/N` sends.
    messages: [broadcast::Sender<Bytes>; 2],
}

impl Answer for Answers {
    async fn answer(&self, request: Request<Incoming>) -> Answered {
        let (head, body) = request.into_parts();
        let body = self.bodies.read(body).await;
        if let Err(refused) = body {
            return Response::new(Bytes::from(format!("{refused:?}")).into());
        }
        let path = head.uri.path();
        if path == "/wait" {
            self.begun.notify_one();
            self.go_on.notified().await;
        }
        if let Some(which) = path.strip_prefix("/stream/") {
            let messages = self.messages[which.parse::<usize>().unwrap()].subscribe();
            let messages = futures_util::stream::unfold(messages, async |mut messages| {
                Some((messages.recv().await.ok()?, messages))
            });
            return Response::new(AnswerBody::streamed(Box::pin(messages)));
        }
        let size = path.strip_prefix("/size/").map_or(2, |size| size.parse().unwrap());
        Response::new(Bytes::from(vec![b'x'; size]).into())
    }
}

/// Accepts the ends of pipes.
struct Pipes(Mutex<mpsc::Receiver<DuplexStream>>);

#[async_trait]
impl Listener for Pipes {
    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 4567))
    }

    async fn accept(&self) -> io::Result<(Box<dyn Connection>, SocketAddr)> {
        let stream = self.0.lock().await.recv().await.expect("the test holds the other end");
        Ok((Box::new(stream), self.address()))
    }
}

struct Served {
    front: Front,
    answers: Arc<Answers>,
    port: mpsc::Sender<DuplexStream>,
    meters: Meters,
}

fn serve(config: config::Http) -> Served {
    let (port, accepted) = mpsc::channel(16);
    let (bodies, begun, go_on) = (Bodies::new(&config), Notify::new(), Notify::new());
    let messages = [broadcast::Sender::new(1024), broadcast::Sender::new(1024)];
    let answers = Arc::new(Answers { bodies, begun, go_on, messages });
    let meters = Meters::default();
    let metrics = Metrics::new(&meters).connections;
    let listener = Box::new(Pipes(Mutex::new(accepted)));
    let front = Front::start(config, None, listener, answers.clone(), &Tasks::simulated(), metrics);
    Served { front, answers, port, meters }
}

impl Served {
    async fn connect(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(PIPE_BYTES);
        self.port.send(server).await.unwrap();
        client
    }

    async fn still_answers(&self) {
        let mut stream = self.connect().await;
        stream.write_all(GET).await.unwrap();
        assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
    }
}

/// The head of the next answer, and its five bytes of body.
async fn read_answer(stream: &mut DuplexStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\nxxxxx") && stream.read_buf(&mut text).await.unwrap() > 0 {}
    String::from_utf8(text).unwrap()
}

/// Waits for the server to close, and gives what it said before and how long that took.
async fn read_to_close(stream: &mut DuplexStream) -> (Vec<u8>, Duration) {
    let (mut said, begun) = (Vec::new(), Instant::now());
    stream.read_to_end(&mut said).await.unwrap();
    (said, begun.elapsed())
}

fn assert_took(elapsed: Duration, expected: Duration) {
    let late = elapsed.checked_sub(expected).expect("closed too early");
    assert!(late < Duration::from_secs(1), "closed after {elapsed:?} instead of {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed_when_it_has_idled_long_enough() {
    let config = config::Http::default();
    let served = serve(config.clone());
    let mut fresh = served.connect().await;
    let (said, elapsed) = read_to_close(&mut fresh).await;
    assert!(said.is_empty());
    assert_took(elapsed, config.idle_timeout);

    let mut used = served.connect().await;
    used.write_all(GET).await.unwrap();
    assert!(read_answer(&mut used).await.starts_with("HTTP/1.1 200 OK"));
    let (said, elapsed) = read_to_close(&mut used).await;
    assert!(said.is_empty());
    assert_took(elapsed, config.idle_timeout);
}

#[tokio::test(start_paused = true)]
async fn a_header_that_is_begun_must_end_in_time() {
    let config = config::Http::default();
    let served = serve(config.clone());
    for beginning in [&b"P"[..], b"PRI * HT", b"GET / HTTP/1.1\r\nhost:"] {
        let mut stream = served.connect().await;
        stream.write_all(beginning).await.unwrap();
        let (said, elapsed) = read_to_close(&mut stream).await;
        assert!(said.is_empty());
        assert_took(elapsed, config.header_timeout);
    }
    let mut second = served.connect().await;
    second.write_all(GET).await.unwrap();
    read_answer(&mut second).await;
    second.write_all(&GET[..9]).await.unwrap();
    let (_, elapsed) = read_to_close(&mut second).await;
    assert_took(elapsed, config.header_timeout);
    served.still_answers().await;
}

#[tokio::test(start_paused = true)]
async fn a_header_that_dribbles_is_not_given_more_time() {
    let config = config::Http::default();
    let served = serve(config.clone());
    let mut stream = served.connect().await;
    let begun = Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    while stream.write_all(b"a: b\r\n").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(900)).await;
    }
    assert_took(begun.elapsed(), config.header_timeout);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_is_given_up() {
    let config = config::Http::default();
    let served = serve(config.clone());
    let mut stream = served.connect().await;
    stream.write_all(b"GET /size/500000 HTTP/1.1\r\nhost: weir\r\n\r\n").await.unwrap();
    tokio::time::sleep(config.write_timeout + Duration::from_secs(1)).await;
    assert!(served.meters.render().contains("weir_server_connections 0"));
    let (said, _) = read_to_close(&mut stream).await;
    assert_eq!(said.len(), PIPE_BYTES);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_read_slowly_is_not_given_up() {
    let config = config::Http::default();
    let served = serve(config.clone());
    let mut stream = served.connect().await;
    stream.write_all(b"GET /size/500000 HTTP/1.1\r\nhost: weir\r\n\r\n").await.unwrap();
    let (mut read, mut buffer) = (0, vec![0; 10_000]);
    while read < 500_000 {
        tokio::time::sleep(config.write_timeout / 2).await;
        match stream.read(&mut buffer).await.unwrap() {
            0 => panic!("given up after {read} bytes"),
            bytes => read += bytes,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_may_take_longer_than_a_connection_may_idle() {
    let config = config::Http::default();
    let served = serve(config.clone());
    let mut stream = served.connect().await;
    stream.write_all(WAIT).await.unwrap();
    tokio::time::sleep(config.idle_timeout * 3).await;
    served.answers.go_on.notify_one();
    let (said, _) = read_to_close(&mut stream).await;
    assert!(said.starts_with(b"HTTP/1.1 200 OK"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_rested_goes_on_and_keeps_its_deadlines() {
    let config = config::Http::default();
    let served = serve(config.clone());
    let mut stream = served.connect().await;
    for pause in [Duration::ZERO, Duration::from_secs(5), config.idle_timeout / 2] {
        tokio::time::sleep(pause).await;
        stream.write_all(GET).await.unwrap();
        assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
    }
    // The beginning of a request comes with the one before it, and its end after a rest.
    stream.write_all(&[GET, &GET[..7]].concat()).await.unwrap();
    read_answer(&mut stream).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    stream.write_all(&GET[7..]).await.unwrap();
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
    let (_, elapsed) = read_to_close(&mut stream).await;
    assert_took(elapsed, config.idle_timeout);
}

#[tokio::test(start_paused = true)]
async fn a_body_waits_for_its_share_of_memory_for_as_long_as_a_body_may_take() {
    let size = bytesize::ByteSize::kib(1);
    let sizes = config::Http { body_bytes_max: size, bodies_bytes_max: size, ..Default::default() };
    let served = serve(sizes.clone());
    let post = |path: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: weir\r\ncontent-length: 1\r\n\r\nx").into_bytes()
    };
    let mut holder = served.connect().await;
    holder.write_all(&post("/wait")).await.unwrap();
    served.answers.begun.notified().await;

    let mut waiter = served.connect().await;
    let begun = Instant::now();
    waiter.write_all(&post("/size/5")).await.unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"NoRoom") {
        assert!(waiter.read_buf(&mut said).await.unwrap() > 0, "closed without a word");
    }
    assert_took(begun.elapsed(), sizes.body_timeout);

    let mut patient = served.connect().await;
    patient.write_all(&post("/size/5")).await.unwrap();
    tokio::time::sleep(sizes.body_timeout / 2).await;
    served.answers.go_on.notify_one();
    assert!(read_answer(&mut patient).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test(start_paused = true)]
async fn connections_beyond_the_limit_wait_until_one_ends() {
    let served = serve(config::Http { connections_max: 1, ..Default::default() });
    let mut first = served.connect().await;
    first.write_all(GET).await.unwrap();
    read_answer(&mut first).await;
    let mut second = served.connect().await;
    second.write_all(GET).await.unwrap();
    let beside = timeout(Duration::from_secs(5), read_answer(&mut second)).await;
    assert!(beside.is_err(), "the second was served beside the first");
    drop(first);
    assert!(read_answer(&mut second).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test(start_paused = true)]
async fn draining_finishes_what_is_under_way_and_closes_what_idles() {
    let served = serve(config::Http::default());
    let mut fresh = served.connect().await;
    let mut used = served.connect().await;
    used.write_all(GET).await.unwrap();
    read_answer(&mut used).await;
    let mut under_way = served.connect().await;
    under_way.write_all(WAIT).await.unwrap();
    served.answers.begun.notified().await;

    let ends = async {
        for idle in [&mut fresh, &mut used] {
            let (said, elapsed) = read_to_close(idle).await;
            assert!(said.is_empty());
            assert_took(elapsed, Duration::ZERO);
        }
        assert!(served.port.is_closed(), "the port is still open");
        served.answers.go_on.notify_one();
        assert!(read_to_close(&mut under_way).await.0.ends_with(b"\r\n\r\nxx"));
    };
    tokio::join!(served.front.drain(Duration::from_secs(60)), ends);
    assert!(served.front.connections.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_longer_than_its_grace() {
    let served = serve(config::Http::default());
    let mut stuck = served.connect().await;
    stuck.write_all(WAIT).await.unwrap();
    served.answers.begun.notified().await;
    let begun = Instant::now();
    served.front.drain(Duration::from_secs(20)).await;
    assert_took(begun.elapsed(), Duration::from_secs(20));
    assert_eq!(served.front.connections.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_http2_connection_carries_many_requests_beside_http1() {
    let served = serve(config::Http::default());
    let stream = TokioIo::new(served.connect().await);
    let (mut requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    Tasks::simulated().spawn("test.http2", Policy::Report, async move {
        connection.await.unwrap();
    });
    let mut ask = |path: &str| {
        let request = Request::get(format!("http://weir{path}")).body(Full::<Bytes>::default());
        let response = requests.send_request(request.unwrap());
        async { response.await.unwrap().into_body().collect().await.unwrap().to_bytes().len() }
    };
    let (waiting, quick) = (ask("/wait"), ask("/size/3000000"));
    // The second is answered while the first still waits.
    let others = async {
        assert_eq!(quick.await, 3_000_000);
        served.still_answers().await;
        served.answers.go_on.notify_one();
    };
    assert_eq!(tokio::join!(waiting, others).0, 2);
}

#[tokio::test(start_paused = true)]
async fn an_http2_preface_in_pieces_is_still_one_and_pings_keep_the_connection_open() {
    let config = config::Http::default();
    let served = serve(config.clone());
    let mut stream = served.connect().await;
    for piece in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".chunks(5) {
        stream.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stream.write_all(&frame(SETTINGS, &[])).await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < config.idle_timeout * 2 {
        tokio::time::sleep(config.idle_timeout / 2).await;
        stream.write_all(&frame(PING, b"pingpong")).await.unwrap();
        while read_frame(&mut stream).await != (PING, b"pingpong".to_vec()) {}
    }
}

const SETTINGS: u8 = 4;
const PING: u8 = 6;

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, u8::try_from(payload.len()).unwrap(), kind, 0, 0, 0, 0, 0];
    frame.extend(payload);
    frame
}

async fn read_frame(stream: &mut DuplexStream) -> (u8, Vec<u8>) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; usize::from(head[2])];
    stream.read_exact(&mut payload).await.unwrap();
    (head[3], payload)
}
