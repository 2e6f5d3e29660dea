//! Single calls.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use weir_client::kinesis::{CreateStreamInput, ListStreamsInput, ListStreamsOutput};
use weir_client::{ApiError, Client, ClientConfig, Encoding, Error, ErrorCode};

use crate::service::{Received, Reply, attempts, client};

fn no_streams(received: &Received) -> Reply {
    received.answer::<ListStreamsInput>(ListStreamsOutput::default())
}

fn refusal(code: ErrorCode) -> Reply {
    Reply::Refusal(ApiError::new(code, "because"))
}

#[tokio::test(start_paused = true)]
async fn a_call_in_either_encoding_is_signed_sent_and_answered() {
    for encoding in [Encoding::Json, Encoding::Cbor] {
        let config = ClientConfig { encoding, ..ClientConfig::default() };
        let client = client(config, move |received| {
            assert_eq!(received.encoding, encoding);
            assert_eq!(received.session_token.as_deref(), Some("token"));
            if let Some(input) = received.input::<CreateStreamInput>() {
                assert_eq!((input.stream_name.as_str(), input.shard_count), ("events", Some(3)));
                return Reply::Answer("".into());
            }
            let names = vec!["events".to_owned()];
            received.answer::<ListStreamsInput>(ListStreamsOutput {
                stream_names: names,
                ..ListStreamsOutput::default()
            })
        });
        let create = CreateStreamInput {
            stream_name: "events".into(),
            shard_count: Some(3),
            ..CreateStreamInput::default()
        };
        client.call(create).await.unwrap();
        let listed = client.call(ListStreamsInput::default()).await.unwrap();
        assert_eq!(listed.stream_names, ["events"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_after_ever_longer_waits() {
    let calls = AtomicU32::new(0);
    let client = client(attempts(5), move |received| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => refusal(ErrorCode::InternalFailure),
        1 => refusal(ErrorCode::LimitExceeded),
        2 => Reply::Cut,
        _ => no_streams(received),
    });
    let start = Instant::now();
    client.call(ListStreamsInput::default()).await.unwrap();
    let waited = start.elapsed();
    // 50 + 100 + 200 ms; the timer rounds each up by at most one.
    assert!(
        waited >= Duration::from_millis(349) && waited < Duration::from_millis(354),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_handed_back_when_the_attempts_are_used_up() {
    let client = client(attempts(3), |_| refusal(ErrorCode::ServiceUnavailable));
    let error = client.call(ListStreamsInput::default()).await.unwrap_err();
    let Error::Service { operation, error, request_id } = error else { panic!("{error}") };
    assert_eq!(operation, "ListStreams");
    assert_eq!(error, ApiError::new(ErrorCode::ServiceUnavailable, "because"));
    assert_eq!(request_id.as_deref(), Some("r-1"));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_not_tried_again() {
    let calls = AtomicU32::new(0);
    let client = client(attempts(5), move |_| {
        assert_eq!(calls.fetch_add(1, Ordering::Relaxed), 0, "it was tried again");
        refusal(ErrorCode::ResourceNotFound)
    });
    let error = client.call(ListStreamsInput::default()).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ResourceNotFound));
}

#[tokio::test(start_paused = true)]
async fn calls_one_after_another_share_a_connection() {
    let client = client(attempts(1), |received| {
        assert_eq!(received.connection, 0);
        no_streams(received)
    });
    for _ in 0..3 {
        client.call(ListStreamsInput::default()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_closed_while_idle_is_replaced_without_an_error() {
    let client = client(attempts(1), |received| match no_streams(received) {
        Reply::Answer(body) => Reply::AnswerAndClose(body),
        other => other,
    });
    for _ in 0..3 {
        client.call(ListStreamsInput::default()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_is_given_up() {
    let client = client(attempts(1), |_| Reply::Hang);
    let start = Instant::now();
    let error = client.call(ListStreamsInput::default()).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { seconds: 30, .. }), "{error}");
    assert!(start.elapsed() >= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_and_a_refused_one_are_told_apart() {
    let broken = client(attempts(1), |_| Reply::Cut);
    let error = broken.call(ListStreamsInput::default()).await.unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error}");

    let config = ClientConfig { endpoint: "http://127.0.0.1:1".into(), ..attempts(1) };
    let refused = Client::new(config).unwrap();
    let error = refused.call(ListStreamsInput::default()).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
    assert!(error.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_than_allowed_are_under_way_at_once() {
    let config = ClientConfig { connections_max: 2, ..attempts(1) };
    let client = client(config, |received| {
        assert!(received.connection < 2);
        no_streams(received)
    });
    let calls = (0..20).map(|_| client.call(ListStreamsInput::default()));
    futures_util::future::try_join_all(calls).await.unwrap();
}

#[test]
fn what_no_header_can_carry_is_refused_before_anything_is_sent() {
    let config = ClientConfig { region: "eu central".into(), ..ClientConfig::default() };
    let error = Client::new(config).err().expect("it is refused");
    assert!(error.to_string().contains("the region"), "{error}");
}
