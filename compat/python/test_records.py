"""Records go in and come back: values, order, positions, sizes."""

import hashlib
import unittest

import lab


class Records(unittest.TestCase):
    def setUp(self):
        self.kinesis = lab.client()

    def put(self, name, *values, key="k"):
        entries = [{"Data": value, "PartitionKey": key} for value in values]
        answer = self.kinesis.put_records(StreamName=name, Records=entries)
        self.assertEqual(answer["FailedRecordCount"], 0)
        return answer["Records"]

    def test_a_record_comes_back_as_it_was_put(self):
        with lab.stream(self.kinesis) as name:
            put = self.kinesis.put_record(StreamName=name, Data=b"hello", PartitionKey="greeting")
            [got], children = lab.read_shard(self.kinesis, name, put["ShardId"])
        self.assertIsNone(children)
        self.assertEqual(got["Data"], b"hello")
        self.assertEqual(got["PartitionKey"], "greeting")
        self.assertEqual(got["SequenceNumber"], put["SequenceNumber"])
        self.assertIn("ApproximateArrivalTimestamp", got)
        self.assertNotIn("EncryptionType", got, "AWS leaves it out of unencrypted records")

    def test_any_bytes_and_any_unicode_key_survive(self):
        every_byte = bytes(range(256))
        keys = ["ключ", "鍵🔑", "e\u0301", 'quote"\\back', "\u0001", "é" * 256, " "]
        with lab.stream(self.kinesis) as name:
            for key in keys:
                self.kinesis.put_record(StreamName=name, Data=every_byte, PartitionKey=key)
            self.kinesis.put_record(StreamName=name, Data=b"", PartitionKey="empty")
            records, _ = lab.read_shard(self.kinesis, name, "shardId-000000000000")
        self.assertEqual([r["PartitionKey"] for r in records], keys + ["empty"])
        self.assertEqual([r["Data"] for r in records], [every_byte] * len(keys) + [b""])

    def test_answers_are_in_request_order_and_name_the_true_shard(self):
        with lab.stream(self.kinesis, shards=4) as name:
            shards = self.kinesis.list_shards(StreamName=name)["Shards"]
            entries = [{"Data": b"%d" % n, "PartitionKey": f"key-{n}"} for n in range(500)]
            answer = self.kinesis.put_records(StreamName=name, Records=entries)
            stored = {}
            for shard in shards:
                for record in lab.read_shard(self.kinesis, name, shard["ShardId"])[0]:
                    stored[shard["ShardId"], record["SequenceNumber"]] = record["Data"]
        self.assertEqual(answer["FailedRecordCount"], 0)
        self.assertEqual(len(stored), len(entries))
        for entry, result in zip(entries, answer["Records"], strict=True):
            where = result["ShardId"], result["SequenceNumber"]
            self.assertEqual(stored[where], entry["Data"])
            hashed = int.from_bytes(hashlib.md5(entry["PartitionKey"].encode()).digest(), "big")
            [owner] = [s for s in shards if s["ShardId"] == result["ShardId"]]
            hash_keys = owner["HashKeyRange"]
            self.assertLessEqual(int(hash_keys["StartingHashKey"]), hashed)
            self.assertLessEqual(hashed, int(hash_keys["EndingHashKey"]))

    def test_an_explicit_hash_key_decides_the_shard(self):
        with lab.stream(self.kinesis, shards=2) as name:
            for hash_key, shard in [
                (0, "shardId-000000000000"),
                (2**127 - 1, "shardId-000000000000"),
                (2**127, "shardId-000000000001"),
                (lab.TOP_HASH_KEY, "shardId-000000000001"),
            ]:
                put = self.kinesis.put_record(
                    StreamName=name, Data=b"x", PartitionKey="k", ExplicitHashKey=str(hash_key)
                )
                self.assertEqual(put["ShardId"], shard)

    def test_sequence_numbers_rise_within_a_shard(self):
        with lab.stream(self.kinesis) as name:
            last = "0"
            for n in range(20):
                put = self.kinesis.put_record(
                    StreamName=name, Data=b"%d" % n, PartitionKey="k",
                    **({"SequenceNumberForOrdering": last} if n else {}),
                )
                self.assertGreater(int(put["SequenceNumber"]), int(last))
                last = put["SequenceNumber"]
            records, _ = lab.read_shard(self.kinesis, name, put["ShardId"])
        self.assertEqual([r["Data"] for r in records], [b"%d" % n for n in range(20)])

    def test_the_five_iterator_types_start_where_they_say(self):
        with lab.stream(self.kinesis) as name:
            numbers = [self.put(name, b"%d" % n)[0]["SequenceNumber"] for n in range(5)]
            shard = "shardId-000000000000"
            latest = lab.iterator(self.kinesis, name, shard, "LATEST")
            everything, _ = lab.read_shard(self.kinesis, name, shard)
            arrival = everything[2]["ApproximateArrivalTimestamp"]

            def values_from(kind, **start):
                position = lab.iterator(self.kinesis, name, shard, kind, **start)
                return [r["Data"] for r in lab.read(self.kinesis, position)[0]]

            self.assertEqual(values_from("TRIM_HORIZON"), [b"0", b"1", b"2", b"3", b"4"])
            at, after = "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"
            self.assertEqual(values_from(at, StartingSequenceNumber=numbers[3]), [b"3", b"4"])
            self.assertEqual(values_from(after, StartingSequenceNumber=numbers[3]), [b"4"])
            self.assertEqual(
                values_from("AT_TIMESTAMP", Timestamp=arrival),
                [r["Data"] for r in everything if r["ApproximateArrivalTimestamp"] >= arrival],
            )
            self.assertEqual(len(values_from("AT_TIMESTAMP", Timestamp=0)), 5)
            self.put(name, b"new")
            self.assertEqual([r["Data"] for r in lab.read(self.kinesis, latest)[0]], [b"new"])

    def test_a_shards_starting_sequence_number_is_a_position(self):
        with lab.stream(self.kinesis) as name:
            self.put(name, b"a", b"b")
            [shard] = self.kinesis.list_shards(StreamName=name)["Shards"]
            start = shard["SequenceNumberRange"]["StartingSequenceNumber"]
            for kind in "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER":
                position = lab.iterator(
                    self.kinesis, name, shard["ShardId"], kind, StartingSequenceNumber=start
                )
                records, _ = lab.read(self.kinesis, position)
                self.assertEqual([r["Data"] for r in records], [b"a", b"b"])

    def test_an_iterator_can_be_used_again_with_another_limit(self):
        with lab.stream(self.kinesis) as name:
            self.put(name, *(b"%d" % n for n in range(10)))
            position = lab.iterator(self.kinesis, name, "shardId-000000000000")
            for limit in (1, 3, 10):
                answer = self.kinesis.get_records(ShardIterator=position, Limit=limit)
                expected = [b"%d" % n for n in range(limit)]
                self.assertEqual([r["Data"] for r in answer["Records"]], expected)
            paged, _ = lab.read(self.kinesis, position, limit=3)
            self.assertEqual([r["Data"] for r in paged], [b"%d" % n for n in range(10)])

    def test_a_reader_behind_the_tip_is_told_how_far(self):
        with lab.stream(self.kinesis) as name:
            self.put(name, b"old", b"new")
            position = lab.iterator(self.kinesis, name, "shardId-000000000000")
            first = self.kinesis.get_records(ShardIterator=position, Limit=1)
            self.assertGreaterEqual(first["MillisBehindLatest"], 0)
            second = self.kinesis.get_records(ShardIterator=first["NextShardIterator"])
            self.assertEqual(second["MillisBehindLatest"], 0)
            empty = self.kinesis.get_records(ShardIterator=second["NextShardIterator"])
            self.assertEqual((empty["Records"], empty["MillisBehindLatest"]), ([], 0))
            self.assertNotEqual(empty["NextShardIterator"], second["NextShardIterator"])

    def test_the_largest_record_and_a_full_batch_fit(self):
        largest = b"\xff" * (1024 * 1024 - 1)
        half = b"\x00" * (512 * 1024 - 1)
        with lab.stream(self.kinesis) as name:
            self.kinesis.put_record(StreamName=name, Data=largest, PartitionKey="k")
            self.put(name, *[half] * 20)  # exactly 10 MiB with the keys
            records, _ = lab.read_shard(self.kinesis, name, "shardId-000000000000")
        self.assertEqual([len(r["Data"]) for r in records], [len(largest)] + [len(half)] * 20)
        self.assertEqual(records[0]["Data"], largest)

    def test_put_records_says_failed_record_count_the_way_fluent_bit_searches_it(self):
        bodies = []
        keep = lambda response_dict, **_: bodies.append(response_dict["body"])
        self.kinesis.meta.events.register("before-parse.kinesis.PutRecords", keep)
        with lab.stream(self.kinesis) as name:
            self.put(name, b"one", b"two")
        self.assertIn(b'"FailedRecordCount":0', bodies[0])


if __name__ == "__main__":
    unittest.main()
