"""Looking at both versions: what CloudWatch is asked, and what of its answer is compared."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest

from bluegreen.aws.client import client
from bluegreen.baking import watch
from bluegreen.decisions import figures
from bluegreen.decisions.bake import Alarms
from bluegreen.decisions.figures import NOTHING_YET, Measured, Memory, Seen
from bluegreen.decisions.past import LEAST_ICC, Past
from bluegreen.decisions.shift import Shifted
from bluegreen.document import Plan
from bluegreen.errors import AwsRefused, AwsUnavailable, GreenUnhealthy
from bluegreen.request.health import Health
from bluegreen.verdict import Counts, Sides
from tests.bluegreen.aws.answers import answered, asked
from tests.bluegreen.examples import plan
from tests.machine.deployer import ALIAS, FUNCTION, TARGET, Deployer, alarm
from tests.machine.log_groups import LogGroup, log_group

MINUTE = 60
ORDERS = {
    "name": "orders",
    "namespace": "Shop",
    "bad": "OrdersLost",
    "requests": "Orders",
    "dimensions": {"Version": "{version}", "Stage": "PROD"},
}


def watched(health: dict[str, Any] | None = None, **more: Any) -> Plan:
    return plan(target=TARGET, health=health or {}, **more)


def traffic(deployer: Deployer, *, blue: int = 0, green: int = 0, bad: int = 0, throttled: int = 0) -> None:
    """A minute of it: of green `bad` requests fail, and `throttled` are refused."""
    count = deployer.aws.metrics.count
    count(FUNCTION, ALIAS, "1", invocations=blue)
    count(FUNCTION, ALIAS, "2", invocations=green, errors=bad, throttles=throttled)
    deployer.aws.clock.sleep(MINUTE)


def written(deployer: Deployer, version: str, **metrics: list[float]) -> None:
    """By the function, in the embedded metric format."""
    client("cloudwatch", TARGET).put_metric_data(
        Namespace="BlueGreen/Functions",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "FunctionName", "Value": FUNCTION}, {"Name": "Version", "Value": version}],
                "Timestamp": datetime.fromtimestamp(deployer.aws.clock.now(), UTC),
                "Value": value,
            }
            for name, values in metrics.items()
            for value in values
        ],
    )


def shifted(deployer: Deployer, weight: float = 0.1) -> tuple[Shifted, ...]:
    return (Shifted(at=deployer.aws.clock.now(), weight=weight),)


def look(deployer: Deployer, asked_for: Plan, shifts: tuple[Shifted, ...], memory: Memory = NOTHING_YET) -> Seen:
    return watch.look(asked_for, "2", shifts, deployer.aws.clock.now(), memory)


def first_bucket(deployer: Deployer, asked_for: Plan, shifts: tuple[Shifted, ...]) -> Measured:
    """What a look makes of the oldest figures."""
    with mock.patch.object(watch, "see", wraps=figures.see) as see:
        look(deployer, asked_for, shifts)
    found: Sequence[Measured] = see.call_args.args[0]
    return found[0]


def metrics_asked(deployer: Deployer, asked_for: Plan) -> set[tuple[str, str]]:
    """Which metrics a look asks for, and with which statistic."""
    shifts = shifted(deployer)
    deployer.aws.clock.sleep(5 * MINUTE)
    with asked(client("cloudwatch", TARGET), "GetMetricData") as calls:
        look(deployer, asked_for, shifts)
    queries = [query["MetricStat"] for call in calls for query in call["MetricDataQueries"]]
    return {(query["Metric"]["MetricName"], query["Stat"]) for query in queries}


class TestALook:
    def test_a_look_takes_in_every_settled_minute_since_the_first_shift(self, deployer: Deployer) -> None:
        traffic(deployer, blue=1000)
        shifts = shifted(deployer)
        for _ in range(3):
            traffic(deployer, blue=90, green=10, bad=1)
        deployer.aws.clock.sleep(2 * MINUTE)

        found = look(deployer, watched(), shifts).verdict.findings[0]

        assert (found.blue.requests, found.green.requests, found.green.bad) == (270, 30, 3)

    def test_a_minute_that_is_not_settled_does_not_count(self, deployer: Deployer) -> None:
        shifts = shifted(deployer)
        for _ in range(3):
            traffic(deployer, blue=90, green=10)

        assert look(deployer, watched(), shifts).verdict.findings[0].green.requests == 10

    def test_throttled_requests_are_requests(self, deployer: Deployer) -> None:
        shifts = shifted(deployer)
        traffic(deployer, blue=90, green=10, throttled=5)
        deployer.aws.clock.sleep(2 * MINUTE)

        found = {each.signal: each.green for each in look(deployer, watched(), shifts).verdict.findings}

        assert (found["throttles"].requests, found["throttles"].bad) == (15, 5)
        assert (found["errors"].requests, found["errors"].bad) == (10, 0)

    @pytest.mark.parametrize("code", ["ServiceUnavailable", "AccessDenied"])
    def test_a_cloudwatch_that_does_not_answer_is_a_verdict_too(self, deployer: Deployer, code: str) -> None:
        shifts = shifted(deployer)
        deployer.aws.clock.sleep(5 * MINUTE)

        with deployer.aws.fails("GetMetricData", code, times=None):
            seen = look(deployer, watched(), shifts).verdict

        assert seen.kind == "cannot_measure"
        assert seen.reason.startswith("the metrics could not be read (")

    def test_the_present_traffic_is_the_mean_of_the_last_minutes(self, deployer: Deployer) -> None:
        shifts = shifted(deployer)
        for requests in (9000, 100, 200, 300, 400, 500):
            traffic(deployer, blue=requests)
        deployer.aws.clock.sleep(2 * MINUTE)

        assert look(deployer, watched(), shifts).requests_per_minute == 300

    def test_there_is_no_traffic_before_a_minute_is_settled(self, deployer: Deployer) -> None:
        assert look(deployer, watched(), shifted(deployer)).requests_per_minute == 0


class TestTheMemory:
    def test_of_looks_makes_the_next_as_good_as_one_at_everything_and_as_cheap_as_the_first(
        self, deployer: Deployer
    ) -> None:
        shifts, memory = shifted(deployer), NOTHING_YET
        read = []
        for minute in range(30):
            traffic(deployer, blue=90, green=10, bad=minute % 2)
            with asked(client("cloudwatch", TARGET), "GetMetricData") as calls:
                seen = look(deployer, watched(), shifts, memory)
            read += [(call["EndTime"] - call["StartTime"]).total_seconds() for call in calls]
            memory = Memory.model_validate_json(seen.memory.model_dump_json())

        assert seen.verdict == look(deployer, watched(), shifts).verdict
        assert max(read) == 6 * MINUTE
        assert memory.until == shifts[0].at + 23 * MINUTE

    def test_keeps_what_a_version_should_have_shown(self, deployer: Deployer) -> None:
        shifts, memory = shifted(deployer, 0.001), NOTHING_YET
        kinds = []
        for _ in range(25):
            traffic(deployer, blue=800)
            seen = look(deployer, watched(), shifts, memory)
            memory = seen.memory
            kinds.append(seen.verdict.kind)

        assert kinds == ["not_enough"] * 13 + ["cannot_measure"] * 12


class TestColdStarts:
    def test_of_a_widening_are_reckoned_from_what_green_served_at_a_time_after_it(self, deployer: Deployer) -> None:
        """Green has a share for the last quarter of the first minute only, and serves 30 at a time then."""
        deployer.aws.clock.sleep(45)
        shifts = shifted(deployer)
        deployer.aws.metrics.count(FUNCTION, ALIAS, "1", invocations=1350, duration_ms=3000)
        deployer.aws.metrics.count(FUNCTION, ALIAS, "2", invocations=150, duration_ms=3000)
        deployer.aws.clock.sleep(15 + 2 * MINUTE)

        measured = first_bucket(deployer, watched({"slow_ms": 5000}), shifts)

        assert measured.bucket.busy == pytest.approx(30)


class TestAVersionThatCloudWatchDoesNotShow:
    def test_green_cannot_be_measured_if_the_alias_had_requests_that_must_have_come_to_it(
        self, deployer: Deployer
    ) -> None:
        deployer.aws.metrics.unshown = {"2"}
        shifts = shifted(deployer)
        for _ in range(3):
            traffic(deployer, blue=900, green=100, bad=100)
        deployer.aws.clock.sleep(4 * MINUTE)

        assert look(deployer, watched(), shifts).verdict.kind == "cannot_measure"

        deployer.aws.clock.sleep(MINUTE)
        seen = look(deployer, watched(), shifts)

        assert seen.verdict.kind == "cannot_measure"
        assert seen.verdict.reason == (
            "the alias had 3,000 requests, of which green's weight gives it about 300, and green's own series in "
            "CloudWatch shows none"
        )
        assert seen.verdict.findings[0].green.requests == 0

    def test_throttled_requests_of_the_alias_are_requests_too(self, deployer: Deployer) -> None:
        deployer.aws.metrics.unshown = {"1", "2"}
        shifts = shifted(deployer)
        traffic(deployer, throttled=1000)
        deployer.aws.clock.sleep(5 * MINUTE)

        seen = look(deployer, watched(), shifts)

        assert seen.verdict.kind == "cannot_measure"
        assert seen.hidden is not None
        assert (seen.hidden.requests, seen.hidden.throttled) == (1000, 1000)
        assert seen.requests_per_minute == 0

    def test_a_series_that_breaks_off_at_a_larger_weight_is_noticed(self, deployer: Deployer) -> None:
        shifts = shifted(deployer)
        traffic(deployer, blue=900, green=100)
        shifts += shifted(deployer, 0.5)
        for _ in range(2):
            deployer.aws.metrics.count(FUNCTION, ALIAS, "1", invocations=500)
            deployer.aws.metrics.count(FUNCTION, ALIAS, "not shown", invocations=500)
            deployer.aws.clock.sleep(MINUTE)
        deployer.aws.clock.sleep(5 * MINUTE)

        assert look(deployer, watched(), shifts).verdict.kind == "cannot_measure"

    def test_what_came_before_the_shift_within_the_same_minute_is_not_held_against_green(
        self, deployer: Deployer
    ) -> None:
        traffic(deployer, blue=100_000)
        deployer.aws.metrics.count(FUNCTION, ALIAS, "1", invocations=100_000)
        deployer.aws.clock.sleep(MINUTE / 2)
        shifts = shifted(deployer, 0.5)
        deployer.aws.clock.sleep(4.5 * MINUTE)

        seen = look(deployer, watched(), shifts).verdict

        assert (seen.kind, seen.covered, seen.buckets) == ("not_enough", 2, 3)

    def test_an_alias_that_nobody_called_hides_nothing(self, deployer: Deployer) -> None:
        shifts = shifted(deployer)
        deployer.aws.clock.sleep(10 * MINUTE)

        assert look(deployer, watched(), shifts).verdict.kind == "not_enough"

    def test_throttles_that_neither_version_shows_are_counted(self, deployer: Deployer) -> None:
        shifts = shifted(deployer)
        traffic(deployer, blue=90, green=10)
        deployer.aws.metrics.count(FUNCTION, ALIAS, "not shown", invocations=0, throttles=7)
        traffic(deployer, blue=90, green=10)
        deployer.aws.clock.sleep(2 * MINUTE)

        assert look(deployer, watched(), shifts).unattributed == 7

    def test_a_look_asks_cloudwatch_once(self, deployer: Deployer) -> None:
        shifts = shifted(deployer, 1.0)
        deployer.aws.clock.sleep(5 * MINUTE)

        with asked(client("cloudwatch", TARGET), "GetMetricData") as calls:
            look(deployer, watched(), shifts)

        assert len(calls) == 1


class TestAGreenThatHasAllOfTheAlias:
    def alone(self, deployer: Deployer, minutes: int, **minute: int) -> tuple[Shifted, ...]:
        """After three minutes at a tenth. While an alias has no weights, Lambda may not count by version."""
        shifts = shifted(deployer)
        for _ in range(3):
            traffic(deployer, blue=90, green=10)
        shifts += shifted(deployer, 1.0)
        named = deployer.aws.metrics.count
        for _ in range(minutes):
            named(FUNCTION, ALIAS, "of no version that is asked for", **minute)
            deployer.aws.clock.sleep(MINUTE)
        deployer.aws.clock.sleep(2 * MINUTE)
        return shifts

    def test_is_seen_by_the_figures_of_the_alias(self, deployer: Deployer) -> None:
        shifts = self.alone(deployer, 5, invocations=100, errors=4)

        seen = look(deployer, watched(), shifts)

        assert (seen.verdict.kind, seen.hidden, seen.pending) == ("not_enough", None, False)
        counted = seen.verdict.findings[0]
        assert (counted.green.requests, counted.green.bad, counted.blue.requests) == (530, 20, 270)

    def test_is_not_judged_by_them_for_want_of_a_control(self, deployer: Deployer) -> None:
        before = look(deployer, watched(), self.alone(deployer, 0)).verdict
        after = look(deployer, watched(), self.alone(deployer, 5, invocations=100, errors=100)).verdict

        assert after.kind == "not_enough"
        assert after.log_evidence <= before.log_evidence + 0.01


class TestThePast:
    def past(self, deployer: Deployer, **health: Any) -> Past:
        return watch.past(TARGET, "1", Health(**health), deployer.aws.clock.now())

    def test_is_that_of_the_alias_before_there_is_a_green(self, deployer: Deployer) -> None:
        deployer.aws.metrics.unshown = {"1"}
        for _ in range(5):
            traffic(deployer, blue=120)
        deployer.aws.clock.sleep(2 * MINUTE)

        past = self.past(deployer)

        assert (past.recent, past.silence_seconds) == (120, 0)

    def test_knows_what_is_slow_if_that_is_to_be_learnt(self, deployer: Deployer) -> None:
        deployer.aws.metrics.count(FUNCTION, ALIAS, "1", invocations=100, duration_ms=80)
        deployer.aws.clock.sleep(20 * MINUTE)

        assert self.past(deployer).slow_ms == self.past(deployer, slow_ms="learn").slow_ms == 80
        assert self.past(deployer, slow_ms=250).slow_ms is None
        assert self.past(deployer, slow_ms=None).slow_ms is None

    def test_learns_nothing_of_blue_from_an_earlier_green_that_failed(self, deployer: Deployer) -> None:
        for minute in range(60):
            earlier = {"green": 60, "bad": 60} if minute in (20, 21, 22) else {}
            traffic(deployer, blue=600, **earlier)
        deployer.aws.clock.sleep(2 * MINUTE)

        assert self.past(deployer).icc == LEAST_ICC

    def test_of_an_alias_without_traffic_is_empty(self, deployer: Deployer) -> None:
        assert self.past(deployer) == Past()

    @pytest.mark.parametrize("code", ["ServiceUnavailable", "AccessDenied"])
    def test_must_be_known_unless_the_request_goes_on_without_metrics(self, deployer: Deployer, code: str) -> None:
        with deployer.aws.fails("GetMetricData", code, times=None):
            assert self.past(deployer, cannot_measure="proceed") == Past(known=False)
            with pytest.raises((AwsUnavailable, AwsRefused)):
                self.past(deployer)


class TestSignals:
    def test_errors_and_throttles_are_watched(self, deployer: Deployer) -> None:
        assert metrics_asked(deployer, watched()) == {
            ("Invocations", "Sum"),
            ("Errors", "SampleCount"),
            ("Errors", "Sum"),
            ("Throttles", "Sum"),
        }

    def test_slow_requests_are_watched_where_the_request_says_what_is_slow(self, deployer: Deployer) -> None:
        assert ("Duration", "PR(:250)") in metrics_asked(deployer, watched({"slow_ms": 250}))

    def test_what_is_slow_is_what_was_learnt_of_blue(self, deployer: Deployer) -> None:
        learnt = watched({"slow_ms": "learn"}, past={"slow_ms": 80})

        assert ("Duration", "PR(:80)") in metrics_asked(deployer, learnt)

    def test_slow_requests_are_watched_in_a_dry_run_unless_the_request_says_how(self, deployer: Deployer) -> None:
        shifts = shifted(deployer)
        traffic(deployer, blue=90, green=10)
        deployer.aws.clock.sleep(2 * MINUTE)

        def acts(**health: Any) -> dict[str, bool]:
            found = look(deployer, watched(health, past={"slow_ms": 80}), shifts).verdict.findings
            return {each.signal: each.acts for each in found}

        assert acts() == {"errors": True, "slow": False, "throttles": True}
        assert acts(slow_ms="learn") == {"errors": True, "slow": True, "throttles": True}
        assert acts(slow_ms=None) == {"errors": True, "throttles": True}

    def test_nothing_is_slow_where_blue_had_no_traffic_to_learn_from(self, deployer: Deployer) -> None:
        asked_for = metrics_asked(deployer, watched({"slow_ms": "learn"}))

        assert not [metric for metric, _ in asked_for if metric == "Duration"]

    def test_a_metric_of_the_users_own_is_asked_for_by_version(self, deployer: Deployer) -> None:
        shifts = shifted(deployer)
        deployer.aws.clock.sleep(5 * MINUTE)

        with asked(client("cloudwatch", TARGET), "GetMetricData") as calls:
            look(deployer, watched({"metrics": [ORDERS]}), shifts)

        of_shop = [
            {each["Name"]: each["Value"] for each in query["MetricStat"]["Metric"]["Dimensions"]}
            for call in calls
            for query in call["MetricDataQueries"]
            if query["MetricStat"]["Metric"]["Namespace"] == "Shop"
        ]
        assert sorted(each["Version"] for each in of_shop) == ["1", "1", "2", "2"]
        assert {each["Stage"] for each in of_shop} == {"PROD"}

    @pytest.mark.parametrize(
        ("signal", "metrics"),
        [
            ("http", [("Replies", "Sum"), ("ServerErrors", "Sum")]),
            ("batch", [("BatchItemFailures", "Sum"), ("BatchItems", "Maximum"), ("BatchItems", "Sum")]),
        ],
    )
    def test_what_the_function_writes_is_asked_for_by_function_and_version(
        self, deployer: Deployer, signal: str, metrics: list[tuple[str, str]]
    ) -> None:
        shifts = shifted(deployer)
        deployer.aws.clock.sleep(5 * MINUTE)

        with asked(client("cloudwatch", TARGET), "GetMetricData") as calls:
            look(deployer, watched({signal: True}), shifts)

        of_the_function = [
            query["MetricStat"]
            for call in calls
            for query in call["MetricDataQueries"]
            if query["MetricStat"]["Metric"]["Namespace"] == "BlueGreen/Functions"
        ]
        for version in ("1", "2"):
            dimensions = [{"Name": "FunctionName", "Value": FUNCTION}, {"Name": "Version", "Value": version}]
            assert metrics == sorted(
                (each["Metric"]["MetricName"], each["Stat"])
                for each in of_the_function
                if each["Metric"]["Dimensions"] == dimensions
            )

    def test_items_of_the_largest_batch_of_either_version_count_as_routed_together(self, deployer: Deployer) -> None:
        shifts = shifted(deployer)
        written(deployer, "1", BatchItems=[10, 3], BatchItemFailures=[1, 0])
        written(deployer, "2", BatchItems=[4], BatchItemFailures=[4])
        traffic(deployer, blue=2, green=1)
        deployer.aws.clock.sleep(3 * MINUTE)

        measured = first_bucket(deployer, watched({"batch": True}), shifts)

        assert measured.bucket.signals["batch"] == Sides(Counts(13, 1), Counts(4, 4), together=10)
        assert measured.bucket.signals["errors"].together == 1

    @pytest.mark.parametrize(
        ("replies", "failures", "counts"),
        [(30, 3, True), (0, 0, False), (0, 3, False), (2, 3, False)],
        ids=["whole", "nothing yet", "failures first", "a part"],
    )
    def test_what_a_version_writes_counts_once_it_is_there(
        self, deployer: Deployer, replies: int, failures: int, counts: bool
    ) -> None:
        """As CloudWatch shows `Replies` of green later than `ServerErrors`."""
        shifts = shifted(deployer)
        written(deployer, "1", Replies=[270], ServerErrors=[1])
        written(deployer, "2", Replies=[replies], ServerErrors=[failures])
        traffic(deployer, blue=270, green=30)
        deployer.aws.clock.sleep(3 * MINUTE)

        measured = first_bucket(deployer, watched({"http": True}), shifts)

        assert ("http" in measured.bucket.signals) == counts


class TestLogs:
    BAD: dict[str, Any] = {"logs": {"bad": "{ $.status >= 500 }"}}
    BOTH: dict[str, Any] = {"logs": BAD["logs"] | {"requests": "{ $.status > 0 }"}}

    @pytest.fixture
    def logs(self, deployer: Deployer) -> Iterator[LogGroup]:
        with log_group(f"/aws/lambda/{FUNCTION}") as group:
            yield group

    def watched(self, health: dict[str, Any], **more: Any) -> Plan:
        group = f"/aws/lambda/{FUNCTION}"
        blue = {"version": "1", "sha256": "the digest of blue", "revision": "r1", "log_group": group}
        return watched(health, blue=blue, log_group=group, **more)

    def minute(self, deployer: Deployer, logs: LogGroup, blue: tuple[int, int], green: tuple[int, int]) -> None:
        """Requests, and those with status 500."""
        for version, (requests, bad) in (("1", blue), ("2", green)):
            now = deployer.aws.clock.now()
            logs.write(now, f"2026/01/05/[{version}]0a1b", '{"status": 500}', times=bad)
            logs.write(now, f"2026/01/05/[{version}]0a1b", '{"status": 200}', times=requests - bad)
        traffic(deployer, blue=blue[0], green=green[0])

    @pytest.mark.parametrize("health", [BAD, BOTH])
    def test_bad_lines_are_compared_by_version(
        self, deployer: Deployer, logs: LogGroup, health: dict[str, Any]
    ) -> None:
        shifts = shifted(deployer)
        for _ in range(3):
            self.minute(deployer, logs, blue=(90, 1), green=(10, 5))
        deployer.aws.clock.sleep(2 * MINUTE)

        seen = look(deployer, self.watched(health), shifts)

        [found] = [each for each in seen.verdict.findings if each.signal == "logs"]
        assert (found.blue, found.green) == (Counts(270, 3), Counts(30, 15))
        assert (seen.verdict.kind, seen.unread) == ("worse", 0)
        assert seen.verdict.reason.startswith("green logged as bad (logs) 15 of 30, blue 3 of 270")

    def test_what_a_look_cannot_read_is_not_compared_and_the_look_knows_how_much(
        self, deployer: Deployer, logs: LogGroup
    ) -> None:
        logs.page = 1
        shifts = shifted(deployer)
        for bad in (5, 5, 50, 50):
            self.minute(deployer, logs, blue=(90, 0), green=(100, bad))
        deployer.aws.clock.sleep(2 * MINUTE)

        seen = look(deployer, self.watched(self.BAD), shifts)

        found = {each.signal: each.green for each in seen.verdict.findings}
        assert (found["logs"], found["errors"].requests) == (Counts(200, 10), 400)
        assert seen.unread == 2

    def test_a_log_that_cannot_be_searched_is_no_healthy_one(self, deployer: Deployer, logs: LogGroup) -> None:
        shifts = shifted(deployer)
        deployer.aws.clock.sleep(5 * MINUTE)

        with deployer.aws.fails("FilterLogEvents", "ServiceUnavailable", times=None):
            seen = look(deployer, self.watched(self.BAD), shifts).verdict

        assert seen.kind == "cannot_measure"
        assert seen.reason.startswith("the metrics and logs could not be read (")

    def test_no_log_is_searched_unless_the_request_asks_for_it(self, deployer: Deployer, logs: LogGroup) -> None:
        shifts = shifted(deployer)
        deployer.aws.clock.sleep(5 * MINUTE)
        look(deployer, self.watched({}), shifts)

        assert logs.searches == []


class TestAlarms:
    def test_the_alarms_are_seen_as_they_stand(self, deployer: Deployer) -> None:
        alarm("sales", "ALARM")
        alarm("stock", "OK")
        alarm("staff", "INSUFFICIENT_DATA")
        asked_for = watched({"alarms": ["sales", "stock", "staff"]})

        assert watch.alarms_now(asked_for, ()) == Alarms(red=("sales",), unknown=("staff",))

    def test_an_alarm_that_was_deleted_meanwhile_is_unknown(self, deployer: Deployer) -> None:
        assert watch.alarms_now(watched({"alarms": ["sales"]}), ()) == Alarms(unknown=("sales",))

    @pytest.mark.parametrize(("state", "pardoned"), [("ALARM", True), ("INSUFFICIENT_DATA", True), ("OK", False)])
    def test_an_alarm_is_pardoned_until_it_has_once_turned_green(
        self, deployer: Deployer, state: Any, pardoned: bool
    ) -> None:
        alarm("sales", state)

        found = watch.alarms_now(watched({"alarms": ["sales"]}), ("sales",))

        assert found.pardoned == (("sales",) if pardoned else ())

    def test_the_alarms_of_many_functions_are_read_by_one_call_and_each_sees_its_own(self, deployer: Deployer) -> None:
        alarm("sales", "ALARM")
        alarm("stock", "OK")
        alarm("staff", "INSUFFICIENT_DATA")
        asking = [
            (watched({"alarms": ["sales", "stock"]}), ("stock",)),
            (watched(), ()),
            (watched({"alarms": ["staff", "sales"]}), ("sales",)),
        ]

        with asked(client("cloudwatch", TARGET), "DescribeAlarms") as calls:
            found = watch.alarms_of_all(asking)

        assert [sorted(call["AlarmNames"]) for call in calls] == [["sales", "staff", "stock"]]
        assert found == [
            Alarms(red=("sales",)),
            Alarms(),
            Alarms(red=("sales",), unknown=("staff",), pardoned=("sales",)),
        ]

    def test_alarms_of_the_same_name_in_two_regions_are_two(self, deployer: Deployer) -> None:
        elsewhere = TARGET.model_copy(update={"region": "eu-west-1"})
        red = {"MetricAlarms": [{"AlarmName": "sales", "StateValue": "ALARM"}]}
        alarm("sales", "OK")
        named = watched({"alarms": ["sales"]})

        with answered(client("cloudwatch", elsewhere), "DescribeAlarms", lambda: red):
            found = watch.alarms_of_all([(named, ()), (named.model_copy(update={"target": elsewhere}), ())])

        assert found == [Alarms(), Alarms(red=("sales",))]


SECRET = "the card of alice"


class TestProbes:
    CASES = [{"name": f"case {number}", "expect": {"statusCode": 200}} for number in range(12)]

    def test_ten_probes_are_sent_at_a_look(self, deployer: Deployer) -> None:
        with asked(client("probe", TARGET), "Invoke") as calls:
            probed = watch.probe(watched(smoke_tests=self.CASES), "1")

        assert (len(calls), probed.answered, probed.unanswered) == (10, 10, "")

    def test_a_wrong_answer_of_green_is_unhealthy_and_shows_no_value(self, deployer: Deployer) -> None:
        deployer.aws.create_function("Echo", f"def handler(event, context): return {{'card': '{SECRET}'}}")
        echo = watched(smoke_tests=[{"name": "a", "expect": {"card": "none"}}]).model_copy(
            update={"target": TARGET.model_copy(update={"function": "Echo"})}
        )

        with pytest.raises(GreenUnhealthy, match="Version 1 failed the probe 'a'") as unhealthy:
            watch.probe(echo, "1")

        assert SECRET not in str(unhealthy.value)
        assert "a string of 17 characters came" in str(unhealthy.value)

    def test_a_probe_that_neither_version_answers_proves_nothing(self, deployer: Deployer) -> None:
        with deployer.aws.fails("Invoke", "ReadTimeout", times=None) as unanswered:
            probed = watch.probe(watched(smoke_tests=self.CASES[:3]), "1")

        assert (probed.answered, probed.unanswered) == (0, "case 0")
        assert unanswered.met == 4

    def test_a_probe_that_blue_answers_and_green_does_not_is_unhealthy(self, deployer: Deployer) -> None:
        with (
            deployer.aws.fails("Invoke", "ReadTimeout", times=1),
            pytest.raises(GreenUnhealthy, match=r"within 5 seconds, and version 1 did\."),
        ):
            watch.probe(watched(smoke_tests=self.CASES[:1]), "1")
