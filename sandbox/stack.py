"""Deploy a SAM template into the embedded AWS with the ordinary `sam build`, whose result is kept, and `sam deploy`."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import boto3

from sandbox.builds import builder_of_all, built_once
from sandbox.errors import DeployFailed
from sandbox.server import ROOT, Sandbox, interpreter


def deploy_stack(
    sandbox: Sandbox,
    template: Path = ROOT / "template.yaml",
    name: str = "bluegreen",
    parameters: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Build for this machine, deploy, and return the stack's outputs."""
    overrides = [f"{key}={value}" for key, value in (parameters or {}).items()]
    run(
        sandbox,
        "deploy",
        *("--template-file", str(built(sandbox, template, name) / "template.yaml")),
        *("--stack-name", name),
        "--resolve-s3",
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
        *(["--parameter-overrides", *overrides] if overrides else []),
    )
    return outputs(sandbox, name)


def built(sandbox: Sandbox, template: Path, name: str) -> Path:
    """The folder with the built template."""

    def build(folder: Path, *functions: str) -> None:
        run(sandbox, "build", *functions, "--template-file", str(template), "--build-dir", str(folder))

    if function := builder_of_all(template):
        return built_once(template, function, lambda folder: build(folder, function))
    folder = sandbox.folder / f"build-{name}"
    build(folder)
    return folder


def outputs(sandbox: Sandbox, name: str = "bluegreen") -> dict[str, str]:
    """What the stack says of itself."""
    cloudformation = boto3.client(
        "cloudformation",
        endpoint_url=sandbox.endpoint,
        region_name=sandbox.environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=sandbox.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=sandbox.environment["AWS_SECRET_ACCESS_KEY"],
    )
    described = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def run(sandbox: Sandbox, *arguments: str) -> None:
    """Run `sam`, away from the network and from any AWS account of the host."""
    sam = Path(interpreter()).with_name("sam")
    done = subprocess.run(
        [str(sam), *arguments],
        cwd=ROOT,
        env=environment(sandbox),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        lines = done.stdout.strip().splitlines()
        raise DeployFailed(f"`sam {arguments[0]}` failed; its last words:\n  " + "\n  ".join(lines[-25:]))


def environment(sandbox: Sandbox) -> dict[str, str]:
    """The host's variables but for its AWS, with the sandbox's AWS instead."""
    home = sandbox.folder / "sam"
    home.mkdir(exist_ok=True)
    (home / "metadata.json").write_text(json.dumps({"telemetryEnabled": False, "lastVersionCheck": time.time()}))
    host = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "PYTHON"))}
    return {
        **host,
        **sandbox.environment,
        "PATH": f"{Path(interpreter()).parent}:{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.1",
        "__SAM_CLI_APP_DIR": str(home),
        "BLUEGREEN_BUILD_FOR": "host",
        "PYTHON": interpreter(),
    }
