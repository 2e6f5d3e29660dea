"""Over TLS: the node's own certificate is believed by who trusts it, and only by them."""

import os
import unittest

from botocore.exceptions import SSLError
from botocore.httpsession import DEFAULT_CA_BUNDLE

import lab


class Encrypted(unittest.TestCase):
    def assert_records_come_back(self, kinesis):
        with lab.stream(kinesis) as name:
            put = kinesis.put_record(StreamName=name, Data=b"sealed", PartitionKey="k")
            records, _ = lab.read_shard(kinesis, name, put["ShardId"])
        self.assertEqual([record["Data"] for record in records], [b"sealed"])

    def test_the_certificate_is_verified_as_told_by_the_environment(self):
        self.assertTrue(lab.ENDPOINT.startswith("https://"))
        self.assert_records_come_back(lab.client())

    def test_the_certificate_is_verified_as_told_in_code(self):
        self.assert_records_come_back(lab.client(verify=os.environ["WEIR_CERTIFICATE"]))

    def test_the_certificate_stands_for_localhost_too(self):
        by_name = lab.ENDPOINT.replace("127.0.0.1", "localhost")
        self.assert_records_come_back(lab.client(endpoint_url=by_name))

    def test_who_does_not_trust_the_certificate_sends_nothing(self):
        with self.assertRaises(SSLError):
            lab.client(verify=DEFAULT_CA_BUNDLE).list_streams()


if __name__ == "__main__":
    unittest.main()
