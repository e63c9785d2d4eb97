"""
Fixtures and words for tests that run against the embedded AWS.

A conftest gets the fixtures with `pytest_plugins = ["sandbox.testing"]` or by importing them.
"""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

import boto3
import pytest
from botocore.config import Config

from sandbox import Sandbox

ACCOUNT = "000000000000"
Found = TypeVar("Found")
Clients = Callable[..., Any]
UNCHECKED = Config(
    parameter_validation=False, inject_host_prefix=False, max_pool_connections=32, retries={"total_max_attempts": 1}
)
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def aws() -> Iterator[Sandbox]:
    """One embedded AWS for all tests of a session, on a free port."""
    quick: dict[str, Any] = {"update_seconds": 0.1, "pending_seconds": 0.05, "provision_seconds": 0.3}
    with Sandbox(**quick, minute_seconds=1, metrics_late_minutes=0, seed=7) as running:
        yield running


@pytest.fixture(scope="session")
def client(aws: Sandbox) -> Clients:
    """
    `client("lambda")`: a boto3 client of the sandbox, as root or with the credentials given.

    `region` is another than the sandbox's own. An account's number as the `AccessKeyId` is that account's root.
    """

    @cache
    def make(service: str, *, region: str = "", **credentials: str) -> Any:
        session: Any = boto3.Session(
            aws_access_key_id=credentials.get("AccessKeyId", "test"),
            aws_secret_access_key=credentials.get("SecretAccessKey", aws.environment["AWS_SECRET_ACCESS_KEY"]),
            aws_session_token=credentials.get("SessionToken"),
            region_name=region or aws.environment["AWS_DEFAULT_REGION"],
        )
        return session.client(
            service,
            endpoint_url=aws.endpoint,
            config=UNCHECKED,
        )

    return make


class Function:
    """A function in the sandbox, in the few words that tests need."""

    def __init__(self, lambda_client: Any, name: str) -> None:
        self.name = name
        self.api = lambda_client

    def update(self, source: str, wait: bool = True) -> Any:
        """Put this source into $LATEST."""
        updated = self.api.update_function_code(FunctionName=self.name, ZipFile=zipped(source, self._file()))
        if wait:
            self.wait_until_updated()
        return updated

    def configure(self, **settings: Any) -> Any:
        """Change the configuration."""
        configured = self.api.update_function_configuration(FunctionName=self.name, **settings)
        self.wait_until_updated()
        return configured

    def publish(self, wait: bool = True, **preconditions: str) -> str:
        """The number of the version that $LATEST is published as."""
        version = str(self.api.publish_version(FunctionName=self.name, **preconditions)["Version"])
        if wait:
            eventually(lambda: self.configuration(version)["State"] == "Active")
        return version

    def alias(self, name: str, version: str, weights: dict[str, float] | None = None) -> Any:
        """Create an alias."""
        routing = {"AdditionalVersionWeights": weights or {}}
        return self.api.create_alias(FunctionName=self.name, Name=name, FunctionVersion=version, RoutingConfig=routing)

    def invoke(self, payload: Any = None, **more: Any) -> Any:
        """The answer, its payload parsed."""
        answer = self.api.invoke(FunctionName=self.name, Payload=json.dumps(payload), **more)
        return answer | {"Payload": json.loads(answer["Payload"].read() or b"null")}

    def configuration(self, qualifier: str = "$LATEST") -> Any:
        """The configuration that the qualifier leads to."""
        return self.api.get_function_configuration(FunctionName=self.name, Qualifier=qualifier)

    def wait_until_updated(self) -> None:
        """Until no update is in progress."""
        eventually(lambda: self.configuration()["LastUpdateStatus"] == "Successful")

    def _file(self) -> str:
        return "index.mjs" if self.configuration()["Runtime"].startswith("node") else "index.py"


Functions = Callable[..., Function]


@pytest.fixture
def function(client: Clients) -> Iterator[Functions]:
    """`function("def handler(event, context): ...")`: a function of its own, Active, gone after the test."""
    made: list[Function] = []

    def make(source: str, runtime: str = "python3.13", role: str | None = None, **settings: Any) -> Function:
        name = f"fn-{next(_numbers)}"
        file = {"node": "index.mjs", "prov": "bootstrap"}.get(runtime[:4], "index.py")
        client("lambda").create_function(
            FunctionName=name,
            Runtime=runtime,
            Handler="index.handler",
            Role=role or trusted_role(client),
            Code={"ZipFile": zipped(source, file)},
            **settings,
        )
        new = Function(client("lambda"), name)
        made.append(new)
        eventually(lambda: new.configuration()["State"] == "Active")
        return new

    yield make
    for old in made:
        old.api.delete_function(FunctionName=old.name)


def trusted_role(client: Clients, name: str = "may-do-nothing", *statements: dict[str, Any]) -> str:
    """The ARN of a role that Lambda and Step Functions may assume, and that may do what the statements say."""
    iam, trusted = client("iam"), ["lambda.amazonaws.com", "states.amazonaws.com"]
    trust = {"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"}
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy(*statements))
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def credentials_of(client: Clients, role: str, *statements: dict[str, Any]) -> dict[str, str]:
    """What `client` takes to act as a role that may do what the statements say."""
    arn = trusted_role(client, role, *statements)
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    client("iam").update_assume_role_policy(RoleName=role, PolicyDocument=policy(trust))
    session = client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return {name: session[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}


def policy(*statements: dict[str, Any]) -> str:
    """A policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: str | list[str], resource: str = "*", **more: Any) -> dict[str, Any]:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def zipped(source: str, file: str = "index.py", **others: str) -> bytes:
    """A deployment package, the same bytes for the same content."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for name, text in {file: source, **others}.items():
            files.writestr(zipfile.ZipInfo(name), text)
    return archive.getvalue()


def eventually(look: Callable[[], Found], seconds: float = 120.0) -> Found:
    """What `look` finds, once that is true of anything."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.03)
    return found
