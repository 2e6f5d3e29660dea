//! A node and the commands that use it.

use crate::weir::{Node, Running, finish, succeed, weir};

#[test]
fn a_newcomers_first_minute_works() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &[]);
    let created = node.run(&["streams", "create", "orders", "--shards", "2", "--wait"]);
    assert_eq!(created, "orders is created\n");
    node.run_with_input(&["put", "orders"], "hello\n");
    assert_eq!(node.run(&["tail", "orders", "-o", "beginning", "-e"]), "hello\n");
    let (status, printed, _) = node.stop();
    assert_eq!(status.code(), Some(0));
    assert!(printed.contains("export AWS_ENDPOINT_URL=http://127.0.0.1:"), "{printed}");
    assert!(printed.contains("export AWS_ACCESS_KEY_ID=weir"), "{printed}");
}

#[test]
fn a_node_goes_on_when_nobody_reads_what_it_prints() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::unheard(directory.path());
    assert_eq!(node.stop().0.code(), Some(0));
    let node = Node::half_heard(directory.path());
    node.run(&["streams", "create", "orders", "--wait"]);
    assert_eq!(node.stop().0.code(), Some(0));
}

#[test]
fn records_are_put_with_their_keys_and_tailed_as_asked() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &[]);
    node.run(&["streams", "create", "events", "--wait"]);
    let lines = "alice:in\nbob:\u{fc}\nalice:out:late\n";
    let put = node.run_with_input(&["put", "events", "-K", ":", "--json"], lines);
    let results: Vec<serde_json::Value> =
        put.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(results.len(), 3);
    assert_eq!(results[2]["line"], 3);
    assert_eq!(results[2]["shard_id"], "shardId-000000000000");

    let arguments = ["tail", "events", "-o", "beginning", "-e", "-f", "%k=%s/%S %p %o\\n"];
    let tailed = node.run(&arguments);
    let expected: Vec<String> = ["alice=in/2", "bob=\u{fc}/2", "alice=out:late/8"]
        .iter()
        .zip(&results)
        .map(|(text, result)| {
            let number = result["sequence_number"].as_str().unwrap();
            format!("{text} shardId-000000000000 {number}")
        })
        .collect();
    assert_eq!(tailed.lines().collect::<Vec<_>>(), expected);

    let json = node.run(&["tail", "events", "-o", "beginning", "-n", "1", "--json"]);
    let first: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(first["partition_key"], "alice");
    assert_eq!(first["data"], "in");
    assert_eq!(first["sequence_number"], results[0]["sequence_number"]);
}

#[test]
fn a_stream_is_explained_for_people_and_for_scripts() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &[]);
    node.run(&["streams", "create", "quiet", "--on-demand", "--wait"]);
    let quiet = node.run(&["streams", "explain", "quiet"]);
    for said in ["4 open shards", "scales to 200 shards by itself", "nothing is hot", "none yet"] {
        assert!(quiet.contains(said), "no {said:?} in {quiet}");
    }
    node.run(&["streams", "create", "busy", "--wait"]);
    let line = format!("hot:{}\n", "x".repeat(900_000));
    node.run_with_input(&["put", "busy", "-K", ":"], &line.repeat(10));
    let busy = node.run(&["streams", "explain", "busy"]);
    for said in
        ["write bytes", "let through", "key \"hot\"", "arn:aws:iam::", "limits only counted"]
    {
        assert!(busy.contains(said), "no {said:?} in {busy}");
    }
    let json = node.run(&["streams", "explain", "busy", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["stream_name"], "busy");
    assert_eq!(found["throttled"][0]["limit"], "WRITE_BYTES");
    assert_eq!(found["throttled"][0]["partition_key"], "hot");
    let at = found["throttled"][0]["first_at"].as_str().unwrap();
    assert!(at.starts_with("20") && at.ends_with('Z'), "{at}");
    let missing = finish(&mut node.command(&["streams", "explain", "nothing"]), "");
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn a_line_without_a_key_stops_the_put_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &[]);
    node.run(&["streams", "create", "events", "--wait"]);
    let mut command = node.command(&["put", "events", "-K", ":"]);
    let output = finish(&mut command, "a:1\nnonsense\nb:2\n");
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("line 2: there is no \":\" after a key"), "{errors}");
    assert!(errors.contains("put 1 records"), "{errors}");
    assert_eq!(node.run(&["tail", "events", "-o", "beginning", "-e"]), "1\n");
}

#[test]
fn a_tail_from_the_end_shows_records_as_they_come() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &[]);
    node.run(&["streams", "create", "events", "--shards", "2", "--wait"]);
    node.run_with_input(&["put", "events"], "before\n");
    let mut put = Running::start(&mut node.command(&["put", "events", "--json"]));
    let tail = Running::start(&mut node.command(&["tail", "events"]));
    // The tail may open after the first of these lines, but not after all of them.
    let mut seen = None;
    for number in 0.. {
        put.write(&format!("{number}\n"));
        put.line();
        if let Some(line) = tail.try_line() {
            seen = Some(line);
            break;
        }
    }
    assert_ne!(seen.as_deref(), Some("before"));
}

#[test]
fn shards_are_split_merged_scaled_drawn_and_read_across() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &["--set", "streams.transition_delay=0ms"]);
    node.run(&["streams", "create", "events", "--wait"]);
    let put = |text: &str| {
        let lines: String = (0..20).map(|key| format!("{key}:{text}\n")).collect();
        node.run_with_input(&["put", "events", "-K", ":"], &lines);
    };
    put("whole");
    node.run(&["streams", "split", "events", "shardId-000000000000", "--wait"]);
    put("split");
    let merge = ["streams", "merge", "events", "shardId-000000000001", "shardId-000000000002"];
    node.run(&[&merge[..], &["--wait"]].concat());
    put("merged");
    node.run(&["streams", "scale", "events", "2", "--wait"]);
    put("scaled");

    let tailed = node.run(&["tail", "events", "-o", "beginning", "-e", "-f", "%k %s\\n"]);
    assert_eq!(tailed.lines().count(), 80);
    for key in 0..20 {
        let prefix = format!("{key} ");
        let of_key: Vec<_> = tailed.lines().filter_map(|line| line.strip_prefix(&prefix)).collect();
        assert_eq!(of_key, ["whole", "split", "merged", "scaled"], "key {key}");
    }

    let drawn = node.run(&["streams", "show", "events"]);
    assert!(!drawn.contains('\u{1b}'), "there are colours in a pipe: {drawn}");
    assert!(drawn.contains("2 open of 6 shards"), "{drawn}");
    assert!(drawn.contains(&"█".repeat(32)), "{drawn}");
    assert!(drawn.contains("shardId-000000000001 + shardId-000000000002"), "{drawn}");
    let json = node.run(&["streams", "show", "events", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(shown["shards"][1]["parents"][0], "shardId-000000000000");
    assert_eq!(shown["shards"][5]["open"], true);
}

#[test]
fn streams_are_listed_and_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &[]);
    for stream in ["b", "a"] {
        node.run(&["streams", "create", stream, "--wait"]);
    }
    let listed = node.run(&["streams", "list", "--json"]);
    let names: Vec<serde_json::Value> = listed
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["name"].clone())
        .collect();
    assert_eq!(names, ["a", "b"]);
    node.run(&["streams", "delete", "a", "--wait"]);
    let table = node.run(&["streams", "list"]);
    assert!(table.contains("\nb ") && !table.contains("\na "), "{table}");
    let mut missing = node.command(&["streams", "show", "a"]);
    let output = finish(&mut missing, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no stream \"a\""));
}

#[test]
fn the_first_serve_makes_a_key_shows_it_once_and_lets_only_it_in() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::start("serve", directory.path(), &[]);
    let mut stranger = node.command(&["streams", "list"]);
    let output = finish(&mut stranger, "");
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("UnrecognizedClientException"), "{errors}");
    let with_key = |node: &Node| {
        let mut command = weir();
        command.env("AWS_ENDPOINT_URL", &node.endpoint);
        command.env("AWS_SHARED_CREDENTIALS_FILE", directory.path().join("credentials"));
        succeed(command.args(["streams", "list"]), "")
    };
    with_key(&node);
    let (_, first, _) = node.stop();
    assert!(first.contains("AWS_SECRET_ACCESS_KEY="), "{first}");
    let node = Node::start("serve", directory.path(), &[]);
    with_key(&node);
    let (_, second, _) = node.stop();
    assert!(!second.contains("AWS_SECRET_ACCESS_KEY="), "{second}");
}

#[test]
fn a_bench_verifies_what_it_wrote() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &["--set", "streams.transition_delay=0ms"]);
    for operation in
        ["put-records", "put-record", "get-records", "put-to-get", "put-to-event", "fan-out"]
    {
        for encoding in ["json", "cbor"] {
            let mut arguments = vec!["bench", "--op", operation, "--encoding", encoding];
            arguments.extend(["--duration", "200ms", "--batch", "10", "--connections", "2"]);
            arguments.extend(["--fill", "100KiB", "--json", "--verify"]);
            let printed = node.run(&arguments);
            let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
            assert!(report["records"].as_u64().unwrap() > 0, "{printed}");
            assert_eq!(report["errors"], serde_json::json!({}), "{printed}");
            if operation.starts_with("put-record") {
                assert_eq!(report["verified"]["records"], report["records"], "{printed}");
                assert_eq!(report["verified"]["missing"], 0, "{printed}");
            }
        }
    }
    let paced = ["bench", "--rate", "500", "--batch", "5", "--duration", "500ms"];
    let printed = node.run(&paced);
    assert!(printed.contains("open loop at 500 records/s"), "{printed}");
    assert_eq!(node.run(&["streams", "list", "--json"]), "", "a stream was left behind");
}

#[test]
fn puts_are_measured_beside_the_disk_and_http_alone() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(&directory.path().join("data"), &[]);
    let written_in = directory.path().to_str().unwrap();
    for connections in ["1", "3"] {
        let load = ["bench", "--op", "put-record-floor", "--duration", "100ms", "--json"];
        let load = [&load[..], &["--connections", connections, "--data-dir", written_in]].concat();
        let printed = node.run(&load);
        let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
        let floor = &report["floor"];
        let p50 = |of: &serde_json::Value| of["p50"].as_f64().unwrap();
        let ratio =
            p50(&report["latency_ms"]) / (p50(&floor["disk_ms"]) + p50(&floor["health_ms"]));
        // The parts are printed in whole microseconds.
        assert!((floor["p50_ratio"].as_f64().unwrap() - ratio).abs() < 0.1 * ratio, "{printed}");
        assert!(report["records"].as_u64().unwrap() > 0, "{printed}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_bench_that_holds_reads_back_what_is_left_by_then() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &["--set", "streams.transition_delay=0ms"]);
    let report = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    for is_deleted in [true, false] {
        node.run(&["streams", "create", "river", "--wait"]);
        let load = ["bench", "--stream", "river", "--verify", "--hold", "--json"];
        let mut bench = node.command(&load);
        let mut bench = Running::start(bench.args(["--duration", "200ms", "--batch", "10"]));
        let written = report(&bench.line());
        assert_eq!(written["verified"], serde_json::Value::Null, "{written}");
        let (mut records, mut missing) = (written["records"].clone(), 0.into());
        if is_deleted {
            node.run(&["streams", "delete", "river", "--wait"]);
            std::mem::swap(&mut records, &mut missing);
        }
        bench.write("\n");
        let verified = report(&bench.line());
        assert_eq!(verified["verified"]["records"], records, "{verified}");
        assert_eq!(verified["verified"]["missing"], missing, "{verified}");
    }
}
