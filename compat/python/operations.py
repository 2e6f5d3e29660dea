"""One check for each operation of the Kinesis model, by what it does rather than how it is called:
boto3 and the AWS CLI both run them. The model is the client's own, so that an operation that a
node supports and nobody checks is noticed."""

import contextlib
import json
import time
import uuid

FIRST = "shardId-000000000000"
MIDDLE = str(2**127)
SETTLE_MAX_SECONDS = 60
KEY = "alias/aws/kinesis"
# What Weir does not do, and answers as an unknown operation.
LATER = ("Queue", "Channel")

CHECKS = {}


def check(function):
    """Registers a check under the name of the operation that it is about."""
    name = "".join(word.capitalize() for word in function.__name__.split("_"))
    CHECKS[name] = function
    return function


def expected(operation_names):
    return [name for name in operation_names if not any(word in name for word in LATER)]


class Subject:
    """A way to call operations, and streams to call them on. `call("PutRecord", {…})` answers
    the output as a dictionary."""

    def __init__(self, test, call, error):
        self.test, self.call, self.error = test, call, error

    @contextlib.contextmanager
    def stream(self, shards=1, **settings):
        """The name and the ARN of a new, active stream."""
        name = f"every-{uuid.uuid4()}"
        if settings.get("StreamModeDetails", {}).get("StreamMode") != "ON_DEMAND":
            settings["ShardCount"] = shards
        self.call("CreateStream", {"StreamName": name, **settings})
        arn = self.settled(name)["StreamARN"]
        try:
            yield name, arn
        finally:
            self.call("DeleteStream", {"StreamName": name, "EnforceConsumerDeletion": True})

    def on_demand(self, **settings):
        return self.stream(StreamModeDetails={"StreamMode": "ON_DEMAND"}, **settings)

    @contextlib.contextmanager
    def consumer(self):
        """The ARNs of a new, active consumer and of its stream."""
        with self.stream() as (_, stream_arn):
            registered = {"StreamARN": stream_arn, "ConsumerName": "reader"}
            answer = self.call("RegisterStreamConsumer", registered)["Consumer"]
            self.eventually(lambda: self.consumer_status(answer["ConsumerARN"]) == "ACTIVE")
            yield answer["ConsumerARN"], stream_arn

    def consumer_status(self, arn):
        answer = self.call("DescribeStreamConsumer", {"ConsumerARN": arn})
        return answer["ConsumerDescription"]["ConsumerStatus"]

    def summary(self, name):
        answer = self.call("DescribeStreamSummary", {"StreamName": name})
        return answer["StreamDescriptionSummary"]

    def settled(self, name):
        """What describes the stream once it is active."""
        self.eventually(lambda: self.summary(name)["StreamStatus"] == "ACTIVE")
        return self.summary(name)

    def eventually(self, holds):
        deadline = time.monotonic() + SETTLE_MAX_SECONDS
        while not holds():
            self.test.assertLess(time.monotonic(), deadline, "it never came to that")

    def put(self, name, key="k"):
        record = {"StreamName": name, "Data": "value", "PartitionKey": key}
        return self.call("PutRecord", record)

    def read(self, name, shard_id=FIRST):
        wanted = {"StreamName": name, "ShardId": shard_id, "ShardIteratorType": "TRIM_HORIZON"}
        position = self.call("GetShardIterator", wanted)["ShardIterator"]
        return self.call("GetRecords", {"ShardIterator": position})

    def open_shards(self, name):
        latest = {"StreamName": name, "ShardFilter": {"Type": "AT_LATEST"}}
        return [shard["ShardId"] for shard in self.call("ListShards", latest)["Shards"]]

    def tags(self, arn):
        tags = self.call("ListTagsForResource", {"ResourceARN": arn})["Tags"]
        return {tag["Key"]: tag["Value"] for tag in tags}

    def refused(self, code, operation, request):
        with self.test.assertRaises(self.error) as caught:
            self.call(operation, request)
        self.test.assertIn(code, str(caught.exception))


@check
def create_stream(subject):
    with subject.stream(shards=2, Tags={"team": "river"}, MaxRecordSizeInKiB=2048) as (name, arn):
        summary = subject.summary(name)
        subject.test.assertEqual(summary["OpenShardCount"], 2)
        subject.test.assertEqual(summary["MaxRecordSizeInKiB"], 2048)
        subject.test.assertEqual(subject.tags(arn), {"team": "river"})


@check
def delete_stream(subject):
    with subject.stream() as (name, _):
        pass

    def listed():
        return name in subject.call("ListStreams", {"Limit": 100})["StreamNames"]

    subject.eventually(lambda: not listed())


@check
def describe_stream(subject):
    with subject.stream(shards=2) as (name, arn):
        described = subject.call("DescribeStream", {"StreamARN": arn})["StreamDescription"]
        subject.test.assertEqual(described["StreamName"], name)
        subject.test.assertEqual(len(described["Shards"]), 2)


@check
def describe_stream_summary(subject):
    with subject.stream(shards=2) as (name, arn):
        summary = subject.summary(name)
        subject.test.assertEqual((summary["StreamARN"], summary["OpenShardCount"]), (arn, 2))
        subject.test.assertEqual(summary["StreamModeDetails"], {"StreamMode": "PROVISIONED"})
        subject.test.assertEqual(summary["EncryptionType"], "NONE")
        subject.test.assertEqual(summary["ConsumerCount"], 0)


@check
def list_streams(subject):
    with subject.stream() as (name, _):
        listed = subject.call("ListStreams", {"Limit": 100})
        subject.test.assertIn(name, listed["StreamNames"])
        subject.test.assertIn(name, {s["StreamName"] for s in listed["StreamSummaries"]})


@check
def list_shards(subject):
    with subject.stream(shards=3) as (name, _):
        subject.test.assertEqual(len(subject.open_shards(name)), 3)


@check
def put_record(subject):
    with subject.stream() as (name, _):
        put = subject.put(name)
        [record] = subject.read(name)["Records"]
        subject.test.assertEqual(record["SequenceNumber"], put["SequenceNumber"])


@check
def put_records(subject):
    with subject.stream() as (name, _):
        entries = [{"Data": "x", "PartitionKey": f"k{number}"} for number in range(3)]
        put = subject.call("PutRecords", {"StreamName": name, "Records": entries})
        subject.test.assertEqual(put["FailedRecordCount"], 0)
        subject.test.assertEqual([r["ShardId"] for r in put["Records"]], [FIRST] * 3)


@check
def get_shard_iterator(subject):
    with subject.stream() as (name, _):
        wanted = {"StreamName": name, "ShardId": FIRST, "ShardIteratorType": "LATEST"}
        subject.test.assertTrue(subject.call("GetShardIterator", wanted)["ShardIterator"])


@check
def get_records(subject):
    with subject.stream() as (name, _):
        subject.put(name, "key")
        answer = subject.read(name)
        subject.test.assertEqual([r["PartitionKey"] for r in answer["Records"]], ["key"])
        subject.test.assertIn("NextShardIterator", answer)


@check
def split_shard(subject):
    with subject.stream() as (name, _):
        split = {"StreamName": name, "ShardToSplit": FIRST, "NewStartingHashKey": MIDDLE}
        subject.call("SplitShard", split)
        subject.settled(name)
        subject.test.assertEqual(len(subject.open_shards(name)), 2)


@check
def merge_shards(subject):
    with subject.stream(shards=2) as (name, _):
        low, high = subject.open_shards(name)
        merge = {"StreamName": name, "ShardToMerge": low, "AdjacentShardToMerge": high}
        subject.call("MergeShards", merge)
        subject.settled(name)
        subject.test.assertEqual(len(subject.open_shards(name)), 1)


@check
def update_shard_count(subject):
    with subject.stream() as (name, _):
        scale = {"StreamName": name, "TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"}
        answer = subject.call("UpdateShardCount", scale)
        subject.test.assertEqual((answer["CurrentShardCount"], answer["TargetShardCount"]), (1, 2))
        subject.test.assertEqual(subject.settled(name)["OpenShardCount"], 2)


@check
def increase_stream_retention_period(subject):
    with subject.stream() as (name, _):
        longer = {"StreamName": name, "RetentionPeriodHours": 48}
        subject.call("IncreaseStreamRetentionPeriod", longer)
        subject.test.assertEqual(subject.settled(name)["RetentionPeriodHours"], 48)


@check
def decrease_stream_retention_period(subject):
    with subject.stream() as (name, _):
        subject.call(
            "IncreaseStreamRetentionPeriod", {"StreamName": name, "RetentionPeriodHours": 48}
        )
        subject.settled(name)
        subject.call(
            "DecreaseStreamRetentionPeriod", {"StreamName": name, "RetentionPeriodHours": 24}
        )
        subject.test.assertEqual(subject.settled(name)["RetentionPeriodHours"], 24)


@check
def add_tags_to_stream(subject):
    with subject.stream() as (name, arn):
        subject.call("AddTagsToStream", {"StreamName": name, "Tags": {"a": "1", "b": "2"}})
        subject.test.assertEqual(subject.tags(arn), {"a": "1", "b": "2"})


@check
def remove_tags_from_stream(subject):
    with subject.stream(Tags={"a": "1", "b": "2"}) as (name, arn):
        subject.call("RemoveTagsFromStream", {"StreamName": name, "TagKeys": ["a"]})
        subject.test.assertEqual(subject.tags(arn), {"b": "2"})


@check
def list_tags_for_stream(subject):
    with subject.stream(Tags={"a": "1", "b": "2"}) as (name, _):
        answer = subject.call("ListTagsForStream", {"StreamName": name, "Limit": 1})
        subject.test.assertEqual(answer["Tags"], [{"Key": "a", "Value": "1"}])
        subject.test.assertTrue(answer["HasMoreTags"])


@check
def tag_resource(subject):
    with subject.consumer() as (consumer_arn, stream_arn):
        for arn in consumer_arn, stream_arn:
            subject.call("TagResource", {"ResourceARN": arn, "Tags": {"of": arn[-5:]}})
            subject.test.assertEqual(subject.tags(arn), {"of": arn[-5:]})


@check
def untag_resource(subject):
    with subject.stream(Tags={"a": "1", "b": "2"}) as (_, arn):
        subject.call("UntagResource", {"ResourceARN": arn, "TagKeys": ["b"]})
        subject.test.assertEqual(subject.tags(arn), {"a": "1"})


@check
def list_tags_for_resource(subject):
    with subject.stream() as (_, arn):
        subject.test.assertEqual(subject.tags(arn), {})


@check
def describe_limits(subject):
    with subject.stream():
        limits = subject.call("DescribeLimits", {})
        subject.test.assertGreaterEqual(limits["OpenShardCount"], 1)
        subject.test.assertGreaterEqual(limits["ShardLimit"], limits["OpenShardCount"])
        subject.test.assertGreaterEqual(limits["OnDemandStreamCountLimit"], 1)


@check
def register_stream_consumer(subject):
    with subject.stream() as (name, arn):
        wanted = {"StreamARN": arn, "ConsumerName": "reader", "Tags": {"a": "1"}}
        consumer = subject.call("RegisterStreamConsumer", wanted)["Consumer"]
        subject.test.assertRegex(consumer["ConsumerARN"], f"^{arn}/consumer/reader:[0-9]+$")
        subject.test.assertEqual(subject.tags(consumer["ConsumerARN"]), {"a": "1"})
        subject.test.assertEqual(subject.summary(name)["ConsumerCount"], 1)
        subject.refused("ResourceInUseException", "RegisterStreamConsumer", wanted)


@check
def describe_stream_consumer(subject):
    with subject.consumer() as (consumer_arn, stream_arn):
        by_name = {"StreamARN": stream_arn, "ConsumerName": "reader"}
        described = subject.call("DescribeStreamConsumer", by_name)["ConsumerDescription"]
        subject.test.assertEqual(described["ConsumerARN"], consumer_arn)
        subject.test.assertEqual(described["StreamARN"], stream_arn)
        absent = {"StreamARN": stream_arn, "ConsumerName": "absent"}
        subject.refused("ResourceNotFoundException", "DescribeStreamConsumer", absent)


@check
def list_stream_consumers(subject):
    with subject.consumer() as (consumer_arn, stream_arn):
        listed = subject.call("ListStreamConsumers", {"StreamARN": stream_arn})["Consumers"]
        subject.test.assertEqual([c["ConsumerARN"] for c in listed], [consumer_arn])


@check
def deregister_stream_consumer(subject):
    with subject.consumer() as (consumer_arn, stream_arn):
        subject.call("DeregisterStreamConsumer", {"ConsumerARN": consumer_arn})

        def listed():
            return subject.call("ListStreamConsumers", {"StreamARN": stream_arn})["Consumers"]

        subject.eventually(lambda: not listed())


@check
def subscribe_to_shard(subject):
    with subject.consumer() as (consumer_arn, stream_arn):
        put = subject.put(stream_arn.split("/")[-1])
        start = {"Type": "TRIM_HORIZON"}
        wanted = {"ConsumerARN": consumer_arn, "ShardId": FIRST, "StartingPosition": start}
        events = subject.call("SubscribeToShard", wanted)["EventStream"]
        for event in events:
            records = event["SubscribeToShardEvent"]["Records"]
            if records:
                subject.test.assertEqual(records[0]["SequenceNumber"], put["SequenceNumber"])
                break
        events.close()


def policy(arn):
    return {
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "Read",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": ["kinesis:GetRecords", "kinesis:DescribeStreamSummary"],
            "Resource": arn,
        }],
    }


@check
def put_resource_policy(subject):
    with subject.stream() as (_, arn):
        subject.call("PutResourcePolicy", {"ResourceARN": arn, "Policy": json.dumps(policy(arn))})
        kept = subject.call("GetResourcePolicy", {"ResourceARN": arn})["Policy"]
        subject.test.assertEqual(json.loads(kept), policy(arn))


@check
def get_resource_policy(subject):
    with subject.stream() as (_, arn):
        kept = subject.call("GetResourcePolicy", {"ResourceARN": arn})["Policy"]
        subject.test.assertEqual(kept, "{}")


@check
def delete_resource_policy(subject):
    with subject.stream() as (_, arn):
        subject.call("PutResourcePolicy", {"ResourceARN": arn, "Policy": json.dumps(policy(arn))})
        subject.call("DeleteResourcePolicy", {"ResourceARN": arn})
        kept = subject.call("GetResourcePolicy", {"ResourceARN": arn})["Policy"]
        subject.test.assertEqual(kept, "{}")
        subject.refused(
            "ResourceNotFoundException", "DeleteResourcePolicy", {"ResourceARN": arn}
        )


@check
def start_stream_encryption(subject):
    with subject.stream() as (name, _):
        start = {"StreamName": name, "EncryptionType": "KMS", "KeyId": KEY}
        subject.call("StartStreamEncryption", start)
        summary = subject.settled(name)
        subject.test.assertEqual((summary["EncryptionType"], summary["KeyId"]), ("KMS", KEY))
        subject.test.assertEqual(subject.put(name)["EncryptionType"], "KMS")
        [record] = subject.read(name)["Records"]
        subject.test.assertEqual(record["EncryptionType"], "KMS")


@check
def stop_stream_encryption(subject):
    with subject.stream() as (name, _):
        key = {"StreamName": name, "EncryptionType": "KMS", "KeyId": KEY}
        subject.call("StartStreamEncryption", key)
        subject.settled(name)
        subject.put(name)
        subject.call("StopStreamEncryption", key)
        summary = subject.settled(name)
        subject.test.assertEqual(summary["EncryptionType"], "NONE")
        subject.test.assertNotIn("KeyId", summary)
        subject.test.assertEqual(len(subject.read(name)["Records"]), 1)


@check
def enable_enhanced_monitoring(subject):
    with subject.stream() as (name, _):
        metrics = ["IncomingBytes", "OutgoingBytes"]
        answer = subject.call(
            "EnableEnhancedMonitoring", {"StreamName": name, "ShardLevelMetrics": metrics}
        )
        subject.test.assertEqual(answer["CurrentShardLevelMetrics"], [])
        subject.test.assertEqual(sorted(answer["DesiredShardLevelMetrics"]), metrics)
        [monitoring] = subject.settled(name)["EnhancedMonitoring"]
        subject.test.assertEqual(sorted(monitoring["ShardLevelMetrics"]), metrics)


@check
def disable_enhanced_monitoring(subject):
    with subject.stream() as (name, _):
        everything = {"StreamName": name, "ShardLevelMetrics": ["ALL"]}
        subject.call("EnableEnhancedMonitoring", everything)
        subject.settled(name)
        answer = subject.call("DisableEnhancedMonitoring", everything)
        subject.test.assertEqual(answer["DesiredShardLevelMetrics"], [])
        [monitoring] = subject.settled(name)["EnhancedMonitoring"]
        subject.test.assertEqual(monitoring["ShardLevelMetrics"], [])


@check
def update_max_record_size(subject):
    with subject.stream() as (name, arn):
        subject.call("UpdateMaxRecordSize", {"StreamARN": arn, "MaxRecordSizeInKiB": 10240})
        subject.test.assertEqual(subject.settled(name)["MaxRecordSizeInKiB"], 10240)


@check
def update_stream_mode(subject):
    with subject.stream() as (name, arn):
        mode = {"StreamMode": "ON_DEMAND"}
        subject.call("UpdateStreamMode", {"StreamARN": arn, "StreamModeDetails": mode})
        subject.test.assertEqual(subject.settled(name)["StreamModeDetails"], mode)
        scale = {"StreamName": name, "TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"}
        subject.refused("ValidationException", "UpdateShardCount", scale)


def commit(subject, status="ENABLED"):
    wanted = {"MinimumThroughputBillingCommitment": {"Status": status}}
    answer = subject.call("UpdateAccountSettings", wanted)
    return answer["MinimumThroughputBillingCommitment"]["Status"]


@check
def update_account_settings(subject):
    subject.test.assertEqual(commit(subject), "ENABLED")
    # The commitment is for a day at least.
    subject.test.assertEqual(commit(subject, "DISABLED"), "ENABLED_UNTIL_EARLIEST_ALLOWED_END")
    subject.test.assertEqual(commit(subject), "ENABLED")


@check
def describe_account_settings(subject):
    commit(subject)
    answer = subject.call("DescribeAccountSettings", {})["MinimumThroughputBillingCommitment"]
    subject.test.assertEqual(answer["Status"], "ENABLED")
    subject.test.assertGreater(answer["EarliestAllowedEndAt"], answer["StartedAt"])


@check
def update_stream_warm_throughput(subject):
    commit(subject)
    with subject.on_demand() as (name, arn):
        warm = {"StreamARN": arn, "WarmThroughputMiBps": 8}
        answer = subject.call("UpdateStreamWarmThroughput", warm)
        subject.test.assertEqual(answer["WarmThroughput"]["TargetMiBps"], 8)

        def throughput():
            return subject.summary(name)["WarmThroughput"]

        subject.eventually(lambda: throughput() == {"TargetMiBps": 8, "CurrentMiBps": 8})
        subject.settled(name)


@check
def update_stream_record_distribution_strategy(subject):
    with subject.on_demand() as (name, arn):
        automatic = {"StreamARN": arn, "RecordDistributionStrategy": "AUTO"}
        subject.call("UpdateStreamRecordDistributionStrategy", automatic)
        subject.test.assertEqual(subject.settled(name)["RecordDistributionStrategy"], "AUTO")
        put = subject.call("PutRecord", {"StreamName": name, "Data": "no key"})
        subject.test.assertEqual(len(subject.read(name, put["ShardId"])["Records"]), 1)
