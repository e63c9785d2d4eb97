import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bluegreen.decisions.replies import Reply, mismatches, verbatim
from bluegreen.request.request import Request
from bluegreen.request.smoke_tests import Case

EXAMPLES = Path(__file__).parents[2] / "examples"
NODE, PYTHON = "bonus-calculator", "bonus-calculator-python"
ADA = {"employee": "ada", "salary": 60_000, "years": 12, "department": "Engineering"}

ASK_NODE = """
const { handler } = require(process.argv[1] + "/index.js");
handler(JSON.parse(process.argv[2])).then(
  (payload) => console.log(JSON.stringify({ payload })),
  (error) => console.log(JSON.stringify({ payload: null, error: error.name, error_message: error.message })),
);
"""
ASK_PYTHON = """
import json, sys
sys.path.insert(0, sys.argv[1])
import index
try:
    print(json.dumps({"payload": index.handler(json.loads(sys.argv[2]), None)}))
except Exception as error:
    print(json.dumps({"payload": None, "error": type(error).__name__, "error_message": str(error)}))
"""


def ask(example: str, version: str, payload: Any) -> Reply:
    """The version's reply, from a process of its own."""
    folder = EXAMPLES / example / version
    command = [node(), "-e", ASK_NODE] if example == NODE else [sys.executable, "-B", "-c", ASK_PYTHON]
    output = subprocess.run([*command, folder, json.dumps(payload)], check=True, capture_output=True, text=True).stdout
    return Reply(**({"error": None, "error_message": None} | json.loads(output)), duration_ms=0, version=version)


def node() -> str:
    found = shutil.which("node")
    assert found, "the Node.js example needs node on the PATH"
    return found


def cases(example: str) -> tuple[Case, ...]:
    settings = json.loads((EXAMPLES / example / "deployment.json").read_text())
    request = Request.read(settings | {"function": "BonusCalculatorLambda", "artifact": "s3://artifacts/code.zip"})
    assert isinstance(request.smoke_tests, tuple)
    return request.smoke_tests


def bonus(reply: Reply) -> int:
    assert reply.payload["statusCode"] == 200
    return int(json.loads(reply.payload["body"])["bonus"])


@pytest.mark.parametrize(
    ("example", "version"), [(NODE, "v1"), (NODE, "v2"), (NODE, "v3"), (PYTHON, "v1"), (PYTHON, "v2")]
)
def test_a_version_passes_its_smoke_tests(example: str, version: str) -> None:
    assert [words for case in cases(example) for words in mismatches(case, ask(example, version, case.payload))] == []


def test_the_fourth_version_fails_its_smoke_test_and_says_by_how_much() -> None:
    found = [words for case in cases(NODE) for words in verbatim(case, ask(NODE, "v4", case.payload))]

    assert found == ["expected 3000 at powertools_json(body).bonus, but 300000 came"]


@pytest.mark.parametrize(("example", "version", "euros"), [(NODE, "v1", 3000), (NODE, "v2", 4200), (NODE, "v3", 4200)])
def test_the_bonus_of_an_engineer_of_twelve_years(example: str, version: str, euros: int) -> None:
    assert bonus(ask(example, version, ADA)) == euros


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_python_twin_computes_the_same(version: str) -> None:
    assert bonus(ask(PYTHON, version, ADA)) == bonus(ask(NODE, version, ADA))


def test_the_third_version_fails_those_whom_no_smoke_test_asks_about() -> None:
    assert ask(NODE, "v3", ADA | {"department": "Support"}).error == "TypeError"


@pytest.mark.parametrize(("example", "version"), [(NODE, "v2"), (PYTHON, "v2")])
def test_a_version_answers_api_gateway_as_well(example: str, version: str) -> None:
    assert bonus(ask(example, version, {"version": "2.0", "body": json.dumps(ADA)})) == 4200
