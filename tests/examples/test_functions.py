"""What docs/functions.md says of the examples. The end-to-end tests deploy them."""

import json
import re
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from bluegreen.request.request import Request

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs" / "functions.md").read_text()
GIVEN = sorted(EXAMPLES.glob("*/deployment.json"))


def in_page(containing: str) -> Any:
    """The JSON of the page that has these words."""
    [found] = [block for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if containing in block]
    return json.loads(found)


def handler(example: str, version: str) -> Callable[[Any, Any], Any]:
    spec = spec_from_file_location(f"{example}_{version}", EXAMPLES / example / version / "app.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[Any, Any], Any] = module.handler
    return found


@pytest.mark.parametrize("file", GIVEN, ids=[file.parent.name for file in GIVEN])
def test_the_rest_of_a_request_can_be_read(file: Path) -> None:
    Request.read(json.loads(file.read_text()) | {"function": "F", "artifact": {"version": "7"}})


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_batch_takes_the_record_of_the_page(version: str) -> None:
    assert handler("sqs-batch", version)(in_page("Records"), None) == {"batchItemFailures": []}


def test_a_batch_in_which_some_messages_fail_raises_nothing() -> None:
    [record] = in_page("Records")["Records"]
    bad = record | {"messageId": "bad", "body": "no JSON"}

    assert handler("sqs-batch", "v1")({"Records": [record, bad]}, None) == {
        "batchItemFailures": [{"itemIdentifier": "bad"}]
    }


def test_a_batch_in_which_every_message_fails_raises() -> None:
    with pytest.raises(BatchProcessingError):
        handler("sqs-batch", "v3")(in_page("Records"), None)


def test_the_metric_of_the_page_is_that_of_the_example() -> None:
    given = json.loads((EXAMPLES / "express" / "deployment.json").read_text())

    assert given["health"]["metrics"] == [in_page("server_errors")]


def test_the_request_of_the_page_is_that_of_the_example() -> None:
    [case] = json.loads((EXAMPLES / "fastapi" / "deployment.json").read_text())["smoke_tests"]

    assert case["payload"] == in_page("rawPath")
