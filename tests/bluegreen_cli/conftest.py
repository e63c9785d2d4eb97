"""`bluegreen` as an operator runs it, against the installed deployer: the committed state machine, real handlers."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from click.testing import CliRunner

from bluegreen_cli.main import cli
from tests.machine.asking import ask
from tests.machine.deployer import ALIAS, BUCKET, TABLE, Deployer, installed, zip_of


@dataclass(frozen=True)
class Ran:
    """The exit code and output of a command."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Bluegreen = Callable[..., Ran]


@pytest.fixture
def bluegreen(monkeypatch: pytest.MonkeyPatch) -> Bluegreen:
    """Run a command. Between two polls it pauses only so long that the state machine can work."""
    monkeypatch.setattr("bluegreen_cli.follow.pause", lambda seconds: time.sleep(0.01))
    monkeypatch.setenv("BLUEGREEN_STACK", "bluegreen")

    def run(*arguments: str) -> Ran:
        result = CliRunner().invoke(cli, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


class Answers:
    """Operations of AWS that a test answers instead of moto: with an answer, or with an error."""

    def __init__(self) -> None:
        self._of: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self._stacks: dict[str, dict[str, str]] = {}
        self.answer("DescribeStacks", self._describe_stacks)

    def answer(self, operation: str, how: Callable[[dict[str, Any]], Any]) -> None:
        """From now on, for the command and for the handlers."""
        self._of[operation] = how

    def refuse(self, operation: str, code: str, text: str = "as the test wants it", status: int = 400) -> None:
        """With an error of AWS, from now on."""

        def refuse(_: dict[str, Any]) -> Any:
            raise aws_error(operation, code, text, status)

        self.answer(operation, refuse)

    def stack(self, name: str, **outputs: str) -> None:
        """A stack with these outputs, from now on."""
        self._stacks[name] = outputs

    def _describe_stacks(self, asked: dict[str, Any]) -> Any:
        name = asked["StackName"]
        if name not in self._stacks:
            raise aws_error("DescribeStacks", "ValidationError", f"Stack with id {name} does not exist")
        return {
            "Stacks": [
                {
                    "StackStatus": "CREATE_COMPLETE",
                    "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in self._stacks[name].items()],
                    "Parameters": [{"ParameterKey": "DefaultAlias", "ParameterValue": ALIAS}],
                }
            ]
        }

    @contextmanager
    def installed(self) -> Iterator["Answers"]:
        """For as long as the block lasts."""
        call = vars(BaseClient)["_make_api_call"]

        def answered(client: BaseClient, operation: str, asked: dict[str, Any]) -> Any:
            how = self._of.get(operation)
            return call(client, operation, asked) if how is None else how(asked)

        with mock.patch.object(BaseClient, "_make_api_call", answered):
            yield self


def aws_error(operation: str, code: str, text: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        operation,
    )


@pytest.fixture
def answers() -> Iterator[Answers]:
    """The answers of AWS that moto lacks."""
    with Answers().installed() as answers:
        yield answers


@pytest.fixture
def deployer(answers: Answers) -> Iterator[Deployer]:
    """The deployer, and the stack whose outputs name its resources. Calls of Lambda are not paced, as at a laptop."""
    with installed() as deployer, mock.patch.dict(os.environ):
        del os.environ["CALLS_PER_SECOND"]
        answers.stack(
            "bluegreen",
            DeployStateMachineArn=deployer.aws.machine_arn(),
            ArtifactBucketName=BUCKET,
            DeploymentsTableName=TABLE,
            ApiUrl="https://api123.execute-api.eu-central-1.amazonaws.com",
        )
        yield deployer


@pytest.fixture
def http_api(deployer: Deployer, monkeypatch: pytest.MonkeyPatch) -> None:
    """ServeApi answers what commands ask of the HTTP API."""

    def sent(request: AWSRequest, doing: str) -> Any:
        url = urlsplit(str(request.url))
        body = bytes(request.data or b"").decode() or None
        status, answer = ask(str(request.method), url.path, body, query=url.query)
        return SimpleNamespace(status_code=status, content=json.dumps(answer).encode())

    monkeypatch.setattr("bluegreen_cli.api._sent", sent)


@pytest.fixture
def package(tmp_path: Path) -> Callable[..., str]:
    """A zip of a function's source on the operator's machine; its path."""

    def write(source: str, name: str = "new.zip") -> str:
        path = tmp_path / name
        path.write_bytes(zip_of(source))
        return str(path)

    return write
