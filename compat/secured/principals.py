"""Makes everybody whom the table of cases names, as profiles of a shared credentials file, and the
streams that they ask for. It runs against a node whose clock is back by more than a session lasts,
so that the session it begins first is over by the time the cases are tried."""

import configparser
import json
import os
import pathlib
import sys

import boto3
from admin import Admin

ENDPOINT = os.environ["WEIR_ENDPOINT"]
REGION, ACCOUNT, FOREIGN = "us-east-1", "000000000000", "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/producer"
SHARED = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/shared"


def policy(effect, actions, resource, **more):
    statement = {"Effect": effect, "Action": actions, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


PUT_ON_GRANTED = policy(
    "Allow", "kinesis:PutRecord", f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/granted"
)


class Profiles:
    """The shared credentials file that the cases are tried with."""

    def __init__(self, path):
        self.path, self.file = path, configparser.ConfigParser()

    def add(self, name, access_key_id, secret, session_token=None):
        self.file[name] = {"aws_access_key_id": access_key_id, "aws_secret_access_key": secret}
        if session_token:
            self.file[name]["aws_session_token"] = session_token
        with open(self.path, "w") as file:
            self.file.write(file)

    def add_key(self, name, key):
        self.add(name, key["access_key_id"], key["secret_access_key"])


def main(directory, cases):
    directory = pathlib.Path(directory)
    profiles = Profiles(directory / "credentials")
    root = boto3.Session().get_credentials()
    profiles.add("default", root.access_key, root.secret_key)
    profiles.add("wrong-secret", root.access_key, "wrong")
    profiles.add("unknown-key", "AKIAUNKNOWN000000000", root.secret_key)

    admin = Admin(os.environ["WEIR"])
    for user in "writer", "barred", "inactive":
        admin.create_user(user)
        profiles.add_key(user, admin.create_access_key(user))
        admin.put_user_policy(user, "put", PUT_ON_GRANTED)
    admin.put_user_policy("barred", "bar", policy("Deny", "kinesis:Put*", "*"))
    admin.disable_access_key("inactive", profiles.file["inactive"]["aws_access_key_id"])
    begin_session(admin, profiles)
    make_foreign_user(admin, profiles)
    key = make_streams(admin)
    (directory / "cases.txt").write_text(pathlib.Path(cases).read_text().replace("{key}", key))


def begin_session(admin, profiles):
    """Of a role that the writer may assume: in the past it is over in the present, so it is
    called for twice."""
    admin.create_role("producer", ACCOUNT)
    admin.put_role_policy("producer", "put", PUT_ON_GRANTED)
    admin.put_user_policy("writer", "assume", policy("Allow", "sts:AssumeRole", ROLE))
    sts = boto3.Session(
        aws_access_key_id=profiles.file["writer"]["aws_access_key_id"],
        aws_secret_access_key=profiles.file["writer"]["aws_secret_access_key"],
    ).client("sts", endpoint_url=ENDPOINT)
    for name, seconds in ("expired", 900), ("session", 3600):
        session = sts.assume_role(
            RoleArn=ROLE, RoleSessionName="compat", DurationSeconds=seconds
        )["Credentials"]
        profiles.add(name, session["AccessKeyId"], session["SecretAccessKey"],
                     session["SessionToken"])


def make_foreign_user(admin, profiles):
    """In another account, whose own policy lets it do everything."""
    profiles.add_key("foreign-root", admin.create_account(FOREIGN))
    foreign = Admin(os.environ["WEIR"], "foreign-root", profiles.path)
    foreign.create_user("foreign")
    profiles.add_key("foreign", foreign.create_access_key("foreign"))
    foreign.put_user_policy("foreign", "all", policy("Allow", "kinesis:*", "*"))


def make_streams(admin):
    """And the key of the stream whose key is disabled; answers the key's ARN."""
    kinesis = boto3.client("kinesis", endpoint_url=ENDPOINT)
    for name in "granted", "closed", "shared", "sealed":
        kinesis.create_stream(StreamName=name, ShardCount=1)
    for name in "granted", "closed", "shared", "sealed":
        wait_until_active(kinesis, name)
    user = {"AWS": f"arn:aws:iam::{FOREIGN}:user/foreign"}
    kinesis.put_resource_policy(
        ResourceARN=SHARED, Policy=policy("Allow", "kinesis:PutRecord", SHARED, Principal=user)
    )
    alias = "alias/compat"
    key = admin.create_key(alias)
    kinesis.start_stream_encryption(StreamName="sealed", EncryptionType="KMS", KeyId=alias)
    wait_until_active(kinesis, "sealed")
    kinesis.put_record(StreamName="sealed", Data=b"secret", PartitionKey="k")
    admin.disable_key(alias)
    return key


def wait_until_active(kinesis, name):
    quick = {"Delay": 0.15, "MaxAttempts": 100}
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig=quick)


if __name__ == "__main__":
    main(*sys.argv[1:])
