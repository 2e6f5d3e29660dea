//! Keys that encrypt, as an operator manages them.

use serde_json::Value;

use crate::weir::{Node, finish, succeed};

const ALIAS: &str = "alias/orders";

#[test]
fn a_key_is_made_used_rotated_switched_and_deleted_from_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::start("dev", directory.path(), &[]);
    let run = |arguments: &[&str]| succeed(&mut node.command(arguments), "");
    let arn = run(&["keys", "create", "--alias", ALIAS, "--description", "of orders"]);
    assert!(arn.starts_with("arn:aws:kms:us-east-1:000000000000:key/"), "{arn}");
    let list = run(&["keys", "list"]);
    assert!(list.contains(ALIAS) && list.contains("Enabled"), "{list}");
    assert!(run(&["keys", "show", ALIAS]).contains("No stream has records under it."));

    run(&["streams", "create", "orders", "--wait"]);
    run(&["streams", "encrypt", "orders", "--key", ALIAS, "--wait"]);
    let shown = run(&["streams", "show", "orders"]);
    assert!(shown.contains("encrypted with alias/orders"), "{shown}");
    run(&["streams", "encrypt", "orders", "--stop", "--wait"]);
    let line: Value = serde_json::from_str(&run(&["streams", "show", "orders", "--json"])).unwrap();
    assert_eq!(line["encryption_key"], Value::Null);

    run(&["keys", "rotate", ALIAS]);
    run(&["keys", "alias", "create", "alias/other", ALIAS]);
    run(&["keys", "disable", "alias/other"]);
    let line: Value = serde_json::from_str(&run(&["keys", "show", ALIAS, "--json"])).unwrap();
    assert_eq!((&line["material_version"], &line["state"]), (&2.into(), &"Disabled".into()));
    run(&["keys", "enable", ALIAS]);
    run(&["keys", "alias", "delete", "alias/other"]);

    // A script that does not say yes deletes nothing.
    let output = finish(&mut node.command(&["keys", "delete", ALIAS]), "delete\n");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("--yes"), "{errors}");
    let said = run(&["keys", "delete", ALIAS, "--yes"]);
    assert!(said.contains("lost for ever") && said.contains("is deleted"), "{said}");
    let output = finish(&mut node.command(&["keys", "show", ALIAS]), "");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("KMSNotFoundException"), "{errors}");
}
