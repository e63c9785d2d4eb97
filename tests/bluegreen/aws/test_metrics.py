"""Reading CloudWatch: all of it, on our own grid, or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from bluegreen.aws import metrics
from bluegreen.aws.client import client
from bluegreen.aws.metrics import MOST_QUERIES, MOST_SECONDS, Query, of_version
from bluegreen.aws.sharing import SPREAD, Asked
from bluegreen.errors import AwsRefused, AwsUnavailable
from tests.bluegreen.aws.answers import answered, asked
from tests.bluegreen.examples import SHOP, target
from tests.machine.deployer import Deployer
from tests.machine.faults import Call

QUERY = of_version(SHOP, "2", "Errors")


def page(status: str, *points: tuple[int, float], more: bool = False) -> dict[str, Any]:
    result = {
        "Id": "q0",
        "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": status,
    }
    return {"MetricDataResults": [result]} | ({"NextToken": "more"} if more else {})


@pytest.fixture
def cloudwatch(deployer: Deployer) -> Iterator[list[dict[str, Any]]]:
    """What CloudWatch answers, one page after another."""
    pages: list[dict[str, Any]] = []
    with answered(client("cloudwatch", SHOP), "GetMetricData", lambda: pages.pop(0)):
        yield pages


def read(since: int = 600, until: int = 900, period: int = 60) -> dict[Query, dict[int, float]]:
    return metrics.read(SHOP, [QUERY], since, until, period)


def test_a_version_behind_an_alias_is_asked_for_by_all_three_dimensions() -> None:
    assert (
        Query(
            "AWS/Lambda",
            "Errors",
            (("FunctionName", "Shop"), ("Resource", "Shop:PROD"), ("ExecutedVersion", "2")),
            "Sum",
        )
        == QUERY
    )


def test_a_series_is_by_the_start_of_its_periods(cloudwatch: list[dict[str, Any]]) -> None:
    cloudwatch.append(page("Complete", (600, 1.0), (660, 2.0)))

    assert read() == {QUERY: {600: 1.0, 660: 2.0}}


def test_a_point_beside_the_grid_is_in_its_period(cloudwatch: list[dict[str, Any]]) -> None:
    cloudwatch.append(page("Complete", (631, 1.0)))

    assert read() == {QUERY: {600: 1.0}}


def test_a_series_that_comes_in_pages_is_one(cloudwatch: list[dict[str, Any]]) -> None:
    cloudwatch += [page("PartialData", (600, 1.0), more=True), page("Complete", (660, 2.0))]

    assert read() == {QUERY: {600: 1.0, 660: 2.0}}


@pytest.mark.parametrize("status", ["PartialData", "InternalError", "Forbidden"])
def test_a_series_that_is_not_complete_is_not_judged(cloudwatch: list[dict[str, Any]], status: str) -> None:
    cloudwatch.append(page(status, (600, 1.0)))

    with pytest.raises(AwsUnavailable, match=f"Errors is {status}"):
        read()


def test_cloudwatch_is_not_asked_before_a_bucket_is_settled(cloudwatch: list[dict[str, Any]]) -> None:
    assert read(600, 600) == {QUERY: {}}
    assert read(660, 600) == {QUERY: {}}


def test_metrics_are_read_where_the_target_is(deployer: Deployer) -> None:
    elsewhere = SHOP.model_copy(update={"region": "eu-west-1"})

    with (
        answered(client("cloudwatch", elsewhere), "GetMetricData", lambda: page("Complete")) as there,
        asked(client("cloudwatch", SHOP), "GetMetricData") as here,
    ):
        metrics.read(elsewhere, [QUERY], 600, 900, 60)

    assert (len(there), len(here)) == (1, 0)


@pytest.mark.parametrize("figure", [-1.0, float("nan"), float("inf"), float("-inf"), 2.0**360])
def test_a_figure_that_counts_nothing_is_refused(cloudwatch: list[dict[str, Any]], figure: float) -> None:
    cloudwatch += [page("Complete", (600, 1.0), (660, figure))]

    with pytest.raises(AwsRefused, match=r"CloudWatch has .* as the Sum of Errors, which cannot be right"):
        read()


@pytest.mark.parametrize("field", ["Id", "Timestamps", "Values", "StatusCode"])
@pytest.mark.parametrize("wrong", [{}, {"value": None}, {"value": [None]}, {"value": ["x", "y"]}], ids=repr)
def test_an_answer_that_cannot_be_read_is_refused(
    cloudwatch: list[dict[str, Any]], field: str, wrong: dict[str, Any]
) -> None:
    answer = page("Complete", (600, 1.0))
    (result,) = answer["MetricDataResults"]
    del result[field]
    result |= {field: wrong["value"]} if wrong else {}
    cloudwatch += [answer]

    with pytest.raises((AwsRefused, AwsUnavailable)):
        read()


MINUTE = 60
SAMPLES = ("Invocations", "Errors", "Throttles", "Duration")


def wanted(function: str, *, since: int = 600, until: int = 900, queries: int = 4, **where: str) -> Asked[Query]:
    """Metrics of version 2 of a function, `queries` of them."""
    of = target(function).model_copy(update=where)
    names = [SAMPLES[number] if number < len(SAMPLES) else f"Metric{number}" for number in range(queries)]
    return Asked(of, tuple(of_version(of, "2", name) for name in names), since, until, MINUTE)


def series(name: str) -> dict[int, float]:
    """What CloudWatch has of every metric: one more each minute, and no two functions have the same."""
    return {at: float(sum(name.encode()) + at) for at in range(0, 6000, MINUTE)}


@contextmanager
def figures(alter: Callable[[str, str, dict[str, Any]], None] = lambda *_: None) -> Iterator[list[dict[str, Any]]]:
    """A CloudWatch that has `series`. `alter` may change what it answers for a metric of a function."""

    def results() -> dict[str, Any]:
        asked_for, found = calls[-1], []
        for query in asked_for["MetricDataQueries"]:
            metric = query["MetricStat"]["Metric"]
            function = metric["Dimensions"][0]["Value"]
            since, until = (asked_for[name].timestamp() for name in ("StartTime", "EndTime"))
            points = [(at, value) for at, value in series(function).items() if since <= at < until]
            [result] = page("Complete", *points)["MetricDataResults"]
            alter(function, metric["MetricName"], result)
            found.append(result | {"Id": query["Id"]} if "Id" in result else result)
        return {"MetricDataResults": found}

    with answered(client("cloudwatch", SHOP), "GetMetricData", results) as calls:
        yield calls


def queries_of(call: dict[str, Any]) -> list[tuple[str, str]]:
    metrics_asked = [query["MetricStat"]["Metric"] for query in call["MetricDataQueries"]]
    return [(metric["Dimensions"][0]["Value"], metric["MetricName"]) for metric in metrics_asked]


@pytest.mark.usefixtures("deployer")
class TestManyTargets:
    def test_share_calls_of_500_queries_and_each_is_asked_about_by_one_call(self) -> None:
        asking = [wanted(f"F{number}", queries=7) for number in range(200)]

        with figures() as calls:
            found = metrics.read_all(asking)

        assert [len(call["MetricDataQueries"]) for call in calls] == [497, 497, 406]
        whose = [{function for function, _ in queries_of(call)} for call in calls]
        assert sum(len(functions) for functions in whose) == 200
        for each, answer in zip(asking, found, strict=True):
            of_minutes = {at: value for at, value in series(each.target.function).items() if 600 <= at < 900}
            assert answer == dict.fromkeys(each.queries, of_minutes)

    def test_are_asked_nothing_twice(self) -> None:
        first = wanted("Shop")
        with figures() as calls:
            found = metrics.read_all([first, first._replace(target=target(alias="TEST"))] * 2)

        assert [len(call["MetricDataQueries"]) for call in calls] == [4]
        assert found == [found[0]] * 4

    def test_that_want_nearly_the_same_time_share_a_call_and_each_gets_its_own(self) -> None:
        asking = [wanted(f"F{number}", since=600 + 60 * number, until=3000 + 60 * number) for number in range(5)]

        with figures() as calls:
            found = metrics.read_all(asking)

        assert [(call["StartTime"].timestamp(), call["EndTime"].timestamp()) for call in calls] == [(600, 3240)]
        for each, answer in zip(asking, found, strict=True):
            assert isinstance(answer, dict)
            assert [list(points) for points in answer.values()] == [list(range(each.since, each.until, MINUTE))] * 4

    def test_that_want_much_older_figures_do_not_make_the_others_read_them(self) -> None:
        recent, old = wanted("New", since=5400, until=5700), wanted("Old", since=5340 - SPREAD * MINUTE, until=5700)

        with figures() as calls:
            metrics.read_all([recent, old])

        assert [queries_of(call)[0][0] for call in calls] == ["Old", "New"]

    def test_in_other_places_or_of_other_periods_are_asked_about_by_other_calls(self, deployer: Deployer) -> None:
        role = "arn:aws:iam::123456789012:role/Elsewhere"
        asking = [
            *(wanted("Here"), wanted("Here")._replace(period_seconds=300)),
            *(wanted("There", region="eu-west-1"), wanted("There", region="eu-west-1", role=role)),
        ]

        asked_for = []
        for each in (SHOP, asking[2].target, asking[3].target):
            with asked(client("cloudwatch", each), "GetMetricData") as calls:
                metrics.read_all(asking)
            asked_for.append(
                [(queries_of(call)[0][0], call["MetricDataQueries"][0]["MetricStat"]["Period"]) for call in calls]
            )

        assert asked_for == [[("Here", 60), ("Here", 300)], [("There", 60)], [("There", 60)]]

    def test_of_which_none_has_a_settled_bucket_are_not_asked_about(self) -> None:
        with figures() as calls:
            found = metrics.read_all([wanted("A", since=900), wanted("B", since=960), wanted("C")])

        assert [len(call["MetricDataQueries"]) for call in calls] == [4]
        assert [any(answer.values()) for answer in found if isinstance(answer, dict)] == [False, False, True]


@pytest.mark.usefixtures("deployer")
class TestAPartThatIsNotAnswered:
    ASKING = [wanted("A"), wanted("B"), wanted("C")]

    def unread(self, alter: Callable[[dict[str, Any]], None]) -> list[str]:
        """What is said of A, B and C if the answer for the errors of B is altered so; "" for what is read."""

        def alter_one(function: str, metric: str, result: dict[str, Any]) -> None:
            if (function, metric) == ("B", "Errors"):
                alter(result)

        with figures(alter_one):
            return ["" if isinstance(each, dict) else str(each) for each in metrics.read_all(self.ASKING)]

    @pytest.mark.parametrize("status", ["PartialData", "InternalError", "Forbidden"])
    def test_is_missing_to_those_alone_who_asked_for_it(self, status: str) -> None:
        said = self.unread(lambda result: result.update(StatusCode=status))

        assert said == ["", f"CloudWatch did not answer in full: Errors is {status}", ""]

    def test_has_a_figure_that_counts_nothing(self) -> None:
        said = self.unread(lambda result: result.update(Values=[-1.0] * len(result["Values"])))

        assert said == ["", "CloudWatch has -1 as the Sum of Errors, which cannot be right", ""]

    @pytest.mark.parametrize("field", ["Timestamps", "Values", "StatusCode"])
    def test_cannot_be_read(self, field: str) -> None:
        said = self.unread(lambda result: result.pop(field))

        assert said == ["", "AWS's answer cannot be read (KeyError)", ""]

    def test_concerns_all_whom_it_may_be_about(self) -> None:
        assert self.unread(lambda result: result.pop("Id")) == ["AWS's answer cannot be read (KeyError)"] * 3

    def test_is_a_figure_of_a_time_that_only_another_asked_for(self) -> None:
        def at_600(_: str, __: str, result: dict[str, Any]) -> None:
            result["Values"] = [-1.0 if at.timestamp() == 600 else 1.0 for at in result["Timestamps"]]

        with figures(at_600):
            found = metrics.read_all([wanted("A"), wanted("B", since=660)])

        assert [type(each) for each in found] == [AwsRefused, dict]

    @pytest.mark.parametrize(("code", "error"), [("ServiceUnavailable", AwsUnavailable), ("AccessDenied", AwsRefused)])
    def test_is_a_whole_call(self, deployer: Deployer, code: str, error: type[Exception]) -> None:
        asking = [wanted(f"F{number}", queries=MOST_QUERIES // 2) for number in range(6)]
        attempts = 3 if error is AwsUnavailable else 1

        with deployer.aws.fails("GetMetricData", code, times=attempts, skip=1):
            found = metrics.read_all(asking)

        assert [not isinstance(each, dict) for each in found] == [False, False, True, True, False, False]
        assert all(isinstance(each, error) for each in found[2:4])

    def test_is_what_there_was_no_time_for(self, deployer: Deployer) -> None:
        """The call that takes long still counts."""

        def slow(_: Call, make: Callable[[], Any]) -> Any:
            deployer.aws.clock.sleep(MOST_SECONDS / 2)
            return make()

        asking = [wanted(f"F{number}", queries=MOST_QUERIES) for number in range(4)]

        with deployer.aws.watched(slow):
            found = metrics.read_all(asking)

        assert [isinstance(each, dict) for each in found] == [True, True, False, False]
        assert str(found[3]) == "CloudWatch took 60 seconds to answer for other functions"
