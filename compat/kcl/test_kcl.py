"""The Kinesis Client Library, unmodified, on a stream that is split and merged under it.

Its leases and metrics, which are other services' business, go to a stand-in for those."""

import collections
import logging
import tempfile
import threading
import time
import unittest
import uuid

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

from application import Application

KEYS = 16
HASH_KEYS = 2**128
# Starting up takes the library most of a minute; the rest is for machines that are busy.
ALL_MAX_SECONDS = 240
MODES = ["POLLING", "FANOUT"]


class Producer(threading.Thread):
    """Puts numbered records, one a round for each key, until told to stop."""

    def __init__(self, kinesis, stream):
        super().__init__(daemon=True)
        self.kinesis, self.stream = kinesis, stream
        self.rounds = 0
        self.done = threading.Event()
        self.failed = None

    def run(self):
        try:
            while not self.done.wait(0.1):
                self._put_round()
        except Exception as error:  # shown by the test, which is another thread
            self.failed = error

    def _put_round(self):
        entries = [
            {
                "Data": b"%d" % self.rounds,
                "PartitionKey": f"key-{key}",
                "ExplicitHashKey": str(HASH_KEYS // KEYS * key),
            }
            for key in range(KEYS)
        ]
        answer = self.kinesis.put_records(StreamName=self.stream, Records=entries)
        assert answer["FailedRecordCount"] == 0, answer
        self.rounds += 1

    def stop(self):
        self.done.set()
        self.join()
        if self.failed:
            raise self.failed


class ClientLibrary(unittest.TestCase):
    def setUp(self):
        self.deadline = time.monotonic() + ALL_MAX_SECONDS
        config = Config(retries={"total_max_attempts": 1})
        self.kinesis = boto3.client("kinesis", config=config)
        self.stream = f"kcl-{uuid.uuid4()}"
        self.kinesis.create_stream(StreamName=self.stream, ShardCount=2)
        self.wait_until_active()
        self.side_services = self.start_side_services()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.applications = []
        for mode in MODES:
            started = Application(mode, self.stream, self.side_services, directory.name)
            self.addCleanup(started.stop)
            self.applications.append(started)
        self.producer = Producer(self.kinesis, self.stream)
        self.producer.start()
        self.addCleanup(self.producer.done.set)

    def start_side_services(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        moto.start()
        self.addCleanup(moto.stop)
        return "http://{}:{}".format(*moto.get_host_and_port())

    def wait_until(self, holds, what):
        """`holds` is asked of each application until all say yes."""
        waiting = list(self.applications)
        while waiting := [application for application in waiting if not holds(application)]:
            [late, *_] = waiting
            if late.ended() or time.monotonic() > self.deadline:
                self.fail(f"{late.name} never came to this: {what}\n{late.said()}")
            time.sleep(0.2)

    def wait_until_active(self):
        waiter = self.kinesis.get_waiter("stream_exists")
        waiter.wait(StreamName=self.stream, WaiterConfig={"Delay": 0.15, "MaxAttempts": 200})

    def shards(self):
        return self.kinesis.list_shards(StreamName=self.stream)["Shards"]

    def split(self, shard_id, at):
        self.kinesis.split_shard(
            StreamName=self.stream, ShardToSplit=shard_id, NewStartingHashKey=str(at)
        )
        self.wait_until_active()

    def merge(self, shard_id, adjacent):
        self.kinesis.merge_shards(
            StreamName=self.stream, ShardToMerge=shard_id, AdjacentShardToMerge=adjacent
        )
        self.wait_until_active()

    def wait_until_read(self, *shard_ids):
        self.wait_until(lambda a: a.shards("read") >= set(shard_ids), f"{shard_ids} read")

    def test_nothing_is_lost_or_out_of_order_across_a_split_and_a_merge(self):
        first, second = (shard["ShardId"] for shard in self.shards())
        self.wait_until_read(first, second)
        self.split(first, HASH_KEYS // 4)
        lower, upper = (shard["ShardId"] for shard in self.shards()[2:])
        self.wait_until_read(lower, upper)
        self.merge(upper, second)
        merged = self.shards()[4]["ShardId"]
        self.wait_until_read(merged)
        self.producer.stop()
        total = self.producer.rounds * KEYS
        self.wait_until(lambda a: sum(delivered(a).values()) == total, f"{total} records read")
        for application in self.applications:
            with self.subTest(application.name):
                self.assertEqual(application.shards("ended"), {first, second, upper})
                self.assert_parents_end_first(application)
                self.assert_metrics_arrived(application)

    def assert_parents_end_first(self, application):
        events = [(noted["event"], noted["shard"]) for noted in application.events()]
        for shard in self.shards():
            for parent in ("ParentShardId", "AdjacentParentShardId"):
                if parent in shard:
                    end, start = ("ended", shard[parent]), ("read", shard["ShardId"])
                    self.assertLess(events.index(end), events.index(start))

    def assert_metrics_arrived(self, application):
        cloudwatch = boto3.client("cloudwatch", endpoint_url=self.side_services)
        metrics = cloudwatch.list_metrics(Namespace=application.name)["Metrics"]
        self.assertIn("RecordsProcessed", {metric["MetricName"] for metric in metrics})


def delivered(application):
    """How many records of each key it has delivered. A record may come again; the first time, it
    must follow the one that was put before it."""
    following = collections.Counter()
    for noted in application.events():
        for key, number in noted.get("records", ()):
            assert number <= following[key], f"{key}: {number} without {following[key]}"
            following[key] = max(following[key], number + 1)
    return following


if __name__ == "__main__":
    unittest.main()
