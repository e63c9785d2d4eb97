"""What `bluegreen doctor` found last."""

import boto3
import pytest

from bluegreen.aws import table
from bluegreen.ledger import checkup
from bluegreen.ledger.checkup import Checkup
from tests.machine.deployer import TABLE

pytestmark = pytest.mark.usefixtures("deployer")

FOUND = Checkup(
    at="2026-01-05T09:00:00.000Z",
    by="alice",
    held=("weights",),
    differs=("delay",),
    unseen=("alarms",),
    delay_seconds=180,
    report={"seconds": 840.5, "assumptions": [{"id": "weights"}]},
)


def test_the_last_examination_is_kept_and_no_earlier_one() -> None:
    assert checkup.last() is None
    checkup.keep(FOUND.model_copy(update={"by": "bob"}))

    checkup.keep(FOUND)

    assert checkup.last() == FOUND


def test_one_of_another_stack_version_counts_as_none() -> None:
    item = table.key("doctor", "last") | table.values({"verdict": "well"})
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=item)

    assert checkup.last() is None
