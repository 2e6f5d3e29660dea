"""Weir's own operations, called as AWS's are: signed JSON. And IAM policies to try with."""

import json
import os

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

import lab

ROOT = f"arn:aws:iam::{lab.ACCOUNT}:root"


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


def call(operation, **members):
    """Called by the root of the node's account."""
    headers = {"Content-Type": "application/x-amz-json-1.1",
               "X-Amz-Target": f"Weir_20261125.{operation}"}
    request = AWSRequest("POST", os.environ["WEIR_ENDPOINT"], headers, json.dumps(members))
    SigV4Auth(boto3.Session().get_credentials(), "kinesis", lab.REGION).add_auth(request)
    answer = URLLib3Session().send(request.prepare())
    body = json.loads(answer.content or b"{}")
    if answer.status_code != 200:
        raise Refused(body["__type"], body.get("message"))
    return body


def allow(*actions, resource="*"):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal=ROOT, **condition):
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def user_key(name):
    key = call("CreateAccessKey", UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"]}
