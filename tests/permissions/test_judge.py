"""What IAM says to a role: by the template's policies, as the embedded AWS evaluates them."""

import pytest

from tests.permissions.judge import Asked, answer

USERS = "arn:aws:lambda:region:account:function:x"
TABLE = "arn:aws:dynamodb:region:account:table/DeploymentsTable"


def test_a_role_may_do_what_its_policies_allow_and_nothing_else() -> None:
    assert answer(Asked("RollBack", "lambda:UpdateAlias", USERS), tagged=True) == "allowed"
    assert answer(Asked("OpenDeployment", "lambda:UpdateAlias", USERS), tagged=True) == "denied"
    assert answer(Asked("RollBack", "lambda:DeleteFunction", USERS), tagged=True) == "denied"


def test_a_function_that_has_not_opted_in_shows_its_tags_only() -> None:
    assert answer(Asked("RollBack", "lambda:UpdateAlias", USERS), tagged=False) == "without tag"
    assert answer(Asked("RollBack", "lambda:ListTags", USERS), tagged=False) == "allowed"


@pytest.mark.parametrize(("keys", "said"), [(("lock#x",), "allowed"), (("deployment#x",), "denied")])
def test_a_permission_on_the_table_is_one_for_some_keys(keys: tuple[str, ...], said: str) -> None:
    assert answer(Asked("CompleteDeployment", "dynamodb:DeleteItem", TABLE, keys), tagged=False) == said


def test_an_entry_of_the_audit_has_its_own_attributes_only() -> None:
    def noting(*attributes: str) -> str:
        return answer(Asked("ShiftAlias", "dynamodb:PutItem", TABLE, ("steps#x",), attributes), tagged=False)

    assert noting("evidence", "pk", "sk") == "allowed"
    assert noting("evidence", "listed", "pk", "sk") == "denied"


def test_a_role_writes_no_log_but_that_of_its_function() -> None:
    stream = "arn:aws:logs:region:account:log-group:/aws/lambda/stack-id:log-stream:2026/01/05/stack-{}[$LATEST]0a1b"

    assert answer(Asked("RollBack", "logs:PutLogEvents", stream.format("RollBack")), tagged=False) == "allowed"
    assert answer(Asked("RollBack", "logs:PutLogEvents", stream.format("SmokeTest")), tagged=False) == "denied"
