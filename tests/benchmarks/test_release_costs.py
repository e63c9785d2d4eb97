"""What releases cost by their size: the committed figures are those that small releases come to now."""

import contextlib
import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from benchmarks.release import counts, report
from benchmarks.release.__main__ import SIZES, main
from benchmarks.release.capacity import weighed
from benchmarks.release.counts import Counts
from benchmarks.release.memory import Memory
from tests.machine.deployer import TABLE, installed
from tests.machine.faults import acting

DOCS = Path(__file__).parents[2] / "docs"


@dataclass(frozen=True)
class Quick:
    """A quick run: what it wrote, and what it said meanwhile."""

    written: list[Counts]
    page: str
    said: str


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Quick:
    folder, said = tmp_path_factory.mktemp("docs"), io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        assert main(["--quick", "--out", str(folder)]) == 0
    written = report.from_json((folder / "release-costs.json").read_text())
    return Quick(written, (folder / "release-costs.md").read_text(), said.getvalue())


@pytest.fixture(scope="module")
def committed() -> list[Counts]:
    return report.from_json((DOCS / "release-costs.json").read_text())


def test_a_quick_run_counts_what_the_docs_say(quick: Quick, committed: list[Counts]) -> None:
    now = [dataclasses.replace(each, memory={}) for each in quick.written]
    docs = [dataclasses.replace(each, memory={}) for each in committed[: len(now)]]

    assert now == docs, "run `make bench-release`"
    assert "| control-plane calls a function | 15.00 | 15.00 |" in quick.page
    assert quick.said.count(": done\n") == len(now)


def test_the_page_is_what_the_figures_come_to(committed: list[Counts]) -> None:
    page = (DOCS / "release-costs.md").read_text()

    assert tuple(each.functions for each in committed) == SIZES
    assert report.as_markdown(committed) == page
    assert report.as_json(committed) == (DOCS / "release-costs.json").read_text()
    assert "Measured in process" in page


def test_no_size_goes_over_a_limit_or_waits_for_more_than_calls_and_bakes(committed: list[Counts]) -> None:
    for each in committed:
        assert each.most_in_a_second <= 15
        assert each.seconds <= 1.1 * each.paced_seconds
        assert each.events < 1_000
        assert each.payload_bytes < 4_096
        assert max(each.memory.values()) < 256 * report.MEGABYTE


def test_a_function_takes_the_same_calls_and_transitions_in_a_release_of_any_size(committed: list[Counts]) -> None:
    one, *more = committed

    assert {each.control_plane / each.functions for each in committed} == {15}
    assert {each.get_function / each.functions for each in committed} == {11}
    for each in more:
        assert 13 <= (each.transitions - one.transitions) / (each.functions - 1) < 13.1
    assert {each.retries for each in committed} == {0}


def test_what_a_function_costs_differs_by_a_twentieth_at_most_in_releases_of_ten_to_a_thousand(
    committed: list[Counts],
) -> None:
    one, *more = committed
    each_costs = [report.of_one_more(one, each) for each in more]

    assert max(each_costs) <= 1.05 * min(each_costs)


def test_transitions_are_states_and_children_of_maps(quick: Quick) -> None:
    for each in quick.written:
        opened, staged = 3, 8
        assert each.children == 2 * each.functions
        assert each.transitions == 37 + (opened + staged) * each.functions + each.children


def test_reads_and_writes_weigh_what_the_items_weigh() -> None:
    key: Any = {"pk": {"S": "release#a"}, "sk": {"S": "record"}}
    item: Any = key | {"kind": {"S": "release"}, "document": {"S": "x" * 1500}}
    in_the_table_and_an_index = 2 * 2
    here: Any = {"TableName": TABLE}
    refused: Any = {"ConditionExpression": "attribute_not_exists(pk)"}
    of_the_release: Any = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": key["pk"]}}
    with installed(), acting("ShiftWave", immune=True), weighed() as units:
        dynamodb = boto3.client("dynamodb")
        dynamodb.put_item(**here, Item=item)
        with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
            dynamodb.put_item(**here, Item=item, **refused)
        dynamodb.transact_write_items(TransactItems=[{"Put": here | {"Item": item}}])
        dynamodb.get_item(**here, Key=key, ConsistentRead=True)
        dynamodb.query(**here, **of_the_release)
        dynamodb.delete_item(**here, Key=key)

    assert units.written == in_the_table_and_an_index * (1 + 1 + 2 + 1)
    assert units.read == 1 + 0.5


def test_the_memory_of_a_handler_is_what_it_holds_at_most() -> None:
    memory = Memory()

    for size in (3, 1, 1, 2):
        memory.at_state("", "LookAtWave", "entered")
        bytearray(size * report.MEGABYTE)
        memory.at_state("", "LookAtWave", "left")
    memory.at_state("", "Bake", "entered")
    memory.at_state("", "Bake", "left")

    assert {state: round(most / report.MEGABYTE) for state, most in memory.most.items()} == {"LookAtWave": 3}


def test_a_release_that_ends_otherwise_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "_document", lambda shop: {"functions": []})

    with pytest.raises(RuntimeError, match="the release of 1 ended Refused"):
        counts.count(1)
