//! Whatever bytes come in, the node goes on, and says no rather than nothing where it can.

use runtime::{Entropy, SystemEntropy};
use tokio::io::AsyncWriteExt;

use crate::harness::{read_to_close, start};

#[tokio::test]
async fn garbage_is_refused_and_closes_only_its_own_connection() {
    let started = start(&[]).await;
    let tls_hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    let long_header = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "a".repeat(100_000));
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    for garbage in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        &tls_hello,
        long_header.as_bytes(),
        many_headers.as_bytes(),
    ] {
        let mut stream = started.connect().await;
        let _ = stream.write_all(garbage).await;
        let _ = stream.shutdown().await;
        let said = read_to_close(&mut stream).await;
        assert!(!said.contains(" 200 ") && !said.contains(" 500 "), "{said}");
    }
    started.still_answers().await;
    assert_eq!(started.metric("weir_server_panics_total").await, 0.0);
}

#[tokio::test]
async fn a_header_that_is_too_large_is_told_so() {
    let started = start(&[]).await;
    let mut stream = started.connect().await;
    let header = format!("POST / HTTP/1.1\r\nhost: weir\r\nx: {}", "a".repeat(40_000));
    stream.write_all(header.as_bytes()).await.unwrap();
    assert!(read_to_close(&mut stream).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_truncated_http2_preface_or_frame_ends_with_its_client() {
    let started = start(&[]).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x20\x01";
    for length in 0..preface.len() {
        let mut stream = started.connect().await;
        stream.write_all(&preface[..length]).await.unwrap();
        stream.shutdown().await.unwrap();
        read_to_close(&mut stream).await;
    }
    started.still_answers().await;
}

#[tokio::test]
async fn random_bytes_never_panic() {
    let started = start(&[]).await;
    let starts = [
        &b""[..],
        b"POST / HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        b"POST / HTTP/1.1\r\nhost: weir\r\ncontent-type: application/x-amz-cbor-1.1\r\n\
          x-amz-target: Kinesis_20131202.PutRecords\r\ncontent-length: 300\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: weir\r\ncontent-type: application/x-amz-json-1.1\r\n\
          x-amz-target: Kinesis_20131202.PutRecords\r\ncontent-length: 300\r\n\r\n{\"Records\":[",
    ];
    for round in 0..200 {
        let mut random = [0; 300];
        SystemEntropy.fill(&mut random);
        let mut stream = started.connect().await;
        let _ = stream.write_all(starts[round % starts.len()]).await;
        let _ = stream.write_all(&random).await;
        let _ = stream.shutdown().await;
        read_to_close(&mut stream).await;
    }
    started.still_answers().await;
    assert_eq!(started.metric("weir_server_panics_total").await, 0.0);
}
