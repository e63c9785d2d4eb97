"""What each state is given, and how an event is proved to come from the execution that it names."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from pydantic import ValidationError

from bluegreen import clock
from bluegreen.document import DEPLOYED, REJECTED, ROLLED_BACK, Bake, Green
from bluegreen.errors import AwsUnavailable, DeploymentOver, InvalidRequest, NotTheHolder
from bluegreen.ledger import deployments
from bluegreen.ledger.owner import of_deployment
from bluegreen.rings import Asked, Baking, Call, Completing, Failed, Opened, Refused, Ring, Shifting
from tests.bluegreen.examples import IMAGE, record
from tests.handlers.desk import Desk, Desks
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, TARGET, Deployer, place

LATER_RINGS: list[type[Ring]] = [Opened, Failed]
"""The two ways to read the ring of a state that acts on a deployment; tests/handlers forges events for every state."""

GREEN = {"version": "2"}

R = TypeVar("R", bound=Ring)


def call_of(desk: Desk, state: str = "ShiftAlias", **document: Any) -> Call:
    """The state's event, with parts of its document replaced."""
    event = desk.event(state)
    return Call.model_validate(event | {"document": event["document"] | document})


def in_its_state(desk: Desk, ring: type[R], call: Call) -> R:
    """The ring, while the execution's history says that it is in this state with this document."""
    with desk.in_state(call.state, call.document):
        return ring.read(call)


def milliseconds_off(desk: Desk, call: Call) -> Call:
    started = clock.iso(clock.moment(desk.started_at) + 0.003)
    assert started != desk.started_at
    return call.model_copy(update={"started": started})


@pytest.fixture
def opened(desk: Desk) -> Desk:
    """A deployment that has the lock, and whose document says everything that a later state reads."""
    desk.run("OpenDeployment")
    deployments.learn_green(desk.name, "2")
    desk.document = desk.failed().document | {"green": GREEN}
    return desk


class TestTheCall:
    def test_the_execution_s_name_is_the_deployment_s_id(self, desk: Desk) -> None:
        assert call_of(desk).name == desk.name == "first"

    @pytest.mark.parametrize("lacks", ["document", "execution", "started", "state", "retries"])
    def test_an_event_without_what_step_functions_adds_is_none(self, desk: Desk, lacks: str) -> None:
        event = {name: value for name, value in desk.event("ShiftAlias").items() if name != lacks}

        with pytest.raises(ValidationError, match=lacks):
            Call.model_validate(event)

    def test_an_event_with_more_is_none(self, desk: Desk) -> None:
        with pytest.raises(ValidationError, match=r"\bas\b"):
            Call.model_validate(desk.event("ShiftAlias") | {"as": "root"})


class TestAsked:
    def test_the_request_of_a_running_execution_is_read(self, desk: Desk) -> None:
        asked = Asked.read(call_of(desk, "OpenDeployment"))

        assert (asked.id, asked.target, asked.request.function) == ("first", TARGET, FUNCTION)
        assert (asked.record, asked.plan, asked.audited_as) == (None, None, of_deployment("first"))
        assert asked.started_at == desk.started_at

    def test_the_alias_is_the_stack_s_unless_the_request_names_one(self, desks: Desks) -> None:
        desk = desks(alias="LIVE")

        assert Asked.read(call_of(desk, "OpenDeployment")).target.alias == "LIVE"
        assert TARGET.alias == ALIAS

    def test_a_request_that_is_opened_already_has_its_record_and_plan(self, opened: Desk) -> None:
        asked = in_its_state(opened, Asked, call_of(opened, "OpenDeployment"))

        assert asked.record is not None
        assert asked.plan == opened.plan
        assert not asked.name_was_taken

    @pytest.mark.parametrize("state", ["OpenDeployment", "RecoverPrevious"])
    def test_a_request_that_is_opened_already_is_read_only_while_its_execution_is_in_the_state(
        self, opened: Desk, state: str
    ) -> None:
        """The plan's deployment has a proof, which is not for everyone who knows the request."""
        with pytest.raises(AwsUnavailable, match=f"is not seen in the state {state}; nothing was changed"):
            Asked.read(call_of(opened, state))

    def test_an_event_that_is_some_milliseconds_off_is_of_the_same_deployment(self, opened: Desk) -> None:
        asked = in_its_state(opened, Asked, milliseconds_off(opened, call_of(opened, "OpenDeployment")))

        assert (asked.started_at, asked.name_was_taken) == (opened.started_at, False)

    def test_an_event_that_no_execution_sent_is_refused(self, desk: Desk) -> None:
        with pytest.raises(NotTheHolder, match="another input"):
            Asked.read(call_of(desk, "OpenDeployment", traffic="AllAtOnce"))

    def test_an_event_of_an_execution_that_has_ended_is_refused(self, desk: Desk) -> None:
        desk.stop()

        with pytest.raises(NotTheHolder, match="is ABORTED"):
            Asked.read(call_of(desk, "OpenDeployment"))

    def test_a_request_with_wrong_fields_is_refused_by_field(self, desks: Desks) -> None:
        desk = desks(traffic="Sideways")

        with pytest.raises(InvalidRequest, match="traffic: 'Sideways' is not a strategy"):
            Asked.read(call_of(desk, "OpenDeployment"))

    def test_a_name_that_an_older_deployment_had_is_noticed_and_not_audited_there(self, desk: Desk) -> None:
        deployments.open_deployment(record(target=TARGET, started_at="2025-01-01T09:00:00.000Z"))

        asked = Asked.read(call_of(desk, "OpenDeployment"))

        assert asked.name_was_taken
        assert asked.audited_as is None


def rejection(desk: Desk, failure: Any = None) -> Call:
    """The event of RejectDeployment."""
    event = desk.event("OpenDeployment") | {"state": "RejectDeployment"}
    failure = failure or {"Error": "InvalidRequest", "Cause": "x"}
    return Call.model_validate(event | {"document": failure})


def refused(desk: Desk, failure: Any = None) -> Refused:
    """What RejectDeployment is given."""
    return in_its_state(desk, Refused, rejection(desk, failure))


class TestRefused:
    def test_a_refused_request_is_read_with_its_failure(self, desks: Desks) -> None:
        ring = refused(desks(started_by="alice"))

        assert (ring.failure.error, ring.failure.sentence) == ("InvalidRequest", "x")
        assert (ring.target, ring.started_by, ring.artifact) == (TARGET, "alice", f"s3://{BUCKET}/{place('new.zip')}")
        assert (ring.record, ring.audited_as, ring.name_was_taken) == (None, of_deployment("first"), False)
        assert ring.started_at == ring.call.started

    @pytest.mark.parametrize(
        ("function", "shown"),
        [
            ("Shop", "Shop"),
            ("Größe\n\x00\ud83d\x1b[31m", "Größe ���[31m"),
            ("x" * 500, "x" * 128 + " …"),
            ({"a": 1}, "unknown"),
            (7, "7"),
            (None, "unknown"),
            ("", "unknown"),
        ],
    )
    def test_a_function_of_any_shape_is_shown_as_short_plain_text(
        self, desks: Desks, function: Any, shown: str
    ) -> None:
        assert refused(desks(function=function)).function == shown

    @pytest.mark.parametrize(
        ("artifact", "shown"),
        [
            ("s3://artifacts/new.zip", "s3://artifacts/new.zip"),
            ({"bucket": "artifacts", "key": "new.zip", "token": "secret"}, "s3://artifacts/new.zip"),
            ({"bucket": "artifacts"}, "s3://artifacts"),
            ({"image_uri": IMAGE}, IMAGE),
            ({"version": "3"}, "3"),
            ({"token": "secret"}, "unknown"),
            ("ü" * 10, "ü" * 10),
            ({"bucket": {"token": "secret"}, "key": 5}, "unknown"),
            (["a"], "unknown"),
            ("s3://b/\ud83d", "s3://b/�"),
            ("x" * 5000, "x" * 2000 + " …"),
        ],
    )
    def test_an_artifact_of_any_shape_is_shown_as_where_it_lies_and_no_more(
        self, desks: Desks, artifact: Any, shown: str
    ) -> None:
        assert refused(desks(artifact=artifact)).artifact == shown

    def test_a_request_that_was_opened_has_its_record(self, opened: Desk) -> None:
        ring = refused(opened)

        assert ring.record is not None
        assert (ring.record.id, ring.name_was_taken) == ("first", False)

    def test_an_event_that_is_some_milliseconds_off_is_of_the_same_deployment(self, opened: Desk) -> None:
        ring = in_its_state(opened, Refused, milliseconds_off(opened, rejection(opened)))

        assert (ring.started_at, ring.name_was_taken) == (opened.started_at, False)

    def test_a_name_that_an_older_deployment_had_is_noticed_and_not_audited_there(self, desk: Desk) -> None:
        deployments.open_deployment(record(target=TARGET, started_at="2025-01-01T09:00:00.000Z"))

        ring = refused(desk)

        assert (ring.name_was_taken, ring.audited_as) == (True, None)

    def test_a_rejection_that_no_execution_asked_for_is_refused(self, desk: Desk) -> None:
        desk.stop()

        with pytest.raises(NotTheHolder, match="is ABORTED"):
            refused(desk)

    def test_a_rejection_of_an_execution_that_is_in_another_state_is_refused(self, desk: Desk) -> None:
        """Who knows its input could have it rejected while it deploys."""
        with pytest.raises(AwsUnavailable, match="is not seen in the state RejectDeployment; nothing was changed"):
            Refused.read(rejection(desk))

    def test_a_rejection_for_another_reason_is_refused(self, desk: Desk) -> None:
        with (
            desk.in_state("RejectDeployment", rejection(desk).document),
            pytest.raises(NotTheHolder, match="has another document than this event; nothing was changed"),
        ):
            Refused.read(rejection(desk, {"Error": "InvalidRequest", "Cause": "y"}))

    @pytest.mark.parametrize("asked", [None, [], "text", 7])
    def test_an_input_that_is_no_object_is_read_with_its_failure(self, desks: Desks, asked: Any) -> None:
        ring = refused(desks.asked_for(asked))

        assert (ring.failure.error, ring.function, ring.artifact) == ("InvalidRequest", "unknown", "unknown")


@pytest.mark.parametrize("ring", LATER_RINGS, ids=lambda ring: ring.__name__)
class TestTheProof:
    def test_an_event_with_the_proof_from_the_execution_that_holds_the_lock_is_believed(
        self, opened: Desk, ring: type[Ring]
    ) -> None:
        call = call_of(opened, "RollBack" if ring is Failed else "ShiftAlias")

        assert in_its_state(opened, ring, call).audited_as == of_deployment("first")

    @pytest.mark.parametrize("document", [None, "text", {}, {"deployment": {"id": 5}}])
    def test_an_event_that_names_no_deployment_is_refused(self, opened: Desk, ring: type[Ring], document: Any) -> None:
        with pytest.raises(NotTheHolder, match="names no deployment"):
            ring.read(Call.model_validate(opened.event("ShiftAlias") | {"document": document}))

    def test_an_event_about_a_deployment_without_a_record_is_refused(self, opened: Desk, ring: type[Ring]) -> None:
        with pytest.raises(NotTheHolder, match="There is no deployment other; nothing was changed"):
            ring.read(call_of(opened, deployment=opened.document["deployment"] | {"id": "other"}))

    @pytest.mark.parametrize("proof", ["", "a guess", None, {}, "日本", "\ud800"], ids=ascii)
    def test_an_event_without_the_proof_is_refused(self, opened: Desk, ring: type[Ring], proof: Any) -> None:
        with pytest.raises(NotTheHolder, match="does not prove that it comes from"):
            ring.read(call_of(opened, deployment=opened.document["deployment"] | {"proof": proof}))

    def test_an_event_that_names_another_execution_is_refused(self, opened: Desk, ring: type[Ring]) -> None:
        event = opened.event("ShiftAlias") | {"execution": f"{opened.arn}-2"}

        with pytest.raises(NotTheHolder, match="does not hold the lock of first"):
            ring.read(Call.model_validate(event))

    def test_a_record_without_a_proof_is_proved_by_none(self, desk: Desk, ring: type[Ring]) -> None:
        deployments.open_deployment(record(target=TARGET, execution=desk.arn, proof=""))
        desk.document = {"deployment": {"id": "first", "proof": ""}}

        with pytest.raises(NotTheHolder, match="does not prove"):
            ring.read(call_of(desk))


def undo(desk: Desk) -> None:
    deployments.begin_undoing(desk.name, "E", "why")


def roll_back(desk: Desk) -> None:
    known = deployments.find(desk.name)
    assert known is not None
    deployments.close(known, ROLLED_BACK)


def complete(desk: Desk) -> None:
    known = deployments.find(desk.name)
    assert known is not None
    deployments.complete(known, latest_outcome="unchanged")


class TestOpened:
    def test_a_state_gets_the_plan_of_the_ledger_and_not_one_of_the_document(self, opened: Desk) -> None:
        forged = {"artifact": {"version": "1"}}

        ring = Opened.read(call_of(opened, plan=forged))

        assert ring.plan == opened.plan
        assert ring.target == TARGET

    @pytest.mark.parametrize("green", [None, GREEN])
    def test_green_is_known_once_it_is_published(self, opened: Desk, green: Any) -> None:
        assert Opened.read(call_of(opened, green=green)).green == (Green(version="2") if green else None)

    @pytest.mark.parametrize("ring", [Opened, Baking])
    @pytest.mark.parametrize(
        ("ended", "as_"),
        [(undo, "undoing"), (roll_back, ROLLED_BACK), (complete, DEPLOYED)],
        ids=["undoing", "rolled back", "deployed"],
    )
    def test_a_deployment_that_is_not_open_is_over(
        self, opened: Desk, ring: type[Opened], ended: Callable[[Desk], None], as_: str
    ) -> None:
        ended(opened)

        with pytest.raises(DeploymentOver, match=f"Deployment first is {as_}; nothing was changed"):
            ring.read(call_of(opened))

    def test_a_deployment_without_a_plan_is_refused(self, desk: Desk) -> None:
        deployments.open_deployment(record(target=TARGET, execution=desk.arn, proof="p"))
        desk.document = {"deployment": {"id": "first", "proof": "p"}}

        with pytest.raises(NotTheHolder, match="has no plan"):
            Opened.read(call_of(desk))

    def test_a_table_that_does_not_answer_is_asked_again(self, deployer: Deployer, opened: Desk) -> None:
        with deployer.aws.fails("Query", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
            Opened.read(call_of(opened))


class TestBaking:
    def test_a_state_of_the_bake_has_green_and_how_the_bake_stands(self, opened: Desk) -> None:
        ring = Baking.read(call_of(opened))

        assert ring.green == Green(version="2")
        assert ring.bake == Bake.model_validate(opened.document["bake"])

    @pytest.mark.parametrize("section", [{"green": {}}, {"green": None}, {"bake": {}}, {"bake": None}])
    def test_a_document_of_the_wrong_shape_cannot_be_read(self, opened: Desk, section: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Baking.read(call_of(opened, **section))

    def test_a_document_of_a_newer_stack_version_may_have_more(self, opened: Desk) -> None:
        ring = Baking.read(call_of(opened, green=GREEN | {"colour": "green"}, tomorrow={}))

        assert ring.green == Green(version="2")

    def test_complete_deployment_may_be_repeated_after_it_closed_the_record(self, opened: Desk) -> None:
        complete(opened)

        call = call_of(opened)
        with opened.in_state("CompleteDeployment", call.document):
            assert Completing.read(call).record.state == DEPLOYED

    @pytest.mark.parametrize("ended", [undo, roll_back])
    def test_complete_deployment_is_over_after_any_other_end(self, opened: Desk, ended: Callable[[Desk], None]) -> None:
        ended(opened)

        with pytest.raises(DeploymentOver):
            Completing.read(call_of(opened))

    @pytest.mark.parametrize(("ring", "state"), [(Shifting, "ShiftAlias"), (Completing, "CompleteDeployment")])
    def test_a_document_out_of_the_history_is_refused_in_any_other_state_and_with_other_weights(
        self, opened: Desk, ring: type[Opened], state: str
    ) -> None:
        """A principal that may read histories has the proof."""
        call = call_of(opened)

        with opened.in_state("SmokeTestGreen", call.document), pytest.raises(AwsUnavailable):
            ring.read(call)
        with opened.in_state(state, call.document | {"tomorrow": {}}), pytest.raises(NotTheHolder):
            ring.read(call)
        with opened.in_state(state, call.document):
            assert ring.read(call).record.id == "first"


class TestFailed:
    @pytest.mark.parametrize("ended", [undo, roll_back, complete])
    def test_a_rollback_is_given_the_record_in_every_state(self, opened: Desk, ended: Callable[[Desk], None]) -> None:
        ended(opened)

        ring = in_its_state(opened, Failed, call_of(opened, "RollBack"))

        assert ring.record == deployments.find("first")
        assert (ring.failure.error, ring.failure.sentence) == ("GreenUnhealthy", "green failed 9 of 10")

    def test_a_rollback_may_come_before_there_is_a_green(self, opened: Desk) -> None:
        assert in_its_state(opened, Failed, call_of(opened, "RollBack", green=None)).green is None

    def test_a_table_that_does_not_answer_leaves_the_facts_of_the_document(
        self, deployer: Deployer, opened: Desk
    ) -> None:
        with deployer.aws.fails("GetItem", "ServiceUnavailable", times=None):
            ring = in_its_state(opened, Failed, call_of(opened, "RollBack"))

        assert ring.record is None
        assert (ring.deployment.target, ring.deployment.blue) == (TARGET, "1")
        assert (ring.green, ring.bake.look.next_weight) == (Green(version="2"), 0.1)
        assert ring.audited_as == of_deployment("first")

    def test_a_table_that_does_not_answer_is_no_leave_for_an_execution_that_does_not_run(
        self, deployer: Deployer, opened: Desk
    ) -> None:
        opened.stop()

        with (
            deployer.aws.fails("GetItem", "ServiceUnavailable", times=None),
            pytest.raises(NotTheHolder, match="is ABORTED"),
        ):
            in_its_state(opened, Failed, call_of(opened, "RollBack"))

    def test_a_table_that_does_not_answer_is_no_leave_for_an_execution_that_is_in_another_state(
        self, deployer: Deployer, opened: Desk
    ) -> None:
        with (
            deployer.aws.fails("GetItem", "ServiceUnavailable", times=None),
            pytest.raises(AwsUnavailable, match="is not seen in the state RollBack; nothing was changed"),
        ):
            Failed.read(call_of(opened, "RollBack"))

    def test_a_table_that_does_not_answer_is_no_leave_to_name_another_state(
        self, deployer: Deployer, desks: Desks, opened: Desk
    ) -> None:
        """A principal that may start an execution may give its first state any document."""
        desk = desks.asked_for(opened.document, "made-up")
        call = Call.model_validate(desk.event("RollBack") | {"state": "Idle", "document": opened.document})

        with (
            deployer.aws.fails("GetItem", "ServiceUnavailable", times=None),
            pytest.raises(AwsUnavailable, match="is not seen in the state RollBack"),
        ):
            Failed.read(call)

    def test_a_table_that_does_not_answer_is_no_leave_to_touch_another_function(
        self, deployer: Deployer, opened: Desk
    ) -> None:
        forged = opened.document["deployment"] | {"target": TARGET.model_dump() | {"function": "Other"}}

        with (
            deployer.aws.fails("GetItem", "ServiceUnavailable", times=None),
            opened.in_state("RollBack", opened.document),
            pytest.raises(NotTheHolder, match="has another document than this event; nothing was changed"),
        ):
            Failed.read(call_of(opened, "RollBack", deployment=forged))

    def test_a_document_of_the_wrong_shape_cannot_be_read_and_is_not_quoted(self, opened: Desk) -> None:
        """The error is in the log and in the execution's history."""
        document = opened.document["deployment"] | {"blue": "4711-secret"}

        with pytest.raises(ValidationError, match=r"deployment\.blue") as refusal:
            in_its_state(opened, Failed, call_of(opened, "RollBack", deployment=document))

        assert "4711-secret" not in str(refusal.value)
        assert opened.document["deployment"]["proof"] not in str(refusal.value)

    def test_a_table_that_answers_that_there_is_no_record_is_believed(self, opened: Desk) -> None:
        with pytest.raises(NotTheHolder, match="There is no deployment"):
            Failed.read(call_of(opened, "RollBack", deployment=opened.document["deployment"] | {"id": "never"}))

    def test_a_refused_request_cannot_be_rolled_back_by_its_name(self, opened: Desk) -> None:
        deployments.keep_refused(record("refused", target=TARGET, state=REJECTED, proof="", execution=opened.arn))

        with pytest.raises(NotTheHolder, match="does not prove"):
            Failed.read(call_of(opened, "RollBack", deployment=opened.document["deployment"] | {"id": "refused"}))
