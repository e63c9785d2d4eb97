"""The sandbox with the stack in it, in the words of the demo."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import urllib.request
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from sandbox import Sandbox
from sandbox.server import ROOT

ALIAS = "PROD"
BLUEGREEN = Path(sys.executable).with_name("bluegreen")
PATIENCE_SECONDS = 30


class Account:
    """What a person with a terminal does in the account, and what they look at."""

    def __init__(self, aws: Sandbox, outputs: dict[str, str]) -> None:
        self._aws = aws
        self.bucket, self.machine = outputs["ArtifactBucketName"], outputs["DeployStateMachineArn"]
        self.release_machine = outputs["ReleaseStateMachineArn"]
        self._api = outputs["ApiUrl"]

    def client(self, service: str, *, account: str = "", region: str = "", **config: Any) -> Any:
        """As root of `account`, or else of this account; the host's own AWS settings count for nothing."""
        environment = self._aws.environment
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=region or environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=account or environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            config=Config(**config),
        )

    def caller(self, **where: str) -> Any:
        """Lambda as callers ask it: nothing is tried again, and no description of this client is made for a call."""
        once: Any = {"retries": {"total_max_attempts": 1}, "max_pool_connections": 16, "user_agent": "callers"}
        return self.client("lambda", **where, **once)

    @property
    def environment(self) -> dict[str, str]:
        """For a command that is to work in this account; JavaScript's SDK reads the region from AWS_REGION only."""
        host = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**host, **self._aws.environment, "AWS_REGION": self._aws.environment["AWS_DEFAULT_REGION"]}

    @cached_property
    def _states(self) -> Any:
        return self.client("stepfunctions")

    def bluegreen(self, *arguments: str | Path) -> dict[str, Any]:
        """Run the command, showing its progress; its JSON."""
        said = [str(argument).removeprefix(f"{ROOT}/") for argument in arguments]
        print(f"$ bluegreen {' '.join(said)}", flush=True)
        done = subprocess.run(
            [BLUEGREEN, *said, "--json"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=sys.stdout,
            text=True,
        )
        answer: dict[str, Any] = json.loads(done.stdout or "{}")
        return answer

    def create_role(self, name: str) -> str:
        """A role for functions that may do nothing."""
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]
        return str(role["Arn"])

    def upload(self, key: str, content: bytes) -> str:
        """To the artifact bucket; its address."""
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"s3://{self.bucket}/{key}"

    def start(self, request: dict[str, Any]) -> str:
        """By hand, as from the console; the execution's name."""
        started = self._states.start_execution(stateMachineArn=self.machine, input=json.dumps(request))
        return str(started["executionArn"]).rpartition(":")[2]

    def executions(self, machine: str = "") -> set[str]:
        """The names of all, of the deploy machine or of another one."""
        asked = machine or self.machine
        found = self._states.list_executions(stateMachineArn=asked, maxResults=100)["executions"]
        return {execution["name"] for execution in found}

    def started_beside(self, known: set[str], machine: str = "") -> str:
        """The name of the execution that someone else starts."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not (new := self.executions(machine) - known):
            if time.monotonic() > until:
                raise TimeoutError(f"no execution was started within {PATIENCE_SECONDS} seconds")
            time.sleep(0.2)
        return new.pop()

    def post(self, path: str, body: Any) -> Any:
        """To the stack's HTTP API."""
        with urllib.request.urlopen(self.signed("POST", path, body), timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)

    def signed(
        self, method: str, path: str, body: Any = None, who: Credentials | None = None
    ) -> urllib.request.Request:
        """A request to the stack's HTTP API, which the sandbox has behind its one endpoint; by root unless said."""
        environment, content = self._aws.environment, json.dumps(body).encode() if body is not None else None
        who = who or Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        host = self.local(self._api.removeprefix("https://"))
        request = AWSRequest(method, f"http://{host}{path}", data=content, headers={"Host": host})
        SigV4Auth(who, "execute-api", environment["AWS_DEFAULT_REGION"]).add_auth(request)
        url = f"{self._aws.endpoint}{path}"
        return urllib.request.Request(url, content, dict(request.headers.items()), method=method)

    def local(self, host: str) -> str:
        """What the sandbox, on its one endpoint, takes for an API's host."""
        return f"{host.partition('.')[0]}.execute-api.localhost:{self._aws.port}"

    def history(self, execution: str) -> list[dict[str, Any]]:
        """Every event of the execution with this ARN."""
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def serving(self, function: str) -> str:
        """The version behind the alias, or the two if it is split."""
        alias = self.client("lambda").get_alias(FunctionName=function, Name=ALIAS)
        weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        return " and ".join([alias["FunctionVersion"], *weights])


def zipped(folder: Path) -> bytes:
    """The files of the folder, without its folders (Python's cache is one); the same files make the same zip."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            files.writestr(zipfile.ZipInfo(file.name), file.read_bytes())
    return archive.getvalue()
