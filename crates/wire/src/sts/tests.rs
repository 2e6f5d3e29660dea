use proptest::prelude::*;

use super::*;

const FORM: &[u8] = b"application/x-www-form-urlencoded; charset=utf-8";

fn form(method: &str, query: &str, content_type: &[u8], body: &str) -> Option<Form> {
    let headers = [("content-type", content_type)].into_iter().collect();
    let request = HttpRequest { method, path: "/", query, headers };
    form_of(&request, &Bytes::copy_from_slice(body.as_bytes()))
}

fn read(body: &str) -> Result<Call, Refusal> {
    Call::read(&form("POST", "", FORM, &format!("Version=2011-06-15&{body}")).unwrap())
}

fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

#[test]
fn only_a_form_or_a_query_with_the_version_is_a_request_of_sts() {
    let asks = "Action=GetCallerIdentity&Version=2011-06-15";
    assert!(form("POST", "", FORM, asks).is_some());
    assert!(form("GET", asks, b"", "").is_some());
    assert!(form("POST", asks, b"application/x-amz-json-1.1", "{}").is_some());
    assert!(form("POST", "", b"application/x-amz-json-1.1", asks).is_none());
    assert!(form("OPTIONS", asks, b"", "").is_none());
    assert!(form("POST", "", FORM, "Action=PutMetricData&Version=2010-08-01").is_none());
    assert!(form("POST", "", FORM, "Version=2011-06-15").is_none());
    assert!(form("POST", "", FORM, &format!("{asks}&{}", "x=1&".repeat(500))).is_none());
}

#[test]
fn a_form_is_decoded() {
    let call = read(
        "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Arole%2Freader&\
         RoleSessionName=a%2Bb%3D1&DurationSeconds=900&Policy=%7B+%7D&ExternalId=x%2F1",
    );
    let input = AssumeRoleInput {
        role_arn: "arn:aws:iam::000000000000:role/reader".into(),
        role_session_name: "a+b=1".into(),
        duration_seconds: Some(900),
        policy: Some("{ }".into()),
        external_id: Some("x/1".into()),
    };
    assert_eq!(call, Ok(Call::AssumeRole(input)));
    assert_eq!(read("Action=GetCallerIdentity"), Ok(Call::GetCallerIdentity));
}

#[test]
fn what_is_not_a_call_is_refused_in_the_words_of_sts() {
    let role = "Action=AssumeRole&RoleArn=arn:aws:iam::000000000000:role/reader";
    let session = format!("{role}&RoleSessionName=nightly");
    for (body, code, says) in [
        ("Action=GetFederationToken".to_owned(), "InvalidAction", "Could not find operation Get"),
        ("Action=AssumeRole".to_owned(), "ValidationError", "2 validation errors detected"),
        (role.to_owned(), "ValidationError", "Value null at 'roleSessionName'"),
        (format!("{role}&RoleSessionName=a/b"), "ValidationError", r"pattern: [\w+=,.@-]*"),
        (format!("{role}&RoleSessionName=a"), "ValidationError", "greater than or equal to 2"),
        (format!("{session}&DurationSeconds=899"), "ValidationError", "greater than or equal to"),
        (format!("{session}&DurationSeconds=43201"), "ValidationError", "less than or equal to"),
        (format!("{session}&DurationSeconds=long"), "ValidationError", "a whole number"),
        (format!("{session}&Tags.member.1.Key=x"), "ValidationError", "Tags is not supported"),
        (format!("{session}&SerialNumber=1"), "ValidationError", "SerialNumber is not supported"),
    ] {
        let refusal = read(&body).expect_err(&body);
        assert_eq!(refusal.code, code, "{body}");
        assert!(refusal.message.contains(says), "{body}: {}", refusal.message);
    }
}

#[test]
fn answers_are_the_documents_that_aws_gives() {
    let identity = CallerIdentity {
        arn: "arn:aws:iam::123456789012:user/Alice",
        user_id: "AIDACKCEVSQ6C2EXAMPLE",
        account: "123456789012",
    };
    // The sample of AWS's documentation, less its blank line.
    let expected = "\
<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">
  <GetCallerIdentityResult>
    <Arn>arn:aws:iam::123456789012:user/Alice</Arn>
    <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId>
    <Account>123456789012</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
";
    let response = identity.response("01234567-89ab-cdef-0123-456789abcdef");
    assert_eq!((response.status, text(&response)), (200, expected));
    assert_eq!(response.headers, [("content-type", "text/xml".into())]);

    let assumed = AssumedRole {
        arn: "arn:aws:sts::000000000000:assumed-role/reader/nightly",
        user_id: "AROA:nightly",
        access_key_id: "ASIA",
        secret_access_key: "a/b+c",
        session_token: "token==",
        expiration: Timestamp::from_seconds(1_800_000_000),
        packed_policy_size: Some(6),
    };
    let response = assumed.response("id");
    assert!(text(&response).contains("<Expiration>2027-01-15T08:00:00Z</Expiration>"));
    assert!(text(&response).contains("<PackedPolicySize>6</PackedPolicySize>"));
}

#[test]
fn a_refusal_says_whose_fault_it_is_and_escapes_what_it_repeats() {
    let refusal = Refusal::from(ApiError::new(ErrorCode::AccessDenied, "<a> & \"b\" \u{1}"));
    let response = refusal.response("id");
    assert_eq!(response.status, 403);
    assert!(text(&response).contains("<Type>Sender</Type>"));
    assert!(text(&response).contains("<Code>AccessDenied</Code>"));
    assert!(text(&response).contains("<Message>&lt;a&gt; &amp; &quot;b&quot; ?</Message>"));
    let refusal = Refusal::from(ApiError::bare(ErrorCode::InternalFailure)).response("id");
    assert!(text(&refusal).contains("<Type>Receiver</Type>"));
}

/// As clients write a form, or with every byte escaped.
fn escaped(text: &str, all: bool) -> String {
    let byte = |byte: u8| match byte {
        b' ' if !all => "+".to_owned(),
        _ if byte.is_ascii_alphanumeric() && !all => char::from(byte).to_string(),
        _ => format!("%{byte:02x}"),
    };
    text.bytes().map(byte).collect()
}

proptest! {
    #[test]
    fn what_is_asked_for_is_read_back_from_a_form_and_from_a_query(
        role_arn in "arn:aws:iam::[0-9]{12}:role/[a-zA-Z0-9+=,.@_-]{1,30}",
        role_session_name in r"[a-zA-Z0-9_+=,.@-]{2,64}",
        duration_seconds in prop::option::of(900..=43_200_u32),
        policy in prop::option::of(".{1,60}"),
        external_id in prop::option::of(r"[a-zA-Z0-9_+=,.@:/-]{2,60}"),
        all in any::<bool>(),
    ) {
        let texts = [
            ("RoleArn", Some(role_arn.clone())),
            ("RoleSessionName", Some(role_session_name.clone())),
            ("DurationSeconds", duration_seconds.map(|seconds| seconds.to_string())),
            ("Policy", policy.clone()),
            ("ExternalId", external_id.clone()),
        ];
        let mut body = "Action=AssumeRole&Version=2011-06-15".to_owned();
        for (name, text) in texts {
            let text = text.map(|text| format!("&{}={}", escaped(name, all), escaped(&text, all)));
            body.push_str(&text.unwrap_or_default());
        }
        let input =
            AssumeRoleInput { role_arn, role_session_name, duration_seconds, policy, external_id };
        for form in [form("POST", "", FORM, &body), form("GET", &body, b"", "")] {
            prop_assert_eq!(Call::read(&form.unwrap()), Ok(Call::AssumeRole(input.clone())));
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        query in ".{0,200}",
        text in ".{0,400}",
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        members in "(&?(RoleArn|RoleSessionName|Policy|DurationSeconds|Tags|ExternalId)?[.=]?[a%0-9é]{0,9}){0,9}",
    ) {
        let begin = "Version=2011-06-15&Action=AssumeRole&";
        for body in [text.as_bytes(), &bytes, members.as_bytes()] {
            let body = Bytes::from([begin.as_bytes(), body].concat());
            let headers = [("content-type", FORM)].into_iter().collect();
            let request = HttpRequest { method: "POST", path: "/", query: &query, headers };
            if let Some(form) = form_of(&request, &body) {
                let _read_or_refused = Call::read(&form);
            }
        }
    }
}
