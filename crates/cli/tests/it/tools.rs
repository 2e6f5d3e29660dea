//! What needs no node.

use crate::weir::{finish, succeed, weir};

#[test]
fn the_effective_configuration_is_printed_and_reads_back_as_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("weir.toml");
    let set = ["config", "serve", "--account-id", "123456789012", "--set", "limits.mode=relaxed"];
    let printed = succeed(weir().args(set), "");
    assert!(printed.contains("account_id = \"123456789012\""), "{printed}");
    assert!(printed.contains("mode = \"relaxed\""), "{printed}");
    std::fs::write(&file, &printed).unwrap();
    let again = succeed(weir().args(["config", "--config"]).arg(&file), "");
    assert_eq!(again, printed);
}

#[test]
fn the_environment_sets_what_flags_do_not() {
    let mut command = weir();
    command.env("WEIR_LIMITS__MODE", "relaxed").env("WEIR_ACCOUNT_ID", "111111111111");
    let printed = succeed(command.args(["config", "--account-id", "222222222222"]), "");
    assert!(printed.contains("mode = \"relaxed\""), "{printed}");
    assert!(printed.contains("account_id = \"222222222222\""), "{printed}");
}

#[test]
fn wrong_arguments_and_settings_end_with_two_and_a_reason() {
    for (arguments, reason) in [
        (&["frobnicate"][..], "frobnicate"),
        (&["config", "--set", "no.such=1"], "no.such"),
        (&["config", "--set", "account_id=12"], "12 digits"),
        (&["config", "--config", "/nonexistent/weir.toml"], "/nonexistent/weir.toml"),
        (&["dev", "--listen", "0.0.0.0:0"], "--insecure-http"),
        (&["put", "events", "--endpoint", "ftp://weir.test"], "ftp://weir.test"),
        (&["put", "events", "--profile", "nobody"], "nobody"),
        (&["tail", "events", "-o", "yesterday"], "yesterday"),
        (&["tail", "events", "-f", "%q"], "%q means nothing"),
        (&["keys", "create", "--alias", "orders"], "begins with alias/"),
        (&["bench", "--op", "disk-sync"], "--data-dir"),
        (&["bench", "--size", "10B"], "--size must be at least"),
    ] {
        let output = finish(weir().args(arguments), "");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(reason), "{arguments:?}: {errors}");
        assert!(!errors.contains('\u{1b}'), "there are colours in a pipe: {errors}");
    }
}

#[test]
fn an_endpoint_where_nothing_listens_ends_with_four() {
    // Port 1 needs more rights than a test has.
    let output = finish(weir().args(["streams", "list", "--endpoint", "http://127.0.0.1:1"]), "");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{errors}");
    assert!(
        errors.contains("cannot connect to http://127.0.0.1:1: Connection refused"),
        "{errors}"
    );
}

#[test]
fn every_command_has_help_and_shells_get_completions() {
    let help = succeed(weir().arg("--help"), "");
    for command in [
        "dev",
        "serve",
        "put",
        "tail",
        "streams",
        "bench",
        "config",
        "check",
        "completions",
        "users",
        "roles",
        "policies",
        "keys",
        "accounts",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in: {help}");
        let help = succeed(weir().args([command, "--help"]), "");
        assert!(help.contains("Usage: weir"), "{help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = succeed(weir().args(["completions", shell]), "");
        assert!(script.contains("tail"), "{script}");
    }
    assert!(succeed(weir().arg("--version"), "").starts_with("weir "));
}

#[test]
fn the_disks_own_speed_is_measured_and_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["bench", "--op", "disk-sync", "--duration", "20ms", "--json", "--data-dir"];
    let printed = succeed(weir().args(arguments).arg(directory.path()), "");
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert!(report["requests"].as_u64().unwrap() > 0, "{printed}");
    assert!(report["latency_ms"]["p50"].as_f64().unwrap() > 0.0, "{printed}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
