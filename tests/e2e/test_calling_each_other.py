"""The functions that call each other keep their promises in the embedded AWS, whose IAM checks every call."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.account import ALIAS
from sandbox.server import ROOT, interpreter
from tests.e2e.installed import EXAMPLES, Installed

pytestmark = pytest.mark.xdist_group("e2e")

EXAMPLE = EXAMPLES / "calling-each-other"
STACK = "calling-each-other"
CALLEES_FIRST = [each["function"] for each in json.loads((EXAMPLE / "release.json").read_text())["functions"]]
HALF_FOR_SOME_SECONDS = {"steps": [{"weight": 0.5, "bake_seconds": 4}]}
BY_THE_SECOND = {"period_seconds": 1, "delay_seconds": 2}
SIX_BREADS = {"products": ["bread"] * 6}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the code of each function, as `sam build` makes it."""
    folder = tmp_path_factory.mktemp("packages")
    for name in CALLEES_FIRST:
        shutil.copytree(EXAMPLE / name.lower(), folder / name)
    subprocess.run(
        ["npm", "ci", "--omit=dev", "--no-audit", "--no-fund"], cwd=folder / "Prices", check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="module")
def checkout(installed: Installed, packages: Path) -> Iterator[Installed]:
    """The template's functions, each with its version 1 behind PROD."""
    translator = ROOT / "tests" / "examples" / "translated.py"
    command: list[str | Path] = [interpreter(), "-I", translator, "template.yaml"]
    somewhere = {"AWS_DEFAULT_REGION": "eu-central-1"}
    ran = subprocess.run(command, cwd=EXAMPLE, env=somewhere, text=True, capture_output=True, check=True)
    template = json.loads(ran.stdout)["template.yaml"]
    for name in CALLEES_FIRST:
        key = f"functions/{name}/by-request/1.zip"
        installed.upload(key, zipped(packages / name))
        template["Resources"][name]["Properties"]["Code"] = {"S3Bucket": installed.bucket, "S3Key": key}
    stacks = installed.client("cloudformation")
    stacks.create_stack(StackName=STACK, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    stacks.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    for name in CALLEES_FIRST:
        assert installed.forked_command("adopt", name)[0] == 0
    yield installed
    stacks.delete_stack(StackName=STACK)


def zipped(folder: Path) -> bytes:
    """The folder with its folders: Prices has dependencies."""
    return Path(shutil.make_archive(str(folder), "zip", folder)).read_bytes()


def bill(checkout: Installed) -> Any:
    answer = checkout.client("lambda").invoke(FunctionName="Shop", Qualifier=ALIAS, Payload=json.dumps(SIX_BREADS))
    reply = json.load(answer["Payload"])
    assert "FunctionError" not in answer, reply
    return reply["cents"]


def test_no_bill_mixes_two_price_lists_while_prices_is_deployed(
    checkout: Installed, packages: Path, tmp_path: Path
) -> None:
    dearer = shutil.copytree(packages / "Prices", tmp_path / "dearer")
    source = (dearer / "index.mjs").read_text()
    (dearer / "index.mjs").write_text(source.replace("bread: 300", "bread: 3000"))
    artifact = checkout.upload("functions/Prices/by-request/2.zip", zipped(dearer))
    request = {"function": "Prices", "artifact": artifact, "traffic": HALF_FOR_SOME_SECONDS, "health": BY_THE_SECOND}

    deployment, bills = checkout.start(request), [bill(checkout)]
    while checkout.serving("Prices") != "2":
        bills.append(bill(checkout))
    ended = checkout.ended(deployment)

    old, new = 6 * 321, 6 * 3210
    assert ended.end == "Deployed"
    assert {*bills} == {old, new}
    assert old in bills[bills.index(new) :], "Prices served two versions at a time"
