"""Enhanced fan-out: what boto3 makes of a stream of events."""

import contextlib
import unittest

import lab

FIRST = "shardId-000000000000"
EVENTS_MAX = 1000


@contextlib.contextmanager
def consumer(kinesis, stream_name, name="reader"):
    """The ARN of a new, active consumer."""
    summary = kinesis.describe_stream_summary(StreamName=stream_name)
    stream_arn = summary["StreamDescriptionSummary"]["StreamARN"]
    registered = kinesis.register_stream_consumer(StreamARN=stream_arn, ConsumerName=name)
    arn = registered["Consumer"]["ConsumerARN"]
    for _ in range(lab.READS_MAX):
        described = kinesis.describe_stream_consumer(ConsumerARN=arn)
        if described["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE":
            break
    else:
        raise AssertionError("the consumer never became active")
    try:
        yield arn
    finally:
        kinesis.deregister_stream_consumer(ConsumerARN=arn)


@contextlib.contextmanager
def subscription(kinesis, arn, shard_id, kind="TRIM_HORIZON", **start):
    answer = kinesis.subscribe_to_shard(
        ConsumerARN=arn, ShardId=shard_id, StartingPosition={"Type": kind, **start}
    )
    with contextlib.closing(answer["EventStream"]) as events:
        yield (event["SubscribeToShardEvent"] for event in events)


def receive(events, count):
    """The data of the next `count` records, and the continuation after them."""
    received = []
    for _ in range(EVENTS_MAX):
        event = next(events)
        assert "ChildShards" not in event, event
        received += [record["Data"] for record in event["Records"]]
        if len(received) >= count:
            assert len(received) == count, received
            return received, event["ContinuationSequenceNumber"]
    raise AssertionError(f"only {len(received)} records in {EVENTS_MAX} events")


class FanOut(unittest.TestCase):
    def setUp(self):
        self.kinesis = lab.client()

    def put(self, name, value):
        return self.kinesis.put_record(StreamName=name, Data=value, PartitionKey="k")

    def test_records_are_pushed_across_a_split(self):
        with lab.stream(self.kinesis) as name, consumer(self.kinesis, name) as arn:
            self.put(name, b"kept")
            with subscription(self.kinesis, arn, FIRST) as events:
                self.assertEqual(receive(events, 1)[0], [b"kept"])
                for number in range(3):
                    self.put(name, b"%d" % number)
                    self.assertEqual(receive(events, 1)[0], [b"%d" % number])
                self.kinesis.split_shard(
                    StreamName=name, ShardToSplit=FIRST, NewStartingHashKey=str(2**127)
                )
                lab.wait_until_active(self.kinesis, name)
                put = self.put(name, b"after")
                *heartbeats, last = events
            for event in heartbeats:
                self.assertEqual(event["Records"], [])
                self.assertIn("ContinuationSequenceNumber", event)
            self.assertNotIn("ContinuationSequenceNumber", last)
            self.assertEqual([c["ParentShards"] for c in last["ChildShards"]], [[FIRST]] * 2)
            children = self.kinesis.list_shards(StreamName=name)["Shards"][1:]
            self.assertEqual(
                [(c["ShardId"], c["HashKeyRange"]) for c in last["ChildShards"]],
                [(c["ShardId"], c["HashKeyRange"]) for c in children],
            )
            with subscription(self.kinesis, arn, put["ShardId"]) as events:
                self.assertEqual(receive(events, 1)[0], [b"after"])

    def test_both_parents_of_a_merge_name_the_child(self):
        with lab.stream(self.kinesis, shards=2) as name, consumer(self.kinesis, name) as arn:
            parents = lab.shard_ids(self.kinesis, name)
            with contextlib.ExitStack() as open_subscriptions:
                followed = [
                    open_subscriptions.enter_context(subscription(self.kinesis, arn, parent))
                    for parent in parents
                ]
                self.kinesis.merge_shards(
                    StreamName=name, ShardToMerge=parents[0], AdjacentShardToMerge=parents[1]
                )
                lab.wait_until_active(self.kinesis, name)
                child = lab.shard_ids(self.kinesis, name)[2]
                put = self.put(name, b"after")
                for events in followed:
                    *_, last = events
                    [named] = last["ChildShards"]
                    self.assertEqual(named["ShardId"], child)
                    self.assertEqual(sorted(named["ParentShards"]), parents)
            self.assertEqual(put["ShardId"], child)
            with subscription(self.kinesis, arn, child) as events:
                self.assertEqual(receive(events, 1)[0], [b"after"])

    def test_a_continuation_begins_where_the_events_ended(self):
        with lab.stream(self.kinesis) as name, consumer(self.kinesis, name) as first:
            self.put(name, b"one")
            with subscription(self.kinesis, first, FIRST) as events:
                _, continuation = receive(events, 1)
            self.put(name, b"two")
            # Another consumer, for which no five seconds have to pass.
            with consumer(self.kinesis, name, "second") as second:
                start = {"kind": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": continuation}
                with subscription(self.kinesis, second, FIRST, **start) as events:
                    self.assertEqual(receive(events, 1)[0], [b"two"])

    def test_latest_begins_with_what_is_put_afterwards(self):
        with lab.stream(self.kinesis) as name, consumer(self.kinesis, name) as arn:
            self.put(name, b"before")
            with subscription(self.kinesis, arn, FIRST, "LATEST") as events:
                self.put(name, b"after")
                self.assertEqual(receive(events, 1)[0], [b"after"])

    def test_a_refused_subscription_is_an_error_and_no_stream(self):
        with lab.stream(self.kinesis) as name, consumer(self.kinesis, name) as arn:
            with subscription(self.kinesis, arn, FIRST):
                text = (f"Another active subscription exists for this consumer: "
                        f"{lab.ACCOUNT}:{name}:{FIRST}:reader")
                with lab.refused(self, "ResourceInUseException", text):
                    with subscription(self.kinesis, arn, FIRST):
                        pass
            with lab.refused(self, "ResourceNotFoundException"):
                with subscription(self.kinesis, arn, "shardId-000000000009"):
                    pass
            with lab.refused(self, "ResourceNotFoundException"):
                with subscription(self.kinesis, f"{arn}9", FIRST):
                    pass


if __name__ == "__main__":
    unittest.main()
