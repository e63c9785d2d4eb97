"""What fails a session of tests: a role that was denied a call, and a call that the table does not know of."""

import pytest

from tests.permissions import gathering, policies, table
from tests.permissions.gathering import from_json, of_embedded_aws, problems, to_json
from tests.permissions.judge import Asked
from tests.permissions.seen import END_TO_END, WALKS, Seen
from tests.template.stack import MACHINES

USERS = "arn:aws:lambda:region:account:function:x"
ALLOWED = Seen(WALKS, Asked("RollBack", "lambda:UpdateAlias", USERS), "allowed")


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call is in the committed table, and one that only a rare path makes, with its reason."""
    row = {"role": "RollBack", "action": "lambda:UpdateAlias", "seen": [WALKS]}
    rare = {"role": "RollBack", "action": "lambda:ListTags", "seen": [], "exception": "rarely asked"}
    monkeypatch.setattr(table, "known", lambda: [row, rare, {"role": "RollBack", "action": "a:b", "seen": []}])


@pytest.mark.parametrize("action", ["lambda:UpdateAlias", "lambda:ListTags"])
def test_calls_that_are_in_the_table_are_right(action: str) -> None:
    assert list(problems({Seen(WALKS, Asked("RollBack", action, USERS), "allowed")})) == []


def test_a_denied_call_is_named_with_the_test_that_met_it() -> None:
    of_table = "arn:aws:dynamodb:region:account:table/DeploymentsTable"
    asked = Asked("RollBack", "dynamodb:DeleteItem", of_table, ("deployment#x",))

    (problem,) = problems({ALLOWED, Seen(WALKS, asked, "denied", "tests/a.py::test_b")})

    assert problem.startswith(
        "RollBack: dynamodb:DeleteItem on DeploymentsTable, keys deployment#x was denied (tests/a.py::test_b)"
    )


def test_a_function_without_the_tag_is_denied_on_purpose() -> None:
    assert list(problems({Seen(WALKS, ALLOWED.asked, "without tag", "tests/a.py::test_b")})) == []


@pytest.mark.parametrize("action", ["a:b", "lambda:GetAlias"])
def test_a_call_that_is_not_in_the_table_is_named_with_what_writes_it(action: str) -> None:
    (problem,) = problems({Seen(WALKS, Asked("RollBack", action, USERS), "allowed")})

    assert problem.startswith(f"RollBack: {action} on function:x is not in docs/permissions.json; `make permissions`")


def test_a_process_tells_another_what_it_saw() -> None:
    asked = Asked("RollBack", "dynamodb:GetItem", "*", ("lock#x",), ("pk",))

    assert from_json(to_json(Seen(WALKS, asked, "denied", "there"))) == Seen(WALKS, asked, "denied", "there")


class TestAnEmbeddedAws:
    HERE = "000000000000"

    def seen(self, action: str, resource: str, allowed: bool, *keys: str) -> list[Seen]:
        told = {
            "role": "bluegreen-RollBackFunctionRole-0A1B2C",
            "session": "bluegreen-RollBack",
            "action": action,
            "resource": resource.replace("arn:aws:lambda:", f"arn:aws:lambda:eu-central-1:{self.HERE}:"),
            "keys": keys,
            "attributes": [],
            "allowed": allowed,
        }
        return list(of_embedded_aws([told, told | {"role": "somebody-else"}]))

    def test_names_resources_as_the_template_does(self) -> None:
        (seen,) = self.seen("lambda:UpdateAlias", "arn:aws:lambda:function:bonus-7", True)

        assert seen == Seen(END_TO_END, ALLOWED.asked, "allowed")

    @pytest.mark.parametrize("allowed", [True, False])
    def test_is_not_asked_about_roles_of_targets(self, allowed: bool) -> None:
        assert self.seen("sts:AssumeRole", "arn:aws:iam::222222222222:role/target", allowed) == []

    def test_denies_what_has_not_opted_in(self) -> None:
        (seen,) = self.seen("lambda:UpdateAlias", "arn:aws:lambda:function:bonus-7", False)

        assert (seen.answer, seen.where) == ("without tag", "bluegreen-RollBack")

    def test_knows_the_key_of_the_topic(self) -> None:
        (seen,) = self.seen("kms:Decrypt", f"arn:aws:kms:eu-central-1:{self.HERE}:key/4e0f-1", True)

        assert (seen.asked.resource, seen.answer) == ("arn:aws:kms:region:account:key/NotificationsKey", "allowed")

    def test_that_denies_more_than_the_template_is_a_problem(self) -> None:
        (seen,) = self.seen("s3:GetObject", "arn:aws:s3:::bluegreen-artifactbucket-0a1b/functions/Shop/1.zip", False)

        assert seen.asked.resource == "arn:aws:s3:::ArtifactBucket/functions/x"
        assert [each.partition(" (")[0] for each in problems([seen])] == [
            "RollBack: s3:GetObject on ArtifactBucket/functions/x was denied"
        ]

    def test_that_allows_more_than_the_template_is_a_problem(self) -> None:
        (seen,) = self.seen("lambda:DeleteFunction", "arn:aws:lambda:function:bluegreen-RollBack", True)

        assert seen.asked.resource == "arn:aws:lambda:region:account:function:stack-RollBack"
        (problem,) = problems([seen])
        assert "was allowed by the embedded AWS" in problem

    def test_knows_every_function_and_the_machines_by_their_names(self) -> None:
        names = [MACHINES.get(role, role) for role in policies.roles()]

        assert {"OpenRelease", "deploy", "release", "functions"} <= set(names)
        assert [gathering.own(f"bluegreen-{name}") for name in names] == [f"stack-{name}" for name in names]
        assert gathering.own("bluegreen-doctor-1") == gathering.own("bonus-1") == ""
