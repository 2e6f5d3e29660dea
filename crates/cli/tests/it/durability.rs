//! What is acknowledged stays, whatever happens to the process.

use std::collections::BTreeMap;

use crate::weir::Node;

/// Shard and sequence number of every line that was put.
fn put(node: &Node, stream: &str, lines: &str) -> Vec<(String, String)> {
    let printed = node.run_with_input(&["put", stream, "-K", ":", "--json"], lines);
    printed
        .lines()
        .map(|line| {
            let result: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| result[name].as_str().unwrap().to_owned();
            (text("shard_id"), text("sequence_number"))
        })
        .collect()
}

/// Key and data of every record by shard and sequence number.
fn tail(node: &Node, stream: &str) -> BTreeMap<(String, String), String> {
    let printed = node.run(&["tail", stream, "-o", "beginning", "-e", "--json"]);
    let mut records = BTreeMap::new();
    for line in printed.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| record[name].as_str().unwrap().to_owned();
        let place = (text("shard_id"), text("sequence_number"));
        let earlier = records.insert(place, format!("{}:{}", text("partition_key"), text("data")));
        assert_eq!(earlier, None, "a record came twice");
    }
    records
}

#[test]
fn everything_acknowledged_is_there_after_kill_nine_and_after_a_graceful_stop() {
    let directory = tempfile::tempdir().unwrap();
    let mut expected = BTreeMap::new();
    let mut node = Node::dev(directory.path(), &[]);
    node.run(&["streams", "create", "events", "--shards", "3", "--wait"]);
    for round in 0..4 {
        let lines: Vec<String> = (0..200).map(|key| format!("{key}:round {round}")).collect();
        let places = put(&node, "events", &(lines.join("\n") + "\n"));
        assert_eq!(places.len(), lines.len());
        expected.extend(places.into_iter().zip(lines));
        if round % 2 == 0 {
            node.kill();
        } else {
            let (status, _, errors) = node.stop();
            assert_eq!(status.code(), Some(0), "{errors}");
        }
        node = Node::dev(directory.path(), &[]);
        assert_eq!(tail(&node, "events"), expected, "round {round}");
    }
}

#[test]
fn a_split_survives_kill_nine() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &[]);
    node.run(&["streams", "create", "events", "--wait"]);
    put(&node, "events", "a:1\nb:2\n");
    node.run(&["streams", "split", "events", "shardId-000000000000", "--wait"]);
    put(&node, "events", "a:3\nb:4\n");
    let (shown, records) =
        (node.run(&["streams", "show", "events", "--json"]), tail(&node, "events"));
    node.kill();
    let node = Node::dev(directory.path(), &[]);
    assert_eq!(node.run(&["streams", "show", "events", "--json"]), shown);
    assert_eq!(tail(&node, "events"), records);
    assert_eq!(records.len(), 4);
}

#[test]
fn an_ephemeral_node_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let working = tempfile::tempdir().unwrap();
    let mut command = crate::weir::weir();
    command.args(["dev", "--ephemeral", "--listen", "127.0.0.1:0"]);
    command.env("TMPDIR", temporary.path()).current_dir(working.path());
    let node = Node::spawn(&mut command);
    node.run(&["streams", "create", "events", "--wait"]);
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 1);
    let (status, _, errors) = node.stop();
    assert_eq!(status.code(), Some(0), "{errors}");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(working.path()).unwrap().count(), 0);
}
