// SubscribeToShard of the JavaScript SDK v3: events as they are pushed over HTTP/2.

"use strict";

const assert = require("node:assert/strict");
const { randomUUID } = require("node:crypto");
const { after, test } = require("node:test");
const {
  KinesisClient,
  ResourceInUseException,
  ResourceNotFoundException,
  waitUntilStreamExists,
  ...commands
} = require("@aws-sdk/client-kinesis");

const FIRST = "shardId-000000000000";
const MIDDLE = String(2n ** 127n);
const kinesis = new KinesisClient({ endpoint: process.env.WEIR_ENDPOINT, maxAttempts: 1 });
after(() => kinesis.destroy());

const call = (operation, input) => kinesis.send(new commands[`${operation}Command`](input));
const waiting = { client: kinesis, minDelay: 0.05, maxDelay: 0.05, maxWaitTime: 60 };

/** `use(StreamName, ConsumerARN)` with an active consumer of a new stream of one shard. */
async function withConsumer(use) {
  const StreamName = `js-${randomUUID()}`;
  await call("CreateStream", { StreamName, ShardCount: 1 });
  await waitUntilStreamExists(waiting, { StreamName });
  const { StreamDescriptionSummary } = await call("DescribeStreamSummary", { StreamName });
  const { StreamARN } = StreamDescriptionSummary;
  const registered = await call("RegisterStreamConsumer", { StreamARN, ConsumerName: "reader" });
  const { ConsumerARN } = registered.Consumer;
  let status;
  do {
    const { ConsumerDescription } = await call("DescribeStreamConsumer", { ConsumerARN });
    status = ConsumerDescription.ConsumerStatus;
  } while (status !== "ACTIVE");
  try {
    return await use(StreamName, ConsumerARN);
  } finally {
    await call("DeleteStream", { StreamName, EnforceConsumerDeletion: true });
  }
}

const put = (StreamName, value) =>
  call("PutRecord", { StreamName, PartitionKey: "k", Data: Buffer.from(value) });

async function subscribe(ConsumerARN, ShardId, Type = "TRIM_HORIZON") {
  const wanted = { ConsumerARN, ShardId, StartingPosition: { Type } };
  const { EventStream } = await call("SubscribeToShard", wanted);
  return EventStream[Symbol.asyncIterator]();
}

/** The next event with records, as texts. Heart-beats before it are passed over. */
async function receive(events) {
  for (;;) {
    const { value, done } = await events.next();
    assert.ok(!done, "the events go on");
    const { Records, ContinuationSequenceNumber } = value.SubscribeToShardEvent;
    assert.ok(ContinuationSequenceNumber);
    if (Records.length > 0) return Records.map((record) => Buffer.from(record.Data).toString());
  }
}

/** The last event of a shard that ends. Nothing but heart-beats comes before it. */
async function untilTheEnd(events) {
  let last;
  for await (const event of { [Symbol.asyncIterator]: () => events }) {
    last = event.SubscribeToShardEvent;
    assert.deepEqual(last.Records, []);
  }
  return last;
}

test("a subscriber that reads late gets the last event of a shard", async () => {
  await withConsumer(async (StreamName, ConsumerARN) => {
    await put(StreamName, "kept");
    const events = await subscribe(ConsumerARN, FIRST);
    assert.deepEqual(await receive(events), ["kept"]);
    const split = { StreamName, ShardToSplit: FIRST, NewStartingHashKey: MIDDLE };
    await call("SplitShard", split);
    await waitUntilStreamExists(waiting, { StreamName });
    // Another subscription of the same consumer is told the end as soon as there is one.
    await untilTheEnd(await subscribe(ConsumerARN, FIRST, "LATEST"));
    assert.equal((await untilTheEnd(events)).ChildShards.length, 2);
  });
});

test("records are pushed across a split", async () => {
  await withConsumer(async (StreamName, ConsumerARN) => {
    await put(StreamName, "kept");
    const events = await subscribe(ConsumerARN, FIRST);
    assert.deepEqual(await receive(events), ["kept"]);
    for (const value of ["0", "1", "2"]) {
      await put(StreamName, value);
      assert.deepEqual(await receive(events), [value]);
    }
    const ending = untilTheEnd(events);
    const split = { StreamName, ShardToSplit: FIRST, NewStartingHashKey: MIDDLE };
    await call("SplitShard", split);
    await waitUntilStreamExists(waiting, { StreamName });
    const { ShardId } = await put(StreamName, "after");
    const last = await ending;
    assert.equal(last.ContinuationSequenceNumber, undefined);
    assert.deepEqual(last.ChildShards.map((c) => c.ParentShards), [[FIRST], [FIRST]]);
    assert.deepEqual(last.ChildShards.map((c) => c.HashKeyRange.StartingHashKey), ["0", MIDDLE]);
    const following = await subscribe(ConsumerARN, ShardId);
    assert.deepEqual(await receive(following), ["after"]);
    await following.return?.();
  });
});

test("many shards are followed over one connection", async () => {
  await withConsumer(async (StreamName, ConsumerARN) => {
    const scale = { StreamName, TargetShardCount: 2, ScalingType: "UNIFORM_SCALING" };
    await call("UpdateShardCount", scale);
    await waitUntilStreamExists(waiting, { StreamName });
    const { Shards } = await call("ListShards", { StreamName, ShardFilter: { Type: "AT_LATEST" } });
    const following = await Promise.all(
      Shards.map(({ ShardId }) => subscribe(ConsumerARN, ShardId, "LATEST")),
    );
    for (const [index, { HashKeyRange }] of Shards.entries()) {
      const ExplicitHashKey = HashKeyRange.StartingHashKey;
      const record = { StreamName, PartitionKey: "k", Data: Buffer.from(String(index)) };
      await call("PutRecord", { ...record, ExplicitHashKey });
    }
    assert.deepEqual(await Promise.all(following.map(receive)), [["0"], ["1"]]);
    for (const events of following) await events.return?.();
  });
});

test("a refused subscription is an error and no stream", async () => {
  await withConsumer(async (StreamName, ConsumerARN) => {
    const events = await subscribe(ConsumerARN, FIRST);
    await assert.rejects(subscribe(ConsumerARN, FIRST), (error) => {
      assert.ok(error instanceof ResourceInUseException);
      const whose = `000000000000:${StreamName}:${FIRST}:reader`;
      const text = `Another active subscription exists for this consumer: ${whose}`;
      assert.equal(error.message, text);
      assert.equal(error.$metadata.httpStatusCode, 400);
      return true;
    });
    await events.return?.();
    await assert.rejects(
      subscribe(ConsumerARN, "shardId-000000000009"),
      ResourceNotFoundException,
    );
    await assert.rejects(subscribe(`${ConsumerARN}9`, FIRST), ResourceNotFoundException);
  });
});
