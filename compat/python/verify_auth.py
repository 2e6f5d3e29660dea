"""Against `weir serve`, which verifies signatures: only the right key gets in."""

import configparser
import os
import unittest

import lab


def root_key():
    """What the node's first start left in its data directory, in the form AWS tools read."""
    file = configparser.ConfigParser()
    file.read(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
    return dict(file["default"])


MISMATCH = ("The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. Consult the service "
            "documentation for details.")


class Signatures(unittest.TestCase):
    def test_the_root_key_gets_in(self):
        kinesis = lab.client()
        with lab.stream(kinesis) as name:
            put = kinesis.put_record(StreamName=name, Data=b"signed", PartitionKey="k")
            records, _ = lab.read_shard(kinesis, name, put["ShardId"])
        self.assertEqual([record["Data"] for record in records], [b"signed"])

    def test_a_wrong_secret_is_refused(self):
        kinesis = lab.client(**{**root_key(), "aws_secret_access_key": "wrong"})
        with lab.refused(self, "InvalidSignatureException", MISMATCH):
            kinesis.list_streams()

    def test_an_unknown_key_is_refused(self):
        kinesis = lab.client(**{**root_key(), "aws_access_key_id": "AKIAUNKNOWN000000000"})
        text = "The security token included in the request is invalid."
        with lab.refused(self, "UnrecognizedClientException", text):
            kinesis.list_streams()

    def test_a_request_changed_on_its_way_is_refused(self):
        kinesis = lab.client(**root_key())

        def tamper(request, **_):
            request.body = request.body.replace(b"10", b"11")

        kinesis.meta.events.register("before-send.kinesis.ListStreams", tamper)
        with lab.refused(self, "InvalidSignatureException", MISMATCH):
            kinesis.list_streams(Limit=10)


if __name__ == "__main__":
    unittest.main()
