"""The administrator: the commands of `weir` that someone would type."""

import json
import os
import subprocess


class Admin:
    def __init__(self, weir, profile="default", credentials=None):
        """With the key of a profile of a shared credentials file."""
        self.weir = weir
        self.environment = {**os.environ, "AWS_PROFILE": profile}
        if credentials:
            self.environment["AWS_SHARED_CREDENTIALS_FILE"] = str(credentials)

    def run(self, *words, typed=None):
        """What the command printed, as JSON where it printed any."""
        command = [self.weir, *words, "--json"]
        done = subprocess.run(
            command, input=typed, capture_output=True, text=True, env=self.environment
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def create_account(self, account):
        """The key of its root."""
        return self.run("accounts", "create", account)

    def create_user(self, name):
        self.run("users", "create", name)

    def create_role(self, name, trusted):
        self.run("roles", "create", name, "--trust", trusted)

    def create_access_key(self, user):
        return self.run("keys", "access", "create", "--user", user)

    def disable_access_key(self, user, access_key_id):
        self.run("keys", "access", "disable", access_key_id, "--user", user)

    def put_user_policy(self, user, name, document):
        self.run("policies", "put", "--user", user, name, "-", typed=document)

    def put_role_policy(self, role, name, document):
        self.run("policies", "put", "--role", role, name, "-", typed=document)

    def create_key(self, alias):
        """The ARN of a new key that encrypts."""
        return self.run("keys", "create", "--alias", alias)["arn"]

    def disable_key(self, key):
        self.run("keys", "disable", key)
