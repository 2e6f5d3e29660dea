//! TLS: both protocols with and without having asked for them, certificates of clients, new
//! certificates in place of old ones, and whoever does not come to the end of a handshake.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use serde_json::json;
use server::{Error, Node, World};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::{
    Http1, Http2, JSON, Started, config, get, post, read_to_close, request, start,
};

/// Signs the certificates of a test.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for a node on this machine.
    fn node(&self) -> Pair {
        let names = vec!["localhost".into(), "127.0.0.1".into()];
        self.sign(CertificateParams::new(names).unwrap())
    }

    /// A certificate for a client, with one more name than its common name.
    fn client(&self, common_name: &str, other: Option<SanType>) -> Pair {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.subject_alt_names.extend(other);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Pair { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

/// A directory with the files of TLS.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new(authority: &Authority) -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.write(&authority.node());
        std::fs::write(files.path("ca.pem"), authority.0.pem()).unwrap();
        files
    }

    fn write(&self, pair: &Pair) {
        std::fs::write(self.path("certificate.pem"), &pair.certificate).unwrap();
        std::fs::write(self.path("key.pem"), &pair.key).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn start(&self, more: &[(&str, &str)]) -> Started {
        let paths = ["certificate.pem", "key.pem", "ca.pem"].map(|name| self.path(name));
        let [certificate, key, ca] = paths.each_ref().map(|path| path.to_str().unwrap());
        let mut settings = vec![("tls.certificate", certificate), ("tls.key", key)];
        settings.extend(more.iter().map(|(name, value)| match *value {
            "ca.pem" => (*name, ca),
            value => (*name, value),
        }));
        start(&settings).await
    }
}

/// A client that trusts an authority, offers protocols, and may show a certificate.
fn client(trusted: &Authority, protocols: &[&str], shown: Option<&Pair>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.0.der().clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let chain = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![chain], key).unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

async fn handshake(
    started: &Started,
    config: ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, started.connect().await).await
}

const LIST: &str = "ListStreams";

#[tokio::test]
async fn the_protocol_is_the_one_that_is_spoken_whether_it_was_asked_for_or_not() {
    let authority = Authority::new();
    let started = Files::new(&authority).start(&[]).await;
    assert!(started.node.endpoint().starts_with("https://127.0.0.1:"));
    for (offered, agreed, http2) in [
        (&["h2", "http/1.1"][..], Some("h2"), true),
        (&["http/1.1"], Some("http/1.1"), false),
        (&["h2"], Some("h2"), true),
        // As the Java SDK does.
        (&[], None, true),
        (&[], None, false),
    ] {
        let stream = handshake(&started, client(&authority, offered, None)).await.unwrap();
        let alpn = stream.get_ref().1.alpn_protocol();
        assert_eq!(alpn, agreed.map(str::as_bytes), "{offered:?}");
        let answer = match http2 {
            true => Http2::over(stream).await.send(post(LIST, "{}")).await,
            false => Http1::over(stream).await.send(post(LIST, "{}")).await,
        };
        assert_eq!(answer.status, 200, "{offered:?}");
    }
}

#[tokio::test]
async fn versions_before_1_2_protocols_that_nobody_speaks_and_strangers_names_are_refused() {
    let authority = Authority::new();
    let started = Files::new(&authority).start(&[]).await;
    let stream = handshake(&started, client(&authority, &[], None)).await.unwrap();
    assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert!(handshake(&started, client(&authority, &["h3"], None)).await.is_err());
    assert!(handshake(&started, client(&Authority::new(), &[], None)).await.is_err());

    // The beginning of a handshake of TLS 1.1, with one cipher of its time.
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x14, 1, 0]);
    let mut record = vec![0x16, 3, 1, 0, 4 + 41, 1, 0, 0, 41];
    record.extend(hello);
    let mut stream = started.connect().await;
    stream.write_all(&record).await.unwrap();
    let mut alert = Vec::new();
    stream.read_to_end(&mut alert).await.unwrap();
    // A fatal alert: protocol_version, or handshake_failure for want of a common cipher.
    assert_eq!((alert[0], alert[5]), (21, 2), "{alert:?}");
    assert!([40, 70].contains(&alert[6]), "{alert:?}");
}

#[tokio::test]
async fn a_large_body_and_a_large_answer_come_through_whole() {
    let authority = Authority::new();
    let started = Files::new(&authority).start(&[]).await;
    let offered = client(&authority, &["http/1.1"], None);
    let mut http = Http1::over(handshake(&started, offered).await.unwrap()).await;
    let created = json!({"StreamName": "s", "ShardCount": 1}).to_string();
    assert_eq!(http.send(post("CreateStream", &created)).await.status, 200);
    let data = "QUJD".repeat(200_000);
    let entry = json!({"Data": data, "PartitionKey": "a"});
    let put = json!({"StreamName": "s", "Records": vec![entry; 5]}).to_string();
    assert_eq!(http.send(post("PutRecords", &put)).await.json()["FailedRecordCount"], 0);
    let first = json!({"StreamName": "s", "ShardId": "shardId-000000000000",
        "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = http.send(post("GetShardIterator", &first.to_string())).await.json();
    let read = json!({"ShardIterator": iterator["ShardIterator"]}).to_string();
    let records = http.send(post("GetRecords", &read)).await.json()["Records"].clone();
    assert_eq!(records.as_array().unwrap().len(), 5);
    assert!(records.as_array().unwrap().iter().all(|record| record["Data"] == data));
}

#[tokio::test]
async fn events_come_at_once_over_both_versions_and_a_browsers_page_may_read_them() {
    let authority = Authority::new();
    let started = Files::new(&authority).start(&[]).await;
    let config = || client(&authority, &[], None);
    let mut http = Http1::over(handshake(&started, config()).await.unwrap()).await;
    let created = json!({"StreamName": "s", "ShardCount": 1}).to_string();
    assert_eq!(http.send(post("CreateStream", &created)).await.status, 200);
    for (name, http2) in [("one", false), ("two", true)] {
        let consumer = json!({
            "StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/s", "ConsumerName": name,
        });
        let consumer =
            http.send(post("RegisterStreamConsumer", &consumer.to_string())).await.json();
        let subscription = json!({
            "ConsumerARN": consumer["Consumer"]["ConsumerARN"], "ShardId": "shardId-000000000000",
            "StartingPosition": {"Type": "TRIM_HORIZON"},
        });
        let mut subscribe = post("SubscribeToShard", &subscription.to_string());
        subscribe.headers_mut().insert("origin", "https://page.example".parse().unwrap());
        let stream = handshake(&started, config()).await.unwrap();
        let response = match http2 {
            true => Http2::over(stream).await.open(subscribe).await,
            false => Http1::over(stream).await.open(subscribe).await,
        };
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        // The first event comes by itself, although the answer does not end.
        let first = response.into_body().frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(String::from_utf8_lossy(&first).contains("initial-response"));
    }
}

#[tokio::test]
async fn plain_http_on_a_port_that_speaks_tls_is_told_so() {
    let authority = Authority::new();
    let started = Files::new(&authority).start(&[]).await;
    let mut stream = started.connect().await;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: weir\r\n\r\n").await.unwrap();
    let said = read_to_close(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("use https://"), "{said}");
    still_answers(&started, &authority).await;
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_closed_when_a_header_would_be() {
    let authority = Authority::new();
    let timeout = Duration::from_millis(300);
    let settings = [("http.header_timeout", "300ms"), ("http.connections_max", "4")];
    let started = Files::new(&authority).start(&settings).await;
    // As many as there may be connections: nobody else comes in meanwhile.
    let begun = Instant::now();
    let mut stuck = Vec::new();
    for beginning in [&[][..], &[0x16], &[0x16, 3, 1, 2, 0, 1, 0], &[0x16, 3, 1, 0xff]] {
        let mut stream = started.connect().await;
        stream.write_all(beginning).await.unwrap();
        stuck.push(stream);
    }
    still_answers(&started, &authority).await;
    assert!(begun.elapsed() >= timeout, "somebody came in");
    for mut stream in stuck {
        assert_eq!(read_to_close(&mut stream).await, "");
    }
}

async fn still_answers(started: &Started, authority: &Authority) {
    let stream = handshake(started, client(authority, &[], None)).await.unwrap();
    assert_eq!(Http1::over(stream).await.send(post(LIST, "{}")).await.status, 200);
}

/// The certificate that new connections get.
async fn served(started: &Started, trusted: &Authority) -> Option<Vec<u8>> {
    let stream = handshake(started, client(trusted, &[], None)).await.ok()?;
    Some(stream.get_ref().1.peer_certificates()?.first()?.to_vec())
}

#[tokio::test]
async fn new_files_are_served_to_new_connections_and_broken_ones_are_not() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let started = files.start(&[("tls.reload_period", "5ms")]).await;
    let old = served(&started, &authority).await.unwrap();
    let kept = handshake(&started, client(&authority, &[], None)).await.unwrap();

    let failures = async || metric(&started, &authority, "reload_failures_total").await;
    for breakage in ["", "-----BEGIN CERTIFICATE-----\n!\n", "half of another pair"] {
        let before = failures().await;
        let text = match breakage {
            "half of another pair" => authority.node().certificate,
            text => text.to_owned(),
        };
        std::fs::write(files.path("certificate.pem"), text).unwrap();
        while failures().await == before {}
        assert_eq!(served(&started, &authority).await.unwrap(), old, "{breakage}");
    }

    let other = Authority::new();
    files.write(&other.node());
    while served(&started, &other).await.is_none() {}
    assert!(served(&started, &authority).await.is_none(), "the old one is still served");
    assert!(metric(&started, &other, "reloads_total").await >= 1.0);
    // A connection from before goes on.
    assert_eq!(Http1::over(kept).await.send(post(LIST, "{}")).await.status, 200);
}

async fn metric(started: &Started, trusted: &Authority, name: &str) -> f64 {
    let stream = handshake(started, client(trusted, &[], None)).await.unwrap();
    let page = Http1::over(stream).await.send(get("/metrics")).await.text();
    let name = format!("weir_server_tls_{name}");
    let line = page.lines().find(|line| line.starts_with(&name)).unwrap();
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn files_that_cannot_be_used_stop_the_start_and_are_named() {
    let authority = Authority::new();
    let other = authority.node();
    for (file, text) in [
        ("certificate.pem", "nothing"),
        ("key.pem", "nothing"),
        ("certificate.pem", &*other.certificate),
        ("ca.pem", "nothing"),
    ] {
        let files = Files::new(&authority);
        std::fs::write(files.path(file), text).unwrap();
        let refused = start_refused(files.directory.path()).await;
        assert!(matches!(&refused, Error::Tls { path, .. } if path.ends_with(file)), "{refused}");
    }
    let missing = tempfile::tempdir().unwrap();
    let refused = start_refused(missing.path()).await.to_string();
    assert!(refused.contains("certificate.pem") && refused.contains("No such file"), "{refused}");
}

async fn start_refused(files: &Path) -> Error {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| files.join(name).to_str().unwrap().to_owned();
    let (certificate, key, ca) = (path("certificate.pem"), path("key.pem"), path("ca.pem"));
    let settings = [("tls.certificate", &*certificate), ("tls.key", &key), ("tls.client_ca", &ca)];
    let config = config(home.path(), &settings);
    let world = World::real(&config).unwrap();
    Node::start(config, world).await.err().expect("the files are refused")
}

const VERIFY: &[(&str, &str)] = &[
    ("tls.client_ca", "ca.pem"),
    ("auth.mode", "verify"),
    ("auth.keys", r#"[{access_key_id = "AKIAEXAMPLE", secret_access_key = "open sesame"}]"#),
    (
        "tls.client_principals",
        r#"[{certificate = "uri:spiffe://weir/alice", principal = "arn:aws:iam::000000000000:root"},
            {certificate = "dns:bob.weir", principal = "arn:aws:iam::111111111111:root"},
            {certificate = "dns:dave.weir", principal = "arn:aws:iam::000000000000:user/dave"},
            {certificate = "subject:CN=carol", principal = "arn:aws:iam::000000000000:root",
             region = "eu-west-1"}]"#,
    ),
];

/// The streams that whoever shows `shown` sees, or the error.
async fn streams(started: &Started, authority: &Authority, shown: Option<&Pair>) -> String {
    let stream = handshake(started, client(authority, &["h2"], shown)).await.unwrap();
    let answer = Http2::over(stream).await.send(post(LIST, "{}")).await;
    match answer.status.as_u16() {
        200 => answer.json()["StreamNames"].to_string(),
        _ => answer.error().0,
    }
}

#[tokio::test]
async fn a_clients_certificate_stands_for_the_principal_that_the_settings_say() {
    let authority = Authority::new();
    let started = Files::new(&authority).start(VERIFY).await;
    let alice = SanType::URI("spiffe://weir/alice".try_into().unwrap());
    let alice = authority.client("someone", Some(alice));
    let bob = SanType::DnsName("bob.weir".try_into().unwrap());
    let bob = authority.client("someone", Some(bob));
    let carol = authority.client("carol", None);
    let stranger = authority.client("stranger", None);

    let stream = handshake(&started, client(&authority, &[], Some(&alice))).await.unwrap();
    let mut http = Http1::over(stream).await;
    let created = json!({"StreamName": "s", "ShardCount": 1}).to_string();
    assert_eq!(http.send(post("CreateStream", &created)).await.status, 200);

    assert_eq!(streams(&started, &authority, Some(&alice)).await, r#"["s"]"#);
    // Another account, and another region.
    assert_eq!(streams(&started, &authority, Some(&bob)).await, "[]");
    assert_eq!(streams(&started, &authority, Some(&carol)).await, "[]");
    // A certificate that stands for nobody, and none at all: the request must be signed.
    let missing = "MissingAuthenticationTokenException";
    assert_eq!(streams(&started, &authority, Some(&stranger)).await, missing);
    assert_eq!(streams(&started, &authority, None).await, missing);
}

#[tokio::test]
async fn a_certificate_that_stands_for_a_user_may_do_what_the_user_may() {
    let authority = Authority::new();
    let started = Files::new(&authority).start(VERIFY).await;
    let root = SanType::URI("spiffe://weir/alice".try_into().unwrap());
    let root = authority.client("someone", Some(root));
    let dave = SanType::DnsName("dave.weir".try_into().unwrap());
    let dave = authority.client("someone", Some(dave));
    let stream = handshake(&started, client(&authority, &[], Some(&root))).await.unwrap();
    let mut http = Http1::over(stream).await;
    let mut administer = async |operation: &str, input: serde_json::Value| {
        let target = format!("Weir_20261125.{operation}");
        let answer = http.send(request("POST", &target, JSON, input.to_string())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    // Nobody of this name, then somebody without rights, then with the right.
    assert_eq!(streams(&started, &authority, Some(&dave)).await, "AccessDeniedException");
    administer("CreateUser", json!({"UserName": "dave"})).await;
    assert_eq!(streams(&started, &authority, Some(&dave)).await, "AccessDeniedException");
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "kinesis:ListStreams", "Resource": "*"}]});
    let policy =
        json!({"UserName": "dave", "PolicyName": "list", "PolicyDocument": policy.to_string()});
    administer("PutPrincipalPolicy", policy).await;
    assert_eq!(streams(&started, &authority, Some(&dave)).await, "[]");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_and_one_may_be_required() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let optional = files.start(VERIFY).await;
    let forged = SanType::URI("spiffe://weir/alice".try_into().unwrap());
    let forged = Authority::new().client("someone", Some(forged));
    assert!(!comes_in(&optional, client(&authority, &[], Some(&forged))).await);
    assert!(comes_in(&optional, client(&authority, &[], None)).await);

    let required = [VERIFY, &[("tls.client_certificate_required", "true")]].concat();
    let required = files.start(&required).await;
    let stranger = authority.client("stranger", None);
    assert!(!comes_in(&required, client(&authority, &[], None)).await);
    assert!(comes_in(&required, client(&authority, &[], Some(&stranger))).await);
}

/// Whether the node answers anything at all: in TLS 1.3 a client only learns that its
/// certificate is refused when it reads.
async fn comes_in(started: &Started, config: ClientConfig) -> bool {
    let Ok(mut stream) = handshake(started, config).await else { return false };
    let _ =
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: weir\r\nconnection: close\r\n\r\n").await;
    read_to_close(&mut stream).await.starts_with("HTTP/1.1 200")
}
