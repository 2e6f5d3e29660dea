// The JavaScript SDK v3 with nothing set but the endpoint: its Kinesis client speaks HTTP/2 for every
// call, with prior knowledge over plain http and by ALPN over TLS.

"use strict";

const assert = require("node:assert/strict");
const { randomUUID } = require("node:crypto");
const { after, test } = require("node:test");
const {
  KinesisClient,
  paginateListStreams,
  waitUntilStreamExists,
  waitUntilStreamNotExists,
  ...commands
} = require("@aws-sdk/client-kinesis");

const FIRST = "shardId-000000000000";
const READS_MAX = 1000;
const kinesis = new KinesisClient({ endpoint: process.env.WEIR_ENDPOINT, maxAttempts: 1 });
after(() => kinesis.destroy());

/** `call("PutRecord", {…})` sends a PutRecordCommand. */
const call = (operation, input) => kinesis.send(new commands[`${operation}Command`](input));
const waiting = { client: kinesis, minDelay: 0.05, maxDelay: 0.05, maxWaitTime: 30 };

async function withStream(shards, use) {
  const StreamName = `js-${randomUUID()}`;
  await call("CreateStream", { StreamName, ShardCount: shards });
  await waitUntilStreamExists(waiting, { StreamName });
  try {
    return await use(StreamName);
  } finally {
    await call("DeleteStream", { StreamName });
  }
}

async function iterator(StreamName, ShardId, ShardIteratorType = "TRIM_HORIZON", start = {}) {
  const wanted = { StreamName, ShardId, ShardIteratorType, ...start };
  return (await call("GetShardIterator", wanted)).ShardIterator;
}

/** Everything from the iterator on: to the tip, or to the end of a closed shard. */
async function read(position) {
  const records = [];
  for (let reads = 0; reads < READS_MAX; reads++) {
    const answer = await call("GetRecords", { ShardIterator: position });
    records.push(...answer.Records);
    if (answer.NextShardIterator === undefined) {
      assert.ok(answer.ChildShards.length > 0);
      return { records, children: answer.ChildShards };
    }
    assert.equal(answer.ChildShards, undefined);
    if (answer.MillisBehindLatest === 0 && answer.Records.length === 0) return { records };
    position = answer.NextShardIterator;
  }
  assert.fail(`no end after ${READS_MAX} reads`);
}

const text = (record) => Buffer.from(record.Data).toString();

test("every call is HTTP/2", async () => {
  assert.equal(kinesis.config.requestHandler.metadata.handlerProtocol, "h2");
  await call("ListStreams", {});
});

test("records come back as they were put", async () => {
  await withStream(2, async (StreamName) => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    const Records = [
      { PartitionKey: "鍵🔑", Data: bytes, ExplicitHashKey: "0" },
      { PartitionKey: "empty", Data: Buffer.alloc(0), ExplicitHashKey: "0" },
    ];
    const put = await call("PutRecords", { StreamName, Records });
    assert.equal(put.FailedRecordCount, 0);
    assert.deepEqual(put.Records.map((r) => r.ShardId), [FIRST, FIRST]);
    const { records } = await read(await iterator(StreamName, FIRST));
    assert.deepEqual(records.map((r) => r.PartitionKey), ["鍵🔑", "empty"]);
    assert.deepEqual(Buffer.from(records[0].Data), bytes);
    assert.equal(records[1].Data.length, 0);
    assert.deepEqual(
      records.map((r) => r.SequenceNumber),
      put.Records.map((r) => r.SequenceNumber),
    );
    assert.ok(records[0].ApproximateArrivalTimestamp instanceof Date);
  });
});

test("the five iterator types start where they say", async () => {
  await withStream(1, async (StreamName) => {
    const put = [];
    for (const value of ["0", "1", "2"]) {
      const record = { StreamName, PartitionKey: "k", Data: Buffer.from(value) };
      put.push(await call("PutRecord", record));
    }
    const latest = await iterator(StreamName, FIRST, "LATEST");
    const StartingSequenceNumber = put[1].SequenceNumber;
    const from = async (type, start) =>
      (await read(await iterator(StreamName, FIRST, type, start))).records.map(text);
    assert.deepEqual(await from("TRIM_HORIZON"), ["0", "1", "2"]);
    assert.deepEqual(await from("AT_SEQUENCE_NUMBER", { StartingSequenceNumber }), ["1", "2"]);
    assert.deepEqual(await from("AFTER_SEQUENCE_NUMBER", { StartingSequenceNumber }), ["2"]);
    const { records } = await read(await iterator(StreamName, FIRST));
    const Timestamp = records[1].ApproximateArrivalTimestamp;
    assert.deepEqual(
      await from("AT_TIMESTAMP", { Timestamp }),
      records.filter((r) => r.ApproximateArrivalTimestamp >= Timestamp).map(text),
    );
    await call("PutRecord", { StreamName, PartitionKey: "k", Data: Buffer.from("new") });
    assert.deepEqual((await read(latest)).records.map(text), ["new"]);
  });
});

test("a closed shard is read to its end, through a split and a merge", async () => {
  await withStream(1, async (StreamName) => {
    await call("PutRecord", { StreamName, PartitionKey: "k", Data: Buffer.from("old") });
    await call("SplitShard", {
      StreamName,
      ShardToSplit: FIRST,
      NewStartingHashKey: String(2n ** 127n),
    });
    await waitUntilStreamExists(waiting, { StreamName });
    const { records, children } = await read(await iterator(StreamName, FIRST));
    assert.deepEqual(records.map(text), ["old"]);
    assert.deepEqual(children.map((c) => c.ParentShards), [[FIRST], [FIRST]]);
    const [ShardToMerge, AdjacentShardToMerge] = children.map((c) => c.ShardId);
    await call("MergeShards", { StreamName, ShardToMerge, AdjacentShardToMerge });
    await waitUntilStreamExists(waiting, { StreamName });
    const ended = await read(await iterator(StreamName, ShardToMerge, "LATEST"));
    assert.deepEqual(ended.children[0].ParentShards.toSorted(), [
      ShardToMerge,
      AdjacentShardToMerge,
    ]);
    assert.deepEqual(ended.children[0].HashKeyRange, {
      StartingHashKey: "0",
      EndingHashKey: String(2n ** 128n - 1n),
    });
    const scaled = await call("UpdateShardCount", {
      StreamName,
      TargetShardCount: 2,
      ScalingType: "UNIFORM_SCALING",
    });
    assert.equal(scaled.CurrentShardCount, 1);
    await waitUntilStreamExists(waiting, { StreamName });
    const { Shards } = await call("ListShards", { StreamName, ShardFilter: { Type: "AT_LATEST" } });
    assert.equal(Shards.length, 2);
  });
});

test("streams are listed page by page, tagged, kept longer and deleted", async () => {
  await withStream(1, async (StreamName) => {
    await withStream(1, async (other) => {
      const names = [];
      for await (const page of paginateListStreams({ client: kinesis, pageSize: 1 }, {})) {
        names.push(...page.StreamNames);
      }
      assert.ok(names.includes(StreamName) && names.includes(other));
      assert.deepEqual(names, names.toSorted());
    });
    await call("AddTagsToStream", { StreamName, Tags: { team: "river" } });
    const { Tags } = await call("ListTagsForStream", { StreamName });
    assert.deepEqual(Tags, [{ Key: "team", Value: "river" }]);
    await call("IncreaseStreamRetentionPeriod", { StreamName, RetentionPeriodHours: 72 });
    const { StreamDescriptionSummary: summary } = await call("DescribeStreamSummary", {
      StreamName,
    });
    assert.equal(summary.RetentionPeriodHours, 72);
    assert.ok(summary.StreamCreationTimestamp instanceof Date);
    assert.ok((await call("DescribeLimits", {})).ShardLimit > 0);
    await waitUntilStreamExists(waiting, { StreamName });
  });
  const StreamName = await withStream(1, async (name) => name);
  await waitUntilStreamNotExists(waiting, { StreamName });
});

test("many calls share one connection's worth of streams", async () => {
  await withStream(4, async (StreamName) => {
    const values = Array.from({ length: 200 }, (_, n) => String(n));
    await Promise.all(
      values.map((value) =>
        call("PutRecord", { StreamName, PartitionKey: value, Data: Buffer.from(value) }),
      ),
    );
    const { Shards } = await call("ListShards", { StreamName });
    const stored = await Promise.all(
      Shards.map(async ({ ShardId }) => read(await iterator(StreamName, ShardId))),
    );
    const got = stored.flatMap(({ records }) => records.map(text));
    assert.deepEqual(got.toSorted(), values.toSorted());
  });
});

test("AWS's errors arrive as the SDK's error types", async () => {
  const { ResourceInUseException, ResourceNotFoundException, ...errors } = commands;
  await assert.rejects(call("DescribeStream", { StreamName: "absent" }), (error) => {
    assert.ok(error instanceof ResourceNotFoundException);
    assert.equal(error.message, "Stream absent under account 000000000000 not found.");
    assert.equal(error.$metadata.httpStatusCode, 400);
    assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
    return true;
  });
  await assert.rejects(
    call("GetRecords", { ShardIterator: "garbage" }),
    errors.InvalidArgumentException,
  );
  await assert.rejects(
    call("CreateStream", { StreamName: "no spaces", ShardCount: 1 }),
    errors.ValidationException,
  );
  await withStream(1, async (StreamName) => {
    await assert.rejects(
      call("CreateStream", { StreamName, ShardCount: 1 }),
      ResourceInUseException,
    );
  });
});
