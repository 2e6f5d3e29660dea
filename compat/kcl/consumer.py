"""The program that the KCL starts for each shard. It notes what happens to it, in the order in
which it happens, in one journal for all shards."""

import json
import os

from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor


class Journal:
    """Lines that several processes append, each line in one write."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, event, shard, **more):
        line = json.dumps({"event": event, "shard": shard, **more}) + "\n"
        os.write(self.file, line.encode())


class Consumer(processor.RecordProcessorBase):
    def __init__(self, journal):
        self.journal = journal
        self.shard = None

    def initialize(self, initialize_input):
        self.shard = initialize_input.shard_id
        self.journal.note("began", self.shard, at=initialize_input.sequence_number)

    def process_records(self, process_records_input):
        records = [
            (record.partition_key, int(record.binary_data))
            for record in process_records_input.records
        ]
        self.journal.note("read", self.shard, records=records)
        process_records_input.checkpointer.checkpoint()

    def lease_lost(self, lease_lost_input):
        self.journal.note("lost", self.shard)

    def shard_ended(self, shard_ended_input):
        # Noted first: the children may be read as soon as the checkpoint is known.
        self.journal.note("ended", self.shard)
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input):
        shutdown_requested_input.checkpointer.checkpoint()


if __name__ == "__main__":
    kcl.KCLProcess(Consumer(Journal(os.environ["WEIR_KCL_JOURNAL"]))).run()
