"""The record of a release."""

import pytest

from bluegreen.document import ROLLED_BACK
from bluegreen.ledger import releases
from bluegreen.ledger.releases import OPEN, Member, Release
from bluegreen.news import schema
from bluegreen.target import Target

MOST_BYTES = 400 * 1024
"""Of an item of DynamoDB."""


@pytest.mark.usefixtures("deployer")
def test_a_record_and_its_event_name_50_failed_functions_and_count_all() -> None:
    record = Release(
        id="monday",
        state=OPEN,
        began_as="arn:aws:states:eu-west-1:123456789012:execution:bg-release:monday",
        execution="arn:aws:states:eu-west-1:123456789012:execution:bg-release:monday",
        started_at="2026-01-05T09:00:00+00:00",
        started_by="a test",
        document="{}",
    )
    failed = [
        Member(
            number=number,
            wave=0,
            deployment=f"monday.{number}",
            target=Target(region="eu-west-1", account="123456789012", function=f"F{number:063}", alias="PROD"),
        )
        for number in range(1, 10_001)
    ]
    releases.open_release(record, [], {})

    closed = releases.close("monday", ROLLED_BACK, failed)

    assert closed == releases.find("monday")
    assert closed is not None
    assert closed.failed == tuple(each.name for each in failed[:50])
    assert closed.failed_count == 10_000
    assert len(closed.model_dump_json()) < MOST_BYTES
    ended = schema.release_ended(closed, [])
    assert (ended.failed, ended.failed_count) == (closed.failed, 10_000)
