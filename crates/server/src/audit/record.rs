//! A record: an event in the shape of CloudTrail's, and its link to the one before.

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use model::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};
use streams::Newest;
use wire::value::Value;
use wire::{ApiError, Caller, Class, Encoding, Operation, codec, sts};

use crate::gateway::uuid;

/// The version of CloudTrail's format that this is.
const EVENT_VERSION: &str = "1.11";
/// Larger parameters are left out, so that a record stays below a record's usual size.
const PARAMETERS_BYTES_MAX: usize = 32 * 1024;
/// Longest text of a client that is repeated.
const TEXT_CHARS_MAX: usize = 512;
/// The digest of the record before the first.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What is known of a call before it begins.
pub(crate) struct Asked<'a> {
    pub(crate) call: Call<'a>,
    /// None: nobody knows who calls.
    pub(crate) caller: Option<&'a Caller>,
    /// What the signature claims to be made with, of a caller that nobody knows.
    pub(crate) claimed_key: String,
    pub(crate) source_ip: IpAddr,
    pub(crate) user_agent: &'a str,
    pub(crate) request_id: &'a str,
}

/// What is called, as it was sent.
#[derive(Clone, Copy)]
pub(crate) enum Call<'a> {
    /// An operation of the table.
    Operation(Operation, Encoding, &'a Bytes),
    /// An action of STS.
    Sts(&'a sts::Form),
}

/// Why a call was not carried out: its code and its text.
pub(crate) trait Refused {
    /// What clients switch on.
    fn code(&self) -> &str;
    /// What people read.
    fn text(&self) -> Option<&str>;
}

impl Refused for ApiError {
    fn code(&self) -> &str {
        self.code.name()
    }

    fn text(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

impl Refused for sts::Refusal {
    fn code(&self) -> &str {
        sts::Refusal::code(self)
    }

    fn text(&self) -> Option<&str> {
        Some(self.message())
    }
}

/// The parameters of an action of STS that are no credentials.
const STS_PARAMETERS: [&str; 5] =
    ["DurationSeconds", "ExternalId", "Policy", "RoleArn", "RoleSessionName"];

impl Call<'_> {
    pub(super) fn class(self) -> Class {
        match self {
            Self::Operation(operation, ..) => operation.class(),
            Self::Sts(_) => Class::Control,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Operation(operation, ..) => operation.name().into(),
            Self::Sts(form) => shortened(form.get("Action").unwrap_or_default()),
        }
    }

    fn source(self) -> String {
        match self {
            Self::Operation(operation, ..) if operation.service() == "weir" => "weir".into(),
            Self::Operation(operation, ..) => format!("{}.amazonaws.com", operation.service()),
            Self::Sts(_) => "sts.amazonaws.com".into(),
        }
    }

    fn parameters(self) -> Json {
        match self {
            Self::Operation(_, encoding, body) => parameters(encoding, body),
            Self::Sts(form) => {
                let sent = |name: &&str| Some((lower_first(name), form.get(name)?.into()));
                Json::Object(STS_PARAMETERS.iter().filter_map(sent).collect())
            }
        }
    }
}

/// A record without its link.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    event_version: &'static str,
    user_identity: Json,
    event_time: String,
    event_source: String,
    event_name: String,
    aws_region: String,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: String,
    user_agent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    request_parameters: Json,
    response_elements: Json,
    additional_event_data: Additional,
    #[serde(rename = "requestID")]
    request_id: String,
    #[serde(rename = "eventID")]
    event_id: String,
    read_only: bool,
    resources: Vec<Json>,
    event_type: &'static str,
    management_event: bool,
    recipient_account_id: String,
    event_category: &'static str,
}

/// What is not in CloudTrail's events.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Additional {
    /// Whether the call came to its end while the client waited.
    answered: bool,
    /// Refused calls of strangers that got no record just before this one.
    #[serde(skip_serializing_if = "is_zero")]
    omitted: u64,
}

/// A record as it is written.
#[derive(Serialize)]
struct Linked<'a> {
    #[serde(flatten)]
    event: &'a Event,
    chain: Chain<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Chain<'a> {
    sequence: u64,
    previous_digest: &'a str,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Asked<'_> {
    /// The event, as if the client leaves before the answer.
    pub(super) fn into_event(self, now: Timestamp, id: u128, omitted: u64) -> Event {
        let Self { call, caller, .. } = self;
        // What strangers say would fill the stream.
        let parameters = caller.map_or(Json::Null, |_| call.parameters());
        let of = |text: fn(&Caller) -> &String| caller.map(text).cloned().unwrap_or_default();
        let (region, account) = (of(|caller| &caller.region), of(|caller| &caller.account));
        let seconds = i64::try_from(now.as_seconds()).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
        Event {
            event_version: EVENT_VERSION,
            user_identity: caller.map_or_else(|| stranger(&self.claimed_key), identity),
            event_time: time.to_string(),
            event_source: call.source(),
            resources: resources(&parameters, &region, &account),
            aws_region: region,
            source_ip_address: self.source_ip.to_string(),
            user_agent: shortened(self.user_agent),
            error_code: None,
            error_message: None,
            request_parameters: bounded(parameters),
            response_elements: Json::Null,
            additional_event_data: Additional { answered: false, omitted },
            request_id: self.request_id.into(),
            event_id: uuid(id),
            read_only: only_reads(&call.name()),
            event_name: call.name(),
            event_type: "AwsApiCall",
            management_event: call.class() == Class::Control,
            recipient_account_id: account,
            event_category: match call.class() {
                Class::Control => "Management",
                Class::Data => "Data",
            },
        }
    }
}

impl Event {
    /// The call came to its end.
    pub(super) fn answer(&mut self, refusal: Option<&impl Refused>) {
        self.additional_event_data.answered = true;
        if let Some(refusal) = refusal {
            self.error_code = Some(refusal.code().into());
            self.error_message = refusal.text().map(shortened);
        }
    }
}

/// The end of the chain: where the next record belongs, and what it must repeat.
pub(super) struct Link {
    place: u64,
    previous: String,
}

impl Link {
    /// The end of the stream; the record there is gone when all of them expired.
    pub(super) fn after(Newest { next, record }: Newest) -> Self {
        let previous = record.map_or_else(|| NO_DIGEST.into(), |record| digest(&record));
        Self { place: next, previous }
    }

    pub(super) fn place(&self) -> u64 {
        self.place
    }

    /// The record of an event, which is the chain's end from now on.
    pub(super) fn add(&mut self, event: &Event) -> Bytes {
        let chain = Chain { sequence: self.place, previous_digest: &self.previous };
        let record = serde_json::to_vec(&Linked { event, chain }).expect("an event is plain data");
        self.previous = digest(&record);
        self.place += 1;
        record.into()
    }
}

/// What the next record repeats of a record: its SHA-256, in hex.
fn digest(record: &[u8]) -> String {
    Sha256::digest(record).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn only_reads(name: &str) -> bool {
    let reads = ["Describe", "Explain", "Get", "List", "Simulate", "Subscribe"];
    reads.iter().any(|verb| name.starts_with(verb))
}

/// Who called, as CloudTrail says it.
fn identity(caller: &Caller) -> Json {
    let Caller { account, principal, access_key_id, .. } = caller;
    let resource = principal.splitn(6, ':').nth(5).unwrap_or_default();
    let name = resource.rsplit('/').next().unwrap_or_default();
    let mut identity = Map::new();
    let mut put = |key: &str, value: Json| identity.insert(key.into(), value);
    let mut parts = resource.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("assumed-role"), Some(role), Some(session)) => {
            put("type", "AssumedRole".into());
            put("principalId", format!("{role}:{session}").into());
            let issuer = json!({
                "type": "Role", "principalId": role, "accountId": account, "userName": role,
                "arn": format!("arn:aws:iam::{account}:role/{role}"),
            });
            put("sessionContext", json!({ "sessionIssuer": issuer }));
        }
        (Some("user"), ..) => {
            put("type", "IAMUser".into());
            put("principalId", name.into());
            put("userName", name.into());
        }
        _ => {
            put("type", "Root".into());
            put("principalId", account.as_str().into());
        }
    }
    put("arn", principal.as_str().into());
    put("accountId", account.as_str().into());
    put("accessKeyId", shortened(access_key_id).into());
    Json::Object(identity)
}

fn stranger(claimed_key: &str) -> Json {
    json!({ "type": "Unknown", "accessKeyId": shortened(claimed_key) })
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

/// The streams and consumers that a request names.
fn resources(parameters: &Json, region: &str, account: &str) -> Vec<Json> {
    let text = |name: &str| parameters.get(name).and_then(Json::as_str);
    let stream = |arn: &str| json!({ "type": "AWS::Kinesis::Stream", "ARN": arn });
    let mut found: Vec<_> = ["streamARN", "resourceARN"].iter().filter_map(|n| text(n)).collect();
    let named = text("streamName")
        .map(|name| format!("arn:aws:kinesis:{region}:{account}:stream/{name}"))
        .filter(|_| found.is_empty());
    found.extend(named.as_deref());
    let mut resources: Vec<_> = found.into_iter().map(stream).collect();
    let consumer = |arn: &str| json!({ "type": "AWS::Kinesis::StreamConsumer", "ARN": arn });
    resources.extend(text("consumerARN").map(consumer));
    resources
}

fn bounded(parameters: Json) -> Json {
    if parameters.to_string().len() <= PARAMETERS_BYTES_MAX {
        return parameters;
    }
    json!({ "omitted": "the parameters are larger than an audit record takes" })
}

/// The members of a request, without records and secrets; null if they cannot be read.
fn parameters(encoding: Encoding, body: &Bytes) -> Json {
    codec::decode(encoding, body).map_or(Json::Null, |value| plain("", value))
}

fn plain(name: &str, value: Value<'_>) -> Json {
    if is_secret(name) {
        return "<hidden>".into();
    }
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => truth.into(),
        Value::Int(number) => number.into(),
        Value::Float(number) => number.into(),
        Value::Str(text) => text.into(),
        Value::Blob(bytes) => json!({ "bytes": bytes.len() }),
        Value::Timestamp(millis) => millis.into(),
        Value::List(entries) if name == "records" => json!({ "count": entries.len() }),
        Value::List(entries) => entries.into_iter().map(|entry| plain("", entry)).collect(),
        Value::Map(members) => {
            // The keys of tags are the caller's own words.
            let own = name == "tags";
            let member = |(name, value): (Cow<'_, str>, _)| {
                let name = if own { name.into_owned() } else { lower_first(&name) };
                let value = plain(&name, value);
                (name, value)
            };
            Json::Object(members.into_iter().map(member).collect())
        }
    }
}

/// Payloads, and whatever lets its holder do something.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let parts = ["secret", "password", "token", "plaintext", "material", "iterator"];
    name == "data" || (parts.iter().any(|part| name.contains(part)) && name != "sharditeratortype")
}

/// CloudTrail writes members with a small first letter.
fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests;
