"""Why a deployment stops: the names that the state machine knows."""

import inspect
import json
import re

import pytest

from bluegreen import errors
from bluegreen.document import Failure
from bluegreen.errors import DeploymentError

ALL = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, DeploymentError) and kind is not DeploymentError
}


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"^( {6,})([A-Z]\w+) +\w", errors.__doc__ or "", re.MULTILINE)

    assert [name for _, name in drawn] == [name for name in vars(errors) if name in ALL]
    above: dict[int, str] = {4: "DeploymentError"}
    for indent, name in drawn:
        above[len(indent)] = name
        assert ALL[name].__mro__[1].__name__ == above[len(indent) - 2], name


@pytest.mark.parametrize("kind", ALL.values())
def test_an_error_says_when_it_is_raised(kind: type[DeploymentError]) -> None:
    assert kind.__doc__ != DeploymentError.__doc__


def test_the_text_is_for_people_and_the_evidence_for_the_record() -> None:
    error = errors.SmokeTestFailed("case a failed", {"case": "a"})

    assert str(error) == "case a failed"
    assert error.evidence == {"case": "a"}
    assert errors.SmokeTestFailed("case a failed").evidence == {}


def failure(error: str, cause: str) -> Failure:
    return Failure.model_validate({"Error": error, "Cause": cause})


def test_a_text_stays_short_enough_for_a_fail_state() -> None:
    assert len(str(errors.SmokeTestFailed("x" * 100_000))) < 2_100


class TestAFailureThatACatchKept:
    def test_a_failure_speaks_in_the_words_of_the_error_that_was_raised(self) -> None:
        cause = json.dumps({"errorMessage": "green failed 9 of 10", "errorType": "GreenUnhealthy", "stackTrace": []})

        assert failure("GreenUnhealthy", cause).sentence == "green failed 9 of 10"

    @pytest.mark.parametrize("cause", ["plain words", "[1, 2]", '"a string"', "{}", "{cut sho"])
    def test_a_failure_that_no_handler_raised_is_quoted_as_it_is(self, cause: str) -> None:
        assert failure("States.Timeout", cause).sentence == cause

    def test_a_failure_without_a_cause_is_called_by_its_name(self) -> None:
        assert Failure.model_validate({"Error": "States.Timeout"}).sentence == "States.Timeout, and no cause was given"
