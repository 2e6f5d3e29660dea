"""Streams are encrypted with keys as boto3 asks for it, and what a key's state does to records."""

import unittest
import uuid

import admin
import lab

FIRST = "shardId-000000000000"
MANAGED = "alias/aws/kinesis"


class Encryption(unittest.TestCase):
    def setUp(self):
        self.kinesis = lab.client()
        self.alias = f"alias/{uuid.uuid4()}"
        self.key = admin.call("CreateKey", Description="of a check")["Key"]
        admin.call("CreateAlias", AliasName=self.alias, KeyId=self.key["KeyId"])

    def encrypt(self, name, key_id):
        self.kinesis.start_stream_encryption(
            StreamName=name, EncryptionType="KMS", KeyId=key_id
        )
        lab.wait_until_active(self.kinesis, name)

    def put(self, name, data):
        return self.kinesis.put_record(StreamName=name, Data=data, PartitionKey="k")

    def read(self, name):
        return lab.read_shard(self.kinesis, name, FIRST)[0]

    def test_a_stream_tells_its_key_and_each_record_whether_it_is_encrypted(self):
        with lab.stream(self.kinesis) as name:
            self.assertNotIn("EncryptionType", self.put(name, b"plain"))
            self.encrypt(name, MANAGED)
            for describe, member in [
                (self.kinesis.describe_stream, "StreamDescription"),
                (self.kinesis.describe_stream_summary, "StreamDescriptionSummary"),
            ]:
                described = describe(StreamName=name)[member]
                self.assertEqual(described["EncryptionType"], "KMS")
                self.assertEqual(described["KeyId"], MANAGED)
            self.assertEqual(self.put(name, b"sealed")["EncryptionType"], "KMS")
            entries = [{"Data": b"sealed too", "PartitionKey": "k"}]
            answer = self.kinesis.put_records(StreamName=name, Records=entries)
            self.assertEqual(answer["EncryptionType"], "KMS")
            self.kinesis.stop_stream_encryption(
                StreamName=name, EncryptionType="KMS", KeyId=MANAGED
            )
            lab.wait_until_active(self.kinesis, name)
            described = self.kinesis.describe_stream(StreamName=name)["StreamDescription"]
            self.assertEqual(described["EncryptionType"], "NONE")
            self.assertNotIn("KeyId", described)
            records = [(r["Data"], r.get("EncryptionType")) for r in self.read(name)]
            expected = [(b"plain", None), (b"sealed", "KMS"), (b"sealed too", "KMS")]
            self.assertEqual(records, expected)

    def test_every_name_of_a_key_starts_encryption(self):
        arn = self.key["Arn"]
        alias_arn = arn.replace(f"key/{self.key['KeyId']}", self.alias)
        with lab.stream(self.kinesis) as name:
            for key_id in [self.key["KeyId"], arn, self.alias, alias_arn]:
                self.encrypt(name, key_id)
                described = self.kinesis.describe_stream(StreamName=name)["StreamDescription"]
                self.assertEqual(described["KeyId"], key_id)

    def test_a_disabled_key_is_refused_on_put_and_get(self):
        text = f"{self.key['Arn']} is disabled."
        with lab.stream(self.kinesis) as name:
            self.encrypt(name, self.alias)
            self.put(name, b"sealed")
            admin.call("DisableKey", KeyId=self.alias)
            with lab.refused(self, "KMSDisabledException", text):
                self.put(name, b"more")
            with lab.refused(self, "KMSDisabledException", text):
                self.read(name)
            admin.call("EnableKey", KeyId=self.alias)
            self.assertEqual([r["Data"] for r in self.read(name)], [b"sealed"])

    def test_a_deleted_key_takes_its_records_with_it_once_that_is_acknowledged(self):
        text = f"Key '{self.key['Arn']}' does not exist"
        with lab.stream(self.kinesis) as name:
            self.encrypt(name, self.alias)
            self.put(name, b"sealed")
            with self.assertRaises(admin.Refused) as refused:
                admin.call("DeleteKey", KeyId=self.alias)
            self.assertIn("up to 1 records", str(refused.exception))
            admin.call("DeleteKey", KeyId=self.alias, AcknowledgeDataLoss=True)
            with lab.refused(self, "KMSNotFoundException", text):
                self.put(name, b"more")
            with lab.refused(self, "KMSNotFoundException", text):
                self.read(name)

    def test_a_rotated_key_opens_what_it_sealed_before(self):
        with lab.stream(self.kinesis) as name:
            self.encrypt(name, self.alias)
            self.put(name, b"before")
            admin.call("RotateKey", KeyId=self.alias)
            self.put(name, b"after")
            self.assertEqual([r["Data"] for r in self.read(name)], [b"before", b"after"])

    def test_a_key_that_is_not_there_is_not_found(self):
        arn = f"arn:aws:kms:{lab.REGION}:{lab.ACCOUNT}:alias/absent"
        with lab.stream(self.kinesis) as name:
            with lab.refused(self, "KMSNotFoundException", f"Alias {arn} is not found."):
                self.encrypt(name, "alias/absent")


if __name__ == "__main__":
    unittest.main()
