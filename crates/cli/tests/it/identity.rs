//! Users, roles, policies, keys and accounts, as an operator manages them.

use std::path::Path;

use serde_json::Value;

use crate::weir::{Node, finish, succeed};

const PUT: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "kinesis:*", "Resource": "*"}]}"#;

/// A node that verifies, and its root's credentials.
struct Secured {
    node: Node,
    directory: tempfile::TempDir,
}

impl Secured {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let node = Node::start("serve", directory.path(), &[]);
        Self { node, directory }
    }

    fn restarted(self) -> Self {
        let Self { node, directory } = self;
        assert!(node.stop().0.success());
        let node = Node::start("serve", directory.path(), &[]);
        Self { node, directory }
    }

    /// Runs a command as the root.
    fn run(&self, arguments: &[&str]) -> String {
        self.run_with_input(arguments, "")
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> String {
        let credentials = self.directory.path().join("credentials");
        let mut command = self.node.command(arguments);
        succeed(command.env("AWS_SHARED_CREDENTIALS_FILE", credentials), input)
    }

    /// Runs a command as the root that must fail, and gives its exit code and what it says.
    fn fail(&self, arguments: &[&str]) -> (i32, String) {
        let credentials = self.directory.path().join("credentials");
        let mut command = self.node.command(arguments);
        let output = finish(command.env("AWS_SHARED_CREDENTIALS_FILE", credentials), "");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// Whether a key may list streams.
    fn may_list(&self, key: &Value) -> bool {
        let mut command = self.node.command(&["streams", "list"]);
        command.env("AWS_ACCESS_KEY_ID", key["access_key_id"].as_str().unwrap());
        command.env("AWS_SECRET_ACCESS_KEY", key["secret_access_key"].as_str().unwrap());
        finish(&mut command, "").status.success()
    }
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// Whether any file below `directory` has `needle` in it.
fn is_written(directory: &Path, needle: &str) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_written(&path, needle);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

#[test]
fn an_application_gets_a_user_and_its_key_is_changed_without_a_restart() {
    let secured = Secured::start();
    let arguments = ["users", "create", "shop", "--policy", "-", "--key", "--json"];
    let old = json(&secured.run_with_input(&arguments, PUT));
    assert!(secured.may_list(&old));
    let new = json(&secured.run(&["keys", "access", "create", "--user", "shop", "--json"]));
    assert!(secured.may_list(&new));
    let id = old["access_key_id"].as_str().unwrap();
    secured.run(&["keys", "access", "disable", id, "--user", "shop"]);
    assert!(!secured.may_list(&old));
    assert!(secured.may_list(&new));

    let secured = secured.restarted();
    assert!(!secured.may_list(&old));
    assert!(secured.may_list(&new));
    let listed = secured.run(&["keys", "access", "list", "--user", "shop", "--json"]);
    let statuses: Vec<String> =
        listed.lines().map(|line| json(line)["status"].as_str().unwrap().to_owned()).collect();
    assert_eq!(statuses, ["Inactive", "Active"]);
    secured.run(&["keys", "access", "enable", id, "--user", "shop"]);
    assert!(secured.may_list(&old));
    secured.run(&["keys", "access", "delete", id, "--user", "shop"]);
    assert!(!secured.may_list(&old));

    let directory = secured.directory;
    assert!(secured.node.stop().0.success());
    assert!(is_written(directory.path(), new["access_key_id"].as_str().unwrap()));
    for key in [&old, &new] {
        assert!(!is_written(directory.path(), key["secret_access_key"].as_str().unwrap()));
    }
}

#[test]
fn what_a_command_prints_is_for_people_and_what_fails_says_what_to_do() {
    let secured = Secured::start();
    let key = secured.run(&["users", "create", "shop", "--key", "--tag", "team=web"]);
    assert!(key.starts_with("[shop]\naws_access_key_id = AKIA"), "{key}");
    secured.run_with_input(&["policies", "put", "orders", "-", "--user", "shop"], PUT);
    assert_eq!(secured.run(&["policies", "list", "--user", "shop"]), "orders\n");
    assert_eq!(secured.run(&["policies", "get", "orders", "--user", "shop"]).trim_end(), PUT);
    let shown = secured.run(&["users", "show", "shop"]);
    for part in ["user/shop", "team=web", "policies: orders", "AKIA", "Active"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    secured.run(&["keys", "access", "create", "--user", "shop"]);
    for (arguments, code, hint) in [
        (&["keys", "access", "create", "--user", "shop"][..], 1, "weir keys access delete"),
        (&["users", "delete", "shop"], 1, "--all deletes them too"),
        (&["users", "show", "nobody"], 1, "The user with name nobody cannot be found."),
        (&["users", "create", "Shop"], 1, "already exists"),
        (&["policies", "put", "p", "/nowhere", "--user", "shop"], 1, "cannot read the policy"),
        (&["policies", "list"], 2, "--user"),
        (&["users", "create", "x", "--tag", "no"], 2, "KEY=VALUE"),
        (&["roles", "create", "r", "--trust", "nobody"], 1, "Invalid principal in policy"),
    ] {
        let (status, said) = secured.fail(arguments);
        assert_eq!(status, code, "{arguments:?}: {said}");
        assert!(said.contains(hint), "{arguments:?}: {said}");
    }
    assert_eq!(secured.run(&["users", "delete", "shop", "--all"]), "shop is deleted\n");
}

#[test]
fn roles_and_accounts_are_made_listed_and_changed() {
    let secured = Secured::start();
    let arguments = ["roles", "create", "reader", "--trust", "000000000000", "--policy", "-"];
    let made = secured.run_with_input(&arguments, PUT);
    assert_eq!(made, "reader is made: arn:aws:iam::000000000000:role/reader\n");
    secured.run(&["roles", "update", "reader", "--max-session", "7200"]);
    let shown = json(&secured.run(&["roles", "show", "reader", "--json"]));
    assert_eq!(shown["max_session_seconds"], 7200);
    assert_eq!(shown["policies"], serde_json::json!(["reader"]));
    let trust = json(shown["trust_policy"].as_str().unwrap());
    assert_eq!(trust["Statement"][0]["Principal"]["AWS"], serde_json::json!(["000000000000"]));
    assert!(secured.fail(&["roles", "delete", "reader"]).1.contains("--all"));
    secured.run(&["roles", "delete", "reader", "--all"]);
    assert_eq!(secured.run(&["roles", "list", "--json"]), "");

    let key = json(&secured.run(&["accounts", "create", "111111111111", "--json"]));
    assert!(secured.may_list(&key));
    let more = ["keys", "access", "create", "--account", "111111111111", "--json"];
    assert!(secured.may_list(&json(&secured.run(&more))));
    let accounts = secured.run(&["accounts", "list", "--json"]);
    let ids: Vec<Value> = accounts.lines().map(|line| json(line)["account_id"].clone()).collect();
    assert_eq!(ids, ["000000000000", "111111111111"]);
}

#[test]
fn a_simulation_tells_people_and_scripts_what_decides() {
    let secured = Secured::start();
    secured.run(&["users", "create", "shop"]);
    secured.run_with_input(&["policies", "put", "orders", "-", "--user", "shop"], PUT);
    let user = "arn:aws:iam::000000000000:user/shop";
    let ask = ["policies", "simulate", user, "kinesis:PutRecord", "weir:CreateUser"];
    let shown = secured.run(&ask);
    for part in ["statement 1", "of the identity policy \"orders\"", "not allowed", "because no"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let printed = secured.run(&[&ask[..], &["--json"]].concat());
    let lines: Vec<_> = printed.lines().map(json).collect();
    assert_eq!(lines[0]["decision"], "allowed");
    assert_eq!(lines[0]["statements"][0]["policy"], "orders");
    assert_eq!(lines[1]["decision"], "implicitDeny");
    let (status, said) = secured.fail(&[&ask[..], &["--key", "x"]].concat());
    assert_eq!(status, 2, "{said}");
    let nobody = "arn:aws:iam::000000000000:user/nobody";
    let (status, said) = secured.fail(&["policies", "simulate", nobody, "kinesis:PutRecord"]);
    assert_eq!(status, 1);
    assert!(said.contains("There is no principal"), "{said}");
}
