"""Against `weir serve`: users, roles and sessions, as boto3 knows them. The STS client is told
nothing but the AWS_ENDPOINT_URL that every client takes from the environment."""

import os
import unittest
import urllib.error
import urllib.request
import uuid

import boto3
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import ClientError

import admin
import lab

os.environ["AWS_ENDPOINT_URL"] = lab.ENDPOINT
ONCE = Config(retries={"total_max_attempts": 1})


def sts(**credentials):
    return boto3.client("sts", region_name=lab.REGION, config=ONCE, **credentials)


def new_name(kind):
    return f"{kind}-{uuid.uuid4()}"


def user(*actions):
    """The name and the key of a new user that may do `actions`."""
    name = new_name("user")
    admin.call("CreateUser", UserName=name)
    if actions:
        admin.call("PutPrincipalPolicy", UserName=name, PolicyName="may",
                   PolicyDocument=admin.allow(*actions))
    return name, admin.user_key(name)


def role(*actions, trust=admin.trust()):
    """The ARN of a new role that may do `actions`."""
    name = new_name("role")
    made = admin.call("CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    admin.call("PutPrincipalPolicy", RoleName=name, PolicyName="may",
               PolicyDocument=admin.allow(*actions))
    return made["Arn"]


def of(session):
    credentials = session["Credentials"]
    return {"aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"]}


class Identity(unittest.TestCase):
    def refused(self, code, call, *arguments, **members):
        with self.assertRaises(ClientError) as caught:
            call(*arguments, **members)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]

    def test_everyone_is_told_who_they_are(self):
        who = sts().get_caller_identity()
        self.assertEqual([who["Arn"], who["Account"], who["UserId"]],
                         [admin.ROOT, lab.ACCOUNT, lab.ACCOUNT])
        name, key = user()
        who = sts(**key).get_caller_identity()
        self.assertEqual(who["Arn"], f"arn:aws:iam::{lab.ACCOUNT}:user/{name}")
        self.assertTrue(who["UserId"].startswith("AIDA"))

    def test_a_user_may_do_what_its_policies_allow(self):
        name, key = user("kinesis:ListStreams")
        kinesis = lab.client(**key)
        kinesis.list_streams()
        text = self.refused("AccessDeniedException", kinesis.describe_limits)
        self.assertIn(f"User: arn:aws:iam::{lab.ACCOUNT}:user/{name} is not authorized to "
                      "perform: kinesis:DescribeLimits", text)

    def test_a_key_is_rotated(self):
        name, old = user("kinesis:ListStreams")
        new = admin.user_key(name)
        lab.client(**new).list_streams()
        admin.call("UpdateAccessKey", UserName=name, AccessKeyId=old["aws_access_key_id"],
                   Status="Inactive")
        self.refused("UnrecognizedClientException", lab.client(**old).list_streams)
        self.refused("InvalidClientTokenId", sts(**old).get_caller_identity)
        admin.call("DeleteAccessKey", UserName=name, AccessKeyId=old["aws_access_key_id"])
        lab.client(**new).list_streams()

    def test_a_session_may_do_what_its_role_allows_and_no_more_than_its_policy(self):
        arn = role("kinesis:*")
        session = sts().assume_role(RoleArn=arn, RoleSessionName="nightly", DurationSeconds=900)
        self.assertTrue(session["Credentials"]["AccessKeyId"].startswith("ASIA"))
        user = session["AssumedRoleUser"]
        self.assertEqual(sts(**of(session)).get_caller_identity()["Arn"], user["Arn"])
        self.assertTrue(user["Arn"].endswith("/nightly"))
        kinesis = lab.client(**of(session))
        with lab.stream(kinesis) as name:
            kinesis.put_record(StreamName=name, Data=b"x", PartitionKey="k")

        narrowed = sts().assume_role(RoleArn=arn, RoleSessionName="narrow",
                                     Policy=admin.allow("kinesis:ListStreams"))
        self.assertGreater(narrowed["PackedPolicySize"], 0)
        kinesis = lab.client(**of(narrowed))
        kinesis.list_streams()
        text = self.refused("AccessDeniedException", kinesis.describe_limits)
        self.assertIn("session policy", text)

    def test_a_token_without_its_key_or_touched_is_refused(self):
        session = sts().assume_role(RoleArn=role("kinesis:*"), RoleSessionName="nightly")
        good = of(session)
        lab.client(**good).list_streams()
        token = good["aws_session_token"]
        for wrong, code in [
            ({"aws_session_token": token[:-8] + "AAAAAAA="}, "UnrecognizedClientException"),
            ({"aws_session_token": None}, "UnrecognizedClientException"),
            ({"aws_secret_access_key": "guessed"}, "InvalidSignatureException"),
        ]:
            self.refused(code, lab.client(**{**good, **wrong}).list_streams)

    def test_only_whom_the_role_trusts_and_who_may_assume_it_gets_a_session(self):
        agreed = admin.trust(StringEquals={"sts:ExternalId": "42"})
        arn = role("kinesis:*", trust=agreed)
        ask = {"RoleArn": arn, "RoleSessionName": "nightly"}
        self.refused("AccessDenied", sts().assume_role, **ask)
        sts().assume_role(ExternalId="42", **ask)
        name, key = user("kinesis:*")
        text = self.refused("AccessDenied", sts(**key).assume_role, ExternalId="42", **ask)
        self.assertEqual(text, f"User: arn:aws:iam::{lab.ACCOUNT}:user/{name} is not authorized "
                               f"to perform: sts:AssumeRole on resource: {arn}")
        _, key = user("sts:AssumeRole")
        sts(**key).assume_role(ExternalId="42", **ask)

    def test_what_a_session_may_be_is_checked(self):
        arn = role("kinesis:*")
        ask = {"RoleArn": arn, "RoleSessionName": "nightly"}
        self.refused("ValidationError", sts().assume_role, DurationSeconds=7200, **ask)
        self.refused("ValidationError", sts().assume_role, RoleArn=arn, RoleSessionName="a/b")
        self.refused("MalformedPolicyDocument", sts().assume_role, Policy="{}", **ask)
        self.refused("InvalidAction", sts().get_session_token)

    def test_a_presigned_url_tells_whose_it_is(self):
        name, key = user()
        url = sts(**key).generate_presigned_url("get_caller_identity", HttpMethod="GET")
        with urllib.request.urlopen(url) as answer:
            document = answer.read().decode()
        self.assertIn(f"<Arn>arn:aws:iam::{lab.ACCOUNT}:user/{name}</Arn>", document)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url.replace("Signature=", "Signature=0"))
        self.assertEqual(caught.exception.code, 403)
        self.assertIn("<Code>SignatureDoesNotMatch</Code>", caught.exception.read().decode())

    def test_a_profile_with_a_role_needs_nothing_else(self):
        arn = role("kinesis:ListStreams")
        session = boto3.Session(region_name=lab.REGION)
        core = session._session
        fetcher = AssumeRoleCredentialFetcher(core.create_client, core.get_credentials(), arn)
        core._credentials = DeferredRefreshableCredentials(
            method="assume-role", refresh_using=fetcher.fetch_credentials)
        lab.client(session=session).list_streams()


if __name__ == "__main__":
    unittest.main()
