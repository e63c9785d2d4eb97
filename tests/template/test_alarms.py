"""The deployer's own failures reach people."""

from typing import Any

import pytest

from tests.template.stack import ROOT, machine, stack

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

    assert stack().properties("NotificationsTopic")["KmsMasterKeyId"] == {"Fn::GetAtt": ["NotificationsKey", "Arn"]}
    assert [each["Action"] for each in topic if each["Principal"] == cloudwatch] == ["sns:Publish"]
    (using,) = [each["Action"] for each in key if each["Principal"] == cloudwatch]
    assert using == ["kms:GenerateDataKey*", "kms:Decrypt"]


def metrics_of(alarm: str) -> list[dict[str, Any]]:
    return [query["MetricStat"]["Metric"] for query in ALARMS[alarm]["Metrics"] if "MetricStat" in query]


def test_a_failed_rollback_is_told_apart_from_a_rollback_by_the_state_that_the_machine_enters() -> None:
    (filter_,) = stack().of_type("AWS::Logs::MetricFilter").values()
    (metric,) = filter_["MetricTransformations"]
    of_executions, _ = metrics_of("RollbackFailedAlarm")

    assert machine()["States"]["RollbackFailed"]["Type"] == "Fail"
    assert filter_["FilterPattern"] == '{ $.type = "FailStateEntered" && $.details.name = "RollbackFailed" }'
    assert filter_["LogGroupName"] == {"Ref": "DeployStateMachineLogs"}
    assert of_executions == {"Namespace": metric["MetricNamespace"], "MetricName": metric["MetricName"]}


def test_a_failed_recovery_raises_the_same_alarm() -> None:
    _, of_recoveries = metrics_of("RollbackFailedAlarm")
    variables = stack().functions["RecoverDeploymentsFunction"]["Environment"]["Variables"]

    assert of_recoveries["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"]
    assert of_recoveries["Dimensions"] == [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]
    assert f'name="{of_recoveries["MetricName"]}"' in (ROOT / "handlers" / "recover_deployments.py").read_text()


@pytest.mark.parametrize("alarm", [name for name, alarm in ALARMS.items() if "Metrics" in alarm])
def test_a_metric_that_is_silent_or_late_hides_no_other(alarm: str) -> None:
    (sum_,) = [query["Expression"] for query in ALARMS[alarm]["Metrics"] if "Expression" in query]
    added = [query["Id"] for query in ALARMS[alarm]["Metrics"] if "MetricStat" in query]

    assert sum_ == " + ".join(f"FILL({id_}, 0)" for id_ in added)
    assert (ALARMS[alarm]["DatapointsToAlarm"], ALARMS[alarm]["EvaluationPeriods"]) == (1, 5)


def test_functions_that_fail_on_purpose_raise_no_alarm() -> None:
    watched = {metric["Dimensions"][0]["Value"]["Ref"] for metric in metrics_of("FunctionErrorsAlarm")}

    assert watched == {
        "CompleteDeploymentFunction",
        "RejectDeploymentFunction",
        "ReceiveUploadFunction",
        "ServeApiFunction",
        "RecoverDeploymentsFunction",
    }
