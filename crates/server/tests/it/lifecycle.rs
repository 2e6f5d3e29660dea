//! Start, stop, and what is said when one of them fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::Timestamp;
use runtime::{Clock, SystemClock};
use serde_json::json;
use server::{Error, Node, World};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Started, config, get, post, read_to_close, start, start_with_clock};

async fn start_in(directory: &Path, settings: &[(&str, &str)]) -> Result<Node, Error> {
    let config = config(directory, settings);
    let world = World::real(&config)?;
    Node::start(config, world).await
}

fn whole(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", whole(cause))).unwrap_or_default();
    format!("{error}{cause}")
}

#[tokio::test]
async fn a_graceful_stop_finishes_the_request_under_way_and_takes_no_new_one() {
    let Started { node, home: _home } = start(&[]).await;
    let address = node.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: weir\r\nx-amz-target: Kinesis_20131202.ListStreams\r\n\
                content-type: application/x-amz-json-1.1\r\nexpect: 100-continue\r\n\
                content-length: 2\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // Told to continue, the request is under way.
    let mut told = [0; 25];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");

    let finishes = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        stream.write_all(b"{}").await.unwrap();
        read_to_close(&mut stream).await
    };
    let (stopped, answer) = tokio::join!(node.stop(), finishes);
    stopped.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_node_runs_until_it_is_told_to_stop() {
    let Started { node, home: _home } = start(&[]).await;
    let (stop, stopping) = tokio::sync::oneshot::channel::<()>();
    let running = node.run_until(async {
        stopping.await.unwrap();
    });
    let mut running = std::pin::pin!(running);
    assert!(futures_util::FutureExt::now_or_never(running.as_mut()).is_none());
    stop.send(()).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn a_node_that_cannot_go_on_says_so_and_stops_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path(), &[]);
    let world = World::real(&config).unwrap();
    let tasks = world.tasks.clone();
    let node = Node::start(config, world).await.unwrap();
    let started = Started { node, home: directory };
    let mut http = started.http1().await;
    let healthy = http.send(get("/health")).await;
    assert_eq!((healthy.status.as_u16(), &healthy.json()["status"]), (200, &json!("ok")));
    assert_eq!(healthy.json()["version"], env!("CARGO_PKG_VERSION"));

    tasks.stop("the disk is on fire");
    let ill = http.send(get("/health")).await;
    assert_eq!((ill.status.as_u16(), &ill.json()["status"]), (503, &json!("stopping")));
    assert_eq!(ill.json()["reason"], "the disk is on fire");
    let error = started.node.run_until(std::future::pending()).await.unwrap_err();
    assert!(error.to_string().contains("the disk is on fire"), "{error}");
}

/// Panics once when told to.
#[derive(Default)]
struct Mine(AtomicBool);

impl Clock for Mine {
    fn now(&self) -> Timestamp {
        assert!(!self.0.swap(false, Ordering::Relaxed), "on purpose");
        SystemClock.now()
    }
}

#[tokio::test]
async fn a_request_whose_handling_panics_is_answered_and_counted_and_the_node_goes_on() {
    let mine = Arc::new(Mine::default());
    let started = start_with_clock(&[], mine.clone()).await;
    mine.0.store(true, Ordering::Relaxed);
    let answer = started.call("ListStreams", json!({})).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json(), json!({"__type": "InternalFailure"}));
    assert!(!answer.header("x-amzn-requestid").is_empty());
    started.still_answers().await;
    assert_eq!(started.metric("weir_server_panics_total").await, 1.0);
}

#[tokio::test]
async fn a_second_node_on_the_same_directory_is_told_who_holds_it_and_what_to_do() {
    let started = start(&[]).await;
    let path: PathBuf = started.node.directory().unwrap().into();
    let error = whole(&start_in(&path, &[]).await.err().unwrap());
    for part in [path.to_str().unwrap(), &std::process::id().to_string(), "--data-dir"] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
    started.still_answers().await;
    started.node.stop().await.unwrap();
    start_in(&path, &[]).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let started = start(&[]).await;
    let taken = started.node.address().to_string();
    let other = tempfile::tempdir().unwrap();
    let error = whole(&start_in(other.path(), &[("listen", &taken)]).await.err().unwrap());
    assert!(error.contains(&taken) && error.contains("--listen"), "{error}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named_with_the_cure() {
    let file = tempfile::NamedTempFile::new().unwrap();
    // A directory of the kernel refuses even root, who may write to a read-only one.
    for path in [file.path().join("below-a-file"), "/sys/kernel".into()] {
        let error = start_in(&path, &[]).await.err().expect("the start fails");
        let error = whole(&error);
        for part in [path.to_str().unwrap(), "--data-dir", "write"] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }
}

#[tokio::test]
async fn an_ephemeral_node_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let unused = directory.path().join("unused");
    let node = start_in(&unused, &[("ephemeral", "true")]).await.unwrap();
    let kept = node.directory().unwrap().to_owned();
    assert!(kept.exists() && kept != unused);
    node.stop().await.unwrap();
    assert!(!kept.exists() && !unused.exists());
}

#[tokio::test]
async fn the_first_start_that_verifies_makes_a_root_key_and_later_ones_use_it() {
    let directory = tempfile::tempdir().unwrap();
    let verify = [("auth.mode", "verify")];
    let node = start_in(directory.path(), &verify).await.unwrap();
    let made = node.root_key_created().expect("a key was made").access_key_id.clone();
    node.stop().await.unwrap();
    let kept = std::fs::read_to_string(directory.path().join("credentials")).unwrap();
    assert!(kept.contains(&made));

    let node = start_in(directory.path(), &verify).await.unwrap();
    assert!(node.root_key_created().is_none());
    let started = Started { node, home: directory };
    let unsigned = started.call("ListStreams", json!({})).await.error();
    assert_eq!(unsigned.0, "MissingAuthenticationTokenException");
}

#[tokio::test]
async fn what_is_served_is_counted_by_operation_and_class() {
    let started = start(&[]).await;
    let mut http = started.http1().await;
    assert_eq!(http.send(post("ListStreams", "{}")).await.status, 200);
    assert_eq!(http.send(post("ListStreams", "[")).await.status, 400);
    assert_eq!(http.send(post("PutRecord", "{}")).await.status, 400);
    let page = http.send(get("/metrics")).await;
    assert!(page.header("content-type").starts_with("application/openmetrics-text"));
    let requests = "weir_server_requests_total";
    for (series, value) in [
        (format!("{requests}{{operation=\"ListStreams\",status=\"2xx\"}}"), 1.0),
        (format!("{requests}{{operation=\"ListStreams\",status=\"4xx\"}}"), 1.0),
        (format!("{requests}{{operation=\"PutRecord\",status=\"4xx\"}}"), 1.0),
        ("weir_server_received_bytes_total".into(), 5.0),
        ("weir_server_request_seconds_count{operation=\"ListStreams\"}".into(), 2.0),
    ] {
        assert_eq!(started.metric(&series).await, value, "{series}");
    }
}

#[tokio::test]
async fn a_node_with_another_master_key_than_the_directory_was_begun_with_does_not_start() {
    let home = tempfile::tempdir().unwrap();
    let begun = start_in(home.path(), &[]).await.unwrap();
    begun.stop().await.unwrap();
    let other = [("security.master_key", "b3RoZXIgbWFzdGVyIGtleSBvZiAzMiBieXRlcyEhISE=")];
    let error = start_in(home.path(), &other).await.err().unwrap();
    let text = whole(&error);
    assert!(matches!(error, Error::WrongMasterKey(_)), "{text}");
    assert!(text.contains("another master key") && text.contains("security.master_key"), "{text}");
    // Lost, it is not replaced by one that opens nothing and goes unnoticed.
    std::fs::rename(home.path().join("master.key"), home.path().join("kept")).unwrap();
    let error = start_in(home.path(), &[]).await.err().unwrap();
    assert!(matches!(error, Error::WrongMasterKey(_)), "{}", whole(&error));
    std::fs::rename(home.path().join("kept"), home.path().join("master.key")).unwrap();
    start_in(home.path(), &[]).await.unwrap().stop().await.unwrap();
}
