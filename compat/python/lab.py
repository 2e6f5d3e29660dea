"""What every boto3 check here starts from: a client of the node under test, streams that
clean up after themselves, and a reader that knows what the end of a shard looks like."""

import contextlib
import os
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["WEIR_ENDPOINT"]
ACCOUNT = "000000000000"
REGION = "us-east-1"
TOP_HASH_KEY = 2**128 - 1
# Calls to read one shard to its end or its tip; a reader that needs more is going in circles.
READS_MAX = 1000
# boto3's own waiters, asking not every 10 s but as often as DescribeStream's ten calls a second
# allow.
QUICK = {"Delay": 0.15, "MaxAttempts": 100}


def client(**settings):
    """A client that never retries: an answer that a retry would hide should fail a check."""
    config = Config(retries={"total_max_attempts": 1}, **settings.pop("config", {}))
    settings = {"region_name": REGION, "endpoint_url": ENDPOINT, **settings}
    session = settings.pop("session", boto3)
    return session.client("kinesis", config=config, **settings)


def wait_until_active(kinesis, name):
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig=QUICK)


def wait_until_gone(kinesis, name):
    kinesis.get_waiter("stream_not_exists").wait(StreamName=name, WaiterConfig=QUICK)


@contextlib.contextmanager
def stream(kinesis, shards=1, name=None, **settings):
    """The name of a new, active stream, deleted afterwards."""
    name = name or f"boto3-{uuid.uuid4()}"
    kinesis.create_stream(StreamName=name, ShardCount=shards, **settings)
    wait_until_active(kinesis, name)
    try:
        yield name
    finally:
        kinesis.delete_stream(StreamName=name)


def shard_ids(kinesis, name, **wanted):
    return [shard["ShardId"] for shard in kinesis.list_shards(StreamName=name, **wanted)["Shards"]]


def iterator(kinesis, name, shard_id, kind="TRIM_HORIZON", **start):
    answer = kinesis.get_shard_iterator(
        StreamName=name, ShardId=shard_id, ShardIteratorType=kind, **start
    )
    return answer["ShardIterator"]


def read(kinesis, position, limit=1000):
    """Everything from the iterator `position` on: the records, and the child shards if the shard
    is closed (None at the tip of an open one)."""
    records = []
    for _ in range(READS_MAX):
        answer = kinesis.get_records(ShardIterator=position, Limit=limit)
        records += answer["Records"]
        assert "MillisBehindLatest" in answer, answer
        if "NextShardIterator" not in answer:
            assert answer["ChildShards"], "a shard that ends names its children"
            return records, answer["ChildShards"]
        assert "ChildShards" not in answer, "a shard that goes on has no children yet"
        if answer["MillisBehindLatest"] == 0 and not answer["Records"]:
            return records, None
        position = answer["NextShardIterator"]
    raise AssertionError(f"no end after {READS_MAX} reads")


def read_shard(kinesis, name, shard_id):
    return read(kinesis, iterator(kinesis, name, shard_id))


@contextlib.contextmanager
def refused(test, code, text=None):
    """The call inside must be refused with this error code and, when given, exactly this text."""
    with test.assertRaises(ClientError) as caught:
        yield
    error = caught.exception.response["Error"]
    test.assertEqual(error["Code"], code, error)
    if text is not None:
        test.assertEqual(error["Message"], text)
    test.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 400)
