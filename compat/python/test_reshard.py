"""Splits, merges and scaling, seen the way a consumer library sees them."""

import unittest

import lab

FIRST, SECOND, THIRD = (f"shardId-{n:012}" for n in range(3))


class Resharding(unittest.TestCase):
    def setUp(self):
        self.kinesis = lab.client()

    def split(self, name, shard_id, at=2**127):
        self.kinesis.split_shard(
            StreamName=name, ShardToSplit=shard_id, NewStartingHashKey=str(at)
        )
        status = self.kinesis.describe_stream_summary(StreamName=name)
        self.assertEqual(status["StreamDescriptionSummary"]["StreamStatus"], "UPDATING")
        lab.wait_until_active(self.kinesis, name)

    def merge(self, name, shard_id, adjacent):
        self.kinesis.merge_shards(
            StreamName=name, ShardToMerge=shard_id, AdjacentShardToMerge=adjacent
        )
        lab.wait_until_active(self.kinesis, name)

    def scale(self, name, target):
        answer = self.kinesis.update_shard_count(
            StreamName=name, TargetShardCount=target, ScalingType="UNIFORM_SCALING"
        )
        self.assertEqual(answer["TargetShardCount"], target)
        lab.wait_until_active(self.kinesis, name)
        return answer

    def assert_covers_the_hash_space(self, shards):
        ranges = sorted(
            (int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"]))
            for s in shards
        )
        self.assertEqual((ranges[0][0], ranges[-1][1]), (0, lab.TOP_HASH_KEY))
        for (_, end), (start, _) in zip(ranges, ranges[1:]):
            self.assertEqual(end + 1, start)

    def test_a_split_shard_is_read_to_its_end_and_names_its_children(self):
        with lab.stream(self.kinesis) as name:
            self.kinesis.put_record(StreamName=name, Data=b"before", PartitionKey="k")
            self.split(name, FIRST, at=1000)
            parent, low, high = self.kinesis.list_shards(StreamName=name)["Shards"]
            records, children = lab.read_shard(self.kinesis, name, FIRST)
            late = lab.read(self.kinesis, lab.iterator(self.kinesis, name, FIRST, "LATEST"))
        self.assertEqual([r["Data"] for r in records], [b"before"])
        self.assertEqual([c["ShardId"] for c in children], [SECOND, THIRD])
        self.assertEqual([c["ParentShards"] for c in children], [[FIRST], [FIRST]])
        self.assertEqual(
            [c["HashKeyRange"] for c in children], [low["HashKeyRange"], high["HashKeyRange"]]
        )
        self.assertEqual(late, ([], children), "LATEST on a closed shard ends at once")
        self.assertIn("EndingSequenceNumber", parent["SequenceNumberRange"])
        self.assertEqual(low["HashKeyRange"], {"StartingHashKey": "0", "EndingHashKey": "999"})
        self.assertEqual(high["HashKeyRange"]["StartingHashKey"], "1000")
        for child in low, high:
            self.assertEqual(child["ParentShardId"], FIRST)
            self.assertNotIn("AdjacentParentShardId", child)
            self.assertNotIn("EndingSequenceNumber", child["SequenceNumberRange"])
            self.assertGreater(
                int(child["SequenceNumberRange"]["StartingSequenceNumber"]),
                int(records[0]["SequenceNumber"]),
            )

    def test_a_merged_shard_has_two_parents(self):
        with lab.stream(self.kinesis, shards=2) as name:
            self.merge(name, FIRST, SECOND)
            child = self.kinesis.list_shards(StreamName=name)["Shards"][2]
            ends = [lab.read_shard(self.kinesis, name, parent)[1] for parent in (FIRST, SECOND)]
        self.assertEqual(child["ParentShardId"], FIRST)
        self.assertEqual(child["AdjacentParentShardId"], SECOND)
        self.assertEqual(ends[0], ends[1])
        self.assertEqual([c["ShardId"] for c in ends[0]], [THIRD])
        self.assertEqual(sorted(ends[0][0]["ParentShards"]), [FIRST, SECOND])

    def test_update_shard_count_leaves_equal_shards(self):
        with lab.stream(self.kinesis, shards=2) as name:
            for before, target in ((2, 4), (4, 2), (2, 3)):
                self.assertEqual(self.scale(name, target)["CurrentShardCount"], before)
                latest = {"Type": "AT_LATEST"}
                open_shards = self.kinesis.list_shards(StreamName=name, ShardFilter=latest)
                self.assertEqual(len(open_shards["Shards"]), target)
                self.assert_covers_the_hash_space(open_shards["Shards"])
                widths = {
                    (int(s["HashKeyRange"]["EndingHashKey"]) + 1
                     - int(s["HashKeyRange"]["StartingHashKey"])) * target >> 120
                    for s in open_shards["Shards"]
                }
                self.assertLessEqual(widths, {255, 256}, "all of one width, to 1 in 256")
                summary = self.kinesis.describe_stream_summary(StreamName=name)
                count = summary["StreamDescriptionSummary"]["OpenShardCount"]
                self.assertEqual(count, target)

    def test_records_keep_their_order_per_key_across_reshards(self):
        keys = [f"key-{n}" for n in range(20)]
        with lab.stream(self.kinesis) as name:
            def put_round(number):
                entries = [{"Data": b"%d" % number, "PartitionKey": key} for key in keys]
                answer = self.kinesis.put_records(StreamName=name, Records=entries)
                self.assertEqual(answer["FailedRecordCount"], 0)

            put_round(0)
            self.split(name, FIRST)
            put_round(1)
            self.merge(name, SECOND, THIRD)
            put_round(2)
            self.scale(name, 2)
            put_round(3)

            seen, waiting, done = {key: [] for key in keys}, [FIRST], set()
            while waiting:
                shard_id = waiting.pop(0)
                done.add(shard_id)
                records, children = lab.read_shard(self.kinesis, name, shard_id)
                for record in records:
                    seen[record["PartitionKey"]].append(record)
                for child in children or []:
                    # Parents first: a merge's child is read when its second parent ends.
                    if done.issuperset(child["ParentShards"]):
                        waiting.append(child["ShardId"])
            self.assertEqual(done, set(lab.shard_ids(self.kinesis, name)))
        for key, records in seen.items():
            self.assertEqual([r["Data"] for r in records], [b"0", b"1", b"2", b"3"], key)
            numbers = [int(r["SequenceNumber"]) for r in records]
            self.assertEqual(numbers, sorted(numbers))

    def test_shard_filters_are_exact(self):
        with lab.stream(self.kinesis, shards=2) as name:
            created = self.kinesis.describe_stream_summary(StreamName=name)
            created = created["StreamDescriptionSummary"]["StreamCreationTimestamp"]
            self.split(name, FIRST, at=2**126)
            everything = [f"shardId-{n:012}" for n in range(4)]
            still_open = everything[1:]

            def filtered(kind, **more):
                wanted = {"Type": kind, **more}
                return lab.shard_ids(self.kinesis, name, ShardFilter=wanted)

            self.assertEqual(lab.shard_ids(self.kinesis, name), everything)
            self.assertEqual(filtered("AT_LATEST"), still_open)
            self.assertEqual(filtered("AT_TRIM_HORIZON"), everything[:2])
            self.assertEqual(filtered("FROM_TRIM_HORIZON"), everything)
            self.assertEqual(filtered("AFTER_SHARD_ID", ShardId=SECOND), everything[2:])
            self.assertEqual(filtered("AFTER_SHARD_ID", ShardId=everything[3]), [])
            self.assertEqual(filtered("FROM_TIMESTAMP", Timestamp=created), everything)
            self.assertEqual(filtered("AT_TIMESTAMP", Timestamp=created), everything[:2])
            self.assertEqual(
                lab.shard_ids(self.kinesis, name, ExclusiveStartShardId=FIRST), still_open
            )

    def test_the_shards_at_any_moment_cover_the_hash_space(self):
        """What the KCL demands of AT_TIMESTAMP before it creates a lease."""
        with lab.stream(self.kinesis, shards=2) as name:
            moments = []
            for step in (lambda: None, lambda: self.split(name, FIRST, at=2**126)):
                step()
                put = self.kinesis.put_record(StreamName=name, Data=b"x", PartitionKey="k")
                position = lab.iterator(
                    self.kinesis, name, put["ShardId"], "AT_SEQUENCE_NUMBER",
                    StartingSequenceNumber=put["SequenceNumber"],
                )
                [record], _ = lab.read(self.kinesis, position)
                moments.append(record["ApproximateArrivalTimestamp"])
            for moment in moments:
                wanted = {"Type": "AT_TIMESTAMP", "Timestamp": moment}
                shards = self.kinesis.list_shards(StreamName=name, ShardFilter=wanted)["Shards"]
                self.assert_covers_the_hash_space(shards)

    def test_list_shards_is_continued_by_its_token_alone(self):
        with lab.stream(self.kinesis, shards=5) as name:
            answer = self.kinesis.list_shards(StreamName=name, MaxResults=2)
            pages = [answer["Shards"]]
            while token := answer.get("NextToken"):
                answer = self.kinesis.list_shards(NextToken=token, MaxResults=2)
                pages.append(answer["Shards"])
            self.assertEqual([len(page) for page in pages], [2, 2, 1])
            self.assert_covers_the_hash_space(sum(pages, []))
            [whole] = self.kinesis.get_paginator("list_shards").paginate(StreamName=name)
            self.assertEqual(sum(pages, []), whole["Shards"])

    def test_describe_stream_pages_through_its_shards(self):
        with lab.stream(self.kinesis, shards=5) as name:
            pages = self.kinesis.get_paginator("describe_stream").paginate(
                StreamName=name, PaginationConfig={"PageSize": 2}
            )
            described = [page["StreamDescription"] for page in pages]
        self.assertEqual([len(d["Shards"]) for d in described], [2, 2, 1])
        self.assertEqual([d["HasMoreShards"] for d in described], [True, True, False])
        self.assert_covers_the_hash_space(sum((d["Shards"] for d in described), []))


if __name__ == "__main__":
    unittest.main()
