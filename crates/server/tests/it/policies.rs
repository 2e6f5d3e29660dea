//! Policies at the door: who is let in, who is refused, and by which names.

use serde_json::{Value, json};
use wire::Operation;

use crate::harness::{Answer, JSON, Started, request, start};
use crate::policy_cases::{ACCOUNT, case};
use crate::signing::{Key, signed};

const ROOT_KEY: &str = r#"[{access_key_id = "AKIAROOTROOTROOTROOT", secret_access_key = "root"}]"#;
const VERIFY: &[(&str, &str)] = &[("auth.mode", "verify"), ("auth.keys", ROOT_KEY)];
const OTHER: &str = "444455556666";

/// A node that verifies, and the key of its account's root.
struct Verifying {
    started: Started,
    root: Key,
}

async fn verifying() -> Verifying {
    let started = start(VERIFY).await;
    Verifying { started, root: Key::new("AKIAROOTROOTROOTROOT", "root") }
}

impl Verifying {
    async fn call(&self, key: &Key, operation: &str, input: Value) -> Answer {
        let known = Operation::ALL.iter().find(|known| known.name() == operation);
        let target = known.unwrap_or_else(|| panic!("{operation}?")).target();
        let request = signed(request("POST", target, JSON, input.to_string()), key).await;
        self.started.http1().await.send(request).await
    }

    /// What the root of the node's account does, which must work.
    async fn root(&self, operation: &str, input: Value) -> Value {
        let answer = self.call(&self.root, operation, input).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Makes a user without rights.
    async fn user(&self, name: &str) -> Key {
        self.root("CreateUser", json!({"UserName": name})).await;
        Key::of(&self.root("CreateAccessKey", json!({"UserName": name})).await)
    }

    /// Makes an account and answers with the key of its root.
    async fn account(&self, id: &str) -> Key {
        Key::of(&self.root("CreateAccount", json!({"AccountId": id})).await)
    }

    /// Gives a user of the node's account exactly this statement.
    async fn allow(&self, user: &str, statement: Value) {
        let document = policy(&[statement]);
        let input = json!({"UserName": user, "PolicyName": "p", "PolicyDocument": document});
        self.root("PutPrincipalPolicy", input).await;
    }

    async fn share(&self, arn: &str, statements: &[Value]) {
        let input = json!({"ResourceARN": arn, "Policy": policy(statements)});
        self.root("PutResourcePolicy", input).await;
    }

    async fn create(&self, name: &str) -> String {
        self.root("CreateStream", json!({"StreamName": name, "ShardCount": 1})).await;
        arn(ACCOUNT, name)
    }
}

fn policy(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn arn(account: &str, stream: &str) -> String {
    format!("arn:aws:kinesis:us-east-1:{account}:stream/{stream}")
}

fn allow(action: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

fn grant(effect: &str, principal: &str, action: &str) -> Value {
    let principal = if principal == "*" { json!("*") } else { json!({"AWS": principal}) };
    json!({"Effect": effect, "Principal": principal, "Action": action, "Resource": "*"})
}

fn put(stream: &str) -> Value {
    let name = if stream.starts_with("arn:") { "StreamARN" } else { "StreamName" };
    json!({name: stream, "PartitionKey": "k", "Data": "aGVsbG8="})
}

fn code(answer: &Answer) -> String {
    if answer.status == 200 {
        return "allowed".into();
    }
    answer.json()["__type"].as_str().unwrap().to_owned()
}

fn message(answer: &Answer) -> String {
    answer.json()["message"].as_str().unwrap().to_owned()
}

const DENIED: &str = "AccessDeniedException";

/// For every operation that is carried out: refused without a permission, let in with exactly its
/// action on exactly its resource, refused with every other action and on every other resource.
#[tokio::test]
async fn every_operation_needs_its_own_permission_on_its_own_resource() {
    let node = verifying().await;
    let tester = node.user("tester").await;
    let arn_of_tester = format!("arn:aws:iam::{ACCOUNT}:user/tester");
    node.create("river").await;
    let iterator = json!({"StreamName": "river", "ShardId": "0", "ShardIteratorType": "LATEST"});
    let iterator = node.root("GetShardIterator", iterator).await;
    let iterator = iterator["ShardIterator"].as_str().unwrap();
    for operation in Operation::ALL.iter().filter(|operation| operation.is_supported()) {
        let (name, action) = (operation.name(), operation.action());
        let (input, resource) = case(*operation, iterator);
        let ask = || node.call(&tester, name, input.clone());
        let everything_else = json!({"Effect": "Allow", "NotAction": action, "Resource": "*"});
        node.allow("tester", everything_else).await;
        let refused = ask().await;
        assert_eq!(code(&refused), DENIED, "{name} with every other action");
        let on = if resource == "*" { "".into() } else { format!(" on resource: {resource}") };
        let text = format!(
            "User: {arn_of_tester} is not authorized to perform: {action}{on} because no \
             identity-based policy allows the {action} action"
        );
        assert_eq!(message(&refused), text);
        if resource != "*" {
            let elsewhere = json!({"Effect": "Allow", "Action": action, "NotResource": resource});
            node.allow("tester", elsewhere).await;
            assert_eq!(code(&ask().await), DENIED, "{name} on every other resource");
        }
        node.allow("tester", allow(action, &resource)).await;
        let let_in = ask().await;
        assert_ne!(code(&let_in), DENIED, "{name}: {}", let_in.text());
    }
}

#[tokio::test]
async fn no_other_name_of_a_stream_leads_around_a_policy() {
    let node = verifying().await;
    let (open, secret) = (node.create("open").await, node.create("secret").await);
    let user = node.user("tester").await;
    let at = json!({"StreamName": "secret", "ShardId": "0", "ShardIteratorType": "LATEST"});
    let iterator = node.root("GetShardIterator", at).await["ShardIterator"].clone();
    node.root(
        "UpdateShardCount",
        json!({"StreamName": "secret", "TargetShardCount": 2,
        "ScalingType": "UNIFORM_SCALING"}),
    )
    .await;
    let page = node.root("ListShards", json!({"StreamName": "secret", "MaxResults": 1})).await;
    let page = page["NextToken"].clone();
    node.allow("tester", allow("kinesis:*", &open)).await;
    assert_eq!(code(&node.call(&user, "PutRecord", put("open")).await), "allowed");
    assert_eq!(code(&node.call(&user, "PutRecord", put(&open)).await), "allowed");
    let partition = secret.replace("arn:aws:", "arn:aws-cn:");
    let both = json!({"StreamName": "open", "StreamARN": secret, "PartitionKey": "k", "Data": ""});
    for (operation, input, refusal) in [
        ("PutRecord", put("secret"), DENIED),
        ("PutRecord", put(&secret), DENIED),
        ("PutRecord", put(&partition), DENIED),
        ("PutRecord", put("Open"), DENIED),
        ("PutRecord", put("OPEN"), DENIED),
        ("PutRecord", put("open "), "ValidationException"),
        ("PutRecord", put("open/../secret"), "ValidationException"),
        ("PutRecord", put(&format!("{open}/../secret")), "InvalidArgumentException"),
        ("PutRecord", put(&secret.replace("stream", "STREAM")), "ValidationException"),
        ("PutRecord", both, "InvalidArgumentException"),
        ("GetRecords", json!({"ShardIterator": iterator}), DENIED),
        ("GetRecords", json!({"ShardIterator": iterator, "StreamARN": open}), DENIED),
        ("ListShards", json!({"NextToken": page}), DENIED),
        ("ListTagsForResource", json!({"ResourceARN": secret}), DENIED),
        ("ListStreams", json!({}), DENIED),
    ] {
        let answer = node.call(&user, operation, input.clone()).await;
        assert_eq!(code(&answer), refusal, "{operation} {input}: {}", answer.text());
    }
    // The same the other way round: what is denied is denied by every name.
    let deny = json!({"Effect": "Deny", "Action": "KINESIS:PUTRECORD", "Resource": secret});
    let document = policy(&[allow("kinesis:*", "*"), deny]);
    let input = json!({"UserName": "tester", "PolicyName": "p", "PolicyDocument": document});
    node.root("PutPrincipalPolicy", input).await;
    for stream in ["secret", &secret, &partition] {
        let answer = node.call(&user, "PutRecord", put(stream)).await;
        assert_eq!(code(&answer), DENIED, "{stream}");
        assert!(message(&answer).ends_with("with an explicit deny in an identity-based policy"));
    }
}

#[tokio::test]
async fn a_principal_without_permission_is_not_told_what_exists() {
    let node = verifying().await;
    node.create("there").await;
    let user = node.user("tester").await;
    let foreign = node.account(OTHER).await;
    for operation in ["DescribeStreamSummary", "ListTagsForStream", "DeleteStream"] {
        for key in [&user, &foreign] {
            let ask = async |name: &str| {
                let input = json!({"StreamARN": arn(ACCOUNT, name)});
                message(&node.call(key, operation, input).await).replace(name, "NAME")
            };
            assert_eq!(ask("there").await, ask("gone").await, "{operation}");
        }
    }
}

#[tokio::test]
async fn another_account_uses_a_stream_by_its_arn_as_far_as_its_policy_shares_it() {
    let node = verifying().await;
    let river = node.create("river").await;
    let foreign = node.account(OTHER).await;
    let refused = node.call(&foreign, "PutRecord", put(&river)).await;
    assert_eq!(code(&refused), DENIED);
    assert_eq!(
        message(&refused),
        format!(
            "User: arn:aws:iam::{OTHER}:root is not authorized to perform: kinesis:PutRecord on \
             resource: {river} because no resource-based policy allows the kinesis:PutRecord action"
        )
    );
    let at = json!({"StreamName": "river", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = node.root("GetShardIterator", at).await["ShardIterator"].clone();
    let read = json!({"ShardIterator": iterator});
    assert_eq!(code(&node.call(&foreign, "GetRecords", read.clone()).await), DENIED);

    node.share(&river, &[grant("Allow", OTHER, "kinesis:*")]).await;
    assert_eq!(code(&node.call(&foreign, "PutRecord", put(&river)).await), "allowed");
    let records = node.call(&foreign, "GetRecords", read.clone()).await.json();
    assert_eq!(records["Records"].as_array().unwrap().len(), 1);
    let stream = json!({"StreamARN": river});
    for (operation, input) in [
        ("DescribeStreamSummary", stream.clone()),
        ("DescribeStream", stream.clone()),
        ("ListShards", stream.clone()),
        (
            "GetShardIterator",
            json!({"StreamARN": river, "ShardId": "0",
            "ShardIteratorType": "LATEST"}),
        ),
    ] {
        let answer = node.call(&foreign, operation, input).await;
        assert_eq!(code(&answer), "allowed", "{operation}: {}", answer.text());
    }
    // What AWS does not let a policy share stays with the owner.
    for (operation, input) in [
        ("DeleteStream", stream.clone()),
        ("AddTagsToStream", json!({"StreamARN": river, "Tags": {"a": "b"}})),
        ("PutResourcePolicy", json!({"ResourceARN": river, "Policy": policy(&[])})),
        ("GetResourcePolicy", json!({"ResourceARN": river})),
        ("IncreaseStreamRetentionPeriod", json!({"StreamARN": river, "RetentionPeriodHours": 25})),
    ] {
        assert_eq!(code(&node.call(&foreign, operation, input).await), DENIED, "{operation}");
    }
    // By name it is another stream: that of the caller's own account.
    let own = node.call(&foreign, "PutRecord", put("river")).await;
    assert_eq!(code(&own), "ResourceNotFoundException");
    node.root("DeleteResourcePolicy", json!({"ResourceARN": river})).await;
    assert_eq!(code(&node.call(&foreign, "GetRecords", read).await), DENIED);
}

#[tokio::test]
async fn a_consumer_is_shared_by_a_policy_of_its_own() {
    let node = verifying().await;
    let river = node.create("river").await;
    let foreign = node.account(OTHER).await;
    let input = json!({"StreamARN": river, "ConsumerName": "c"});
    let consumer = node.root("RegisterStreamConsumer", input).await;
    let consumer = consumer["Consumer"]["ConsumerARN"].as_str().unwrap().to_owned();
    let describe = json!({"ConsumerARN": consumer});
    node.share(&river, &[grant("Allow", OTHER, "kinesis:*")]).await;
    let refused = node.call(&foreign, "DescribeStreamConsumer", describe.clone()).await;
    assert_eq!(code(&refused), DENIED, "the policy of the stream is not that of the consumer");
    node.share(&consumer, &[grant("Allow", OTHER, "kinesis:DescribeStreamConsumer")]).await;
    assert_eq!(code(&node.call(&foreign, "DescribeStreamConsumer", describe).await), "allowed");
    let leave = json!({"ConsumerARN": consumer});
    assert_eq!(code(&node.call(&foreign, "DeregisterStreamConsumer", leave).await), DENIED);
}

#[tokio::test]
async fn a_consumer_that_is_denied_by_its_arn_is_denied_by_its_name() {
    let node = verifying().await;
    let river = node.create("river").await;
    let user = node.user("tester").await;
    let input = json!({"StreamARN": river, "ConsumerName": "c"});
    let consumer = node.root("RegisterStreamConsumer", input.clone()).await;
    let consumer = consumer["Consumer"]["ConsumerARN"].as_str().unwrap().to_owned();
    node.allow("tester", allow("kinesis:*", "*")).await;
    let ask = || node.call(&user, "DescribeStreamConsumer", input.clone());
    assert_eq!(code(&ask().await), "allowed");
    let deny = json!({"Effect": "Deny", "Action": "kinesis:*", "Resource": consumer});
    let document = policy(&[allow("kinesis:*", "*"), deny]);
    let policy = json!({"UserName": "tester", "PolicyName": "p", "PolicyDocument": document});
    node.root("PutPrincipalPolicy", policy).await;
    assert_eq!(code(&ask().await), DENIED);
}

#[tokio::test]
async fn a_policy_that_denies_everyone_meets_the_owner_s_root_who_can_still_take_it_away() {
    let node = verifying().await;
    let river = node.create("river").await;
    node.share(&river, &[grant("Deny", "*", "*")]).await;
    let refused = node.call(&node.root, "PutRecord", put("river")).await;
    assert_eq!(code(&refused), DENIED);
    assert!(message(&refused).ends_with("with an explicit deny in a resource-based policy"));
    node.root("GetResourcePolicy", json!({"ResourceARN": river})).await;
    node.root("DeleteResourcePolicy", json!({"ResourceARN": river})).await;
    assert_eq!(code(&node.call(&node.root, "PutRecord", put("river")).await), "allowed");
}

/// A condition, the tags that a request gives or takes away if it does, and whether it holds.
fn conditions() -> Vec<(Value, Option<Value>, bool)> {
    let give = || Some(json!({"Tags": {"env": "dev"}}));
    let take = || Some(json!({"TagKeys": ["env"]}));
    vec![
        (json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}), None, true),
        (json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), None, false),
        (json!({"Bool": {"aws:SecureTransport": "false"}}), None, true),
        (json!({"Bool": {"aws:SecureTransport": "true"}}), None, false),
        (json!({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}), None, true),
        (json!({"StringEquals": {"aws:username": "tester"}}), None, true),
        (json!({"StringEquals": {"aws:ResourceTag/team": "red"}}), None, true),
        (json!({"StringEquals": {"aws:ResourceTag/team": "blue"}}), None, false),
        (json!({"StringEquals": {"aws:ResourceAccount": ACCOUNT}}), None, true),
        (json!({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}), None, true),
        (json!({"NumericLessThan": {"aws:EpochTime": "1000"}}), None, false),
        (json!({"StringEquals": {"aws:RequestTag/env": "dev"}}), give(), true),
        (json!({"StringEquals": {"aws:RequestTag/env": "prod"}}), give(), false),
        (json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["env"]}}), give(), true),
        (json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["cost"]}}), give(), false),
        (json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["env"]}}), take(), true),
        (json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["cost"]}}), take(), false),
    ]
}

#[tokio::test]
async fn conditions_see_the_request_its_tags_and_those_of_the_stream() {
    let node = verifying().await;
    let river = node.create("river").await;
    node.root("TagResource", json!({"ResourceARN": river, "Tags": {"Team": "red"}})).await;
    let user = node.user("tester").await;
    for (condition, tags, holds) in conditions() {
        let mut statement = allow("kinesis:*", "*");
        statement["Condition"] = condition.clone();
        node.allow("tester", statement).await;
        let (operation, input) = match tags {
            None => ("PutRecord", put("river")),
            Some(mut input) => {
                input["ResourceARN"] = json!(river);
                let gives = input.get("Tags").is_some();
                (if gives { "TagResource" } else { "UntagResource" }, input)
            }
        };
        let answer = node.call(&user, operation, input).await;
        let expected = if holds { "allowed" } else { DENIED };
        assert_eq!(code(&answer), expected, "{condition} {operation}: {}", answer.text());
    }
}

#[tokio::test]
async fn tags_of_a_new_stream_need_the_permission_to_add_tags() {
    let node = verifying().await;
    let user = node.user("tester").await;
    node.allow("tester", allow("kinesis:CreateStream", "*")).await;
    let tagged = json!({"StreamName": "tagged", "ShardCount": 1, "Tags": {"a": "b"}});
    let refused = node.call(&user, "CreateStream", tagged).await;
    assert_eq!(code(&refused), DENIED);
    assert!(message(&refused).contains("kinesis:AddTagsToStream"), "{}", refused.text());
    let plain = json!({"StreamName": "plain", "ShardCount": 1});
    assert_eq!(code(&node.call(&user, "CreateStream", plain).await), "allowed");
}

/// The decision, the statements by policy and number, and the reason.
fn simulated(result: &Value) -> (String, Vec<String>, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let statements = result["MatchedStatements"].as_array().unwrap().iter();
    let statement = |statement: &Value| {
        let (kind, index) = (&statement["SourcePolicyType"], &statement["StatementIndex"]);
        format!("{} {index}", text(kind))
    };
    (text(&result["EvalDecision"]), statements.map(statement).collect(), text(&result["Reason"]))
}

#[tokio::test]
async fn a_simulation_says_what_would_be_decided_and_by_which_statement() {
    let node = verifying().await;
    let river = node.create("river").await;
    let foreign = node.account(OTHER).await;
    node.user("tester").await;
    let deny = json!({"Effect": "Deny", "Action": "kinesis:DeleteStream", "Resource": "*"});
    let mut near = allow("kinesis:Get*", &river);
    near["Condition"] = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    let document = policy(&[allow("kinesis:Put*", &river), deny, near]);
    let put = json!({"UserName": "tester", "PolicyName": "p", "PolicyDocument": document});
    node.root("PutPrincipalPolicy", put).await;
    let user = format!("arn:aws:iam::{ACCOUNT}:user/tester");
    let input = json!({
        "PrincipalArn": user,
        "ActionNames": ["kinesis:PutRecord", "kinesis:DeleteStream", "kinesis:GetRecords"],
        "ResourceArns": [river],
    });
    let results = node.root("SimulatePolicy", input.clone()).await;
    let results = results["EvaluationResults"].as_array().unwrap();
    let allowed = ("allowed".to_owned(), vec!["identity 0".to_owned()], String::new());
    assert_eq!(simulated(&results[0]), allowed);
    let (decision, statements, reason) = simulated(&results[1]);
    assert_eq!((&*decision, &*statements[0]), ("explicitDeny", "identity 1"));
    assert!(reason.ends_with("with an explicit deny in an identity-based policy"), "{reason}");
    assert_eq!(simulated(&results[2]).0, "implicitDeny", "nobody says where it comes from");
    let mut from = input.clone();
    from["ContextEntries"] =
        json!([{"ContextKeyName": "AWS:SourceIp", "ContextKeyValues": ["10.1.2.3"]}]);
    let results = node.root("SimulatePolicy", from).await;
    assert_eq!(simulated(&results["EvaluationResults"][2]).1, ["identity 2"]);

    // What the resource's policy says counts, and another account is not shown its statements.
    node.share(&river, &[grant("Allow", OTHER, "kinesis:PutRecord")]).await;
    let root = json!({"PrincipalArn": format!("arn:aws:iam::{OTHER}:root"),
        "ActionNames": ["kinesis:PutRecord"], "ResourceArns": [river]});
    let results = node.root("SimulatePolicy", root.clone()).await;
    assert_eq!(simulated(&results["EvaluationResults"][0]).1, ["resource 0"]);
    let results = node.call(&foreign, "SimulatePolicy", root).await.json();
    let shown = simulated(&results["EvaluationResults"][0]);
    assert_eq!(shown, ("allowed".to_owned(), Vec::new(), String::new()));
    // Principals are for their own account to ask about.
    let refused = node.call(&foreign, "SimulatePolicy", input).await;
    assert_eq!(code(&refused), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_key_that_is_denied_by_its_arn_is_denied_by_its_alias_and_its_id_in_capitals() {
    let node = verifying().await;
    let key = node.root("CreateKey", json!({})).await["Key"].clone();
    let (id, arn) = (key["KeyId"].as_str().unwrap(), key["Arn"].as_str().unwrap());
    node.root("CreateAlias", json!({"AliasName": "alias/door", "KeyId": id})).await;
    let user = node.user("tester").await;
    let deny = json!({"Effect": "Deny", "Action": "weir:*", "Resource": arn});
    let document = policy(&[allow("weir:*", "*"), deny]);
    let input = json!({"UserName": "tester", "PolicyName": "p", "PolicyDocument": document});
    node.root("PutPrincipalPolicy", input).await;
    for name in [id, arn, "alias/door", &id.to_uppercase()] {
        let answer = node.call(&user, "DisableKey", json!({"KeyId": name})).await;
        assert_eq!(code(&answer), DENIED, "{name}: {}", answer.text());
    }
}
