"""Principals of the account who are not root, in the words of the tests."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import Credentials

from tests.e2e.installed import Installed


class Person:
    """A principal with credentials of its own, as STS or IAM gave them."""

    def __init__(self, installed: Installed, given: Mapping[str, str]) -> None:
        self._installed = installed
        self._key, self._secret, self._token = given["AccessKeyId"], given["SecretAccessKey"], given.get("SessionToken")
        self._clients: dict[str, Any] = {}

    @classmethod
    def with_policy(cls, installed: Installed, resource: str) -> "Person":
        """A user to whom this managed policy of the template is attached, and nothing else."""
        iam, name = installed.client("iam"), f"has-{resource}"
        iam.create_user(UserName=name)
        iam.attach_user_policy(UserName=name, PolicyArn=installed.physical(resource))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return cls(installed, {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]})

    @classmethod
    def in_role(cls, installed: Installed, name: str, policy: Mapping[str, Any]) -> "Person":
        """A principal with a role of its own. The role may do what the policy says, and nothing else."""
        iam, sts = installed.client("iam"), installed.client("sts")
        account = {"AWS": f"arn:aws:iam::{sts.get_caller_identity()['Account']}:root"}
        trust = {"Effect": "Allow", "Principal": account, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=json.dumps(policy))
        return cls(installed, sts.assume_role(RoleArn=role, RoleSessionName=name)["Credentials"])

    def client(self, service: str) -> Any:
        environment = self._installed.environment
        if service not in self._clients:
            self._clients[service] = boto3.client(  # type: ignore[call-overload]
                service,
                endpoint_url=environment["AWS_ENDPOINT_URL"],
                region_name=environment["AWS_DEFAULT_REGION"],
                aws_access_key_id=self._key,
                aws_secret_access_key=self._secret,
                aws_session_token=self._token,
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self._clients[service]

    def command(self, *arguments: str | Path) -> tuple[int, Any]:
        """`bluegreen … --json` as this principal: its exit code and what it says on stdout."""
        variables = {"AWS_ACCESS_KEY_ID": self._key, "AWS_SECRET_ACCESS_KEY": self._secret}
        token = {"AWS_SESSION_TOKEN": self._token} if self._token else {}
        return self._installed.forked_command(*arguments, **variables, **token)

    def http(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A request to the HTTP API that this principal signs."""
        who = Credentials(self._key, self._secret, self._token)
        return self._installed.http(self._installed.signed(method, path, body, who))
