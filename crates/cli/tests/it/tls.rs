//! The development pair, a node that serves it, and commands that trust it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::weir::{Node, finish, succeed, weir};

/// Makes a pair in `directory`.
fn self_signed(directory: &Path, more: &[&str]) -> [PathBuf; 2] {
    let mut command = weir();
    command.args(["tls", "self-signed", "--out"]).arg(directory).args(more);
    succeed(&mut command, "");
    ["certificate.pem", "key.pem"].map(|name| directory.join(name))
}

fn set(name: &str, path: &Path) -> String {
    format!("--set={name}={}", path.display())
}

#[test]
fn a_node_with_the_development_pair_is_reached_by_whoever_trusts_it() {
    let (directory, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pair = self_signed(&directory.path().join("tls"), &["--host", "weir.example"]);
    let settings = [set("tls.certificate", &pair[0]), set("tls.key", &pair[1])];
    let node = Node::dev(data.path(), &[&settings[0], &settings[1]]);
    assert!(node.endpoint.starts_with("https://127.0.0.1:"), "{}", node.endpoint);

    let trusting = |arguments: &[&str], input: &str| {
        succeed(node.command(arguments).env("AWS_CA_BUNDLE", &pair[0]), input)
    };
    trusting(&["streams", "create", "events", "--wait"], "");
    trusting(&["put", "events"], "hello\n");
    assert_eq!(trusting(&["tail", "events", "-o", "beginning", "-e"], ""), "hello\n");
    let port = node.endpoint.rsplit_once(':').unwrap().1;
    for host in ["localhost", "127.0.0.1"] {
        let endpoint = format!("https://{host}:{port}");
        let bundle = pair[0].to_str().unwrap();
        trusting(&["streams", "list", "--endpoint", &endpoint, "--ca-bundle", bundle], "");
    }

    // Another authority, and none of this machine's, vouches for it.
    let other = self_signed(&directory.path().join("other"), &[]);
    let mut strange = node.command(&["streams", "list"]);
    let refused = finish(strange.env("AWS_CA_BUNDLE", &other[0]), "");
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{errors}");
    assert!(errors.contains("cannot connect") && errors.contains("certificate"), "{errors}");
}

#[test]
fn a_client_that_shows_its_certificate_needs_no_key() {
    let (directory, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pair = self_signed(&directory.path().join("node"), &[]);
    let client = self_signed(&directory.path().join("client"), &[]);
    let settings = [
        set("tls.certificate", &pair[0]),
        set("tls.key", &pair[1]),
        set("tls.client_ca", &client[0]),
        "--set=tls.client_certificate_required=true".into(),
    ];
    let node = Node::dev(data.path(), &settings.each_ref().map(String::as_str));
    let mut bare = node.command(&["streams", "list"]);
    assert!(!finish(bare.env("AWS_CA_BUNDLE", &pair[0]), "").status.success());
    let mut shown = node.command(&["streams", "list", "--client-certificate"]);
    shown.arg(&client[0]).arg("--client-key").arg(&client[1]);
    succeed(shown.env("AWS_CA_BUNDLE", &pair[0]), "");
}

#[test]
fn the_key_is_its_owners_alone_and_a_pair_is_only_replaced_when_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let [certificate, key] = self_signed(directory.path(), &[]);
    let mode = std::fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(&certificate).unwrap();
    let mut again = weir();
    again.args(["tls", "self-signed", "--out"]).arg(directory.path());
    let refused = finish(&mut again, "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("--force"));
    assert_eq!(std::fs::read(&certificate).unwrap(), before);
    self_signed(directory.path(), &["--force"]);
    assert_ne!(std::fs::read(&certificate).unwrap(), before);
}
