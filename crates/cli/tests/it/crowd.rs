//! Ten thousand clients that say nothing.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::weir::Node;

/// As many as the limit on open files allows.
const CROWD: u64 = 10_000;
/// Files that the tests beside this one need.
const OTHER_FILES: u64 = 2_000;
/// What a silent connection may cost the node.
const BYTES_PER_CONNECTION_MAX: u64 = 8 * 1024;

#[test]
fn a_crowd_of_idle_connections_is_cheap_and_keeps_nobody_out() {
    let files = rlimit::increase_nofile_limit(CROWD + OTHER_FILES).unwrap();
    let crowd = CROWD.min(files.saturating_sub(OTHER_FILES));
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &[]);
    open_connections(&node);
    let before = node.resident_bytes();
    let connect = |_| TcpStream::connect(address(&node)).unwrap();
    let _idle: Vec<TcpStream> = (0..crowd).map(connect).collect();
    // Accepted in order, so all of them were by now; their tasks may still have to begin.
    while open_connections(&node) < crowd {}
    let each = node.resident_bytes().saturating_sub(before) / crowd;
    assert!(each <= BYTES_PER_CONNECTION_MAX, "{each} bytes for each of {crowd} connections");
}

fn address(node: &Node) -> &str {
    node.endpoint.strip_prefix("http://").unwrap()
}

fn open_connections(node: &Node) -> u64 {
    let mut connection = TcpStream::connect(address(node)).unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let open = answer.lines().find_map(|line| line.strip_prefix("weir_server_connections "));
    open.expect("there is such a metric").parse().unwrap()
}
