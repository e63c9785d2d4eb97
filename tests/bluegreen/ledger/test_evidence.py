"""What the looks at a release's functions came to, kept from one look to the next."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bluegreen.aws import objects
from bluegreen.baking import watch
from bluegreen.baking.conclude import conclude
from bluegreen.baking.watch import Asking, Probed
from bluegreen.decisions.bake import Alarms
from bluegreen.decisions.figures import Memory, Seen
from bluegreen.document import Bake, Look
from bluegreen.errors import AwsRefused
from bluegreen.ledger import evidence
from bluegreen.ledger.evidence import Kept
from tests.bluegreen.many import Function, World, functions, world
from tests.machine.deployer import BUCKET, Deployer

KEY = "internal/releases/spring/evidence-2-3.json.gz"


def look(number: int = 1, **more: Any) -> Kept:
    last = Look(next_weight=0.5, reason=f"the look at {number}", memory=Memory(until=60 * number), **more)
    return Kept(shifts=1, look=last)


class TestTheEvidenceOfAChunk:
    def test_is_nothing_before_its_first_look(self, deployer: Deployer) -> None:
        assert evidence.read("spring", 2, 3) == {}

    def test_is_the_last_look_at_each_function_with_its_memory(self, deployer: Deployer) -> None:
        evidence.keep("spring", 2, 3, {"Shop": look(1), "Cart": look(1)})
        evidence.keep("spring", 2, 3, {"Shop": look(2, pardoned=("sales",), unmeasured=3), "Cart": look(4)})

        assert evidence.read("spring", 2, 3) == {
            "Shop": look(2, pardoned=("sales",), unmeasured=3),
            "Cart": look(4),
        }

    @pytest.mark.parametrize("other", [("autumn", 2, 3), ("spring", 1, 3), ("spring", 2, 4)])
    def test_is_apart_from_that_of_others(self, deployer: Deployer, other: tuple[str, int, int]) -> None:
        evidence.keep("spring", 2, 3, {"Shop": look()})

        assert evidence.read(*other) == {}

    def test_is_json_without_what_only_the_audit_is_to_have(self, deployer: Deployer) -> None:
        evidence.keep("spring", 2, 3, {"Shop": look(evidence={"alarms": ["sales"]})})

        body = boto3.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
        kept = json.loads(gzip.decompress(body))

        assert kept["Shop"]["look"]["memory"]["until"] == 60
        assert "evidence" not in kept["Shop"]["look"]

    @pytest.mark.parametrize("content", ["", "[]", "{", '{"Shop": {}}', '{"Shop": {"next_weight": 7, "memory": 1}}'])
    def test_that_cannot_be_read_is_not_taken_for_none(self, deployer: Deployer, content: str) -> None:
        objects.write(KEY, content.encode())

        with pytest.raises(AwsRefused, match="is no evidence that this stack version can read"):
            evidence.read("spring", 2, 3)


def look_at(called: World, now: float) -> tuple[list[Seen], dict[str, Kept]]:
    """A look that begins with the evidence that was kept, and keeps its own."""
    before = evidence.read("spring", 1, 0)
    asking = [of_kept(each, before) for each in called.all()]
    seen = watch.look_at_all(asking, now)
    looks = {
        each.plan.target.function: Kept(
            shifts=len(each.shifts), look=conclude(each.plan, bake(each, before), found, Alarms(), Probed(), now)
        )
        for each, found in zip(asking, seen, strict=True)
    }
    evidence.keep("spring", 1, 0, looks)
    return seen, looks


def of_kept(asking: Asking, kept: Mapping[str, Kept]) -> Asking:
    last = kept.get(asking.plan.target.function)
    return asking._replace(memory=last.look.memory) if last else asking


def bake(asking: Asking, kept: Mapping[str, Kept]) -> Bake:
    last = kept.get(asking.plan.target.function)
    return Bake(shifts=asking.shifts, revision="r1", look=last.look if last else Look(next_weight=0.1))


@given(deployed=st.lists(functions, min_size=1, max_size=5), minutes=st.integers(10, 30))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_look_that_is_made_again_from_what_it_kept_finds_the_same(deployed: list[Function], minutes: int) -> None:
    """All but the number of buckets whose logs it did not read: those that it has folded it does not count again."""
    with world(deployed) as called:
        called.pass_minutes(0, minutes)
        now = called.began + minutes * 60
        first, kept = look_at(called, now)
        again, kept_again = look_at(called, now)

        assert [replace(each, unread=0) for each in again] == [replace(each, unread=0) for each in first]
        assert [each.look.memory for each in kept_again.values()] == [each.look.memory for each in kept.values()]


def test_a_look_from_what_was_kept_is_as_good_as_one_at_everything_and_reads_the_newest_alone() -> None:
    with world([Function() for _ in range(3)]) as called:
        for minute in range(30):
            called.pass_minutes(minute, minute + 1)
            seen, _ = look_at(called, called.began + 60 * (minute + 1))

        everything = watch.look_at_all(called.all(), called.began + 30 * 60)

    assert [each.verdict for each in seen] == [each.verdict for each in everything]
    assert all(each.memory.until >= called.began + 20 * 60 for each in seen)
