//! The official Rust SDK with nothing set but the endpoint, and over TLS the certificate to trust.
//!
//! Run it as `cargo xtask compat rust-sdk`, which starts the node and names it in the environment.
#![expect(clippy::unwrap_used, reason = "a refused call is a failed check")]

mod fanout;
mod kinesis;
mod secured;

use std::collections::BTreeMap;
use std::fs;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};

/// A client with the key that the node takes by default.
fn client() -> Client {
    match optional_variable("AWS_ACCESS_KEY_ID") {
        Some(_) => client_with(Credentials::new("any", "thing", None, None, "environment")),
        None => client_of("default"),
    }
}

/// A client with the key of a profile.
fn client_of(profile: &str) -> Client {
    let file = fs::read_to_string(variable("AWS_SHARED_CREDENTIALS_FILE")).unwrap();
    let profile = &profiles(&file)[profile];
    let [id, secret] = ["aws_access_key_id", "aws_secret_access_key"].map(|key| &profile[key]);
    let token = profile.get("aws_session_token").cloned();
    client_with(Credentials::new(id, secret, token, None, "profile"))
}

fn client_with(credentials: Credentials) -> Client {
    let endpoint = variable("WEIR_ENDPOINT");
    let plain = endpoint.starts_with("http:");
    let http = aws_smithy_http_client::Builder::new();
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(if plain { http.build_http() } else { trusting() })
        .retry_config(RetryConfig::disabled())
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .endpoint_url(endpoint);
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

fn variable(name: &str) -> String {
    optional_variable(name).unwrap_or_else(|| panic!("{name}: run me as `cargo xtask compat`"))
}

#[expect(clippy::disallowed_methods, reason = "xtask says it by the environment")]
fn optional_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
