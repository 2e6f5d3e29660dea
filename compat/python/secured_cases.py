"""Each principal of the table of cases, and what boto3 makes of what it is told."""

import os
import unittest

import boto3
from botocore.exceptions import ClientError

import lab

STREAMS = f"arn:aws:kinesis:{lab.REGION}:{lab.ACCOUNT}:stream/"


def cases():
    with open(os.environ["WEIR_CASES"]) as file:
        lines = [line.strip() for line in file]
    return [[column.strip() for column in line.split("|")]
            for line in lines if line and not line.startswith("#")]


def client(principal):
    """Principals are profiles of the shared credentials file."""
    return lab.client(session=boto3.Session(profile_name=principal))


def call(kinesis, operation, stream):
    arn = STREAMS + stream
    match operation:
        case "PutRecord":
            kinesis.put_record(StreamARN=arn, Data=b"x", PartitionKey="k")
        case "DescribeStreamSummary":
            kinesis.describe_stream_summary(StreamARN=arn)
        case "GetRecords":
            position = kinesis.get_shard_iterator(
                StreamARN=arn, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
            )
            kinesis.get_records(StreamARN=arn, ShardIterator=position["ShardIterator"])
        case _:
            raise AssertionError(f"no operation {operation}")


class Secured(unittest.TestCase):
    def test_each_principal_is_told_what_aws_would_tell_it(self):
        for principal, operation, stream, outcome, *text in cases():
            with self.subTest(f"{principal}: {operation} on {stream}"):
                kinesis = client(principal)
                if outcome == "ok":
                    call(kinesis, operation, stream)
                    continue
                with self.assertRaises(ClientError) as caught:
                    call(kinesis, operation, stream)
                error = caught.exception
                self.assertEqual(error.response["Error"]["Code"], outcome)
                self.assertEqual([error.response["Error"]["Message"]], text)
                said = f"An error occurred ({outcome}) when calling the {operation} operation"
                self.assertEqual(str(error).replace(" (reached max retries: 0)", ""),
                                 f"{said}: {text[0]}")


if __name__ == "__main__":
    unittest.main()
