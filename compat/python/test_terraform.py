"""The calls of Terraform's AWS provider for `aws_kinesis_stream` and
`aws_kinesis_stream_consumer`, in its order, with its waits."""

import unittest
import uuid

from botocore.exceptions import ClientError

import lab

KEY = "alias/aws/kinesis"


class Terraform(unittest.TestCase):
    def setUp(self):
        self.kinesis = lab.client()
        self.name = f"terraform-{uuid.uuid4()}"

    def refresh(self):
        """What the provider reads into its state: the stream and its tags."""
        answer = self.kinesis.describe_stream_summary(StreamName=self.name)
        listed = self.kinesis.list_tags_for_stream(StreamName=self.name)
        tags = {tag["Key"]: tag["Value"] for tag in listed["Tags"]}
        return answer["StreamDescriptionSummary"], tags

    def wait(self):
        lab.wait_until_active(self.kinesis, self.name)

    def create(self):
        limits = self.kinesis.describe_limits()
        self.assertGreater(limits["ShardLimit"], limits["OpenShardCount"], "or the plan fails")
        self.kinesis.create_stream(
            StreamName=self.name, ShardCount=1, MaxRecordSizeInKiB=2048, Tags={"team": "river"},
            StreamModeDetails={"StreamMode": "PROVISIONED"},
        )
        self.wait()
        # With the default, which the stream has already.
        self.kinesis.increase_stream_retention_period(
            StreamName=self.name, RetentionPeriodHours=24
        )
        self.wait()
        self.kinesis.enable_enhanced_monitoring(
            StreamName=self.name, ShardLevelMetrics=["IncomingBytes", "OutgoingBytes"]
        )
        self.wait()
        self.kinesis.start_stream_encryption(
            StreamName=self.name, EncryptionType="KMS", KeyId=KEY
        )
        self.wait()

    def update(self, arn):
        self.kinesis.update_shard_count(
            StreamName=self.name, TargetShardCount=2, ScalingType="UNIFORM_SCALING"
        )
        self.wait()
        self.kinesis.increase_stream_retention_period(
            StreamName=self.name, RetentionPeriodHours=48
        )
        self.wait()
        self.kinesis.disable_enhanced_monitoring(
            StreamName=self.name, ShardLevelMetrics=["OutgoingBytes"]
        )
        self.wait()
        self.kinesis.stop_stream_encryption(
            StreamName=self.name, EncryptionType="KMS", KeyId=KEY
        )
        self.wait()
        self.kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=4096)
        self.wait()
        self.kinesis.remove_tags_from_stream(StreamName=self.name, TagKeys=["team"])
        self.kinesis.add_tags_to_stream(StreamName=self.name, Tags={"stage": "test"})
        self.kinesis.update_stream_mode(
            StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"}
        )
        self.wait()

    def consumer(self, stream_arn):
        registered = self.kinesis.register_stream_consumer(
            StreamARN=stream_arn, ConsumerName="reader"
        )
        arn = registered["Consumer"]["ConsumerARN"]
        for _ in range(lab.READS_MAX):
            described = self.kinesis.describe_stream_consumer(ConsumerARN=arn)
            if described["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE":
                return arn
        self.fail("the consumer never became active")

    def test_a_stream_and_a_consumer_from_plan_to_destroy(self):
        self.create()
        created, tags = self.refresh()
        self.assertEqual(created["RetentionPeriodHours"], 24)
        self.assertEqual(created["MaxRecordSizeInKiB"], 2048)
        self.assertEqual(created["OpenShardCount"], 1)
        self.assertEqual((created["EncryptionType"], created["KeyId"]), ("KMS", KEY))
        self.assertEqual(
            [sorted(m["ShardLevelMetrics"]) for m in created["EnhancedMonitoring"]],
            [["IncomingBytes", "OutgoingBytes"]],
        )
        self.assertEqual(tags, {"team": "river"})

        self.update(created["StreamARN"])
        updated, tags = self.refresh()
        self.assertEqual(updated["RetentionPeriodHours"], 48)
        self.assertEqual(updated["MaxRecordSizeInKiB"], 4096)
        self.assertEqual(updated["OpenShardCount"], 2)
        self.assertEqual(updated["EncryptionType"], "NONE")
        self.assertEqual(updated["StreamModeDetails"], {"StreamMode": "ON_DEMAND"})
        self.assertEqual(
            [m["ShardLevelMetrics"] for m in updated["EnhancedMonitoring"]], [["IncomingBytes"]]
        )
        self.assertEqual(tags, {"stage": "test"})

        consumer_arn = self.consumer(created["StreamARN"])
        self.kinesis.deregister_stream_consumer(ConsumerARN=consumer_arn)
        self.wait_until_not_found(
            lambda: self.kinesis.describe_stream_consumer(ConsumerARN=consumer_arn)
        )
        self.kinesis.delete_stream(StreamName=self.name, EnforceConsumerDeletion=False)
        self.wait_until_not_found(
            lambda: self.kinesis.describe_stream_summary(StreamName=self.name)
        )

    def wait_until_not_found(self, describe):
        for _ in range(lab.READS_MAX):
            try:
                describe()
            except ClientError as error:
                self.assertEqual(error.response["Error"]["Code"], "ResourceNotFoundException")
                return
        self.fail("it is still there")


if __name__ == "__main__":
    unittest.main()
