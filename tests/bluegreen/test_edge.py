"""The edge of a state's handler: event to ring, handler, section to answer; what is noted of it, and what is not."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from bluegreen.document import Done
from bluegreen.edge import NOTED_WITHIN_ATTEMPTS, logger, metrics, step
from bluegreen.errors import (
    AwsUnavailable,
    DeploymentError,
    GreenUnhealthy,
    NotTheHolder,
    SmokeTestFailed,
    StillInProgress,
)
from bluegreen.ledger import audit
from bluegreen.ledger.owner import Owner, of_deployment
from bluegreen.model import Section
from bluegreen.releasing import document as releasing
from bluegreen.rings import Call
from tests.handlers.desk import context_of
from tests.machine.deployer import Deployer

pytestmark = pytest.mark.usefixtures("deployer")

CONTEXT: LambdaContext = context_of("SmokeTestFunction")


@dataclass(frozen=True)
class Given:
    """A ring that believes every event but one."""

    call: Call
    audited_as: Owner | None

    @classmethod
    def read(cls, call: Call) -> Self:
        if call.document == "forged":
            raise NotTheHolder("The event proves nothing.")
        return cls(call, of_deployment(call.name) if call.document != "another's name" else None)


def event(document: Any = None, retries: int = 0) -> dict[str, Any]:
    return {
        "document": document,
        "execution": "arn:aws:states:us-east-1:123456789012:execution:deploy:first",
        "started": "2026-01-05T09:00:00.000Z",
        "state": "SmokeTest",
        "retries": retries,
    }


def noted() -> list[tuple[str, dict[str, Any]]]:
    return [(each.state, each.evidence) for each in audit.steps(of_deployment("first"))[0]]


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of the log, as CloudWatch gets them."""
    return [logger.registered_handler.format(line) for line in caplog.records]


@step
def works(given: Given) -> Done:
    """A handler that does what it should."""
    return Done(evidence={"retries": given.call.retries})


def fails(error: Exception) -> Callable[..., Any]:
    @step
    def failing(given: Given) -> Done:
        raise error

    return failing


class TestAStep:
    def test_a_handler_s_answer_is_its_section_without_the_evidence(self) -> None:
        assert works(event(), CONTEXT) == {}

    def test_the_audit_has_the_state_with_its_evidence(self) -> None:
        works(event(retries=2), CONTEXT)

        assert noted() == [("SmokeTest", {"retries": 2})]

    def test_a_step_of_no_deployment_is_noted_nowhere(self, deployer: Deployer) -> None:
        works(event("another's name"), CONTEXT)

        assert deployer.items("steps#") == []

    def test_a_handler_keeps_its_name_and_says_what_it_gets(self) -> None:
        assert works.__name__ == "works"
        assert works.__doc__ == "A handler that does what it should."


class TestErrors:
    @pytest.mark.parametrize("error", [SmokeTestFailed("case a failed", {"case": "a"}), GreenUnhealthy("it is")])
    def test_an_error_that_ends_the_deployment_is_raised_and_noted(self, error: DeploymentError) -> None:
        with pytest.raises(type(error)) as raised:
            fails(error)(event(), CONTEXT)

        assert raised.value is error
        assert noted() == [("SmokeTest", error.evidence | {"error": type(error).__name__, "cause": str(error)})]

    @pytest.mark.parametrize("error", [AwsUnavailable("busy"), StillInProgress("wait")])
    def test_an_error_that_is_worth_a_retry_is_not_noted(self, error: DeploymentError) -> None:
        with pytest.raises(type(error)):
            fails(error)(event(), CONTEXT)

        assert noted() == []

    def test_an_event_that_proves_nothing_leaves_no_trace_but_a_line_in_the_log(
        self, deployer: Deployer, caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(NotTheHolder):
            works(event("forged"), CONTEXT)

        assert deployer.items("") == []
        (line,) = map(json.loads, logged(caplog))
        assert (line["level"], line["message"]) == ("ERROR", "not from the execution that holds the lock")
        assert (line["deployment"], line["state"]) == ("first", "SmokeTest")
        assert line["correlation_id"].endswith(":first")

    def test_a_fault_of_ours_is_raised_as_it_is(self) -> None:
        with pytest.raises(ZeroDivisionError):
            fails(ZeroDivisionError())(event(), CONTEXT)

        assert noted() == []

    def test_an_error_is_counted_under_its_name(self, monkeypatch: pytest.MonkeyPatch, deployer: Deployer) -> None:
        counted: list[str] = []
        monkeypatch.setattr(metrics, "add_metric", lambda name, **_: counted.append(name))

        with pytest.raises(SmokeTestFailed):
            fails(SmokeTestFailed("case a failed"))(event(), CONTEXT)

        assert counted == ["SmokeTestFailed"]

    def test_the_log_has_neither_the_document_nor_the_evidence(self, caplog: pytest.LogCaptureFixture) -> None:
        with pytest.raises(SmokeTestFailed):
            fails(SmokeTestFailed("case a failed", {"reply": "secret"}))(event({"payload": "secret"}), CONTEXT)

        (line,) = logged(caplog)
        assert json.loads(line)["cause"] == "case a failed"
        assert "secret" not in line


class TestATableThatDoesNotAnswer:
    @pytest.mark.parametrize("retries", range(NOTED_WITHIN_ATTEMPTS + 2))
    def test_a_step_that_cannot_be_noted_is_tried_again_three_times_and_then_goes_on(
        self, deployer: Deployer, retries: int
    ) -> None:
        with deployer.aws.fails("PutItem", "ServiceUnavailable", times=None):
            if retries < NOTED_WITHIN_ATTEMPTS:
                with pytest.raises(AwsUnavailable):
                    works(event(retries=retries), CONTEXT)
            else:
                assert works(event(retries=retries), CONTEXT) == {}

    @pytest.mark.parametrize(
        "end",
        [
            releasing.Ended(next="rolled_back"),
            releasing.Ended(next="rejected"),
            releasing.Go(next="released"),
            releasing.Go(next="tidy"),
        ],
    )
    def test_the_last_step_of_a_release_is_not_tried_again_for_its_note(self, deployer: Deployer, end: Section) -> None:
        @step
        def ends(given: Given) -> Section:
            return end

        with deployer.aws.fails("PutItem", "ServiceUnavailable", times=None):
            assert ends(event(), CONTEXT) == end.model_dump(mode="json")

    def test_a_step_that_may_not_be_noted_goes_on(self, deployer: Deployer) -> None:
        with deployer.aws.fails("PutItem", "AccessDeniedException", times=None):
            assert works(event(), CONTEXT) == {}

    @pytest.mark.parametrize("code", ["ServiceUnavailable", "AccessDeniedException"])
    def test_a_table_that_does_not_answer_does_not_hide_why_the_deployment_stops(
        self, deployer: Deployer, code: str
    ) -> None:
        with deployer.aws.fails("PutItem", code, times=None), pytest.raises(SmokeTestFailed):
            fails(SmokeTestFailed("case a failed"))(event(), CONTEXT)
