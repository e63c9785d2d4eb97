"""Deploy a SAM template into the embedded AWS with the ordinary `sam build` and `sam deploy`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import boto3

from sandbox.errors import DeployFailed
from sandbox.server import ROOT, Sandbox, interpreter


def deploy_stack(
    sandbox: Sandbox,
    template: Path = ROOT / "template.yaml",
    name: str = "bluegreen",
    parameters: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Build for this machine, deploy, and return the stack's outputs."""
    built = sandbox.folder / f"build-{name}"
    shared = builder_of_all(template)
    run(sandbox, "build", *shared, "--template-file", str(template), "--build-dir", str(built))
    for function in shared:
        hand_to_all(built, function)
    overrides = [f"{key}={value}" for key, value in (parameters or {}).items()]
    run(
        sandbox,
        "deploy",
        *("--template-file", str(built / "template.yaml")),
        *("--stack-name", name),
        "--resolve-s3",
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
        *(["--parameter-overrides", *overrides] if overrides else []),
    )
    return outputs(sandbox, name)


def builder_of_all(template: Path) -> list[str]:
    """One function, where all have the same CodeUri and so the same artifact; none, where each is to be built."""
    text = template.read_text()
    declared = r"^  (\w+):\n    Type: AWS::Serverless::Function$"
    functions: list[str] = re.findall(declared, text, re.MULTILINE)
    return functions[:1] if text.count("CodeUri:") == 1 else []


def hand_to_all(built: Path, function: str) -> None:
    """Let every function name a zip of what was built for that one."""
    zip_folder(built / function, built / "artifact.zip")
    template = built / "template.yaml"
    template.write_text(re.sub(r"^( +CodeUri: ).*$", r"\1artifact.zip", template.read_text(), flags=re.MULTILINE))


def zip_folder(folder: Path, archive: Path) -> None:
    """Its files, uncompressed, readable for all and without a time."""
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(str(path.relative_to(folder)))
                entry.external_attr = (path.stat().st_mode | 0o444) << 16
                zipped.writestr(entry, path.read_bytes())


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
