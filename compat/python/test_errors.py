"""What AWS refuses is refused with AWS's code and AWS's words."""

import unittest
import uuid

import lab

INVALID = "InvalidArgumentException"
NOT_FOUND = "ResourceNotFoundException"
VALIDATION = "ValidationException"
FIRST = "shardId-000000000000"
# Each takes a few transitions of state, so that together they are longer than a second.
RECREATIONS_MAX = 100


class Errors(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        # boto3's own checks are off, so that the server's are reached.
        cls.kinesis = lab.client(config={"parameter_validation": False})
        cls.name = f"errors-{uuid.uuid4()}"
        cls.kinesis.create_stream(StreamName=cls.name, ShardCount=2)
        lab.wait_until_active(cls.kinesis, cls.name)
        cls.where = f"in stream {cls.name} under account {lab.ACCOUNT}"

    @classmethod
    def tearDownClass(cls):
        cls.kinesis.delete_stream(StreamName=cls.name)

    def refused(self, code, text=None):
        return lab.refused(self, code, text)

    def violates(self, *texts):
        plural = "s" if len(texts) > 1 else ""
        start = f"{len(texts)} validation error{plural} detected: "
        return self.refused(VALIDATION, start + "; ".join(texts))

    def test_a_stream_that_is_not_there(self):
        text = f"Stream absent under account {lab.ACCOUNT} not found."
        put = {"Data": b"x", "PartitionKey": "k"}
        for call, arguments in [
            (self.kinesis.describe_stream, {}),
            (self.kinesis.describe_stream_summary, {}),
            (self.kinesis.delete_stream, {}),
            (self.kinesis.list_shards, {}),
            (self.kinesis.put_record, put),
            (self.kinesis.put_records, {"Records": [put]}),
            (self.kinesis.list_tags_for_stream, {}),
            (self.kinesis.increase_stream_retention_period, {"RetentionPeriodHours": 48}),
            (self.kinesis.split_shard, {"ShardToSplit": FIRST, "NewStartingHashKey": "7"}),
            (self.kinesis.update_shard_count,
             {"TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"}),
        ]:
            with self.subTest(call.__name__), self.refused(NOT_FOUND, text):
                call(StreamName="absent", **arguments)
        with self.refused(NOT_FOUND, f"Shard {FIRST} in stream absent under account "
                                     f"{lab.ACCOUNT} does not exist"):
            lab.iterator(self.kinesis, "absent", FIRST)
        with self.refused(NOT_FOUND, text):
            arn = f"arn:aws:kinesis:{lab.REGION}:{lab.ACCOUNT}:stream/absent"
            self.kinesis.describe_stream_summary(StreamARN=arn)

    def test_a_stream_that_is_there_already(self):
        text = f"Stream {self.name} under account {lab.ACCOUNT} already exists."
        with self.refused("ResourceInUseException", text):
            self.kinesis.create_stream(StreamName=self.name, ShardCount=1)

    def test_a_stream_that_is_not_active_yet(self):
        name = f"early-{uuid.uuid4()}"
        self.kinesis.create_stream(StreamName=name, ShardCount=1)
        self.addCleanup(self.kinesis.delete_stream, StreamName=name)
        state = f"Stream {name} under account {lab.ACCOUNT} not ACTIVE"
        creating = "instead in state CREATING"
        with self.refused("ResourceInUseException", f"{state}, {creating}"):
            self.kinesis.merge_shards(
                StreamName=name, ShardToMerge=FIRST, AdjacentShardToMerge="shardId-000000000001"
            )
        with self.refused("ResourceInUseException", f"{state} or UPDATING, {creating}"):
            self.kinesis.list_shards(StreamName=name)

    def test_values_that_break_a_constraint(self):
        at = "failed to satisfy constraint: Member must"
        with self.violates(f"Value 'no spaces' at 'streamName' {at} satisfy regular expression "
                           "pattern: [a-zA-Z0-9_.-]+"):
            self.kinesis.create_stream(StreamName="no spaces", ShardCount=1)
        with self.violates(f"Value '0' at 'shardCount' {at} have value greater than or equal "
                           "to 1"):
            self.kinesis.create_stream(StreamName="zero", ShardCount=0)
        with self.violates(f"Value null at 'streamName' {at} not be null"):
            self.kinesis.create_stream(ShardCount=1)
        with self.violates(
            f"Value 'SOMEWHERE' at 'shardIteratorType' {at} satisfy enum value set: "
            "[AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]"
        ):
            lab.iterator(self.kinesis, self.name, FIRST, "SOMEWHERE")
        with self.violates(f"Value '10001' at 'limit' {at} have value less than or equal to "
                           "10000"):
            self.kinesis.get_records(ShardIterator="x", Limit=10001)
        entry = {"Data": b"", "PartitionKey": "k"}
        with self.refused(VALIDATION):
            self.kinesis.put_records(StreamName=self.name, Records=[entry] * 501)
        with self.violates(f"Value '' at 'partitionKey' {at} have length greater than or equal "
                           "to 1"):
            self.kinesis.put_record(StreamName=self.name, Data=b"", PartitionKey="")
        with self.refused(VALIDATION):
            too_large = b"x" * (1024 * 1024)  # one byte over, with its key
            self.kinesis.put_record(StreamName=self.name, Data=too_large, PartitionKey="k")

    def test_members_of_another_type(self):
        with self.refused("SerializationException"):
            self.kinesis.create_stream(StreamName=self.name, ShardCount="many")

    def test_hash_keys_and_sequence_numbers_that_cannot_be(self):
        beyond = str(2**128)
        with self.refused(INVALID, "Invalid ExplicitHashKey. ExplicitHashKey must be in the "
                                   f"range: [0, 2^128-1]. Specified value was {beyond}"):
            self.kinesis.put_record(
                StreamName=self.name, Data=b"", PartitionKey="k", ExplicitHashKey=beyond
            )
        put = self.kinesis.put_record(StreamName=self.name, Data=b"", PartitionKey="k")
        # The last hexadecimal digit is the version; there is no version 3.
        number = str(int(put["SequenceNumber"]) + 1)
        with self.refused(INVALID, f"ExclusiveMinimumSequenceNumber {number} used in PutRecord on "
                                   f"stream {self.name} under account {lab.ACCOUNT} is invalid."):
            self.kinesis.put_record(
                StreamName=self.name, Data=b"", PartitionKey="k",
                SequenceNumberForOrdering=number,
            )

    def test_iterators_that_cannot_be(self):
        pairing = ("Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
                   "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no "
                   "StartingSequenceNumber. Request specified ")
        second = self.kinesis.list_shards(StreamName=self.name)["Shards"][1]
        number = second["SequenceNumberRange"]["StartingSequenceNumber"]
        with self.refused(INVALID, pairing + "LATEST and also a StartingSequenceNumber."):
            lab.iterator(self.kinesis, self.name, FIRST, "LATEST", StartingSequenceNumber=number)
        with self.refused(INVALID, pairing + "AT_SEQUENCE_NUMBER and no StartingSequenceNumber."):
            lab.iterator(self.kinesis, self.name, FIRST, "AT_SEQUENCE_NUMBER")
        with self.refused(INVALID, "Invalid StartingSequenceNumber. It encodes "
                                   "shardId-000000000001, while it was used in a call to a shard "
                                   f"with {FIRST}"):
            lab.iterator(self.kinesis, self.name, FIRST, "AT_SEQUENCE_NUMBER",
                         StartingSequenceNumber=number)
        with self.refused(INVALID, "Must specify timestampInMillis parameter for iterator of type "
                                   "AT_TIMESTAMP. Current request has no timestamp parameter."):
            lab.iterator(self.kinesis, self.name, FIRST, "AT_TIMESTAMP")
        with self.refused(INVALID):
            lab.iterator(self.kinesis, self.name, FIRST, "AT_TIMESTAMP", Timestamp=4102444800)
        with self.refused(NOT_FOUND, f"Shard shardId-000000000009 {self.where} does not exist"):
            lab.iterator(self.kinesis, self.name, "shardId-000000000009")
        with self.refused(INVALID, "Invalid ShardIterator."):
            self.kinesis.get_records(ShardIterator="AAAAAAAAAAEXAMPLE")

    def test_an_iterator_of_a_deleted_stream(self):
        with lab.stream(self.kinesis) as name:
            position = lab.iterator(self.kinesis, name, FIRST)
        lab.wait_until_gone(self.kinesis, name)
        with self.refused(NOT_FOUND):
            self.kinesis.get_records(ShardIterator=position)

    def test_a_sequence_number_of_an_earlier_stream_of_the_same_name(self):
        def first_number(name):
            [shard] = self.kinesis.list_shards(StreamName=name)["Shards"]
            return shard["SequenceNumberRange"]["StartingSequenceNumber"]

        with lab.stream(self.kinesis) as name:
            old = number = first_number(name)
        # A sequence number knows its stream by the second of its creation.
        for _ in range(RECREATIONS_MAX):
            lab.wait_until_gone(self.kinesis, name)
            with lab.stream(self.kinesis, name=name):
                number = first_number(name)
                if old == number:
                    continue
                where = f"in stream {name} under account {lab.ACCOUNT}"
                with self.refused(INVALID, f"StartingSequenceNumber {old} used in "
                                           f"GetShardIterator on shard {FIRST} {where} is invalid "
                                           "because it did not come from this stream."):
                    lab.iterator(self.kinesis, name, FIRST, "AT_SEQUENCE_NUMBER",
                                 StartingSequenceNumber=old)
                return
        self.fail("every stream of the name began with the same sequence number")

    def test_reshards_that_cannot_be(self):
        top = str(2**127 - 1)
        for hash_key in ("0", "1", top):
            with self.subTest(hash_key), self.refused(
                INVALID,
                f"NewStartingHashKey {hash_key} used in SplitShard() on shard {FIRST} "
                f"{self.where} is not both greater than one plus the shard's StartingHashKey 0 "
                f"and less than the shard's EndingHashKey {top}.",
            ):
                self.kinesis.split_shard(
                    StreamName=self.name, ShardToSplit=FIRST, NewStartingHashKey=hash_key
                )
        with self.refused(NOT_FOUND, f"Could not find shard shardId-000000000007 {self.where}."):
            self.kinesis.split_shard(
                StreamName=self.name, ShardToSplit="shardId-7", NewStartingHashKey="9"
            )
        second = "shardId-000000000001"
        with self.refused(INVALID, f"Shards {second} and {FIRST} {self.where} are not an adjacent "
                                   "pair of shards eligible for merging"):
            self.kinesis.merge_shards(
                StreamName=self.name, ShardToMerge=second, AdjacentShardToMerge=FIRST
            )

    def test_a_shard_is_resharded_once(self):
        with lab.stream(self.kinesis) as name:
            split = {"StreamName": name, "ShardToSplit": FIRST, "NewStartingHashKey": "1000"}
            self.kinesis.split_shard(**split)
            lab.wait_until_active(self.kinesis, name)
            with self.refused(INVALID, f"Shard {FIRST} in stream {name} under account "
                                       f"{lab.ACCOUNT} has already been merged or split, and thus "
                                       "is not eligible for merging or splitting."):
                self.kinesis.split_shard(**split)

    def test_retention_out_of_bounds(self):
        increase = self.kinesis.increase_stream_retention_period
        decrease = self.kinesis.decrease_stream_retention_period
        with self.refused(INVALID, "Minimum allowed retention period is 24 hours. Requested "
                                   "retention period (23 hours) is too short."):
            decrease(StreamName=self.name, RetentionPeriodHours=23)
        with self.refused(INVALID, "Maximum allowed retention period is 8760 hours. Requested "
                                   "retention period (8761 hours) is too long."):
            increase(StreamName=self.name, RetentionPeriodHours=8761)
        with self.refused(INVALID, f"Requested retention period (25 hours) for stream {self.name} "
                                   "can not be longer than existing retention period (24 hours). "
                                   "Use IncreaseRetentionPeriod API."):
            decrease(StreamName=self.name, RetentionPeriodHours=25)

    def test_shards_are_listed_by_name_or_by_token(self):
        token = self.kinesis.list_shards(StreamName=self.name, MaxResults=1)["NextToken"]
        with self.refused(INVALID, "Either NextToken or StreamName should be provided."):
            self.kinesis.list_shards()
        with self.refused(INVALID, "NextToken and StreamName cannot be provided together."):
            self.kinesis.list_shards(StreamName=self.name, NextToken=token)
        with self.refused(INVALID):
            wanted = {"Type": "AFTER_SHARD_ID"}
            self.kinesis.list_shards(StreamName=self.name, ShardFilter=wanted)

    def test_tags_with_characters_that_are_not_allowed(self):
        with self.refused(INVALID, "Some tags contain invalid characters. Valid characters: "
                                   "Unicode letters, digits, white space, _ . / = + - % @."):
            self.kinesis.add_tags_to_stream(StreamName=self.name, Tags={"semi;colon": "x"})

    def test_an_operation_that_is_not_there_yet(self):
        with self.refused("UnknownOperationException"):
            self.kinesis.list_queues()


if __name__ == "__main__":
    unittest.main()
