"""The deployer's own failures reach people."""

import json
from typing import Any

import pytest

from bluegreen.document import ROLLBACK_FAILED
from bluegreen.errors import Aborted
from sandbox import machine_log
from sandbox.layer.filter_patterns import compiled
from tests.template.stack import ROOT, machine, stack, with_own_key

ALARMS = stack().of_type("AWS::CloudWatch::Alarm")


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_tells_people_and_is_quiet_when_nothing_happens(alarm: str) -> None:
    assert ALARMS[alarm]["AlarmActions"] == [{"Ref": "NotificationsTopic"}]
    assert ALARMS[alarm]["TreatMissingData"] == "notBreaching"
    assert ALARMS[alarm]["AlarmDescription"]


def test_alarms_may_use_the_topic_and_its_key() -> None:
    topic = stack().properties("NotificationsTopicPolicy")["PolicyDocument"]["Statement"]
    key = stack().properties("NotificationsKey")["KeyPolicy"]["Statement"]
    cloudwatch = {"Service": "cloudwatch.amazonaws.com"}

    assert with_own_key("NotificationsTopic", "KmsMasterKeyId")[1] == {"Fn::GetAtt": ["NotificationsKey", "Arn"]}
    assert [each["Action"] for each in topic if each["Principal"] == cloudwatch] == ["sns:Publish"]
    (using,) = [each["Action"] for each in key if each["Principal"] == cloudwatch]
    assert using == ["kms:GenerateDataKey*", "kms:Decrypt"]


FILTERS = stack().of_type("AWS::Logs::MetricFilter")


def filters_of(alarm: str) -> dict[str, tuple[Any, Any]]:
    """The log groups and patterns that count the alarm's metric, by name."""
    metric = {name: ALARMS[alarm][name] for name in ("Namespace", "MetricName")}
    found = {}
    for name, each in FILTERS.items():
        (counts,) = each["MetricTransformations"]
        if metric == {"Namespace": counts["MetricNamespace"], "MetricName": counts["MetricName"]}:
            assert (counts["MetricValue"], counts["DefaultValue"]) == ("1", 0)
            found[name] = each["LogGroupName"], each["FilterPattern"]
    return found


def test_a_failed_rollback_is_told_apart_from_a_rollback_by_the_state_that_the_machine_enters() -> None:
    for name in ("deploy", "release"):
        assert machine(name)["States"]["RollbackFailed"]["Type"] == "Fail"
    assert filters_of("RollbackFailedAlarm")["RollbackFailures"] == (
        {"Ref": "DeployStateMachineLogs"},
        '{ $.type = "FailStateEntered" && $.details.name = "RollbackFailed" }',
    )


def test_a_rollback_that_needs_help_and_a_failed_recovery_raise_the_same_alarm() -> None:
    group, pattern = filters_of("RollbackFailedAlarm")["RollbacksThatNeedHelp"]

    assert group == {"Ref": "FunctionLogs"}
    assert pattern == f'{{ $.alarm = "{ROLLBACK_FAILED}" }}'
    for handler in ("roll_back", "roll_back_release", "recover_deployments"):
        assert '"alarm": ROLLBACK_FAILED' in (ROOT / "handlers" / f"{handler}.py").read_text()


@pytest.mark.parametrize(
    ("execution", "kind", "error", "counts"),
    [
        ("deploy:shop", "Aborted", None, True),
        ("deploy:shop", "TimedOut", None, True),
        ("deploy:shop", "Failed", "GreenUnhealthy", False),
        ("release:monday", "Aborted", None, True),
        ("release:monday", "Aborted", "by hand", True),
        ("release:monday", "Aborted", Aborted.__name__, False),
        ("release:monday", "TimedOut", None, True),
        ("functions:monday-stage", "Aborted", None, False),
        ("functions/EachFunction:4711", "Aborted", None, False),
    ],
)
def test_an_execution_that_was_stopped_or_timed_out_raises_an_alarm_unless_a_person_aborted_the_release(
    execution: str, kind: str, error: str | None, counts: bool
) -> None:
    """The functions' executions end with that of their release, which is counted itself."""
    ((group, pattern),) = filters_of("DeploymentCutShortAlarm").values()
    event = {"id": 9, "type": f"Execution{kind}", f"execution{kind}EventDetails": {"error": error} if error else {}}
    line = machine_log.line(event, f"arn:aws:states:eu-west-1:1:execution:bluegreen-{execution}", with_data=False)
    fits = compiled(pattern["Fn::Sub"].replace("${AWS::StackName}", "bluegreen"))

    assert group == {"Ref": "DeployStateMachineLogs"}
    assert fits(json.dumps(line)) is counts


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_hangs_on_one_metric_and_on_no_other_that_may_never_have_had_a_point(alarm: str) -> None:
    assert "Metrics" not in ALARMS[alarm]
    assert ALARMS[alarm]["MetricName"]


@pytest.mark.parametrize(
    "alarm", [name for name, alarm in ALARMS.items() if alarm["Namespace"] in ("BlueGreen", "AWS/Lambda")]
)
def test_one_bad_minute_of_the_last_five_raises_an_alarm(alarm: str) -> None:
    assert (ALARMS[alarm]["DatapointsToAlarm"], ALARMS[alarm]["EvaluationPeriods"]) == (1, 5)


def test_functions_that_fail_on_purpose_raise_no_alarm() -> None:
    of_lambda = [alarm for alarm in ALARMS.values() if alarm["Namespace"] == "AWS/Lambda"]
    watched = {alarm["Dimensions"][0]["Value"]["Ref"] for alarm in of_lambda}

    assert watched == {
        "CompleteDeploymentFunction",
        "CompleteReleaseFunction",
        "RejectDeploymentFunction",
        "ReceiveUploadFunction",
        "ServeApiFunction",
        "RecoverDeploymentsFunction",
    }
