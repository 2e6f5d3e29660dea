//! Transcripts: one file for each supported operation of Kinesis, `tests/golden/<Operation>.txt`.
//!
//! Each line is `full|least json|cbor request|response <body>`: all members of the model, or only
//! the required ones; CBOR in hex. The JSON requests are what botocore 1.44.5 serializes. The
//! responses are written from AWS's model in its order of members, without this crate, and
//! botocore reads them back as what was meant; the CBOR follows RFC 8949 with AWS's indefinite
//! lengths and milliseconds.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::codec::{decode_input, decode_output, encode};
use wire::kinesis::*;
use wire::{ApiError, Call, Encoding, ErrorCode, Operation, event_stream};

struct Transcript {
    path: PathBuf,
    text: String,
}

impl Transcript {
    fn of(operation: Operation) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(operation.name())
            .with_extension("txt");
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{} lacks a transcript: {error}", path.display()));
        Self { path, text }
    }

    fn body(&self, members: &str, encoding: Encoding, side: &str) -> Bytes {
        let format = encoding.to_string().to_lowercase();
        let prefix = format!("{members} {format} {side} ");
        let line = self
            .text
            .lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .unwrap_or_else(|| panic!("{} lacks {prefix}", self.path.display()));
        match encoding {
            Encoding::Json => Bytes::copy_from_slice(line.as_bytes()),
            Encoding::Cbor => Bytes::from(from_hex(line)),
        }
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The operation, so that the caller can tell which were checked.
fn check<I: Call + PartialEq + std::fmt::Debug>() -> Operation
where
    I::Output: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let transcript = Transcript::of(I::OPERATION);
    for members in ["full", "least"] {
        check_request::<I>(&transcript, members);
        let json = transcript.body(members, Encoding::Json, "response");
        let cbor = transcript.body(members, Encoding::Cbor, "response");
        let output: I::Output = decode_output(Encoding::Json, &json).unwrap();
        assert_eq!(decode_output::<I::Output>(Encoding::Cbor, &cbor).unwrap(), output);
        assert_eq!(encode(Encoding::Json, &output), json, "{} {members}", I::OPERATION.name());
        assert_eq!(encode(Encoding::Cbor, &output), cbor, "{} {members}", I::OPERATION.name());
    }
    I::OPERATION
}

fn check_request<I: Call + PartialEq + std::fmt::Debug>(transcript: &Transcript, members: &str) {
    let json = transcript.body(members, Encoding::Json, "request");
    let cbor = transcript.body(members, Encoding::Cbor, "request");
    let input: I = decode_input(Encoding::Json, &json).unwrap();
    assert_eq!(decode_input::<I>(Encoding::Cbor, &cbor).unwrap(), input);
    assert_eq!(encode(Encoding::Cbor, &input), cbor, "{} {members}", I::OPERATION.name());
    let sent: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let ours = encode(Encoding::Json, &input);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&ours).unwrap(), sent);
}

/// The one operation that answers with events: lines `<what> event stream <message in hex>`.
fn check_subscription() -> Operation {
    let transcript = Transcript::of(Operation::SubscribeToShard);
    let message = |what: &str| {
        let line = transcript
            .text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{what} event stream ")));
        from_hex(line.unwrap_or_else(|| panic!("the transcript lacks {what}")))
    };
    assert_eq!(event_stream::initial_response(), message("initial"));
    for members in ["full", "least"] {
        check_request::<SubscribeToShardInput>(&transcript, members);
        let (written, mut decoder) = (message(members), event_stream::Decoder::default());
        decoder.push(&written);
        let event = decoder.next_event().unwrap().unwrap();
        let event_stream::Event::Payload { encoding, kind, payload } = event else {
            panic!("{event:?} is no event");
        };
        assert_eq!((encoding, &*kind), (Encoding::Json, SubscribeToShardEvent::KIND));
        let event: SubscribeToShardEvent = decode_output(encoding, &payload).unwrap();
        assert_eq!(event_stream::event(&kind, &event, 0), written);
    }
    let error = ApiError::new(ErrorCode::ResourceInUse, "over");
    assert_eq!(event_stream::exception(&error), message("exception"));
    Operation::SubscribeToShard
}

#[test]
fn every_supported_operation_reads_and_writes_its_transcript() {
    let checked = [
        check::<AddTagsToStreamInput>(),
        check::<CreateStreamInput>(),
        check::<DecreaseStreamRetentionPeriodInput>(),
        check::<DeleteResourcePolicyInput>(),
        check::<DeleteStreamInput>(),
        check::<DescribeAccountSettingsInput>(),
        check::<DeregisterStreamConsumerInput>(),
        check::<DescribeLimitsInput>(),
        check::<DescribeStreamInput>(),
        check::<DescribeStreamConsumerInput>(),
        check::<DescribeStreamSummaryInput>(),
        check::<DisableEnhancedMonitoringInput>(),
        check::<EnableEnhancedMonitoringInput>(),
        check::<GetRecordsInput>(),
        check::<GetResourcePolicyInput>(),
        check::<GetShardIteratorInput>(),
        check::<IncreaseStreamRetentionPeriodInput>(),
        check::<ListShardsInput>(),
        check::<ListStreamConsumersInput>(),
        check::<ListStreamsInput>(),
        check::<ListTagsForResourceInput>(),
        check::<ListTagsForStreamInput>(),
        check::<MergeShardsInput>(),
        check::<PutRecordInput>(),
        check::<PutRecordsInput>(),
        check::<RegisterStreamConsumerInput>(),
        check::<PutResourcePolicyInput>(),
        check::<RemoveTagsFromStreamInput>(),
        check::<SplitShardInput>(),
        check::<StartStreamEncryptionInput>(),
        check::<StopStreamEncryptionInput>(),
        check_subscription(),
        check::<TagResourceInput>(),
        check::<UntagResourceInput>(),
        check::<UpdateAccountSettingsInput>(),
        check::<UpdateMaxRecordSizeInput>(),
        check::<UpdateShardCountInput>(),
        check::<UpdateStreamModeInput>(),
        check::<UpdateStreamRecordDistributionStrategyInput>(),
        check::<UpdateStreamWarmThroughputInput>(),
    ];
    let supported = Operation::of("kinesis").filter(|operation| operation.is_supported());
    let supported: BTreeSet<Operation> = supported.collect();
    assert_eq!(BTreeSet::from(checked), supported);
}

#[test]
fn the_literal_that_clients_look_for_is_in_every_answer_of_put_records() {
    let answer = encode(Encoding::Json, &PutRecordsOutput::default());
    assert_eq!(answer, r#"{"FailedRecordCount":0,"Records":[]}"#);
}
