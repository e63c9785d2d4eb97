"""`bluegreen release`: from a document and local code to functions that serve, or go back."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest
from botocore.client import BaseClient

from bluegreen_cli.releases import document
from tests.bluegreen_cli.conftest import Answers, Bluegreen, aws_error
from tests.bluegreen_cli.releases.conftest import Write, held
from tests.machine.asking import CALLER
from tests.machine.deployer import BAD_UNDER_TRAFFIC, BROKEN, BUCKET, FUNCTION, GOOD, zip_of
from tests.machine.faults import acting_now
from tests.machine.shop import NAMES, Shop
from tests.template.stack import as_list, stack

ALL_AT_ONCE = {"traffic": "AllAtOnce", "waves": [{}]}


def entries(**paths: str) -> list[dict[str, Any]]:
    return [{"function": name, "artifact": {"path": path}} for name, path in paths.items()]


def objects(prefix: str = "") -> list[str]:
    found = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [each["Key"] for each in found.get("Contents", [])]


def test_local_code_is_uploaded_and_every_function_serves_it(shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
    path = write(
        {"functions": entries(Orders="orders.zip", Tax="tax.zip"), **ALL_AT_ONCE}, orders=GOOD % 2, tax=GOOD % 3
    )

    ran = bluegreen("release", path)

    assert (ran.exit_code, ran.stdout.startswith("Released in ")) == (0, True)
    assert ran.stdout.endswith(": Of 2 functions 2 serve their new version.\n")
    assert "uploaded 2 of 2" in ran.stderr
    assert "2 functions in 1 wave, by AllAtOnce." in ran.stderr
    assert "wave 1 of 1: 2 functions get 100 %: Orders:PROD, Tax:PROD." in ran.stderr
    assert {name: shop.alias(name)[0] for name in NAMES} == dict.fromkeys(NAMES, "1") | {"Orders": "2", "Tax": "2"}
    assert len(objects("functions/Orders/by-request/")) == len(objects("functions/Tax/by-request/")) == 1


def test_a_folder_beside_the_document_is_zipped(shop: Shop, bluegreen: Bluegreen, write: Write, tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "index.py").write_text(GOOD % 2)
    path = write({"functions": entries(Orders="build"), **ALL_AT_ONCE})

    assert bluegreen("release", path).exit_code == 0
    assert shop.alias("Orders") == ("2", {})


def test_who_started_it_is_proved(shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
    path = write({"functions": entries(Orders="a.zip"), "started_by": "the boss", **ALL_AT_ONCE}, a=GOOD % 2)

    ended = bluegreen("release", path, "--json").json

    assert (ended["started_by"], ended["started_by_proved"]) == (f"API by {CALLER}", True)
    assert (ended["end"], ended["error"], ended["failed"]) == ("Released", None, [])
    assert [each["state"] for each in ended["functions"]] == ["deployed"]


def test_a_bad_green_puts_every_function_back_and_is_named(shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
    shop.users_call(2)
    path = write(
        {"functions": entries(Orders="good.zip", Tax="bad.zip"), "waves": [{}]}, good=GOOD % 2, bad=BAD_UNDER_TRAFFIC
    )

    ran = bluegreen("release", path)

    assert ran.exit_code == 1
    assert ran.stdout.startswith("Rolled back after ")
    assert "Of 2 functions 2 serve the version before." in ran.stdout
    assert "Tax:PROD: GreenUnhealthy: Version 2 is unhealthy" in ran.stderr
    assert shop.alias("Orders") == shop.alias("Tax") == ("1", {})


def test_a_function_that_cannot_be_deployed_to_is_a_refusal(shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
    path = write({"functions": [{"function": "Nobody", "artifact": "$LATEST"}], **ALL_AT_ONCE})

    ran = bluegreen("release", path)

    assert ran.exit_code == 2
    assert ran.stdout.startswith("Rejected: ")
    assert "Nobody" in ran.stdout
    assert "No function was touched." in ran.stdout


def test_what_serves_already_is_nothing_to_deploy(shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
    path = write({"functions": entries(Orders="a.zip"), **ALL_AT_ONCE}, a=GOOD % 1)

    ran = bluegreen("release", path)

    assert ran.exit_code == 0
    assert ran.stdout.startswith("Nothing to deploy: every function serves this code already")


def test_it_can_be_started_only(shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
    path = write({"functions": entries(Orders="a.zip"), **ALL_AT_ONCE}, a=GOOD % 2)

    told = bluegreen("release", path, "--no-follow", "--json").json
    assert shop.aws.finish(told["execution"]).ended == "Released"
    ran = bluegreen("release", path, "--no-follow")

    name = ran.stdout.removeprefix("Started ").partition(";")[0]
    assert told["execution"].endswith(f":release:{told['release']}")
    assert (ran.exit_code, name.startswith("release-")) == (0, True)
    assert f"`bluegreen watch {name}` follows it" in ran.stdout


def test_a_large_document_is_uploaded_where_it_starts_nothing(
    shop: Shop, bluegreen: Bluegreen, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "LARGEST_SENT", 10)
    path = write({"functions": entries(Orders="a.zip"), **ALL_AT_ONCE}, a=GOOD % 2)

    ran = bluegreen("release", path, "--json")

    assert ran.json["end"] == "Released"
    (stored,) = objects("releases/")
    assert stored.startswith("releases/by-request/friday-")
    assert f"document: s3://{BUCKET}/{stored}" in bluegreen("show", ran.json["release"]).stdout


class TestWrongDocuments:
    WRONG: dict[str, Any] = {
        "functions": [
            {"function": "Orders", "artifact": {"path": "missing.zip"}},
            {"function": "Tax", "artifact": "$LATEST", "trafic": 1},
            {"function": "Stock", "artifact": {"path": "empty"}},
        ],
        "tolerate": -1,
    }

    def test_every_mistake_has_a_line_and_nothing_is_started(
        self, shop: Shop, bluegreen: Bluegreen, write: Write, tmp_path: Path
    ) -> None:
        (tmp_path / "empty").mkdir()
        path = write(self.WRONG)

        ran = bluegreen("release", path)

        assert ran.exit_code == 2
        first, *lines = ran.stderr.splitlines()
        assert first == f"Error: {path} has 4 mistakes."
        assert [line.partition(":")[0].strip() for line in lines[:4]] == [
            "functions.0.artifact.path (Orders)",
            "functions.2.artifact.path (Stock)",
            "tolerate",
            "functions.1.trafic (Tax)",
        ]
        assert lines[0].endswith("missing.zip; build it first, or correct the path")
        assert "Nothing was uploaded or started." in lines
        assert objects() == []

    def test_each_is_told_as_json(self, shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
        told = bluegreen("release", write(self.WRONG), "--json").json

        assert (told["error"], told["exit_code"], len(told["details"])) == ("Refused", 2, 4)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{", "it is not JSON"),
            ('{"functions": [], "functions": []}', "it is not JSON"),
            ("[]", "is not a JSON object"),
            ("{}", "functions: is required"),
            (
                '{"functions": [{"function": "Tax", "artifact": {"path": ""}}]}',
                "functions.0.artifact.path (Tax): it is empty; write a zip or a folder",
            ),
        ],
    )
    def test_a_file_that_is_no_document_is_refused_without_aws(
        self, bluegreen: Bluegreen, write: Write, text: str, said: str
    ) -> None:
        ran = bluegreen("release", path := write(text))

        assert ran.exit_code == 2
        assert ran.stderr.startswith(f"Error: {path} has 1 mistake.")
        assert said in ran.stderr

    def test_a_file_that_is_not_there_is_refused(self, bluegreen: Bluegreen, tmp_path: Path) -> None:
        ran = bluegreen("release", str(tmp_path / "nothing.json"))

        assert ran.exit_code == 2
        assert "nothing.json cannot be read: No such file or directory" in ran.stderr

    def test_what_only_the_stack_knows_is_named_for_every_function(
        self, shop: Shop, bluegreen: Bluegreen, write: Write
    ) -> None:
        elsewhere = {"bucket": BUCKET, "key": "functions/Other/x.zip"}
        path = write({"functions": [{"function": name, "artifact": elsewhere} for name in ("Orders", "Tax")]})

        ran = bluegreen("release", path)

        assert ran.exit_code == 2
        assert "  functions.0 (Orders): artifact.key: " in ran.stderr
        assert "  functions.1 (Tax): artifact.key: " in ran.stderr

    def test_code_that_changes_meanwhile_starts_nothing(
        self, shop: Shop, bluegreen: Bluegreen, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write({"functions": entries(Orders="a.zip"), **ALL_AT_ONCE}, a=GOOD % 2)
        within = document.Written.within

        def then_built_again(written: document.Written, *given: Any) -> document.Read:
            (tmp_path / "a.zip").write_bytes(zip_of(GOOD % 9))
            return within(written, *given)

        monkeypatch.setattr(document.Written, "within", then_built_again)

        ran = bluegreen("release", path)

        assert ran.exit_code == 2
        assert "a.zip was changed while the command ran" in ran.stderr
        assert shop.deployer.items("release#") == []


class TestFreezes:
    def test_a_freeze_refuses_it_unless_it_is_overridden(self, shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
        assert bluegreen("freeze", "Ord*", "--reason", "fair", "--until", "2026-02-01T00:00:00Z").exit_code == 0
        path = write({"functions": entries(Orders="a.zip"), **ALL_AT_ONCE}, a=GOOD % 2)

        refused = bluegreen("release", path)
        done = bluegreen("release", path, "--override-freeze", "a hole in the wall", "--json")

        assert (refused.exit_code, "Frozen" in refused.stdout) == (2, True)
        assert done.json["end"] == "Released"
        assert "in spite of a freeze: a hole in the wall" in bluegreen("show", done.json["release"]).stdout


def keys_of(statement: dict[str, Any]) -> list[str]:
    keys: list[str] = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    return keys


def is_allowed(statement: dict[str, Any], operation: str, key: str, what: dict[str, Any]) -> bool:
    """By one statement about the table, as IAM decides: `ForAllValues` holds for a request that names no attribute."""
    named = {
        what["ExpressionAttributeNames"][name] for name in what.get("ProjectionExpression", "").split(", ") if name
    }
    condition = statement["Condition"]
    attributes = condition.get("ForAllValues:StringEquals", {}).get("dynamodb:Attributes")
    select = condition.get("StringEquals", {}).get("dynamodb:Select")
    return (
        f"dynamodb:{operation}" in as_list(statement["Action"])
        and any(fnmatchcase(key, pattern) for pattern in keys_of(statement))
        and (attributes is None or named <= {*attributes})
        and (select is None or select == what.get("Select", "ALL_ATTRIBUTES"))
    )


@contextmanager
def reading_as_a_pipeline() -> Iterator[tuple[list[str], set[str]]]:
    """What the command reads of the table is answered as far as CiPolicy allows; the keys allowed, and those asked."""
    statements = stack().properties("CiPolicy")["PolicyDocument"]["Statement"]
    reads = {each["Sid"]: each for each in statements if "dynamodb:Query" in each.get("Action", ())}
    allowed = [key for each in reads.values() for key in keys_of(each)]
    command, asked = threading.get_ident(), set[str]()
    call = vars(BaseClient)["_make_api_call"]

    def answered(client: BaseClient, operation: str, what: dict[str, Any]) -> Any:
        if operation in ("GetItem", "Query") and threading.get_ident() == command and not acting_now():
            key = (what.get("Key") or {"pk": what.get("ExpressionAttributeValues", {}).get(":pk")})["pk"]["S"]
            asked.add(key.partition("#")[0])
            if not any(is_allowed(each, operation, key, what) for each in reads.values()):
                raise aws_error(operation, "AccessDeniedException", "not in CiPolicy")
        return call(client, operation, what)

    with mock.patch.object(BaseClient, "_make_api_call", answered):
        yield allowed, asked


class TestApprovals:
    def test_it_exits_with_5_while_a_person_must_decide(self, shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
        path = write(
            {"functions": entries(Orders="a.zip"), "waves": [{"approve": True}], "traffic": "AllAtOnce"}, a=GOOD % 2
        )

        with held(shop, "Bake"):
            ran = bluegreen("release", path, "--json")
            name = ran.json["release"]
            approved = bluegreen("approve", name, "--step", "1", "--reason", "tried it")

        assert ran.exit_code == 5
        assert (ran.json["end"], ran.json["awaits"]) == (None, 1)
        watched = bluegreen("watch", name, "--wait-for-approval")
        assert (approved.exit_code, watched.exit_code) == (0, 0)
        assert approved.stdout.startswith(f"Wave 1 of {name} is approved. It is shifted at the next look")
        assert f"wave 1 by API by {CALLER}: tried it." in watched.stderr

    def test_a_pipeline_may_read_what_it_needs_to_exit_with_5(
        self, shop: Shop, bluegreen: Bluegreen, write: Write
    ) -> None:
        path = write(
            {"functions": entries(Orders="a.zip"), "waves": [{"approve": True}], "traffic": "AllAtOnce"}, a=GOOD % 2
        )

        with held(shop, "Bake"), reading_as_a_pipeline() as (allowed, asked):
            ran = bluegreen("release", path, "--json")

        assert ran.exit_code == 5
        assert asked == {"release", "orders", "approval", "decision"}
        assert set(allowed) == {f"{each}#*" for each in (*asked, "deployment", "steps")}

    def test_a_rejected_wave_rolls_every_function_back(self, shop: Shop, bluegreen: Bluegreen, write: Write) -> None:
        path = write({"functions": entries(Orders="a.zip"), "waves": [{"approve": True}]}, a=GOOD % 2)
        with held(shop, "Bake"):
            waits = bluegreen("release", path)
            name = waits.stdout.partition("`bluegreen approve ")[2].partition(" ")[0]
            rejected = bluegreen("reject", name, "--reason", "no")

        watched = bluegreen("watch", name, "--json")

        assert waits.exit_code == 5
        assert "Every function is rolled back at the next look" in rejected.stdout
        assert (watched.exit_code, watched.json["error"]) == (1, "ApprovalRefused")


class TestSummaries:
    def test_it_has_the_functions_and_what_happened(
        self, shop: Shop, bluegreen: Bluegreen, write: Write, tmp_path: Path
    ) -> None:
        file = tmp_path / "summary.md"
        path = write({"functions": entries(Orders="a.zip", Tax="b.zip"), **ALL_AT_ONCE}, a=GOOD % 2, b=BROKEN)

        bluegreen("release", path, "--summary", str(file))

        said = file.read_text()
        assert said.startswith("## Release release-")
        assert "**RolledBack** Rolled back after " in said
        assert "| Tax:PROD | 1 | back at blue | - | SmokeTestFailed: " in said
        assert "| strategy | AllAtOnce |" in said
        assert "[The execution in the console](<https://" in said

    def test_a_refusal_is_in_it(self, bluegreen: Bluegreen, write: Write, tmp_path: Path) -> None:
        file = tmp_path / "summary.md"

        bluegreen("release", write("{}"), "--summary", str(file))

        assert "**Refused.**" in file.read_text()


def test_a_start_that_the_api_did_not_answer_may_have_started(
    shop: Shop, bluegreen: Bluegreen, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: Any) -> Any:
        from types import SimpleNamespace

        return SimpleNamespace(status_code=503, content=b"{}")

    monkeypatch.setattr("bluegreen_cli.api._sent", silent)

    ran = bluegreen("release", write({"functions": entries(Orders="a.zip"), **ALL_AT_ONCE}, a=GOOD % 2), "--json")

    assert (ran.exit_code, ran.json["untouched"]) == (4, "The release may have started.")
    assert json.loads(ran.stdout)["advice"] == "`bluegreen list` tells which releases run."


def test_a_caller_who_may_not_upload_learns_it(
    shop: Shop, bluegreen: Bluegreen, write: Write, answers: Answers
) -> None:
    answers.refuse("PutObject", "AccessDenied", "not authorized to perform: s3:PutObject", 403)

    ran = bluegreen("release", write({"functions": entries(Orders="a.zip"), **ALL_AT_ONCE}, a=GOOD % 2))

    assert ran.exit_code == 2
    assert "uploading to s3://artifacts/functions/Orders/by-request/" in ran.stderr
    assert FUNCTION not in ran.stderr
