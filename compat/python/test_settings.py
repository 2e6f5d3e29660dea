"""What a stream can be told about itself and its records: the largest record, per-shard metrics;
dry runs; other regions."""

import re
import unittest
import urllib.request

import lab

MIB = 1024 * 1024
EVERY_METRIC = [
    "IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords",
    "WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
]
FIRST = "shardId-000000000000"


def metrics():
    with urllib.request.urlopen(f"{lab.ENDPOINT}/metrics") as answer:
        return answer.read().decode()


class Settings(unittest.TestCase):
    def setUp(self):
        self.kinesis = lab.client()

    def summary(self, name):
        answer = self.kinesis.describe_stream_summary(StreamName=name)
        return answer["StreamDescriptionSummary"]

    def test_records_grow_to_ten_mebibytes_and_come_back(self):
        with lab.stream(self.kinesis) as name:
            summary = self.summary(name)
            self.assertEqual(summary["MaxRecordSizeInKiB"], 1024)
            text = (
                "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=1048576 "
                "cap=1048576]' at 'data' failed to satisfy constraint: Member must have length "
                "less than or equal to 1048576"
            )
            with lab.refused(self, "ValidationException", text):
                self.kinesis.put_record(StreamName=name, Data=b"x" * MIB, PartitionKey="k")
            self.kinesis.update_max_record_size(
                StreamARN=summary["StreamARN"], MaxRecordSizeInKiB=10240
            )
            lab.wait_until_active(self.kinesis, name)
            self.assertEqual(self.summary(name)["MaxRecordSizeInKiB"], 10240)
            data = b"x" * (10 * MIB - 1)
            put = self.kinesis.put_record(StreamName=name, Data=data, PartitionKey="k")
            batch = self.kinesis.put_records(StreamName=name, Records=[
                {"Data": data[:4 * MIB], "PartitionKey": "k"},
                {"Data": data[:6 * MIB - 2], "PartitionKey": "k"},
            ])
            self.assertEqual(batch["FailedRecordCount"], 0)
            records, _ = lab.read_shard(self.kinesis, name, FIRST)
            self.assertEqual(records[0]["SequenceNumber"], put["SequenceNumber"])
            self.assertTrue(records[0]["Data"] == data, "the record is as it was put")
            self.assertEqual([len(r["Data"]) for r in records[1:]], [4 * MIB, 6 * MIB - 2])
            with lab.refused(self, "ValidationException"):
                self.kinesis.put_record(StreamName=name, Data=data, PartitionKey="kk")
            with lab.refused(
                self, "InvalidArgumentException", "Records size exceeds 10 MB limit"
            ):
                self.kinesis.put_records(StreamName=name, Records=[
                    {"Data": data[:5 * MIB], "PartitionKey": "k"}] * 2)

    def test_a_stream_is_created_with_its_largest_record(self):
        with lab.stream(self.kinesis, MaxRecordSizeInKiB=2048) as name:
            self.assertEqual(self.summary(name)["MaxRecordSizeInKiB"], 2048)
            self.kinesis.put_record(StreamName=name, Data=b"x" * (2 * MIB - 1), PartitionKey="k")

    def test_a_size_out_of_range_and_a_stream_that_is_not_there_are_refused(self):
        kinesis = lab.client(config={"parameter_validation": False})
        arn = f"arn:aws:kinesis:{lab.REGION}:{lab.ACCOUNT}:stream/nobody"
        for size, bound in [(1023, "greater than or equal to 1024"),
                            (10241, "less than or equal to 10240")]:
            text = (
                f"1 validation error detected: Value '{size}' at 'maxRecordSizeInKiB' failed to "
                f"satisfy constraint: Member must have value {bound}"
            )
            with lab.refused(self, "ValidationException", text):
                kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=size)
        text = f"Stream nobody under account {lab.ACCOUNT} not found."
        with lab.refused(self, "ResourceNotFoundException", text):
            kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=2048)
        with lab.stream(self.kinesis) as name:
            with lab.refused(self, "ValidationException"):
                kinesis.enable_enhanced_monitoring(
                    StreamName=name, ShardLevelMetrics=["Everything"]
                )

    def monitor(self, change, name, *metrics):
        answer = change(StreamName=name, ShardLevelMetrics=list(metrics))
        lab.wait_until_active(self.kinesis, name)
        self.assertEqual(answer["StreamName"], name)
        return answer["CurrentShardLevelMetrics"], answer["DesiredShardLevelMetrics"]

    def shown(self, name):
        description = self.kinesis.describe_stream(StreamName=name)["StreamDescription"]
        [monitoring] = description["EnhancedMonitoring"]
        return monitoring["ShardLevelMetrics"]

    def test_metrics_of_shards_are_switched_on_and_off(self):
        on, off = self.kinesis.enable_enhanced_monitoring, self.kinesis.disable_enhanced_monitoring
        with lab.stream(self.kinesis) as name:
            before, after = self.monitor(on, name, "OutgoingBytes", "IncomingBytes")
            self.assertEqual((before, after), ([], ["IncomingBytes", "OutgoingBytes"]))
            self.assertEqual(self.shown(name), after)
            self.assertEqual(self.monitor(on, name, "ALL"), (after, EVERY_METRIC))
            before, after = self.monitor(off, name, "IncomingBytes", "IteratorAgeMilliseconds")
            self.assertEqual(after, EVERY_METRIC[1:-1])
            self.assertEqual(self.monitor(off, name, "ALL"), (after, []))
            self.assertEqual(self.shown(name), [])

    def test_only_what_is_switched_on_is_shown_by_shard(self):
        with lab.stream(self.kinesis) as name:
            self.kinesis.put_record(StreamName=name, Data=b"12345", PartitionKey="k")
            of_shards = re.compile(rf'^(\w+)\{{[^}}]*stream="{name}",shard="{FIRST}"\}} (\d+)$', re.M)
            self.assertEqual(of_shards.findall(metrics()), [])
            on = self.kinesis.enable_enhanced_monitoring
            self.monitor(on, name, "IncomingBytes", "OutgoingRecords")
            self.assertEqual(of_shards.findall(metrics()), [
                ("weir_streams_shard_incoming_bytes_total", "6"),
                ("weir_streams_shard_outgoing_records_total", "0"),
            ])

    def test_no_stream_has_an_id(self):
        # With one of AWS's form an SDK would leave the endpoint that it was given.
        with lab.stream(self.kinesis) as name:
            self.assertNotIn("StreamId", self.summary(name))


class DryRun(unittest.TestCase):
    def setUp(self):
        self.kinesis = lab.client()

    def test_a_dry_run_checks_everything_and_does_nothing(self):
        dry = "DryRunOperationException"
        text = "The request was rejected because the DryRun parameter was specified."
        record = {"Data": b"x", "PartitionKey": "k"}
        with lab.stream(self.kinesis) as name:
            position = lab.iterator(self.kinesis, name, FIRST)
            with lab.refused(self, dry, text):
                self.kinesis.put_record(StreamName=name, DryRun=True, **record)
            with lab.refused(self, dry, text):
                self.kinesis.put_records(StreamName=name, DryRun=True, Records=[record])
            with lab.refused(self, dry, text):
                self.kinesis.get_records(ShardIterator=position, DryRun=True)
            with lab.refused(self, dry, text):
                self.kinesis.get_shard_iterator(
                    StreamName=name, ShardId=FIRST, ShardIteratorType="LATEST", DryRun=True
                )
            self.assertEqual(lab.read(self.kinesis, position), ([], None))
            with lab.refused(self, "InvalidArgumentException"):
                self.kinesis.put_record(
                    StreamName=name, DryRun=True, ExplicitHashKey=str(2**128), **record
                )
            with lab.refused(self, "InvalidArgumentException", "Invalid ShardIterator."):
                self.kinesis.get_records(ShardIterator="AAAA", DryRun=True)
        with lab.refused(self, "ResourceNotFoundException"):
            self.kinesis.put_record(StreamName="nobody", DryRun=True, **record)


class Regions(unittest.TestCase):
    def test_a_name_stands_for_another_stream_in_another_region(self):
        here, there = lab.client(), lab.client(region_name="eu-central-1")
        with lab.stream(here, shards=2) as name:
            text = f"Stream {name} under account {lab.ACCOUNT} not found."
            with lab.refused(self, "ResourceNotFoundException", text):
                there.describe_stream(StreamName=name)
            self.assertNotIn(name, there.list_streams()["StreamNames"])
            with lab.stream(there, name=name):
                self.assertEqual(len(lab.shard_ids(here, name)), 2)
                self.assertEqual(lab.shard_ids(there, name), [FIRST])
                here.put_record(StreamName=name, Data=b"", PartitionKey="k", ExplicitHashKey="0")
                self.assertEqual(lab.read_shard(there, name, FIRST), ([], None))
                position = lab.iterator(here, name, FIRST)
                with lab.refused(self, "InvalidArgumentException", "Invalid ShardIterator."):
                    there.get_records(ShardIterator=position)
                token = here.list_shards(StreamName=name, MaxResults=1)["NextToken"]
                with lab.refused(self, "InvalidArgumentException", "Invalid NextToken."):
                    there.list_shards(NextToken=token)


if __name__ == "__main__":
    unittest.main()
