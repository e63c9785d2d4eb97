"""
A principal who may only invoke functions sends the handlers events of their own, for a function that has opted in.

They know the names of everything: function, alias, versions, executions, deployments, and when an execution began. They
do not know the proof of a deployment, nor the input of an execution, unless a test says so. Nor can they choose what
state an execution is in: by its history each one here is in the state Idle, unless a test says otherwise.
"""

import json
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

import receive_upload
import recover_deployments
from bluegreen.errors import AwsUnavailable, DeploymentError, DeploymentOver, NotTheHolder
from bluegreen.ledger import starts
from tests.handlers.desk import TASKS, Desk, Desks, another_user_publishes, context_of
from tests.machine.asking import ask
from tests.machine.deployer import FUNCTION, GOOD, STACK, TARGET, Deployer
from tests.machine.faults import Call

BY_INPUT = ("OpenDeployment", "RecoverPrevious", "RejectDeployment")
"""They prove the event by the execution's start, then by the state that it is in; the first two by its input, too."""

ENDING = ("CompleteDeployment", "RollBack")
BY_PROOF = tuple(sorted((state for state in TASKS if state not in BY_INPUT), key=lambda state: state in ENDING))
"""They prove the event by the record. Those that end the deployment come last."""

GATES = ("AwaitApproval", "RunHook")
"""The victim has none, so these do nothing for it, once they believe the event."""

LOOKS = {"DescribeExecution", "GetExecutionHistory", "GetItem", "Query"}
"""Of Step Functions and the table; no handler may do more before the event is proved."""

A_LATER_APPROVAL = {
    "steps": [{"weight": 0.1, "bake_seconds": 36_000}, {"weight": 0.5, "bake_seconds": 300, "approve": True}]
}

GUESSED = "a-guessed-proof-of-the-same-length-as-a-true-one"

NO_DEPLOYMENT: tuple[Any, ...] = (None, [], "first", 5, {}, {"deployment": "first"}, {"deployment": {"id": 1}})
NO_REQUEST: tuple[Any, ...] = (None, [], "", {})

AWAY = pytest.mark.parametrize("away", [False, True], ids=["the table answers", "the table is away"])


@pytest.fixture
def victim(desk: Desk) -> Desk:
    """A healthy deployment that runs: green has its first share."""
    desk.to("ShiftAlias").run("ShiftAlias")
    return desk.failed("GreenUnhealthy", "made up")


def table(desk: Desk, away: bool) -> Any:
    """The table does not answer the reads of one item, with which RollBack and RejectDeployment begin."""
    return desk.aws.fails("GetItem", "ServiceUnavailable", times=None) if away else nullcontext()


def everything(desk: Desk) -> Any:
    """Alias, $LATEST, versions, and every item of the table."""
    return desk.deployer.everything(), sorted(json.dumps(item, sort_keys=True) for item in desk.deployer.items(""))


def calls_of(desk: Desk, state: str, event: dict[str, Any]) -> tuple[set[str], Exception | None]:
    """What the handler called, and what it raised."""
    made: set[str] = set()

    def watch(call: Call, attempt: Callable[[], Any]) -> Any:
        made.add(call.operation)
        return attempt()

    with desk.aws.watched(watch):
        try:
            desk.invoke(state, event)
        except Exception as error:
            return made, error
    return made, None


def left_alone(desk: Desk, state: str, event: dict[str, Any], *errors: type[Exception]) -> str:
    """What the refusal says. The handler may have looked at the table and at Step Functions, and did nothing else."""
    before = everything(desk)

    made, error = calls_of(desk, state, event)

    assert isinstance(error, errors or (NotTheHolder, AwsUnavailable)), repr(error)
    assert made <= LOOKS
    assert everything(desk) == before
    assert desk.deployer.notified() == []
    return str(error)


def forged(desk: Desk, state: str, **changes: Any) -> dict[str, Any]:
    """The event that the machine would send, with a guessed proof."""
    event = desk.event(state)
    if state in BY_PROOF:
        event["document"] = event["document"] | {"deployment": event["document"]["deployment"] | {"proof": GUESSED}}
    return event | changes


def with_sections(event: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """The event with other sections of the document; None leaves one out."""
    document = event["document"] | sections
    return event | {"document": {name: section for name, section in document.items() if section is not None}}


def with_deployment(event: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """The event with other facts of the deployment."""
    return with_sections(event, deployment=event["document"]["deployment"] | facts)


def seconds_off(desk: Desk, seconds: float) -> str:
    began = datetime.fromisoformat(desk.started_at).timestamp() + seconds
    return datetime.fromtimestamp(began, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_an_event_with_its_proof_or_its_input_is_believed(victim: Desk, subtests: pytest.Subtests) -> None:
    """Otherwise the refusals of this file prove nothing. DeleteVersions wants a deployment that was completed."""
    assert len(BY_PROOF) == 12
    for state in (each for each in BY_PROOF if each != "DeleteVersions"):
        with subtests.test(state):
            event = victim.event(state)
            with victim.in_state(state, event["document"]):
                made, error = calls_of(victim, state, event)
            assert state in GATES or not made <= LOOKS
            assert not isinstance(error, NotTheHolder)
    for state in BY_INPUT:
        event = victim.event(state)
        with subtests.test(state), victim.in_state(state, event["document"]):
            assert not isinstance(calls_of(victim, state, event)[1], NotTheHolder | AwsUnavailable)


class TestNoExecution:
    def test_at_all_is_refused(self, victim: Desk, subtests: pytest.Subtests) -> None:
        for state in TASKS:
            event = forged(victim, state)
            del event["execution"]
            events: tuple[dict[str, Any], ...] = (event, {}, {"document": {}}, {"Records": []})
            for sent in events:
                with subtests.test(state, sent=list(sent)):
                    left_alone(victim, state, sent, NotTheHolder)

    @pytest.mark.parametrize("arn", ["", "first", "arn:aws:states:us-east-1:123456789012:stateMachine:idle"])
    def test_but_another_text_is_refused(self, victim: Desk, subtests: pytest.Subtests, arn: str) -> None:
        for state in TASKS:
            with subtests.test(state):
                assert "nothing was changed" in left_alone(victim, state, forged(victim, state, execution=arn))

    def test_and_a_document_of_another_shape_is_refused(self, victim: Desk, subtests: pytest.Subtests) -> None:
        for state in BY_PROOF:
            for document in NO_DEPLOYMENT:
                with subtests.test(state, document=document):
                    said = left_alone(victim, state, forged(victim, state, document=document), NotTheHolder)
                    assert said == "The event names no deployment; nothing was changed."


class TestAMadeUpExecution:
    def test_is_refused(self, victim: Desk, subtests: pytest.Subtests) -> None:
        for state in TASKS:
            with subtests.test(state):
                event = forged(victim, state, execution=f"{victim.arn}-made-up")
                assert "nothing was changed" in left_alone(victim, state, event)

    def test_with_a_made_up_deployment_is_refused(self, victim: Desk, subtests: pytest.Subtests) -> None:
        for state in BY_PROOF:
            with subtests.test(state):
                event = with_deployment(forged(victim, state, execution=f"{victim.arn}-made-up"), id="made-up")
                said = left_alone(victim, state, event, NotTheHolder)
                assert said == "There is no deployment made-up; nothing was changed."


class TestAnExecutionThatHasEnded:
    @pytest.fixture
    def ended(self, desks: Desks) -> Desk:
        """It was rolled back before the victim began."""
        ended = desks("ended", GOOD % 7).to("ShiftAlias")
        ended.failed().run("RollBack")
        ended.end()
        ended.deployer.notified()
        return ended

    def test_is_refused_with_its_own_document(self, ended: Desk, victim: Desk, subtests: pytest.Subtests) -> None:
        """Also to a principal who knows its input."""
        for state in TASKS:
            with subtests.test(state):
                said = left_alone(victim, state, forged(ended, state), NotTheHolder)
                assert "nothing was changed" in said

    def test_is_refused_with_the_document_of_the_deployment_that_runs(
        self, ended: Desk, victim: Desk, subtests: pytest.Subtests
    ) -> None:
        for state in BY_PROOF:
            with subtests.test(state):
                said = left_alone(victim, state, forged(victim, state, execution=ended.arn), NotTheHolder)
                assert said == f"The execution {ended.arn} does not hold the lock of first; nothing was changed."

    def test_changes_nothing_also_with_its_true_document(
        self, ended: Desk, victim: Desk, subtests: pytest.Subtests
    ) -> None:
        """As a handler that outlives its execution sends it; only the audit of the ended deployment says so."""
        before = victim.deployer.everything(), victim.record(), victim.steps(), ended.record()
        for state in BY_PROOF:
            with subtests.test(state):
                _, error = calls_of(victim, state, ended.event(state))
                assert isinstance(error, AwsUnavailable if state == "RollBack" else DeploymentOver)
                assert (victim.deployer.everything(), victim.record(), victim.steps(), ended.record()) == before

    @pytest.mark.parametrize("status", ["SUCCEEDED", "ABORTED"])
    def test_is_refused_with_its_input_however_it_ended(
        self, desks: Desks, subtests: pytest.Subtests, status: str
    ) -> None:
        desk = desks().failed("InvalidRequest", "made up")
        (desk.end if status == "SUCCEEDED" else desk.stop)()

        for state in BY_INPUT:
            with subtests.test(state):
                said = left_alone(desk, state, desk.event(state), NotTheHolder)
                why = f"is {status}, so this event is not from it; nothing was changed."
                assert said == f"The execution {desk.arn} {why}"


def rejected(victim: Desk, desks: Desks) -> Desk:
    """A request that was refused beside the victim, and people know of it."""
    refused = desks("refused").failed("DeploymentInProgress", "first deploys")
    refused.run("RejectDeployment")
    victim.deployer.notified()
    return refused


class TestTheExecutionThatHoldsTheLock:
    def test_is_not_believed_with_another_proof(self, victim: Desk, subtests: pytest.Subtests) -> None:
        proof = victim.document["deployment"]["proof"]
        wrong: tuple[Any, ...] = (
            GUESSED,
            "",
            None,
            5,
            True,
            [],
            {},
            proof[:-1],
            f"{proof}x",
            [proof],
            {"proof": proof},
        )
        for state in BY_PROOF:
            for other in wrong:
                with subtests.test(state, proof=other):
                    said = left_alone(victim, state, with_deployment(forged(victim, state), proof=other), NotTheHolder)
                    assert said == f"The event does not prove that it comes from {victim.arn}; nothing was changed."

    @pytest.mark.parametrize("proof", ["日本", "\ud800"], ids=["not ASCII", "half a character"])
    def test_is_not_believed_with_a_proof_of_other_characters(self, victim: Desk, proof: str) -> None:
        left_alone(victim, "CheckHealth", with_deployment(forged(victim, "CheckHealth"), proof=proof), NotTheHolder)

    def test_is_not_believed_without_a_proof(self, victim: Desk, subtests: pytest.Subtests) -> None:
        facts = {name: fact for name, fact in victim.document["deployment"].items() if name != "proof"}
        for state in BY_PROOF:
            with subtests.test(state):
                left_alone(victim, state, with_sections(forged(victim, state), deployment=facts), NotTheHolder)

    def test_is_not_believed_for_another_deployment(
        self, victim: Desk, desks: Desks, subtests: pytest.Subtests
    ) -> None:
        """Neither for one with the proof of its own, nor for a refused request, whose record has no proof."""
        rejected(victim, desks)
        for state in BY_PROOF:
            for proof in (victim.document["deployment"]["proof"], "", None):
                with subtests.test(state, proof=proof):
                    event = with_deployment(victim.event(state), id="refused", proof=proof)
                    assert "does not hold the lock of refused" in left_alone(victim, state, event, NotTheHolder)

    def test_is_not_believed_for_its_own_request_once_that_was_refused(
        self, victim: Desk, desks: Desks, subtests: pytest.Subtests
    ) -> None:
        """No proof was drawn, so none is right."""
        refused = rejected(victim, desks)
        for state in BY_PROOF:
            for proof in ("", None, "None"):
                with subtests.test(state, proof=proof):
                    event = with_deployment(victim.event(state), id="refused", proof=proof)
                    said = left_alone(victim, state, event | {"execution": refused.arn}, NotTheHolder)
                    assert "does not prove that it comes from" in said

    def test_is_not_believed_with_another_target_or_blue(self, victim: Desk, subtests: pytest.Subtests) -> None:
        target = TARGET.model_dump()
        for state in BY_PROOF:
            for facts in (
                {"target": target | {"alias": "LIVE"}},
                {"target": target | {"function": "Other"}},
                {"target": target | {"role": "arn:aws:iam::123456789012:role/other"}},
                {"blue": "2"},
                {"brings": "nothing"},
            ):
                with subtests.test(state, facts=list(facts)):
                    left_alone(victim, state, with_deployment(forged(victim, state), **facts), NotTheHolder)

    def test_is_not_believed_with_another_green(self, victim: Desk, subtests: pytest.Subtests) -> None:
        for state in BY_PROOF:
            for green in (None, {"version": "1"}, {"version": "9"}, {"version": "$LATEST"}):
                with subtests.test(state, green=green):
                    left_alone(victim, state, with_sections(forged(victim, state), green=green), NotTheHolder)

    def test_is_not_believed_with_another_bake(self, victim: Desk, subtests: pytest.Subtests) -> None:
        bake = victim.document["bake"]
        others: tuple[Any, ...] = (
            None,
            {},
            bake | {"shifts": []},
            bake | {"shifts": [{"at": 0, "weight": 1}]},
            bake | {"look": bake["look"] | {"next": "complete", "next_weight": 0.5}},
        )
        for state in BY_PROOF:
            for other in others:
                with subtests.test(state, bake=other):
                    left_alone(victim, state, with_sections(forged(victim, state), bake=other), NotTheHolder)

    def test_is_not_believed_with_another_input(self, victim: Desk, subtests: pytest.Subtests) -> None:
        for state in BY_INPUT[:2]:
            for asked in (
                {"alias": "LIVE"},
                {"function": "Other"},
                {"artifact": {"version": "1"}},
                {"traffic": "AllAtOnce"},
                {"started_by": "another"},
                {"function": None},
            ):
                with subtests.test(state, asked=asked):
                    said = left_alone(victim, state, with_sections(victim.event(state), **asked), NotTheHolder)
                    why = "has another input than this event; nothing was changed."
                    assert said == f"The execution {victim.arn} {why}"

    def test_is_not_believed_without_its_input(self, victim: Desk, subtests: pytest.Subtests) -> None:
        for state in BY_INPUT[:2]:
            for document in NO_REQUEST:
                with subtests.test(state, document=document):
                    left_alone(victim, state, victim.event(state) | {"document": document}, NotTheHolder)

    def test_is_not_believed_with_another_start(self, victim: Desk, subtests: pytest.Subtests) -> None:
        for state in BY_INPUT:
            for started in (
                "9999-12-31T23:59:59.999Z",
                "10000-01-01T00:00:00Z",
                "2000-01-01T00:00:00Z",
                "2026-01-05",
                "soon",
                "",
                *(seconds_off(victim, seconds) for seconds in (-90, -2, -0.01, 0.01, 2, 90)),
            ):
                with subtests.test(state, started=started):
                    said = left_alone(victim, state, victim.event(state) | {"started": started}, NotTheHolder)
                    assert said == f"The execution {victim.arn} did not begin at {started}; nothing was changed."

    @pytest.mark.parametrize("seconds", [-0.5, -0.004, 0.004, 0.5])
    def test_keeps_its_name_if_a_principal_who_knows_its_input_is_quicker_than_the_machine(
        self, desk: Desk, seconds: float
    ) -> None:
        """A record whose start is a little off would be taken for an older deployment's."""
        with suppress(NotTheHolder):
            desk.invoke("OpenDeployment", desk.event("OpenDeployment") | {"started": seconds_off(desk, seconds)})

        desk.run("OpenDeployment")

        assert (desk.state(), desk.record()["started_at"]) == ("open", desk.started_at)


class TestAHealthyDeploymentThatRuns:
    @AWAY
    def test_is_not_rolled_back_without_its_proof(self, victim: Desk, away: bool) -> None:
        with table(victim, away):
            assert "nothing was changed" in left_alone(victim, "RollBack", forged(victim, "RollBack"))

    @AWAY
    def test_is_not_sent_to_a_version_that_the_principal_chooses(self, victim: Desk, away: bool) -> None:
        """The event calls that version blue, and what serves green, as if a shift had put it there."""
        victim.run("ShiftAlias")
        chosen = another_user_publishes(GOOD % 8)
        assert victim.deployer.alias() == ("2", {})

        with table(victim, away):
            left_alone(victim, "RollBack", with_deployment(forged(victim, "RollBack"), blue=chosen))

    @AWAY
    def test_does_not_cost_the_function_another_alias(self, desk: Desk, away: bool) -> None:
        lambda_ = boto3.client("lambda")
        chosen = another_user_publishes(GOOD % 8)
        lambda_.create_alias(FunctionName=FUNCTION, Name="LIVE", FunctionVersion="1")
        desk.run("OpenDeployment")
        desk.failed()
        live = with_deployment(forged(desk, "RollBack"), target=TARGET.model_dump() | {"alias": "LIVE"}, blue=chosen)
        bake = live["document"]["bake"]
        event = with_sections(live, green={"version": "1"}, bake=bake | {"look": bake["look"] | {"next_weight": 1}})

        with table(desk, away):
            left_alone(desk, "RollBack", event)

        assert lambda_.get_alias(FunctionName=FUNCTION, Name="LIVE")["FunctionVersion"] == "1"

    @AWAY
    def test_is_not_refused_once_it_has_changed_something(self, victim: Desk, away: bool) -> None:
        with table(victim, away):
            said = left_alone(victim, "RejectDeployment", victim.event("RejectDeployment"), AwsUnavailable)

        assert "is not seen in the state RejectDeployment" in said

    def test_goes_no_further_while_the_table_is_away(self, victim: Desk, subtests: pytest.Subtests) -> None:
        """Also with the true proof, which cannot be checked then."""
        with (
            victim.aws.fails("Query", "ServiceUnavailable", times=None),
            victim.aws.fails("GetItem", "ServiceUnavailable", times=None),
        ):
            for state in BY_PROOF:
                if state != "RollBack":
                    with subtests.test(state):
                        left_alone(victim, state, victim.event(state), AwsUnavailable)

    def test_is_not_recovered_because_an_event_says_that_it_has_ended(
        self, victim: Desk, desks: Desks, subtests: pytest.Subtests
    ) -> None:
        """Nor because the event names another execution, which has ended, beside the name of this one."""
        other = desks("other", GOOD % 3)
        other.stop()
        before = everything(victim)
        for arn in (victim.arn, other.arn, f"{victim.arn}-made-up"):
            for status in ("ABORTED", "FAILED", "TIMED_OUT", "SUCCEEDED"):
                with subtests.test(status, arn=arn):
                    event = {"id": "e", "detail": {"executionArn": arn, "name": victim.name, "status": status}}
                    with suppress(DeploymentError):
                        recover_deployments.handler(event, context_of("RecoverDeploymentsFunction"))
                    assert everything(victim) == before


class TestAPrincipalWhoKnowsTheInput:
    @pytest.mark.parametrize("state", BY_INPUT)
    def test_gets_neither_the_proof_nor_a_rejection_of_a_deployment_that_is_open(
        self, victim: Desk, state: str
    ) -> None:
        said = left_alone(victim, state, victim.event(state), AwsUnavailable)

        assert said == f"The execution {victim.arn} is not seen in the state {state}; nothing was changed."

    def test_cannot_have_it_rejected_before_it_opens(self, desk: Desk) -> None:
        desk.failed("InvalidRequest", "made up")

        said = left_alone(desk, "RejectDeployment", desk.event("RejectDeployment"), AwsUnavailable)

        assert "is not seen in the state RejectDeployment" in said

    def test_cannot_have_it_rejected_for_a_reason_of_their_own(self, desk: Desk) -> None:
        true = desk.failed("DeploymentInProgress", "another deploys").event("RejectDeployment")
        made_up = desk.failed("InvalidRequest", "made up").event("RejectDeployment")

        with desk.in_state("RejectDeployment", true["document"]):
            said = left_alone(desk, "RejectDeployment", made_up, NotTheHolder)

        assert said == f"The execution {desk.arn} has another document than this event; nothing was changed."


class TestAPrincipalWhoReadsTheHistory:
    """They have the proof: it stands in every document between the states."""

    def test_does_not_roll_a_healthy_deployment_back(self, victim: Desk) -> None:
        said = left_alone(victim, "RollBack", victim.event("RollBack"), AwsUnavailable)

        assert said == f"The execution {victim.arn} is not seen in the state RollBack; nothing was changed."

    def test_does_not_say_why_a_deployment_is_rolled_back(self, victim: Desk) -> None:
        true = victim.event("RollBack")["document"]
        forged = victim.failed("Aborted", "Aborted by somebody else.").event("RollBack")

        with victim.in_state("RollBack", true):
            victim.invoke("RollBack", forged)

        assert (victim.state(), victim.record()["error"]) == ("RolledBack", "GreenUnhealthy")
        assert victim.record()["cause"].startswith("made up.")

    @pytest.mark.parametrize("code", ["ServiceUnavailable", "AccessDeniedException"])
    def test_and_a_step_functions_that_does_not_answer_keep_no_user_on_green(self, victim: Desk, code: str) -> None:
        with victim.aws.fails("GetExecutionHistory", code, times=None):
            victim.invoke("RollBack", victim.event("RollBack"))

        assert (victim.state(), victim.deployer.alias()) == ("RolledBack", ("1", {}))

    def test_does_not_begin_the_time_of_an_approval_before_its_step(self, desks: Desks) -> None:
        desk = desks(traffic=A_LATER_APPROVAL).to("ShiftAlias")
        desk.run("ShiftAlias")
        early = desk.event("CheckHealth")
        bake = early["document"]["bake"]
        shifts = [bake["shifts"][0] | {"at": bake["shifts"][0]["at"] - 86_400}]
        bake = bake | {"shifts": shifts, "look": bake["look"] | {"due_at": 0.0}}

        _, error = calls_of(desk, "CheckHealth", with_sections(early, bake=bake))

        assert str(error) == f"The execution {desk.arn} is not seen in the state CheckHealth; nothing was changed."
        assert (desk.deployer.items("approval#"), desk.deployer.notified()) == ([], [])

    def test_does_not_take_the_decision_in_the_place_of_the_state_that_waits(self, desks: Desks) -> None:
        desk = desks(approval={"required": True}).to("ShiftAlias")
        desk.run("AwaitApproval")
        desk.deployer.notified()
        event = desk.event("AwaitApproval")

        with desk.in_state("AwaitApproval", event["document"], event["token"]):
            said = left_alone(desk, "AwaitApproval", event | {"token": "made-up"}, NotTheHolder)

        assert said == f"The execution {desk.arn} waits for another task token; nothing was changed."


class TestATableThatIsAway:
    """RollBack has only the document then, and what Step Functions says of the execution."""

    @pytest.mark.parametrize("function", [FUNCTION, "Other"])
    def test_is_no_leave_to_roll_back_for_another_execution(self, victim: Desk, desks: Desks, function: str) -> None:
        """Also while the victim itself is being rolled back."""
        victim.aws.create_function("Other", GOOD % 1)
        other = desks("other", GOOD % 3, function=function)
        event = victim.event("RollBack") | {"execution": other.arn}

        with table(victim, away=True), victim.in_state("RollBack", event["document"]):
            said = left_alone(victim, "RollBack", event, AwsUnavailable)

        assert said == f"The execution {other.arn} is not seen in the state RollBack; nothing was changed."

    def test_is_no_leave_for_an_execution_that_is_rolled_back_itself(self, victim: Desk, desks: Desks) -> None:
        victim.aws.create_function("Other", GOOD % 1)
        other = desks("other", GOOD % 3, function="Other")
        other.run("OpenDeployment")
        other.failed()

        with table(victim, away=True), other.in_state("RollBack", other.document):
            said = left_alone(victim, "RollBack", victim.event("RollBack") | {"execution": other.arn}, NotTheHolder)

        assert said == f"The execution {other.arn} has another document than this event; nothing was changed."

    def test_is_no_leave_to_send_users_elsewhere_while_they_are_sent_to_blue(
        self, victim: Desk, subtests: pytest.Subtests
    ) -> None:
        event = victim.event("RollBack")
        chosen = another_user_publishes(GOOD % 8)
        target = TARGET.model_dump()
        with table(victim, away=True), victim.in_state("RollBack", event["document"]):
            for facts in ({"blue": chosen}, {"target": target | {"function": "Other"}}, {"proof": GUESSED}):
                with subtests.test(facts=list(facts)):
                    said = left_alone(victim, "RollBack", with_deployment(event, **facts), NotTheHolder)
                    assert "has another document than this event" in said

    def test_is_no_leave_for_an_execution_that_was_started_with_a_document_of_that_state(
        self, victim: Desk, desks: Desks
    ) -> None:
        """By a principal who may start deployments; the event says that the state is the one that it is in."""
        document = forged(victim, "RollBack")["document"]
        other = desks.asked_for(document, "other")

        with table(victim, away=True):
            said = left_alone(
                victim, "RollBack", other.event("Idle") | {"document": document, "retries": 0}, AwsUnavailable
            )

        assert said == f"The execution {other.arn} is not seen in the state RollBack; nothing was changed."

    @pytest.mark.parametrize("made_up", [False, True], ids=["ended", "made up"])
    def test_is_no_leave_to_roll_back_for_an_execution_that_does_not_run(
        self, victim: Desk, desks: Desks, made_up: bool
    ) -> None:
        other = desks("other", GOOD % 3)
        other.stop()
        arn = f"{other.arn}-made-up" if made_up else other.arn

        with table(victim, away=True):
            assert "nothing was changed" in left_alone(victim, "RollBack", forged(victim, "RollBack", execution=arn))


ALICE = "arn:aws:iam::123456789012:user/alice"
NOT_THE_STACK: tuple[Any, ...] = (None, "", "guessed", {}, STACK[:-1], f"{STACK}0", STACK.upper(), "\ud800")


def executions(deployer: Deployer) -> list[str]:
    machine = deployer.aws.machine_arn()
    found = boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return [execution["name"] for execution in found]


class TestATrigger:
    """Whom it names as the author counts as proved. The principal knows everything but the stack's id."""

    @pytest.fixture
    def uploaded(self, deployer: Deployer) -> dict[str, Any]:
        """S3's event about an object that is there, with another account as the one that uploaded it."""
        artifact = deployer.upload(GOOD % 2, f"functions/{FUNCTION}/new.zip")
        thing = {"key": artifact["key"], "version-id": artifact["version_id"], "sequencer": "01"}
        detail = {"bucket": {"name": artifact["bucket"]}, "object": thing, "requester": "210987654321"}
        return {"id": "1", "source": "aws.s3", "detail-type": "Object Created", "detail": detail}

    @pytest.mark.parametrize("stack", NOT_THE_STACK, ids=ascii)
    def test_starts_no_upload_that_the_rule_has_not_told_of(
        self, deployer: Deployer, uploaded: dict[str, Any], stack: Any
    ) -> None:
        before = deployer.everything(), deployer.items("")

        with pytest.raises(NotTheHolder, match="does not come from the rule of this stack; nothing was started"):
            receive_upload.handler({"stack": stack, "event": uploaded}, context_of("ReceiveUploadFunction"))

        assert executions(deployer) == []
        assert (deployer.everything(), deployer.items("")) == before

    def test_does_not_take_the_event_of_s3_alone(self, deployer: Deployer, uploaded: dict[str, Any]) -> None:
        for sent in (
            uploaded,
            uploaded | {"event": None},
            uploaded | {"detail": uploaded["detail"] | {"stack": STACK}},
        ):
            with pytest.raises(NotTheHolder):
                receive_upload.handler(sent, context_of("ReceiveUploadFunction"))

        assert executions(deployer) == []

    @pytest.mark.parametrize("stack", NOT_THE_STACK, ids=ascii)
    def test_answers_the_api_only(self, victim: Desk, stack: Any) -> None:
        before = everything(victim)
        request = json.dumps({"function": FUNCTION, "artifact": {"version": "1"}})

        answers = [
            ask("POST", "/deployments", request, caller=ALICE, stack=stack),
            ask("GET", "/deployments/first", caller=ALICE, stack=stack),
            ask("GET", "/deployments", query=f"function={FUNCTION}", caller=ALICE, stack=stack),
        ]

        assert answers == [(403, {"message": "Call the API of the stack; nothing was started"})] * 3
        assert everything(victim) == before
        assert executions(victim.deployer) == []

    def test_leaves_an_author_that_a_caller_writes_a_claim(self, deployer: Deployer) -> None:
        """A principal who may start executions writes the whole input, and may use any name."""
        claims = (f"API by {ALICE}", "upload by account 123456789012", f"API by {ALICE}, as the request says")
        for number, claim in enumerate(claims):
            run = deployer.run({"function": FUNCTION, "artifact": "version 1", "started_by": claim}, f"run-{number}")

            record = deployer.record(run)
            assert record["started_by"] == f"{claim}, as the request says"
            assert "started_by_proved" not in record

    def test_proves_no_author_of_another_request_under_the_same_name(self, deployer: Deployer) -> None:
        """The principal takes the name of an upload before ReceiveUpload does, with a request of their own."""
        request = {"function": FUNCTION, "artifact": {"version": "1"}, "started_by": "upload by account 123456789012"}
        starts.note("F-1", "upload by account 123456789012", request | {"only_newer": True})

        record = deployer.record(deployer.run(request, "F-1"))

        assert record["started_by"] == "upload by account 123456789012, as the request says"
        assert "started_by_proved" not in record

    def test_takes_its_own_start_for_proved(self, deployer: Deployer) -> None:
        """Otherwise the refusals of this class prove nothing."""
        request = {"function": FUNCTION, "artifact": {"version": "1"}}
        _, answer = ask("POST", "/deployments", json.dumps(request), caller=ALICE)

        record = deployer.record(deployer.aws.finish(answer["execution"]))

        assert (record["started_by"], record["started_by_proved"]) == (f"API by {ALICE}", True)
