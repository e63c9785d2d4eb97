"""The examples of pipelines, and the commands of `bluegreen` in them and in the pages about the examples."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from bluegreen_cli.main import cli

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
GITHUB = yaml.safe_load((EXAMPLES / "github-actions" / "deploy.yml").read_text())
GITLAB = yaml.safe_load((EXAMPLES / "gitlab-ci" / ".gitlab-ci.yml").read_text())
STEPS = GITHUB["jobs"]["deploy"]["steps"]
DEPLOY = STEPS[-1]["run"]
PAGES = [ROOT / "docs" / "ways-in.md", EXAMPLES / "README.md"]


def lines() -> Iterator[str]:
    """Every line of shell in the pipelines and the pages."""
    for step in STEPS:
        yield from step.get("run", "").splitlines()
    for job in ("build", "deploy"):
        yield from GITLAB[job].get("before_script", []) + GITLAB[job]["script"]
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
            yield from block.splitlines()


def commands() -> Iterator[list[str]]:
    """The arguments of each `bluegreen`, up to what the shell does next."""
    for line in lines():
        for found in re.findall(r"(?:^|&& )\s*bluegreen ([^#&|]*)", line):
            yield shlex.split(found)


COMMANDS = sorted({tuple(each) for each in commands()})


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_of_the_examples_can_be_read(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in (each for each in arguments if "." in each or "/" in each):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_text("{}")
    name, *rest = arguments
    command = cli.get_command(click.Context(cli), name)

    assert command
    command.make_context(name, rest)


def test_the_pages_and_the_pipelines_deploy() -> None:
    assert ("deploy", "Shop", "build", "--request", "deployment.json") in COMMANDS
    assert ("deploy", "Shop", "build", "--request", "deployment.json", "--summary", "$GITHUB_STEP_SUMMARY") in COMMANDS
    assert ("deploy", "Shop", "--latest", "--request", "deployment.json") in COMMANDS
    assert ("adopt", "Shop") in COMMANDS


def test_github_gets_a_token_may_read_the_code_and_has_no_secret() -> None:
    assert GITHUB["permissions"] == {"contents": "read", "id-token": "write"}
    [credentials] = [step["with"] for step in STEPS if "configure-aws-credentials" in step.get("uses", "")]
    assert credentials == {"role-to-assume": "${{ vars.BLUEGREEN_ROLE }}", "aws-region": "${{ vars.AWS_REGION }}"}
    assert "secrets." not in json.dumps(GITHUB, default=str)


def test_gitlab_asks_for_the_token_that_boto3_reads() -> None:
    deploy = GITLAB["deploy"]

    assert deploy["id_tokens"] == {"AWS_TOKEN": {"aud": "https://gitlab.com"}}
    assert {"AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE"} == set(deploy["variables"])
    assert any('"$AWS_TOKEN" > "$AWS_WEB_IDENTITY_TOKEN_FILE"' in line for line in deploy["before_script"])


def exits(code: int, folder: Path) -> tuple[int, str]:
    """How GitHub's step ends, and what it says, where `bluegreen` ends with the code."""
    (folder / "bluegreen").write_text(f"#!/bin/sh\nexit {code}\n")
    (folder / "bluegreen").chmod(0o755)
    ran = subprocess.run(
        ["/bin/bash", "-e", "-c", DEPLOY], env={"PATH": f"{folder}:/usr/bin:/bin"}, text=True, capture_output=True
    )
    return ran.returncode, ran.stdout


@pytest.mark.parametrize(
    ("code", "fails", "says"),
    [
        (0, False, ""),
        (1, True, "Blue serves"),
        (2, True, "refused"),
        (3, True, "operator"),
        (4, True, "may go on"),
        (5, False, "waits for an approval"),
    ],
)
def test_a_run_fails_unless_the_function_is_deployed_or_waits_for_a_person(
    code: int, fails: bool, says: str, tmp_path: Path
) -> None:
    ended, said = exits(code, tmp_path)

    assert ended == (code if fails else 0)
    assert says in said
    assert GITLAB["deploy"]["allow_failure"] == {"exit_codes": [5]}


def test_the_subjects_of_the_page_fit_the_parameter_of_the_stack() -> None:
    template = (ROOT / "template.yaml").read_text()
    [pattern] = re.findall(r"  CiSubject:.*?AllowedPattern: '(.*?)'", template, re.DOTALL)
    [table] = re.findall(r"\| `CiSubject` \|\n(.*?)\n\n", PAGES[0].read_text(), re.DOTALL)
    subjects: list[Any] = re.findall(r"`((?:repo|project_path):[^`]*)`", table)

    assert len(subjects) == 3
    assert [subject for subject in subjects if not re.fullmatch(pattern, subject)] == []
