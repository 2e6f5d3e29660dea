//! Answers that come by and by.

use super::*;

const STREAM: &[u8] = b"GET /stream/0 HTTP/1.1\r\nhost: weir\r\n\r\n";

impl Served {
    /// Sends a message to whoever asked for `/stream/N`.
    fn send(&self, which: usize, message: impl Into<Bytes>) {
        self.answers.messages[which].send(message.into()).expect("somebody listens");
    }

    /// Waits until so many listen to `/stream/N`.
    async fn listened_to(&self, which: usize, count: usize) {
        while self.answers.messages[which].receiver_count() != count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn read_until(stream: &mut DuplexStream, end: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    while !said.ends_with(end) {
        assert!(stream.read_buf(&mut said).await.unwrap() > 0, "closed after {said:?}");
    }
    said
}

#[tokio::test(start_paused = true)]
async fn a_streamed_answer_goes_out_message_by_message_and_is_not_idle() {
    let config = config::Http::default();
    let served = serve(config.clone());
    let mut stream = served.connect().await;
    stream.write_all(STREAM).await.unwrap();
    let head = read_until(&mut stream, b"\r\n\r\n").await;
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    for message in ["one", "two"] {
        served.send(0, message);
        let begun = Instant::now();
        read_until(&mut stream, format!("3\r\n{message}\r\n").as_bytes()).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        tokio::time::sleep(config.idle_timeout * 3).await;
    }
    drop(stream);
    served.listened_to(0, 0).await;
}

#[tokio::test(start_paused = true)]
async fn draining_ends_a_streamed_answer_between_two_messages() {
    let served = serve(config::Http::default());
    let mut stream = served.connect().await;
    stream.write_all(STREAM).await.unwrap();
    served.listened_to(0, 1).await;
    served.send(0, "one");
    read_until(&mut stream, b"one\r\n").await;
    let (requests, mut http2) = connect_http2(&served).await;
    let body = http2.ask("/stream/1").await.into_body();
    let ends = async {
        let (said, elapsed) = read_to_close(&mut stream).await;
        assert_eq!(said, b"0\r\n\r\n", "the body is whole");
        assert_took(elapsed, Duration::ZERO);
        assert!(body.collect().await.unwrap().to_bytes().is_empty());
        drop((requests, http2));
    };
    tokio::join!(served.front.drain(Duration::from_secs(60)), ends);
    assert!(served.front.connections.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_streamed_answer_that_nobody_reads_is_given_up_and_holds_little() {
    let config = config::Http::default();
    let served = serve(config.clone());
    let mut stream = served.connect().await;
    stream.write_all(STREAM).await.unwrap();
    served.listened_to(0, 1).await;
    for _ in 0..100 {
        served.send(0, vec![b'x'; 100_000]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // What is not taken waits with who made it, here with the channel.
    let queued = served.answers.messages[0].len();
    assert!(queued > 90, "{} messages were taken", 100 - queued);
    tokio::time::sleep(config.write_timeout + Duration::from_secs(1)).await;
    served.listened_to(0, 0).await;
    let (said, _) = read_to_close(&mut stream).await;
    assert_eq!(said.len(), PIPE_BYTES);
}

/// A connection that speaks HTTP/2.
struct Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>);

impl Http2 {
    async fn ask(&mut self, path: &str) -> Response<Incoming> {
        let request = Request::get(format!("http://weir{path}")).body(Full::<Bytes>::default());
        self.0.send_request(request.unwrap()).await.unwrap()
    }
}

async fn connect_http2(served: &Served) -> (Tasks, Http2) {
    let stream = TokioIo::new(served.connect().await);
    let (requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let tasks = Tasks::simulated();
    tasks.spawn("test.http2", Policy::Report, async move {
        let _ = connection.await;
    });
    (tasks, Http2(requests))
}

#[tokio::test(start_paused = true)]
async fn over_http2_only_the_answer_that_nobody_reads_is_given_up() {
    let config = config::Http::default();
    let served = serve(config.clone());
    let (_tasks, mut http2) = connect_http2(&served).await;
    let unread = http2.ask("/stream/0").await.into_body();
    let mut read = http2.ask("/stream/1").await.into_body();
    // More than the window of a request, less than that of the connection.
    for _ in 0..30 {
        served.send(0, vec![b'x'; 100_000]);
    }
    let begun = Instant::now();
    while served.answers.messages[0].receiver_count() == 1 {
        served.send(1, "beside");
        assert_eq!(read.frame().await.unwrap().unwrap().into_data().unwrap(), "beside");
        tokio::time::sleep(config.write_timeout / 100).await;
    }
    assert_took(begun.elapsed(), config.write_timeout);
    assert!(unread.collect().await.is_err(), "it was reset");
    served.send(1, "still");
    assert_eq!(read.frame().await.unwrap().unwrap().into_data().unwrap(), "still");
    // One that is read but gets no messages lasts.
    tokio::time::sleep(config.write_timeout * 3).await;
    served.send(1, "later");
    assert_eq!(read.frame().await.unwrap().unwrap().into_data().unwrap(), "later");
}
