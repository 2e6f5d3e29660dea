"""The life of a stream: states, names, tags, retention, limits, the end."""

import unittest
import uuid

import lab


class ControlPlane(unittest.TestCase):
    def setUp(self):
        self.kinesis = lab.client()

    def test_a_stream_is_born_lives_and_dies(self):
        name = f"boto3-{uuid.uuid4()}"
        self.kinesis.create_stream(StreamName=name, ShardCount=2)
        lab.wait_until_active(self.kinesis, name)
        described = self.kinesis.describe_stream(StreamName=name)["StreamDescription"]
        self.assertEqual(described["StreamStatus"], "ACTIVE")
        self.assertEqual(described["StreamARN"], self.arn(name))
        self.assertEqual(described["RetentionPeriodHours"], 24)
        self.assertEqual(described["EncryptionType"], "NONE")
        self.assertEqual(described["EnhancedMonitoring"], [{"ShardLevelMetrics": []}])
        self.assertEqual(described["StreamModeDetails"], {"StreamMode": "PROVISIONED"})
        self.assertIs(described["HasMoreShards"], False)
        self.assertEqual(len(described["Shards"]), 2)
        self.assertNotIn("KeyId", described)
        self.kinesis.delete_stream(StreamName=name)
        lab.wait_until_gone(self.kinesis, name)
        self.assertNotIn(name, self.kinesis.list_streams()["StreamNames"])

    def test_creating_and_deleting_are_states_that_can_be_seen(self):
        name = f"boto3-{uuid.uuid4()}"
        self.kinesis.create_stream(StreamName=name, ShardCount=1)
        self.assertEqual(self.status(name), "CREATING")
        lab.wait_until_active(self.kinesis, name)
        self.kinesis.delete_stream(StreamName=name)
        self.assertEqual(self.status(name), "DELETING")

    def test_an_arn_is_as_good_as_a_name(self):
        with lab.stream(self.kinesis) as name:
            arn = self.arn(name)
            put = self.kinesis.put_record(StreamARN=arn, Data=b"x", PartitionKey="k")
            [shard] = self.kinesis.list_shards(StreamARN=arn)["Shards"]
            position = self.kinesis.get_shard_iterator(
                StreamARN=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )
            got = self.kinesis.get_records(
                StreamARN=arn, ShardIterator=position["ShardIterator"]
            )
            self.assertEqual(got["Records"][0]["SequenceNumber"], put["SequenceNumber"])
            summary = self.kinesis.describe_stream_summary(StreamName=name, StreamARN=arn)
            self.assertEqual(summary["StreamDescriptionSummary"]["StreamName"], name)

    def test_a_summary_counts_shards_and_consumers(self):
        with lab.stream(self.kinesis, shards=3) as name:
            summary = self.kinesis.describe_stream_summary(StreamName=name)
            summary = summary["StreamDescriptionSummary"]
        self.assertEqual((summary["OpenShardCount"], summary["ConsumerCount"]), (3, 0))
        self.assertEqual(summary["StreamStatus"], "ACTIVE")
        self.assertNotIn("Shards", summary)

    def test_list_streams_pages_in_order_of_names(self):
        names = sorted(f"paged-{uuid.uuid4()}" for _ in range(5))
        for name in names:
            self.kinesis.create_stream(StreamName=name, ShardCount=1)
        pages = list(
            self.kinesis.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 2})
        )
        listed = [name for page in pages for name in page["StreamNames"]]
        self.assertGreaterEqual(len(pages), 3)
        self.assertEqual(listed, sorted(listed))
        self.assertEqual([name for name in listed if name in names], names)
        summaries = [summary for page in pages for summary in page["StreamSummaries"]]
        self.assertEqual([s["StreamName"] for s in summaries], listed)
        self.assertLessEqual({s["StreamARN"] for s in summaries}, {self.arn(n) for n in listed})
        after = self.kinesis.list_streams(ExclusiveStartStreamName=names[3])["StreamNames"]
        self.assertEqual([name for name in after if name in names], names[4:])
        for name in names:
            self.kinesis.delete_stream(StreamName=name)

    def test_stream_tags(self):
        with lab.stream(self.kinesis, Tags={"born": "with"}) as name:
            self.kinesis.add_tags_to_stream(StreamName=name, Tags={"a": "1", "b": "2", "é": ""})
            self.kinesis.add_tags_to_stream(StreamName=name, Tags={"b": "3"})
            self.kinesis.remove_tags_from_stream(StreamName=name, TagKeys=["a", "unknown"])
            answer = self.kinesis.list_tags_for_stream(StreamName=name)
            expected = [("b", "3"), ("born", "with"), ("é", "")]
            self.assertEqual([(t["Key"], t["Value"]) for t in answer["Tags"]], expected)
            self.assertIs(answer["HasMoreTags"], False)
            first = self.kinesis.list_tags_for_stream(StreamName=name, Limit=1)
            self.assertEqual([t["Key"] for t in first["Tags"]], ["b"])
            self.assertIs(first["HasMoreTags"], True)
            rest = self.kinesis.list_tags_for_stream(StreamName=name, ExclusiveStartTagKey="b")
            self.assertEqual([t["Key"] for t in rest["Tags"]], ["born", "é"])

    def test_resource_tags_are_the_same_tags(self):
        with lab.stream(self.kinesis) as name:
            arn = self.arn(name)
            self.kinesis.tag_resource(ResourceARN=arn, Tags={"team": "river", "stage": "test"})
            self.kinesis.untag_resource(ResourceARN=arn, TagKeys=["stage"])
            by_arn = self.kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"]
            by_name = self.kinesis.list_tags_for_stream(StreamName=name)["Tags"]
        self.assertEqual(by_arn, [{"Key": "team", "Value": "river"}])
        self.assertEqual(by_name, by_arn)

    def test_retention_goes_up_and_down_and_may_stay(self):
        increase = self.kinesis.increase_stream_retention_period
        decrease = self.kinesis.decrease_stream_retention_period
        with lab.stream(self.kinesis) as name:
            for change, hours in (increase, 24), (increase, 8760), (decrease, 48), (decrease, 48):
                change(StreamName=name, RetentionPeriodHours=hours)
                lab.wait_until_active(self.kinesis, name)
                summary = self.kinesis.describe_stream_summary(StreamName=name)
                summary = summary["StreamDescriptionSummary"]
                self.assertEqual(summary["RetentionPeriodHours"], hours)

    def test_describe_limits_counts_open_shards(self):
        with lab.stream(self.kinesis, shards=3):
            limits = self.kinesis.describe_limits()
        self.assertGreaterEqual(limits["OpenShardCount"], 3)
        self.assertGreater(limits["ShardLimit"], limits["OpenShardCount"])
        self.assertIn("OnDemandStreamCount", limits)
        self.assertGreater(limits["OnDemandStreamCountLimit"], 0)

    def test_streams_of_another_region_are_other_streams(self):
        elsewhere = lab.client(region_name="eu-west-1")
        with lab.stream(self.kinesis) as name, lab.refused(self, "ResourceNotFoundException"):
            elsewhere.describe_stream_summary(StreamName=name)

    def arn(self, name):
        return f"arn:aws:kinesis:{lab.REGION}:{lab.ACCOUNT}:stream/{name}"

    def status(self, name):
        summary = self.kinesis.describe_stream_summary(StreamName=name)
        return summary["StreamDescriptionSummary"]["StreamStatus"]


if __name__ == "__main__":
    unittest.main()
