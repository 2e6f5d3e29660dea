// Each principal of the table of cases, and what the JavaScript SDK makes of what it is told.

"use strict";

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const { test } = require("node:test");
const { KinesisClient, ...commands } = require("@aws-sdk/client-kinesis");

const STREAMS = "arn:aws:kinesis:us-east-1:000000000000:stream/";

const cases = readFileSync(process.env.WEIR_CASES, "utf8")
  .split("\n")
  .filter((line) => line.trim() !== "" && !line.startsWith("#"))
  .map((line) => line.split("|").map((column) => column.trim()));

async function call(kinesis, operation, stream) {
  const send = (name, input) => kinesis.send(new commands[`${name}Command`](input));
  const StreamARN = STREAMS + stream;
  if (operation === "PutRecord") {
    await send(operation, { StreamARN, Data: Buffer.from("x"), PartitionKey: "k" });
  } else if (operation === "GetRecords") {
    const start = { ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" };
    const { ShardIterator } = await send("GetShardIterator", { StreamARN, ...start });
    await send(operation, { StreamARN, ShardIterator });
  } else {
    await send(operation, { StreamARN });
  }
}

assert.ok(cases.length > 0);
for (const [profile, operation, stream, outcome, text] of cases) {
  test(`${profile}: ${operation} on ${stream}`, async () => {
    // Principals are profiles of the shared credentials file.
    const endpoint = process.env.WEIR_ENDPOINT;
    const kinesis = new KinesisClient({ endpoint, profile, maxAttempts: 1 });
    try {
      if (outcome === "ok") return await call(kinesis, operation, stream);
      await assert.rejects(call(kinesis, operation, stream), (error) => {
        assert.equal(error.name, outcome);
        assert.equal(error.message, text);
        assert.equal(error.$metadata.httpStatusCode, 400);
        return true;
      });
    } finally {
      kinesis.destroy();
    }
  });
}
