"""Against a node with AWS's limits (and ten shards for the account): what is throttled, and how."""

import unittest

import lab

THROTTLED = "ProvisionedThroughputExceededException"
FIRST = "shardId-000000000000"
# More than any rate limit lets through at once; a check that needs more has found no limit.
CALLS_MAX = 100


class Limits(unittest.TestCase):
    def setUp(self):
        self.kinesis = lab.client()

    def put(self, name, *values):
        entries = [{"Data": value, "PartitionKey": "k"} for value in values]
        return self.kinesis.put_records(StreamName=name, Records=entries)

    def assert_throttled_entries(self, name, answer):
        failed = [entry for entry in answer["Records"] if "ErrorCode" in entry]
        self.assertEqual(len(failed), answer["FailedRecordCount"])
        text = f"Rate exceeded for shard {FIRST} in stream {name} under account {lab.ACCOUNT}."
        for entry in failed:
            self.assertEqual(entry, {"ErrorCode": THROTTLED, "ErrorMessage": text})

    def test_a_shard_takes_one_mebibyte_a_second(self):
        with lab.stream(self.kinesis) as name:
            answer = self.put(name, *[b"x" * 600_000] * 4)
            # One call is decided in one instant: one record fits into the second, two do not.
            self.assertEqual(answer["FailedRecordCount"], 3)
            self.assert_throttled_entries(name, answer)
            records, _ = lab.read_shard(self.kinesis, name, FIRST)
            stored = [e["SequenceNumber"] for e in answer["Records"] if "SequenceNumber" in e]
            self.assertEqual([r["SequenceNumber"] for r in records], stored)

    def test_a_shard_takes_a_thousand_records_a_second(self):
        with lab.stream(self.kinesis) as name:
            for call in range(CALLS_MAX):
                answer = self.put(name, *[b""] * 500)
                if answer["FailedRecordCount"]:
                    break
            self.assertGreaterEqual(call, 2, "two calls of 500 records fit into a second")
            self.assert_throttled_entries(name, answer)

    def test_a_single_put_is_refused_whole(self):
        with lab.stream(self.kinesis) as name:
            text = f"Rate exceeded for shard {FIRST} in stream {name} under account {lab.ACCOUNT}."
            with lab.refused(self, THROTTLED, text):
                for _ in range(CALLS_MAX):
                    self.kinesis.put_record(
                        StreamName=name, Data=b"x" * 1_000_000, PartitionKey="k"
                    )

    def test_a_shard_is_read_five_times_a_second(self):
        with lab.stream(self.kinesis) as name:
            position = lab.iterator(self.kinesis, name, FIRST)
            text = f"Rate exceeded for Shard - {lab.ACCOUNT}/{name}/{FIRST}"
            with lab.refused(self, THROTTLED, text):
                for calls in range(CALLS_MAX):
                    self.kinesis.get_records(ShardIterator=position)
            self.assertGreaterEqual(calls, 5)

    def test_an_account_has_a_number_of_shards(self):
        now = self.kinesis.describe_limits()
        self.assertEqual(now["ShardLimit"], 10)
        wanted = 11
        text = (
            "This request would exceed the shard limit for the account "
            f"{lab.ACCOUNT} in {lab.REGION}. Current shard count for the account: "
            f"{now['OpenShardCount']}. Limit: 10. Number of additional shards that would have "
            f"resulted from this request: {wanted}. Refer to the AWS Service Limits page "
            "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current "
            "limits and how to request higher limits."
        )
        with lab.refused(self, "LimitExceededException", text):
            self.kinesis.create_stream(StreamName="too-many", ShardCount=wanted)

    def test_scaling_more_than_doubles_nothing(self):
        with lab.stream(self.kinesis, shards=2) as name, lab.refused(
            self, "InvalidArgumentException",
            "UpdateShardCount cannot scale up over double your current open shard count. "
            "Current open shard count: 2 Target shard count: 5",
        ):
            self.kinesis.update_shard_count(
                StreamName=name, TargetShardCount=5, ScalingType="UNIFORM_SCALING"
            )


if __name__ == "__main__":
    unittest.main()
