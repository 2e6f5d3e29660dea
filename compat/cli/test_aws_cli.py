"""The AWS CLI, typed the way its manual says, with nothing set but the endpoint."""

import base64
import json
import subprocess
import sys
import unittest
import uuid

FIRST = "shardId-000000000000"


def aws(*arguments, service="kinesis"):
    """Runs `aws kinesis …` and answers what it printed, as JSON where it printed any."""
    command = [sys.executable, "-m", "awscli", service, *arguments, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(done.stderr.strip())
    return json.loads(done.stdout) if done.stdout.strip() else None


class Refused(Exception):
    """The CLI ended with an error; the text is what it said."""


class AwsCli(unittest.TestCase):
    def setUp(self):
        self.name = f"cli-{uuid.uuid4()}"

    def create(self, shards):
        self.assertIsNone(
            aws("create-stream", "--stream-name", self.name, "--shard-count", str(shards))
        )
        aws("wait", "stream-exists", "--stream-name", self.name)

    def wait_while_updating(self):
        summary = ["describe-stream-summary", "--stream-name", self.name]
        while aws(*summary)["StreamDescriptionSummary"]["StreamStatus"] == "UPDATING":
            pass

    def read(self, shard_id, *start):
        position = aws("get-shard-iterator", "--stream-name", self.name, "--shard-id", shard_id,
                       "--shard-iterator-type", *(start or ["TRIM_HORIZON"]))["ShardIterator"]
        return aws("get-records", "--shard-iterator", position)

    def test_the_life_of_a_stream(self):
        self.create(1)
        put = aws("put-record", "--stream-name", self.name, "--partition-key", "greeting",
                  "--data", "hello")
        self.assertEqual(put["ShardId"], FIRST)
        batch = [{"Data": "one", "PartitionKey": "ключ"}, {"Data": "", "PartitionKey": "k"}]
        answer = aws("put-records", "--stream-name", self.name, "--records", json.dumps(batch))
        self.assertEqual(answer["FailedRecordCount"], 0)
        records = self.read(FIRST)["Records"]
        self.assertEqual(
            [(r["PartitionKey"], base64.b64decode(r["Data"])) for r in records],
            [("greeting", b"hello"), ("ключ", b"one"), ("k", b"")],
        )
        second = answer["Records"][0]["SequenceNumber"]
        after = self.read(FIRST, "AFTER_SEQUENCE_NUMBER", "--starting-sequence-number", second)
        self.assertEqual([r["PartitionKey"] for r in after["Records"]], ["k"])
        by_time = self.read(FIRST, "AT_TIMESTAMP", "--timestamp", "2020-01-01T00:00:00Z")
        self.assertEqual(len(by_time["Records"]), 3)
        self.assertEqual(self.read(FIRST, "LATEST")["Records"], [])

        aws("delete-stream", "--stream-name", self.name)
        aws("wait", "stream-not-exists", "--stream-name", self.name)
        with self.assertRaisesRegex(Refused, r"\(ResourceNotFoundException\).*"
                                             rf"Stream {self.name} under account \d+ not found\."):
            aws("describe-stream", "--stream-name", self.name)

    def test_a_split_a_merge_and_a_closed_shard(self):
        self.create(1)
        aws("put-record", "--stream-name", self.name, "--partition-key", "k", "--data", "old")
        aws("split-shard", "--stream-name", self.name, "--shard-to-split", FIRST,
            "--new-starting-hash-key", str(2**127))
        self.wait_while_updating()
        end = self.read(FIRST)
        self.assertNotIn("NextShardIterator", end)
        children = [child["ShardId"] for child in end["ChildShards"]]
        self.assertEqual(children, ["shardId-000000000001", "shardId-000000000002"])
        aws("merge-shards", "--stream-name", self.name, "--shard-to-merge", children[0],
            "--adjacent-shard-to-merge", children[1])
        self.wait_while_updating()
        still_open = aws("list-shards", "--stream-name", self.name,
                         "--shard-filter", "Type=AT_LATEST")["Shards"]
        self.assertEqual([s["ShardId"] for s in still_open], ["shardId-000000000003"])
        scaled = aws("update-shard-count", "--stream-name", self.name,
                     "--target-shard-count", "2", "--scaling-type", "UNIFORM_SCALING")
        self.assertEqual((scaled["CurrentShardCount"], scaled["TargetShardCount"]), (1, 2))
        self.wait_while_updating()
        aws("delete-stream", "--stream-name", self.name)

    def test_paginators(self):
        self.create(5)
        described = aws("describe-stream", "--stream-name", self.name, "--page-size", "2")
        self.assertEqual(len(described["StreamDescription"]["Shards"]), 5)
        names = [f"{self.name}-{n}" for n in range(3)]
        for name in names:
            aws("create-stream", "--stream-name", name, "--shard-count", "1")
        listed = aws("list-streams", "--page-size", "2")["StreamNames"]
        self.assertLessEqual({self.name, *names}, set(listed))
        first = aws("list-streams", "--max-items", "2", "--page-size", "1")
        self.assertEqual(first["StreamNames"], listed[:2])
        rest = aws("list-streams", "--starting-token", first["NextToken"])
        self.assertEqual(rest["StreamNames"], listed[2:])
        for name in (self.name, *names):
            aws("delete-stream", "--stream-name", name)

    def test_tags_retention_and_limits(self):
        self.create(1)
        aws("add-tags-to-stream", "--stream-name", self.name, "--tags", "team=river,stage=test")
        tags = aws("list-tags-for-stream", "--stream-name", self.name)["Tags"]
        self.assertEqual({t["Key"]: t["Value"] for t in tags}, {"team": "river", "stage": "test"})
        aws("increase-stream-retention-period", "--stream-name", self.name,
            "--retention-period-hours", "48")
        self.wait_while_updating()
        summary = aws("describe-stream-summary", "--stream-name", self.name)
        self.assertEqual(summary["StreamDescriptionSummary"]["RetentionPeriodHours"], 48)
        self.assertGreaterEqual(aws("describe-limits")["OpenShardCount"], 1)
        aws("delete-stream", "--stream-name", self.name)

    def test_the_caller_is_told_who_it_is(self):
        who = aws("get-caller-identity", service="sts")
        self.assertEqual(who["Arn"], f"arn:aws:iam::{who['Account']}:root")

    def test_errors_are_awss(self):
        with self.assertRaisesRegex(Refused, r"\(ResourceNotFoundException\)"):
            aws("put-record", "--stream-name", "absent", "--partition-key", "k", "--data", "x")
        with self.assertRaisesRegex(Refused, r"\(ValidationException\).*1 validation error"):
            aws("create-stream", "--stream-name", "no spaces", "--shard-count", "1")
        with self.assertRaisesRegex(Refused, r"\(InvalidArgumentException\).*Invalid Shard"):
            aws("get-records", "--shard-iterator", "garbage")


if __name__ == "__main__":
    unittest.main()
