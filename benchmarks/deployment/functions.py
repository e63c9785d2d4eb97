"""A function to measure with, in any AWS that has an endpoint here."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

import boto3
from botocore.config import Config

from sandbox.server import REGION

PATIENCE_SECONDS = 60
SOURCES = {
    "python3.13": ("index.py", "def handler(event, context):\n    return {'answer': %d}\n"),
    "nodejs22.x": ("index.js", "exports.handler = async (event) => ({ answer: %d });\n"),
}


def client(endpoint: str, service: str) -> Any:
    """As root, without retries."""
    session: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=16)
    return session.client(service, endpoint_url=endpoint, config=config)


def code(runtime: str, answer: int) -> bytes:
    """A deployment package that answers so."""
    file, source = SOURCES[runtime]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        package.writestr(zipfile.ZipInfo(file), source % answer)
    return content.getvalue()


def create(endpoint: str, name: str, runtime: str) -> None:
    """The function, opted in to deployments, with a role that may do nothing; returns when it is active."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = client(endpoint, "iam").create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument=policy)["Role"]
    client(endpoint, "lambda").create_function(
        FunctionName=name,
        Runtime=runtime,
        Handler="index.handler",
        Role=role["Arn"],
        Code={"ZipFile": code(runtime, 1)},
        Tags={"bluegreen:managed": "true"},
    )
    wait_for(endpoint, name)


def wait_for(endpoint: str, name: str, qualifier: str = "$LATEST") -> None:
    """Until it is active, and no update is in progress."""
    until = time.monotonic() + PATIENCE_SECONDS
    functions = client(endpoint, "lambda")
    while True:
        now = functions.get_function_configuration(FunctionName=name, Qualifier=qualifier)
        if now.get("State", "Active") == "Active" and now.get("LastUpdateStatus", "Successful") == "Successful":
            return
        if time.monotonic() > until:
            raise TimeoutError(f"{name}:{qualifier} is {now.get('State')} after {PATIENCE_SECONDS} s")
        time.sleep(0.05)
