//! Ten thousand clients that say nothing.

use tokio::net::TcpStream;

use crate::harness::start;

/// As many as the limit on open files allows, both ends being in this process.
const CROWD: u64 = 10_000;
/// Files that this node and the tests beside this one need.
const OTHER_FILES: u64 = 2_000;
/// What a silent connection may cost, both ends and the node's share of the allocator included.
const BYTES_PER_CONNECTION_MAX: u64 = 12 * 1024;

#[tokio::test]
async fn a_crowd_of_idle_connections_is_cheap_and_keeps_nobody_out() {
    let files = rlimit::increase_nofile_limit(2 * CROWD + OTHER_FILES).unwrap();
    let crowd = CROWD.min(files.saturating_sub(OTHER_FILES) / 2);
    let started = start(&[]).await;
    started.still_answers().await;
    let before = resident_bytes();
    let mut idle = Vec::new();
    for _ in 0..crowd {
        idle.push(TcpStream::connect(started.node.address()).await.unwrap());
    }
    // Accepted in order: when this one is served, all of them were taken in.
    started.still_answers().await;
    let open = started.metric("weir_server_connections").await;
    assert!(open >= crowd as f64, "{open} of {crowd}");
    let each = resident_bytes().saturating_sub(before) / crowd;
    assert!(each <= BYTES_PER_CONNECTION_MAX, "{each} bytes for each of {crowd} connections");
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or("0 0");
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
