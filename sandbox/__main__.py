"""
`python -m sandbox [TEMPLATE]`: the embedded AWS with this stack in it, or another, until Ctrl-C.

Prints shell lines that point AWS clients to it and then `ready`; writes the same lines to `.sandbox.env`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

import boto3

from sandbox.errors import SandboxError
from sandbox.server import ROOT, Sandbox
from sandbox.stack import deploy_stack

ENV_FILE = ROOT / ".sandbox.env"

NEXT = """
In another terminal, in this folder:
    make cli
    source .venv-cli/bin/activate && source .sandbox.env
    bluegreen create Shop --dir FOLDER --runtime nodejs24.x --handler index.handler --role "$ROLE"
README.md has a quickstart that goes on from there. Ctrl-C ends the sandbox.
"""
"""What people do when it is ready."""


def main() -> int:
    """Serve until interrupted; 0 when that is what ended it, 1 when it could not serve."""
    template = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else ROOT / "template.yaml"
    for number in (signal.SIGTERM, signal.SIGINT):  # also where a shell in the background ignores Ctrl-C
        signal.signal(number, interrupt)
    try:
        given = parameters()
        with Sandbox(port(), quiet=False, minute_seconds=minute_seconds()) as sandbox:
            ENV_FILE.unlink(missing_ok=True)  # of one that was killed: who waits for the file waits for this sandbox
            print("deploying the stack with sam", file=sys.stderr, flush=True)
            deploy_stack(sandbox, template, parameters=given)
            serve(sandbox, {**sandbox.environment, "ROLE": role_of_functions(sandbox.environment)})
    except KeyboardInterrupt:
        return 0
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def role_of_functions(environment: dict[str, str]) -> str:
    """A role that functions can have, as `bluegreen create` asks for one; it may do nothing."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = boto3.client(
        "iam",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return str(iam.create_role(RoleName="functions", AssumeRolePolicyDocument=document)["Role"]["Arn"])


def serve(sandbox: Sandbox, environment: dict[str, str]) -> None:
    """Say where the sandbox is, on the terminal and in the file, and wait."""
    lines = "".join(f"export {name}={value}\n" for name, value in environment.items())
    write_privately(ENV_FILE, lines)
    try:
        print(lines, end="", flush=True)
        print(NEXT, file=sys.stderr, flush=True)
        print("ready", flush=True)  # last: who waits for it may interrupt at once
        sandbox.wait()
    finally:
        if ENV_FILE.exists() and ENV_FILE.read_text() == lines:
            ENV_FILE.unlink()


def write_privately(path: Path, text: str) -> None:
    """Put a file there that only its owner can read at any moment. It replaces a file of that name."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as mine:
        mine.write(text)
    os.replace(mine.name, path)


def port() -> int:
    """The port that PORT names, 4566 where it names none."""
    text = os.environ.get("PORT", "4566")
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise SandboxError(f"PORT is {text!r}; write a number from 1 to 65535, as in PORT=4567 make sandbox")
    if int(text) == 80:
        raise SandboxError("PORT is '80', which HTTP clients do not name; write another, as in PORT=4567 make sandbox")
    return int(text)


def minute_seconds() -> float:
    """How long a minute of CloudWatch lasts: MINUTE_SECONDS, 60 where that is not set."""
    text = os.environ.get("MINUTE_SECONDS", "60")
    if not text.isdigit() or not 0 < int(text) <= 60:
        raise SandboxError(
            f"MINUTE_SECONDS is {text!r}; write a number from 1 to 60, as in MINUTE_SECONDS=1 make sandbox"
        )
    return float(text)


def parameters() -> dict[str, str]:
    """The stack's parameters, from the variable PARAMETERS as `make deploy` takes it; none if that is not set."""
    text = os.environ.get("PARAMETERS", "")
    found = [each.partition("=") for each in text.split()]
    if not all(name and equals for name, equals, _ in found):
        raise SandboxError(
            f"PARAMETERS is {text!r}; write NAME=VALUE, with blanks between several, as in "
            'PARAMETERS="DefaultAlias=LIVE" make sandbox'
        )
    return {name: value for name, _, value in found}


def interrupt(number: int, frame: FrameType | None) -> None:
    """End as on Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
