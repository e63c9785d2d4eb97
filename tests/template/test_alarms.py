"""The deployer's own failures reach people."""

import pytest

from tests.template.stack import machine, stack

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


def test_a_failed_rollback_is_told_apart_from_a_rollback() -> None:
    (filter_,) = stack().of_type("AWS::Logs::MetricFilter").values()
    (metric,) = filter_["MetricTransformations"]
    alarm = ALARMS["RollbackFailedAlarm"]

    assert machine()["States"]["RollbackFailed"]["Error"] == "RollbackFailed"
    assert filter_["FilterPattern"] == '{ $.type = "ExecutionFailed" && $.details.error = "RollbackFailed" }'
    assert filter_["LogGroupName"] == {"Ref": "DeployStateMachineLogs"}
    assert (alarm["Namespace"], alarm["MetricName"]) == (metric["MetricNamespace"], metric["MetricName"])


def test_functions_that_fail_on_purpose_raise_no_alarm() -> None:
    queries = ALARMS["FunctionErrorsAlarm"]["Metrics"]
    watched = {
        dimension["Value"]["Ref"]
        for query in queries
        for dimension in query.get("MetricStat", {}).get("Metric", {}).get("Dimensions", [])
    }

    assert watched == {
        "CompleteDeploymentFunction",
        "RejectDeploymentFunction",
        "ReceiveUploadFunction",
        "ServeApiFunction",
    }
