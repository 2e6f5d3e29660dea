//! The audit from the command line, of a node as `weir serve` starts it.

use crate::weir::{Node, finish, succeed};

#[test]
fn the_audit_is_searched_and_verified() {
    let data = tempfile::tempdir().unwrap();
    let settings = ["--set", "streams.transition_delay=0ms", "--set", "limits.mode=relaxed"];
    let node = Node::start("serve", data.path(), &settings);
    let credentials = data.path().join("credentials");
    let command = |arguments: &[&str]| {
        let mut command = node.command(arguments);
        // The audit is read where it is, wherever the streams are.
        command.env("AWS_SHARED_CREDENTIALS_FILE", &credentials).env("AWS_REGION", "eu-west-1");
        command
    };
    let run = |arguments: &[&str]| succeed(&mut command(arguments), "");
    run(&["streams", "create", "orders", "--wait"]);
    run(&["streams", "delete", "orders"]);
    let twice = finish(&mut command(&["streams", "delete", "nothing"]), "");
    assert_eq!(twice.status.code(), Some(1));

    let found = run(&["audit", "search", "--event", "DeleteStream"]);
    assert_eq!(found.lines().count(), 3, "{found}");
    let found = run(&["audit", "search", "--stream", "orders", "--error", "any"]);
    assert!(!found.contains("DeleteStream"), "{found}");
    let json = run(&["audit", "search", "--error", "ResourceNotFoundException", "--json"]);
    let record: serde_json::Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!(record["requestParameters"]["streamName"], "nothing");
    assert_eq!(record["awsRegion"], "eu-west-1");
    assert_eq!(run(&["audit", "search", "--until", "2026-01-01T00:00:00Z"]).lines().count(), 1);

    let verified = run(&["audit", "verify"]);
    assert!(verified.contains("hold together"), "{verified}");
    let head = verified.lines().find_map(|line| line.strip_prefix("head ")).unwrap();
    run(&["streams", "list"]);
    run(&["audit", "verify", "--expect", head]);
    let (sequence, _) = head.split_once(':').unwrap();
    let forged = format!("{sequence}:{}", "0".repeat(64));
    let broken = finish(&mut command(&["audit", "verify", "--expect", &forged]), "");
    assert_eq!(broken.status.code(), Some(3));
    assert!(String::from_utf8(broken.stdout).unwrap().contains("broken: there is no record"));
}
