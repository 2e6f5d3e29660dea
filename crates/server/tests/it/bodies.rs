//! Bodies that are too large, too slow, cut off, or merely unusual.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Started, post, read_to_close, start};

const KIB: usize = 1024;
const SMALL: &[(&str, &str)] =
    &[("http.body_bytes_max", "64KiB"), ("http.bodies_bytes_max", "64KiB")];
const HEAD: &str = "POST / HTTP/1.1\r\nhost: weir\r\nx-amz-target: Kinesis_20131202.ListStreams\r\n\
                    content-type: application/x-amz-json-1.1\r\n";

async fn send(started: &Started, bytes: &str) -> TcpStream {
    let mut stream = started.connect().await;
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

async fn read_status(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(line).unwrap()
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_answered_with_413_and_the_connection_goes_on() {
    let started = start(SMALL).await;
    let mut http1 = started.http1().await;
    let mut http2 = started.http2().await;
    for size in [64 * KIB + 1, 128 * KIB] {
        let answer = http1.send(post("ListStreams", &" ".repeat(size))).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (413, 0));
        assert!(!answer.header("x-amzn-requestid").is_empty());
        let answer = http2.send(post("ListStreams", &" ".repeat(size))).await;
        assert_eq!(answer.status, 413);
    }
    assert_eq!(http1.send(post("ListStreams", "{}")).await.status, 200);
    assert_eq!(http2.send(post("ListStreams", "{}")).await.status, 200);
}

#[tokio::test]
async fn a_body_exactly_at_the_limit_is_taken() {
    let started = start(SMALL).await;
    let body = format!("{}{{}}", " ".repeat(64 * KIB - 2));
    assert_eq!(started.http1().await.send(post("ListStreams", &body)).await.status, 200);
    assert_eq!(started.http2().await.send(post("ListStreams", &body)).await.status, 200);
}

#[tokio::test]
async fn a_body_far_beyond_the_limit_closes_the_connection_after_a_readable_answer() {
    let started = start(SMALL).await;
    let mut stream = started.connect().await;
    let head = format!("{HEAD}content-length: {}\r\n\r\n", 32 << 20);
    stream.write_all(head.as_bytes()).await.unwrap();
    // Like most clients, it sends all of its body before it looks for an answer.
    stream.write_all(&vec![b' '; 32 << 20]).await.unwrap();
    let said = read_to_close(&mut stream).await.to_lowercase();
    assert!(said.starts_with("http/1.1 413 "), "{said}");
    assert!(said.contains("connection: close"), "{said}");
    started.still_answers().await;
}

#[tokio::test]
async fn a_chunked_body_is_taken_and_bounded() {
    let started = start(SMALL).await;
    let head = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    let mut stream = send(&started, &format!("{head}1\r\n{{\r\n1\r\n}}\r\n0\r\n\r\n")).await;
    assert_eq!(read_status(&mut stream).await, "HTTP/1.1 200 OK\r\n");

    let mut stream = send(&started, &head).await;
    let chunk = format!("2000\r\n{}\r\n", " ".repeat(8 * KIB));
    for _ in 0..9 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(read_status(&mut stream).await, "HTTP/1.1 413 Payload Too Large\r\n");
}

#[tokio::test]
async fn a_client_that_expects_to_be_told_to_continue_is_told() {
    let started = start(SMALL).await;
    let head = format!("{HEAD}expect: 100-continue\r\n");
    let mut stream = send(&started, &format!("{head}content-length: 2\r\n\r\n")).await;
    assert_eq!(read_status(&mut stream).await, "HTTP/1.1 100 Continue\r\n");
    stream.write_all(b"{}").await.unwrap();
    assert_eq!(read_status(&mut stream).await, "\r\n");
    assert_eq!(read_status(&mut stream).await, "HTTP/1.1 200 OK\r\n");

    // And one whose body would not be read is spared the trouble of sending it.
    let mut stream = send(&started, &format!("{head}content-length: 9999999\r\n\r\n")).await;
    assert_eq!(read_status(&mut stream).await, "HTTP/1.1 413 Payload Too Large\r\n");
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_given_up() {
    let started = start(&[("http.body_timeout", "50ms")]).await;
    let mut stream = send(&started, &format!("{HEAD}content-length: 10\r\n\r\n{{")).await;
    assert!(read_to_close(&mut stream).await.starts_with("HTTP/1.1 408 "));
    started.still_answers().await;
}

#[tokio::test]
async fn a_header_that_does_not_come_in_time_is_given_up() {
    let started = start(&[("http.header_timeout", "50ms")]).await;
    let mut stream = send(&started, HEAD).await;
    assert_eq!(read_to_close(&mut stream).await, "");
    started.still_answers().await;
}

#[tokio::test]
async fn a_body_that_is_cut_off_concerns_nobody_else() {
    let started = start(SMALL).await;
    for rest in ["content-length: 10\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n5\r\n{"] {
        let mut stream = send(&started, &format!("{HEAD}{rest}")).await;
        stream.shutdown().await.unwrap();
        assert!(!read_to_close(&mut stream).await.contains(" 200 "));
    }
    started.still_answers().await;
}
