"""Against a node with AWS's limits (and ten shards for the account): what is throttled, and how."""

import time
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

    def test_iterators_are_given_five_times_a_second(self):
        with lab.stream(self.kinesis) as name:
            text = f"Rate exceeded for shard {FIRST} in stream {name} under account {lab.ACCOUNT}."
            with lab.refused(self, THROTTLED, text):
                for calls in range(CALLS_MAX):
                    lab.iterator(self.kinesis, name, FIRST)
            self.assertGreaterEqual(calls, 5)

    def test_dry_runs_use_nothing_up(self):
        with lab.stream(self.kinesis) as name:
            for _ in range(20):
                with lab.refused(self, "DryRunOperationException"):
                    self.kinesis.put_record(
                        StreamName=name, Data=b"x" * 1_000_000, PartitionKey="k", DryRun=True
                    )
            answer = self.put(name, b"x" * 1_000_000)
            self.assertEqual(answer["FailedRecordCount"], 0)

    def test_a_full_answer_closes_the_shard_for_five_seconds(self):
        with lab.stream(self.kinesis, MaxRecordSizeInKiB=10240) as name:
            data = b"x" * (10 * 1024 * 1024 - 1)
            self.kinesis.put_record(StreamName=name, Data=data, PartitionKey="k")
            position = lab.iterator(self.kinesis, name, FIRST)
            got = self.kinesis.get_records(ShardIterator=position)
            answered = time.monotonic()
            self.assertEqual(len(got["Records"]), 1)
            text = f"Rate exceeded for Shard - {lab.ACCOUNT}/{name}/{FIRST}"
            with lab.refused(self, THROTTLED, text):
                self.kinesis.get_records(ShardIterator=position)
            while time.monotonic() - answered < 10:
                try:
                    self.kinesis.get_records(ShardIterator=got["NextShardIterator"])
                    break
                except self.kinesis.exceptions.ProvisionedThroughputExceededException:
                    time.sleep(0.1)
            # The answer took a while to come, and the shard was closed before it was sent.
            closed = time.monotonic() - answered
            self.assertTrue(3 < closed < 6, f"closed for {closed} s")

    def assert_rate(self, call, per_second, text):
        """The call is let pass `per_second` times a second, and refused with this text."""
        time.sleep(2)
        started, passed = time.monotonic(), 0
        with lab.refused(self, "LimitExceededException", text):
            for _ in range(20 * per_second):
                call()
                passed += 1
        seconds = int(time.monotonic() - started) + 1
        self.assertLessEqual(passed, per_second * seconds)
        self.assertGreaterEqual(passed, per_second)

    def test_the_control_plane_has_rates_by_account_and_operation(self):
        with lab.stream(self.kinesis) as name:
            of_stream = f"Rate exceeded for stream {name} under account {lab.ACCOUNT}."
            of_account = f"Rate exceeded for account {lab.ACCOUNT}."
            for call, per_second, text in [
                (lambda: self.kinesis.describe_stream(StreamName=name), 10, of_stream),
                (lambda: self.kinesis.describe_stream_summary(StreamName=name), 20, of_stream),
                (lambda: self.kinesis.list_tags_for_stream(StreamName=name), 5, of_stream),
                (lambda: self.kinesis.list_streams(), 5, of_account),
                (lambda: self.kinesis.describe_limits(), 1, of_account),
            ]:
                self.assert_rate(call, per_second, text)

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
