use super::*;

fn layers(profile: Profile) -> Layers {
    Layers::defaults(profile)
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

fn refused(layers: Layers) -> String {
    layers.load().err().expect("the settings are refused").to_string()
}

#[test]
fn later_layers_win() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weir.toml");
    std::fs::write(&path, "[http]\nconnections_max = 1\nheader_timeout = '1s'\nbody_timeout='1s'")
        .unwrap();
    let config = Layers {
        file: Some(path),
        environment: pairs(&[
            ("WEIR_HTTP__HEADER_TIMEOUT", "2s"),
            ("WEIR_HTTP__BODY_TIMEOUT", "2s"),
        ]),
        flags: pairs(&[("http.body_timeout", "3s")]),
        ..layers(Profile::Serve)
    };
    let config = config.load().unwrap();
    assert_eq!(config.http.connections_max, 1);
    assert_eq!(config.http.header_timeout, Duration::from_secs(2));
    assert_eq!(config.http.body_timeout, Duration::from_secs(3));
    assert_eq!(config.http.idle_timeout, Http::default().idle_timeout);
}

#[test]
fn the_names_that_tools_rely_on_set_what_they_say() {
    let flags = pairs(&[
        ("auth.mode", "accept-any"),
        ("limits.mode", "relaxed"),
        ("limits.shards_per_account", "7"),
        ("streams.transition_delay", "0ms"),
        ("account_id", "123456789012"),
        ("http.body_bytes_max", "17MiB"),
    ]);
    let config = Layers { flags, ..layers(Profile::Serve) }.load().unwrap();
    assert_eq!(config.auth.mode, AuthMode::AcceptAny);
    assert!(matches!(config.limits.mode, streams::Mode::Relaxed));
    assert_eq!(config.limits.shards_per_account, 7);
    assert_eq!(config.streams.transition_delay, Duration::ZERO);
    assert_eq!(config.account_id, "123456789012");
    assert_eq!(config.http.body_bytes_max, ByteSize::mib(17));
}

#[test]
fn the_profiles_differ_in_who_is_let_in_and_in_the_limits() {
    let dev = Config::new(Profile::Dev);
    assert_eq!(dev.auth.mode, AuthMode::AcceptAny);
    assert!(matches!(dev.limits.mode, streams::Mode::Relaxed));
    let serve = Config::new(Profile::Serve);
    assert_eq!(serve.auth.mode, AuthMode::Verify);
    assert!(matches!(serve.limits.mode, streams::Mode::Aws));
    assert!(dev.validate().is_ok() && serve.validate().is_ok());
}

#[test]
fn an_unknown_setting_is_refused_with_its_source_and_its_neighbours() {
    let flag = refused(Layers { flags: pairs(&[("auth.mod", "x")]), ..layers(Profile::Dev) });
    assert!(flag.contains("auth.mod") && flag.contains("command line"), "{flag}");
    assert!(flag.contains("keys, mode"), "{flag}");

    let environment = pairs(&[("WEIR_NOTHING__AT_ALL", "x")]);
    let variable = refused(Layers { environment, ..layers(Profile::Dev) });
    assert!(variable.contains("WEIR_NOTHING__AT_ALL"), "{variable}");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mine.toml");
    std::fs::write(&path, "[storage]\nno_such = 1\n").unwrap();
    let file = refused(Layers { file: Some(path), ..layers(Profile::Dev) });
    assert!(file.contains("storage.no_such") && file.contains("mine.toml"), "{file}");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_what_was_wanted() {
    for (key, value) in [
        ("http.body_timeout", "soon"),
        ("http.body_bytes_max", "many"),
        ("http.connections_max", "-1"),
        ("auth.mode", "maybe"),
        ("listen", "nowhere"),
        ("ephemeral", "perhaps"),
    ] {
        let text = refused(Layers { flags: pairs(&[(key, value)]), ..layers(Profile::Dev) });
        assert!(text.contains(key) && text.contains("command line"), "{text}");
    }
}

#[test]
fn a_file_that_is_named_must_exist_and_be_toml() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.toml");
    let text = refused(Layers { file: Some(missing), ..layers(Profile::Dev) });
    assert!(text.contains("missing.toml"), "{text}");

    let broken = directory.path().join("broken.toml");
    std::fs::write(&broken, "listen = \n").unwrap();
    let text = refused(Layers { file: Some(broken), ..layers(Profile::Dev) });
    assert!(text.contains("broken.toml") && text.contains("line 1"), "{text}");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    for (flags, key) in [
        (&[("account_id", "12345")][..], "account_id"),
        (&[("account_id", "999999999999")], "account_id"),
        (&[("audit.data_plane", "true")], "audit.data_plane"),
        (&[("audit.retention", "90m")], "audit.retention"),
        (&[("audit.retention", "9000h")], "audit.retention"),
        (&[("http.bodies_bytes_max", "1MiB")], "http.bodies_bytes_max"),
        (&[("http.connections_max", "0")], "http.connections_max"),
    ] {
        let text = refused(Layers { flags: pairs(flags), ..layers(Profile::Dev) });
        assert!(text.contains(key), "{text}");
    }
}

#[test]
fn beyond_loopback_nothing_is_served_unencrypted_unless_told_so() {
    let open = ("listen", "0.0.0.0:4567");
    for profile in [Profile::Dev, Profile::Serve] {
        let text = refused(Layers { flags: pairs(&[open]), ..layers(profile) });
        assert!(text.contains("0.0.0.0:4567") && text.contains("insecure"), "{text}");
        let told = pairs(&[open, ("insecure_http", "true")]);
        assert!(Layers { flags: told, ..layers(profile) }.load().is_ok());
    }
}

#[test]
fn what_is_printed_can_be_read_again_and_hides_the_secrets() {
    let key = r#"[{access_key_id = "AKIAEXAMPLE", secret_access_key = "open sesame"}]"#;
    let config = Layers { flags: pairs(&[("auth.keys", key)]), ..layers(Profile::Serve) };
    let config = config.load().unwrap();
    assert_eq!(config.auth.keys[0].secret_access_key.expose(), "open sesame");
    let text = render(&config);
    assert!(text.contains("AKIAEXAMPLE") && text.contains("<hidden>"), "{text}");
    assert!(!text.contains("sesame"), "{text}");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weir.toml");
    std::fs::write(&path, &text).unwrap();
    let again = Layers { file: Some(path), ..layers(Profile::Dev) }.load().unwrap();
    assert_eq!(render(&again), text);
}

#[test]
fn a_kubernetes_service_called_weir_does_not_break_the_start() {
    for name in ["WEIR_PORT", "WEIR_PORT_4567_TCP_ADDR", "WEIR_SERVICE_HOST"] {
        assert!(layers::is_service_link(name), "{name}");
    }
    for name in ["WEIR_LISTEN", "WEIR_PORTAL", "WEIR_STORAGE__TAIL_BYTES"] {
        assert!(!layers::is_service_link(name), "{name}");
    }
}
