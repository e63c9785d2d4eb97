"""A function to measure with, in any AWS with an endpoint here; `aws` has the variables with which clients find it."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from sandbox.server import REGION

PATIENCE_SECONDS = 60
SOURCES = {
    "python3.13": ("index.py", "def handler(event, context):\n    return {'answer': %d}\n"),
    "nodejs22.x": ("index.js", "exports.handler = async (event) => ({ answer: %d });\n"),
}


def client(aws: Mapping[str, str], service: str) -> Any:
    """As root, without retries."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=16)
    session: Any = boto3.Session(aws["AWS_ACCESS_KEY_ID"], aws["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    return session.client(service, endpoint_url=aws["AWS_ENDPOINT_URL"], config=config)


def code(runtime: str, answer: int) -> bytes:
    """A deployment package that answers so."""
    file, source = SOURCES[runtime]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        package.writestr(zipfile.ZipInfo(file), source % answer)
    return content.getvalue()


def create(aws: Mapping[str, str], name: str, runtime: str) -> None:
    """The function, opted in to deployments, with a role that may do nothing; returns when it is active."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = client(aws, "iam").create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument=policy)["Role"]
    client(aws, "lambda").create_function(
        FunctionName=name,
        Runtime=runtime,
        Handler="index.handler",
        Role=role["Arn"],
        Code={"ZipFile": code(runtime, 1)},
        Tags={"bluegreen:managed": "true"},
    )
    wait_for(aws, name)


def wait_for(aws: Mapping[str, str], name: str, qualifier: str = "$LATEST") -> None:
    """Until it is active, and no update is in progress."""
    until = time.monotonic() + PATIENCE_SECONDS
    functions = client(aws, "lambda")
    while True:
        now = functions.get_function_configuration(FunctionName=name, Qualifier=qualifier)
        if now.get("State", "Active") == "Active" and now.get("LastUpdateStatus", "Successful") == "Successful":
            return
        if time.monotonic() > until:
            raise TimeoutError(f"{name}:{qualifier} is {now.get('State')} after {PATIENCE_SECONDS} s")
        time.sleep(0.05)
