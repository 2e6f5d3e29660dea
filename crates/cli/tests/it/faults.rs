//! Directories and signals that a node does not expect.

use std::path::{Path, PathBuf};

use crate::weir::{Node, finish, node_command, weir};

/// The status and the complaint of a node that cannot start.
fn refused(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = finish(&mut node_command("dev", directory, arguments), "");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_second_process_on_a_directory_is_refused_with_four() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &[]);
    let (code, errors) = refused(directory.path(), &[]);
    assert_eq!(code, Some(4), "{errors}");
    assert!(errors.contains("in use by another weir process"), "{errors}");
    assert!(errors.contains(&directory.path().display().to_string()), "{errors}");
    node.run(&["streams", "list"]);
    let output = finish(weir().arg("check").arg(directory.path()), "");
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn a_port_in_use_is_refused_with_four_and_leaves_the_directory_alone() {
    let (held, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let node = Node::dev(held.path(), &[]);
    let address = node.endpoint.strip_prefix("http://").unwrap();
    let mut command = weir();
    command.args(["dev", "--listen", address, "--data-dir"]).arg(other.path());
    let output = finish(&mut command, "");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{errors}");
    assert!(errors.contains("choose another address with --listen"), "{errors}");
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0);
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (code, errors) = refused(&file.join("below"), &[]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains(&file.display().to_string()), "{errors}");
}

#[test]
fn sigterm_and_sigint_stop_a_busy_node_with_zero() {
    for signal in ["-TERM", "-INT"] {
        let directory = tempfile::tempdir().unwrap();
        let node = Node::dev(directory.path(), &["--set", "stop_grace=5s"]);
        node.run(&["streams", "create", "events", "--wait"]);
        // A tail holds its connections open.
        let mut command = node.command(&["tail", "events", "-o", "beginning"]);
        let tail = crate::weir::Running::start(&mut command);
        node.run_with_input(&["put", "events"], "hello\n");
        assert_eq!(tail.line(), "hello");
        node.signal(signal);
        let (status, _, errors) = node.wait();
        assert_eq!(status.code(), Some(0), "{errors}");
    }
}

/// Every file below `directory` but the lock and the key.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if !path.ends_with("lock") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn a_check_passes_a_healthy_directory_and_names_the_file_of_any_damage() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::dev(directory.path(), &[]);
    node.run(&["streams", "create", "events", "--wait"]);
    let lines: String = (0..1000).map(|number| format!("{number:0>1000}\n")).collect();
    node.run_with_input(&["put", "events"], &lines);
    node.stop();

    let check = || {
        let output = finish(weir().arg("check").arg(directory.path()), "");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, printed, errors) = check();
    assert_eq!(code, Some(0), "{printed}{errors}");

    let contents: Vec<(PathBuf, Vec<u8>)> = files(directory.path())
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    let (path, content) = contents
        .iter()
        .find(|(_, content)| content.windows(1000).any(is_a_record))
        .expect("the records are in some file, as they were put");
    let mut damaged = content.clone();
    let at = content.windows(1000).position(is_a_record).unwrap();
    damaged[at + 500] ^= 1;
    std::fs::write(path, &damaged).unwrap();
    let (code, printed, errors) = check();
    assert_eq!(code, Some(3), "{printed}{errors}");
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(printed.contains(name), "{name} is not in: {printed}");
    assert_eq!(std::fs::read(path).unwrap(), damaged, "a check changes nothing");

    let (code, errors) = refused(directory.path(), &[]);
    assert_eq!(code, Some(3), "{errors}");
    assert!(errors.contains(name), "{name} is not in: {errors}");
    assert_eq!(std::fs::read(path).unwrap(), damaged, "a refused start changes nothing");
}

fn is_a_record(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_digit) && bytes[..900].iter().all(|byte| *byte == b'0')
}

#[test]
fn a_check_of_what_is_no_data_directory_fails_and_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let output = finish(weir().arg("check").arg(&missing), "");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing"));
    assert!(!missing.exists());
}
