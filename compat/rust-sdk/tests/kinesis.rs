//! skeleton
#[tokio::test]
async fn a() {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(aws_sdk_kinesis::config::BehaviorVersion::latest())
        .http_client(http)
        .build();
    let _ = aws_sdk_kinesis::Client::from_conf(config);
}
