//! Child processes that run `weir`.

#![expect(clippy::disallowed_methods, reason = "nothing here is a node's task")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// A wait that takes longer is a failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// `weir` with an environment that cannot reach the person who runs the tests.
pub(crate) fn weir() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.env_clear().env("HOME", "/nonexistent").env("NO_PROXY", "*");
    command
}

/// A running node.
pub(crate) struct Node {
    child: Child,
    /// `http://ADDRESS:PORT`.
    pub(crate) endpoint: String,
    /// What it prints after its first line, until it ends.
    output: Option<std::thread::JoinHandle<String>>,
    errors: Option<std::thread::JoinHandle<String>>,
}

impl Node {
    /// Runs `weir dev` on `directory`.
    pub(crate) fn dev(directory: &Path, arguments: &[&str]) -> Self {
        Self::start("dev", directory, arguments)
    }

    /// Runs a node and waits until it listens.
    pub(crate) fn start(command: &str, directory: &Path, arguments: &[&str]) -> Self {
        Self::spawn(&mut node_command(command, directory, arguments))
    }

    /// The same with any command.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let errors = collect(child.stderr.take().unwrap());
        // A node that starts prints a line, one that fails closes its output: neither hangs.
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let Some(endpoint) = first.trim_end().strip_prefix("listening on ") else {
            child.wait().unwrap();
            panic!("the node did not start: {first}{}", errors.join().unwrap());
        };
        let endpoint = endpoint.to_owned();
        Self { child, endpoint, output: Some(collect(lines)), errors: Some(errors) }
    }

    /// Runs `weir dev` with a standard output that nobody reads after the first line.
    pub(crate) fn half_heard(directory: &Path) -> Self {
        let mut command = node_command("dev", directory, &[]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let errors = collect(child.stderr.take().unwrap());
        let mut first = String::new();
        // One byte at a time: what follows the line is left in the pipe, which is closed then.
        let mut output = BufReader::with_capacity(1, child.stdout.take().unwrap());
        output.read_line(&mut first).unwrap();
        let endpoint = first.trim_end().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, endpoint, output: None, errors: Some(errors) }
    }

    /// Runs `weir dev` with a standard output that nobody reads, until it says so.
    pub(crate) fn unheard(directory: &Path) -> Self {
        let mut command = node_command("dev", directory, &[]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("standard output takes no more lines") {
            line.clear();
            assert_ne!(errors.read_line(&mut line).unwrap(), 0, "the node ended");
        }
        Self { child, endpoint: String::new(), output: None, errors: Some(collect(errors)) }
    }

    /// A client command of this node.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = weir();
        command.env("AWS_ENDPOINT_URL", &self.endpoint).args(arguments);
        command
    }

    /// Runs a client command that must succeed and gives what it prints.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        succeed(&mut self.command(arguments), "")
    }

    /// The same, with standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> String {
        succeed(&mut self.command(arguments), input)
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").arg(name).arg(self.child.id().to_string()).status();
        assert!(kill.unwrap().success());
    }

    /// What the node holds in memory.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Waits for the end and gives the status, stdout after the first line, and stderr.
    pub(crate) fn wait(mut self) -> (ExitStatus, String, String) {
        let status = wait(&mut self.child);
        let text = |reader: Option<std::thread::JoinHandle<String>>| {
            reader.map(|reader| reader.join().unwrap()).unwrap_or_default()
        };
        (status, text(self.output.take()), text(self.errors.take()))
    }

    /// SIGTERM, then waits for the end.
    pub(crate) fn stop(self) -> (ExitStatus, String, String) {
        self.signal("-TERM");
        self.wait()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A test that failed leaves no process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A node that is to be started on `directory`, on any free port.
pub(crate) fn node_command(command: &str, directory: &Path, arguments: &[&str]) -> Command {
    let mut node = weir();
    node.args([command, "--listen", "127.0.0.1:0", "--data-dir"]).arg(directory).args(arguments);
    node
}

/// Runs a command that must succeed and gives what it prints.
pub(crate) fn succeed(command: &mut Command, input: &str) -> String {
    let output = finish(command, input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command to its end.
pub(crate) fn finish(command: &mut Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writing = std::thread::spawn(move || {
        // A command that does not read its input may close it.
        let _ = stdin.write_all(input.as_bytes());
    });
    let (stdout, stderr) =
        (collect(child.stdout.take().unwrap()), collect(child.stderr.take().unwrap()));
    let status = wait(&mut child);
    writing.join().unwrap();
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    Output { status, stdout: stdout.into_bytes(), stderr: stderr.into_bytes() }
}

/// Waits for a child's end, at most until the deadline.
fn wait(child: &mut Child) -> ExitStatus {
    let id = child.id();
    let (done, over) = sync_channel::<()>(0);
    let watchdog = std::thread::spawn(move || {
        if over.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").arg("-KILL").arg(id.to_string()).status();
            return true;
        }
        false
    });
    let status = child.wait().unwrap();
    drop(done);
    assert!(!watchdog.join().unwrap(), "the process did not end within {DEADLINE:?}");
    status
}

fn collect(mut reader: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = reader.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// A command that goes on, read line by line.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        Self { stdin: child.stdin.take(), child, lines }
    }

    pub(crate) fn write(&mut self, text: &str) {
        self.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// The next line, if there is one already.
    pub(crate) fn try_line(&self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// The next line, which must come before the deadline.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("a line is printed")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(stdout: ChildStdout) -> Receiver<String> {
    let (send, lines) = sync_channel(1024);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
