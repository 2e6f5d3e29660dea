use super::*;

fn around(variables: &[(&'static str, &str)], config: &str, credentials: &str) -> Surroundings {
    Surroundings {
        variables: variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        config: ProfileFile::parse(config),
        credentials: ProfileFile::parse(credentials),
    }
}

const CONFIG: &str = "\
[default]
region = region-of-default
endpoint_url = http://default
[profile local]
region = region-of-local
endpoint_url = http://local
services = mine
[profile bare]
region = x
[profile role]
role_arn = arn:aws:iam::1:role/x
[services mine]
kinesis =
  endpoint_url = http://service-of-local
";

const CREDENTIALS: &str = "\
[default]
aws_access_key_id = DEFAULT
aws_secret_access_key = default-secret
[local]
aws_access_key_id = LOCAL
aws_secret_access_key = local-secret
aws_session_token = local-token
";

fn profile(name: &str) -> ConnectionArgs {
    ConnectionArgs { profile: Some(name.into()), ..ConnectionArgs::default() }
}

#[test]
fn nothing_at_all_leads_to_weir_dev() {
    let config = resolve(&ConnectionArgs::default(), &around(&[], "", "")).expect("it resolves");
    assert_eq!(config.endpoint, "http://127.0.0.1:4567");
    assert_eq!(config.region, "us-east-1");
    assert_eq!(config.credentials, Credentials::default());
}

#[test]
fn the_endpoint_is_of_the_flag_then_a_variable_then_the_profile() {
    let none = ConnectionArgs::default();
    let flag = ConnectionArgs { endpoint: Some("http://flag".into()), ..none.clone() };
    let general = ("AWS_ENDPOINT_URL", "http://general");
    let service = ("AWS_ENDPOINT_URL_KINESIS", "http://service");
    for (flags, variables, expected) in [
        (&flag, &[general, service][..], "http://flag"),
        (&none, &[general, service], "http://service"),
        (&none, &[general], "http://general"),
        (&none, &[("AWS_PROFILE", "local")], "http://service-of-local"),
        (&none, &[], "http://default"),
        (&profile("bare"), &[], "http://127.0.0.1:4567"),
    ] {
        let surroundings = around(variables, CONFIG, CREDENTIALS);
        let config = resolve(flags, &surroundings).expect(expected);
        assert_eq!(config.endpoint, expected);
    }
}

#[test]
fn the_region_is_of_the_flag_then_a_variable_then_the_profile() {
    let none = ConnectionArgs::default();
    let flag = ConnectionArgs { region: Some("flag".into()), ..none.clone() };
    let (new, old) = (("AWS_REGION", "new"), ("AWS_DEFAULT_REGION", "old"));
    for (flags, variables, expected) in [
        (&flag, &[new, old][..], "flag"),
        (&none, &[new, old], "new"),
        (&none, &[old], "old"),
        (&none, &[("AWS_PROFILE", "local")], "region-of-local"),
        (&none, &[], "region-of-default"),
    ] {
        let config = resolve(flags, &around(variables, CONFIG, "")).expect(expected);
        assert_eq!(config.region, expected);
    }
}

#[test]
fn the_key_is_of_a_profile_by_flag_then_the_variables_then_any_profile() {
    let none = ConnectionArgs::default();
    let (id, secret) = (("AWS_ACCESS_KEY_ID", "ENV"), ("AWS_SECRET_ACCESS_KEY", "s"));
    for (flags, variables, expected) in [
        (&profile("local"), &[id, secret][..], "LOCAL"),
        (&none, &[id, secret, ("AWS_PROFILE", "local")], "ENV"),
        (&none, &[("AWS_PROFILE", "local")], "LOCAL"),
        (&none, &[("AWS_DEFAULT_PROFILE", "local")], "LOCAL"),
        (&none, &[], "DEFAULT"),
    ] {
        let config = resolve(flags, &around(variables, CONFIG, CREDENTIALS)).expect(expected);
        assert_eq!(config.credentials.access_key_id, expected);
    }
}

#[test]
fn a_session_token_travels_with_its_key() {
    let config =
        resolve(&profile("local"), &around(&[], CONFIG, CREDENTIALS)).expect("it resolves");
    assert_eq!(config.credentials.session_token.as_deref(), Some("local-token"));
}

#[test]
fn what_is_missing_is_named() {
    let none = ConnectionArgs::default();
    for (flags, surroundings, complaint) in [
        (profile("nobody"), around(&[], CONFIG, CREDENTIALS), "no profile \"nobody\""),
        (profile("role"), around(&[], CONFIG, CREDENTIALS), "no static key but role_arn"),
        (
            none.clone(),
            around(&[("AWS_ACCESS_KEY_ID", "x")], "", ""),
            "AWS_SECRET_ACCESS_KEY is not",
        ),
        (none.clone(), around(&[("AWS_PROFILE", "gone")], CONFIG, ""), "no profile \"gone\""),
    ] {
        let error = resolve(&flags, &surroundings).expect_err(complaint).to_string();
        assert!(error.contains(complaint), "{error}");
    }
}

#[test]
fn the_authorities_to_trust_are_of_the_flag_then_the_variable_then_the_profile() {
    let none = ConnectionArgs::default();
    let flag = ConnectionArgs { ca_bundle: Some("flag.pem".into()), ..none.clone() };
    let config = "[default]\nca_bundle = profile.pem\n[profile other]\nregion = x\n";
    let variable = ("AWS_CA_BUNDLE", "variable.pem");
    for (flags, variables, expected) in [
        (&flag, &[variable][..], Some("flag.pem")),
        (&none, &[variable], Some("variable.pem")),
        (&none, &[], Some("profile.pem")),
        (&none, &[("AWS_PROFILE", "other")], None),
    ] {
        let found = ca_bundle(flags, &around(variables, config, ""));
        assert_eq!(found, expected.map(PathBuf::from));
    }
}
