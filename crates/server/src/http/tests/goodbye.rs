//! HTTP/2 clients that say goodbye while an answer is on its way, as the JavaScript SDK does for
//! each subscription: it closes the connection when it has read the answer, and what it has not
//! read by the time that the node closes it is lost to it.

use super::*;
use crate::http::connection::LINGER;

const DATA: u8 = 0;
const GOAWAY: u8 = 7;
/// `GET http://weir/wait`, the whole request 1.
const HEADERS: &[u8] = b"\0\0\x0f\x01\x05\0\0\0\x01\x82\x86\x04\x05/wait\x41\x04weir";

/// A connection whose client said goodbye before its one request was answered, and has then read
/// all that the node says.
async fn answered_after_goodbye(served: &Served) -> DuplexStream {
    let mut stream = served.connect().await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&frame(SETTINGS, &[])).await.unwrap();
    stream.write_all(HEADERS).await.unwrap();
    served.answers.begun.notified().await;
    stream.write_all(&frame(GOAWAY, &[0; 8])).await.unwrap();
    served.answers.go_on.notify_one();
    while read_frame(&mut stream).await != (DATA, b"xx".to_vec()) {}
    while read_frame(&mut stream).await.0 != GOAWAY {}
    stream
}

fn assert_connections(served: &Served, count: usize) {
    assert!(served.meters.render().contains(&format!("weir_server_connections {count}\n")));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_said_goodbye_closes_the_connection_itself() {
    let config = config::Http::default();
    let served = serve(config.clone());
    let mut stream = answered_after_goodbye(&served).await;
    // What it still says about the answer is read: a socket with input unread would be reset.
    stream.write_all(&frame(PING, b"pingpong")).await.unwrap();
    let more = timeout(config.idle_timeout / 2, stream.read_u8()).await;
    assert!(more.is_err(), "the node did not wait: {more:?}");
    assert_connections(&served, 1);
    drop(stream);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_connections(&served, 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_said_goodbye_and_stays_is_closed_like_one_that_idles() {
    let config = config::Http::default();
    let served = serve(config.clone());
    let mut stream = answered_after_goodbye(&served).await;
    let (said, elapsed) = read_to_close(&mut stream).await;
    assert!(said.is_empty(), "{said:?}");
    assert_took(elapsed, config.idle_timeout);
    assert_connections(&served, 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_hurries_a_client_that_said_goodbye() {
    let served = serve(config::Http::default());
    let mut stream = answered_after_goodbye(&served).await;
    let (_, (said, elapsed)) =
        tokio::join!(served.front.drain(Duration::from_secs(60)), read_to_close(&mut stream));
    assert!(said.is_empty(), "{said:?}");
    assert_took(elapsed, LINGER);
    assert!(served.front.connections.is_empty());
}
