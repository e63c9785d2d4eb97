"""The alarms that users name."""

import pytest

from bluegreen.aws import alarms
from bluegreen.aws.client import client
from bluegreen.errors import AwsUnavailable
from tests.bluegreen.aws.answers import answered, asked
from tests.bluegreen.examples import SHOP
from tests.machine.deployer import Deployer, alarm

pytestmark = pytest.mark.usefixtures("deployer")


def test_the_alarms_that_exist_have_their_states() -> None:
    alarm("sales", "ALARM")
    alarm("stock", "OK")
    alarm("staff", "INSUFFICIENT_DATA")

    found = alarms.states(SHOP, ("sales", "stock", "staff", "missing"))

    assert found == {"sales": alarms.RED, "stock": alarms.GREEN, "staff": alarms.UNKNOWN}


def test_an_alarm_that_the_request_does_not_name_is_not_asked_for() -> None:
    alarm("sales", "ALARM")
    alarm("others", "ALARM")

    with asked(client("cloudwatch", SHOP), "DescribeAlarms") as calls:
        assert alarms.states(SHOP, ("sales",)) == {"sales": "ALARM"}

    assert [call["AlarmNames"] for call in calls] == [["sales"]]


def test_a_composite_alarm_is_an_alarm() -> None:
    answer = {
        "MetricAlarms": [{"AlarmName": "sales", "StateValue": "OK"}],
        "CompositeAlarms": [{"AlarmName": "all", "StateValue": "ALARM"}],
    }

    with answered(client("cloudwatch", SHOP), "DescribeAlarms", lambda: answer) as calls:
        assert alarms.states(SHOP, ("sales", "all")) == {"sales": "OK", "all": "ALARM"}

    assert [call["AlarmTypes"] for call in calls] == [["MetricAlarm", "CompositeAlarm"]]


def test_cloudwatch_is_not_asked_about_no_alarm() -> None:
    with answered(client("cloudwatch", SHOP), "DescribeAlarms", dict) as calls:
        assert alarms.states(SHOP, ()) == {}

    assert calls == []


def test_as_many_alarms_as_a_request_may_name_come_on_one_page() -> None:
    with asked(client("cloudwatch", SHOP), "DescribeAlarms") as calls:
        alarms.states(SHOP, tuple(f"alarm{number}" for number in range(100)))

    assert [call["MaxRecords"] for call in calls] == [100]


def test_more_alarms_than_a_call_takes_are_asked_for_by_more_calls() -> None:
    names = [f"alarm{number}" for number in range(201)]
    alarm("alarm0", "ALARM")
    alarm("alarm200", "OK")

    with asked(client("cloudwatch", SHOP), "DescribeAlarms") as calls:
        found = alarms.states(SHOP, names)

    assert [len(call["AlarmNames"]) for call in calls] == [100, 100, 1]
    assert [name for call in calls for name in call["AlarmNames"]] == names
    assert found == {"alarm0": alarms.RED, "alarm200": alarms.GREEN}


def test_a_cloudwatch_that_does_not_answer_is_worth_a_retry(deployer: Deployer) -> None:
    with deployer.aws.fails("DescribeAlarms", "ServiceUnavailable", times=None), pytest.raises(AwsUnavailable):
        alarms.states(SHOP, ("sales",))
