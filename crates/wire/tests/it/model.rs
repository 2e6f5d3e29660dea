//! The schemas against AWS's model: `tests/model/inputs.txt` has every member of every input of
//! the supported operations, drawn from the service model of botocore 1.44.5.

use std::collections::BTreeSet;

use wire::kinesis::*;
use wire::schema::{Input, Length, Range, Shape, Structure, Text};

fn collect(structure: &Structure, lines: &mut BTreeSet<String>) {
    for member in structure.members {
        let required = if member.required { " required" } else { "" };
        let described = describe(&member.shape);
        lines.insert(format!("{}.{} {described}{required}", structure.name, member.name));
        match &member.shape {
            Shape::Structure(inner) => collect(inner, lines),
            Shape::List(list) => {
                if let Shape::Structure(inner) = &list.element {
                    collect(inner, lines);
                }
            }
            _ => {}
        }
    }
}

fn describe(shape: &Shape) -> String {
    match shape {
        Shape::String(text) => describe_text(text),
        Shape::Integer(range) => format!("integer{}", describe_range(*range)),
        Shape::Boolean => "boolean".to_owned(),
        Shape::Blob(length) => format!("blob{}", describe_length(*length)),
        Shape::Timestamp => "timestamp".to_owned(),
        Shape::List(list) => {
            format!("list{} of {}", describe_length(list.length), describe(&list.element))
        }
        Shape::Map(map) => format!(
            "map{} from {} to {}",
            describe_length(map.length),
            describe_text(&map.key),
            describe_text(&map.value)
        ),
        Shape::Structure(structure) => structure.name.to_owned(),
    }
}

fn describe_text(text: &Text) -> String {
    let mut described = format!("string{}", describe_length(text.length));
    if let Some(pattern) = text.pattern {
        described.push_str(&format!(" pattern={}", pattern.text));
    }
    if !text.values.is_empty() {
        let sorted: BTreeSet<&str> = text.values.iter().copied().collect();
        let sorted: Vec<&str> = sorted.into_iter().collect();
        described.push_str(&format!(" enum={}", sorted.join(",")));
    }
    described
}

fn describe_length(length: Length) -> String {
    describe_range(Range { min: length.min.map(i64::from), max: length.max.map(i64::from) })
}

fn describe_range(range: Range) -> String {
    let min = range.min.map(|min| format!(" min={min}"));
    let max = range.max.map(|max| format!(" max={max}"));
    [min, max].into_iter().flatten().collect()
}

#[test]
fn the_schemas_accept_exactly_what_the_model_says() {
    let expected: BTreeSet<String> =
        include_str!("../model/inputs.txt").lines().map(str::to_owned).collect();
    let mut actual = BTreeSet::new();
    for shape in [
        AddTagsToStreamInput::SHAPE,
        CreateStreamInput::SHAPE,
        DecreaseStreamRetentionPeriodInput::SHAPE,
        DeleteResourcePolicyInput::SHAPE,
        DeleteStreamInput::SHAPE,
        DescribeAccountSettingsInput::SHAPE,
        DeregisterStreamConsumerInput::SHAPE,
        DescribeLimitsInput::SHAPE,
        DescribeStreamInput::SHAPE,
        DescribeStreamConsumerInput::SHAPE,
        DescribeStreamSummaryInput::SHAPE,
        DisableEnhancedMonitoringInput::SHAPE,
        EnableEnhancedMonitoringInput::SHAPE,
        GetRecordsInput::SHAPE,
        GetResourcePolicyInput::SHAPE,
        GetShardIteratorInput::SHAPE,
        IncreaseStreamRetentionPeriodInput::SHAPE,
        ListShardsInput::SHAPE,
        ListStreamConsumersInput::SHAPE,
        ListStreamsInput::SHAPE,
        ListTagsForResourceInput::SHAPE,
        ListTagsForStreamInput::SHAPE,
        MergeShardsInput::SHAPE,
        PutRecordInput::SHAPE,
        PutRecordsInput::SHAPE,
        RegisterStreamConsumerInput::SHAPE,
        PutResourcePolicyInput::SHAPE,
        RemoveTagsFromStreamInput::SHAPE,
        SplitShardInput::SHAPE,
        StartStreamEncryptionInput::SHAPE,
        StopStreamEncryptionInput::SHAPE,
        SubscribeToShardInput::SHAPE,
        TagResourceInput::SHAPE,
        UntagResourceInput::SHAPE,
        UpdateAccountSettingsInput::SHAPE,
        UpdateMaxRecordSizeInput::SHAPE,
        UpdateShardCountInput::SHAPE,
        UpdateStreamModeInput::SHAPE,
        UpdateStreamRecordDistributionStrategyInput::SHAPE,
        UpdateStreamWarmThroughputInput::SHAPE,
    ] {
        collect(&shape, &mut actual);
    }
    let missing: Vec<_> = expected.difference(&actual).collect();
    let invented: Vec<_> = actual.difference(&expected).collect();
    assert!(missing.is_empty() && invented.is_empty(), "missing {missing:#?}\n{invented:#?}");
}
