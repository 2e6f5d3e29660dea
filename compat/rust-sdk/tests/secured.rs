//! Each principal of the table of cases, and what the Rust SDK makes of what it is told.
//!
//! Run it as `cargo xtask compat rust-secured`, which makes the principals.
#![expect(clippy::unwrap_used, reason = "what xtask wrote is there, or nothing can be checked")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::ShardIteratorType;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};

const STREAMS: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/";

#[tokio::test]
async fn each_principal_is_told_what_aws_would_tell_it() {
    let table = fs::read_to_string(variable("WEIR_CASES")).unwrap();
    let profiles = profiles(&fs::read_to_string(variable("AWS_SHARED_CREDENTIALS_FILE")).unwrap());
    let mut failures = Vec::new();
    let mut cases = 0;
    for line in table.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let (&[principal, operation, stream, outcome], text) = columns.split_at(4) else {
            unreachable!("split_at gives four")
        };
        let expected = [&[outcome], text].concat().join(": ");
        let actual = match call(&client(&profiles[principal]), operation, stream).await {
            Ok(()) => "ok".to_owned(),
            Err(told) => told,
        };
        if actual != expected {
            failures.push(format!("{principal}: {operation} on {stream}\n{expected}\n{actual}"));
        }
        cases += 1;
    }
    assert!(cases > 0, "the table has cases");
    assert!(failures.is_empty(), "expected, got:\n{}", failures.join("\n"));
}

type Profile = BTreeMap<String, String>;

/// The shared credentials file, which the SDK reads only with another crate.
fn profiles(text: &str) -> BTreeMap<String, Profile> {
    let mut profiles = BTreeMap::<String, Profile>::new();
    let mut current = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut current);
        } else if let Some((key, value)) = line.split_once('=') {
            let profile = profiles.entry(current.clone()).or_default();
            profile.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    profiles
}

fn client(profile: &Profile) -> Client {
    let token = profile.get("aws_session_token").cloned();
    let [id, secret] = ["aws_access_key_id", "aws_secret_access_key"].map(|key| &profile[key]);
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(trusting())
        .retry_config(RetryConfig::disabled())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(id, secret, token, None, "profile"))
        .endpoint_url(variable("WEIR_ENDPOINT"));
    Client::from_conf(config.build())
}

/// TLS that trusts the node's certificate and no other.
fn trusting() -> SharedHttpClient {
    let certificate = fs::read(variable("WEIR_CERTIFICATE")).unwrap();
    let trust = TrustStore::empty().with_pem_certificate(certificate);
    let context = TlsContext::builder().with_trust_store(trust).build().unwrap();
    let builder = aws_smithy_http_client::Builder::new();
    let builder = builder.tls_provider(tls::Provider::Rustls(CryptoMode::Ring));
    builder.tls_context(context).build_https()
}

async fn call(kinesis: &Client, operation: &str, stream: &str) -> Result<(), String> {
    let arn = format!("{STREAMS}{stream}");
    match operation {
        "PutRecord" => {
            let put = kinesis.put_record().stream_arn(arn).partition_key("k").data(Blob::new("x"));
            put.send().await.map(drop).map_err(told)
        }
        "DescribeStreamSummary" => {
            let describe = kinesis.describe_stream_summary().stream_arn(arn);
            describe.send().await.map(drop).map_err(told)
        }
        "GetRecords" => {
            let start = kinesis.get_shard_iterator().stream_arn(&arn);
            let start = start.shard_id("shardId-000000000000");
            let start = start.shard_iterator_type(ShardIteratorType::TrimHorizon).send();
            let position = start.await.map_err(told)?.shard_iterator.unwrap();
            let get = kinesis.get_records().stream_arn(arn).shard_iterator(position);
            get.send().await.map(drop).map_err(told)
        }
        other => panic!("no operation {other}"),
    }
}

fn told<E: ProvideErrorMetadata + Debug, R: Debug>(error: SdkError<E, R>) -> String {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => format!("{error:?}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "xtask says it by the environment")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name}: run me as `cargo xtask compat`"))
}
