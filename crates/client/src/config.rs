//! What a client needs to know, as plain data.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use wire::Encoding;

/// How to reach a service, as whom, and how patiently.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where the service listens: `https://HOST[:PORT]` or `http://HOST[:PORT]`.
    pub endpoint: String,
    /// The region the requests are signed for; Weir keeps streams per region.
    pub region: String,
    /// The key that signs the requests.
    pub credentials: Credentials,
    /// Who may vouch for the service over `https`.
    pub trust: Trust,
    /// What the client shows over `https` if it is asked who it is.
    pub certificate: Option<ClientCertificate>,
    /// The body format. CBOR is the smaller and faster one.
    pub encoding: Encoding,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long one attempt may take, from the first byte sent to the last byte received.
    pub attempt_timeout: Duration,
    /// How often a call is tried in all before its last error is handed back; at least once.
    pub attempts_max: u32,
    /// The longest wait before the first retry; each further retry doubles it.
    pub backoff: Duration,
    /// The longest wait before any retry.
    pub backoff_max: Duration,
    /// How many calls may be under way at once; further ones wait for their turn.
    pub connections_max: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            endpoint: "http://127.0.0.1:4567".into(),
            region: "us-east-1".into(),
            credentials: Credentials::default(),
            trust: Trust::default(),
            certificate: None,
            encoding: Encoding::Cbor,
            connect_timeout: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(30),
            attempts_max: 5,
            backoff: Duration::from_millis(50),
            backoff_max: Duration::from_secs(5),
            connections_max: 256,
        }
    }
}

/// Which authorities may sign the certificate of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that the machine trusts.
    #[default]
    Platform,
    /// These alone: certificates in PEM.
    Only(Bytes),
}

/// A certificate of a client, and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The chain in PEM, the client's own certificate first.
    pub chain: Bytes,
    /// The private key in PEM.
    pub key: Bytes,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

/// An access key. The default one is a dummy that `weir dev` accepts.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The public half.
    pub access_key_id: String,
    /// The half that signs and never travels.
    pub secret_access_key: String,
    /// Sent along with temporary keys.
    pub session_token: Option<String>,
}

impl Default for Credentials {
    fn default() -> Self {
        Self { access_key_id: "weir".into(), secret_access_key: "weir".into(), session_token: None }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_of_a_configuration_shows_no_secret() {
        let config = ClientConfig {
            credentials: Credentials {
                access_key_id: "AKIDEXAMPLE".into(),
                secret_access_key: "hushhush".into(),
                session_token: Some("alsosecret".into()),
            },
            ..ClientConfig::default()
        };
        let text = format!("{config:?}");
        assert!(text.contains("AKIDEXAMPLE"));
        assert!(!text.contains("hushhush") && !text.contains("alsosecret"));
    }
}
