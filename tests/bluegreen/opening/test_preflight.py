"""What is known before anything is touched: each a refusal or a warning, in the field's terms."""

from typing import Any

import boto3
import pytest

from bluegreen.aws.accounts import Account
from bluegreen.aws.aliases import Alias, Provisioned
from bluegreen.aws.callers import Mapping
from bluegreen.aws.client import client
from bluegreen.decisions.route import Route
from bluegreen.errors import StillInProgress
from bluegreen.ledger.serving import Served
from bluegreen.opening import preflight
from bluegreen.opening.bypass import Callers
from bluegreen.opening.checks import Check, must_pass
from bluegreen.opening.day import Day
from bluegreen.opening.findings import Refusal, Warning
from bluegreen.opening.preflight import PREFLIGHT
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Zip
from tests.bluegreen.aws.answers import asked
from tests.bluegreen.examples import a_function
from tests.bluegreen.opening.test_checks import situation
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, TARGET, Deployer, alarm, place
from tests.machine.log_groups import log_group

pytestmark = pytest.mark.usefixtures("deployer")

QUEUE = "arn:aws:sqs:us-east-1:123456789012:orders"
OLD, NEW = "arn:aws:iam::123456789012:role/function", "arn:aws:iam::123456789012:role/another"
VERSION = {"version": "1"}
STEPS = {"steps": [{"weight": 0.1, "bake_seconds": 300}]}


def refused(check: Check, asked_for: Situation) -> str:
    refusal = check(asked_for)
    assert isinstance(refusal, Refusal)
    return str(refusal)


def warned(check: Check, asked_for: Situation) -> str:
    """The one warning, or nothing."""
    found = check(asked_for)
    assert not isinstance(found, Refusal)
    warnings = [found] if isinstance(found, Warning) else list(found or ())
    assert len(warnings) < 2
    return str(warnings[0]) if warnings else ""


def changed(**settings: Any) -> None:
    """$LATEST gets these; version 1 stays as it was."""
    boto3.client("lambda").update_function_configuration(FunctionName=FUNCTION, **settings)


class TestVersionsOfOneAlias:
    @pytest.fixture(autouse=True)
    def another_role(self, deployer: Deployer) -> None:
        boto3.client("iam").create_role(RoleName="another", AssumeRolePolicyDocument="{}")

    @pytest.mark.parametrize("traffic", ["Canary10Percent5Minutes", "Adaptive", STEPS])
    def test_two_roles_are_refused_with_weights(self, traffic: Any) -> None:
        changed(Role=NEW)

        said = refused(preflight.versions_may_share_an_alias, situation(traffic=traffic))

        assert said.startswith("traffic: ")
        assert f"version 1 has {OLD}, and $LATEST has {NEW}" in said
        assert 'write "traffic": "AllAtOnce" (`--traffic AllAtOnce`)' in said

    def test_two_roles_are_refused_with_the_weights_of_the_stacks_own_strategy(self) -> None:
        changed(Role=NEW)

        assert "Canary10Percent5Minutes splits" in refused(preflight.versions_may_share_an_alias, situation())

    @pytest.mark.parametrize(
        "traffic", ["AllAtOnce", {"steps": [{"weight": 1.0, "bake_seconds": 60}], "keep_control": 0}]
    )
    def test_two_roles_need_no_split(self, traffic: Any) -> None:
        changed(Role=NEW)

        assert preflight.versions_may_share_an_alias(situation(traffic=traffic)) is None

    def test_one_role_may_have_weights(self) -> None:
        assert preflight.versions_may_share_an_alias(situation()) is None

    def test_two_dead_letter_queues_are_refused_with_weights(self) -> None:
        asked_for = situation()
        latest = asked_for.latest.model_copy(update={"dead_letters": QUEUE})

        assert f"only with one dead-letter queue: version 1 has none, and $LATEST has {QUEUE}" in refused(
            preflight.versions_may_share_an_alias, situation(known={"latest": latest})
        )

    def test_of_a_published_version_its_own_role_counts(self) -> None:
        changed(Role=NEW)
        boto3.client("lambda").publish_version(FunctionName=FUNCTION)
        changed(Role=OLD)

        assert preflight.versions_may_share_an_alias(situation(artifact=VERSION)) is None
        assert f"version 2 has {NEW}" in refused(
            preflight.versions_may_share_an_alias, situation(artifact={"version": "2"})
        )


class TestConcurrency:
    def test_a_function_that_is_switched_off_is_refused(self) -> None:
        boto3.client("lambda").put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)

        said = refused(preflight.function_can_be_invoked, situation())

        assert said.startswith(f"function: {FUNCTION} has a reserved concurrency of 0")
        assert f"aws lambda delete-function-concurrency --function-name {FUNCTION}" in said

    @pytest.mark.parametrize(
        ("asked", "kind"),
        [
            ({"smoke_tests": "off"}, Warning),
            ({"smoke_tests": []}, Warning),
            ({"smoke_tests": [{"name": "greets"}]}, Refusal),
        ],
    )
    def test_going_back_while_it_is_switched_off_is_only_warned_of_if_nothing_is_invoked(
        self, asked: dict[str, Any], kind: type[Warning | Refusal]
    ) -> None:
        boto3.client("lambda").put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)

        found = preflight.function_can_be_invoked(situation(artifact=VERSION, **asked))

        assert isinstance(found, kind)

    def test_any_other_reserved_concurrency_is_fine(self) -> None:
        boto3.client("lambda").put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=1)

        assert preflight.function_can_be_invoked(situation()) is None

    @pytest.mark.parametrize(("peak", "told"), [(None, False), (89, False), (90, True), (100, True)])
    def test_a_reserved_concurrency_that_is_nearly_spent_is_told(self, peak: int | None, told: bool) -> None:
        boto3.client("lambda").put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=100)

        said = warned(preflight.concurrency_is_left, situation(known={"last_day": Day(peak=peak)}))

        assert (f"the reserved concurrency of {FUNCTION} is nearly used up" in said) == told

    def test_the_shared_concurrency_that_is_nearly_spent_is_told(self) -> None:
        account = Account(code_bytes=0, most_code_bytes=1, shared_concurrency=1000)

        said = warned(preflight.concurrency_is_left, situation(known={"last_day": Day(peak=950), "account": account}))

        assert said.startswith("function: 950 of 1000 were in use at the peak of the last day")

    @pytest.mark.parametrize("reserved", [None, 100])
    def test_the_peak_of_the_last_day_is_the_functions_own_or_the_accounts(self, reserved: int | None) -> None:
        if reserved:
            boto3.client("lambda").put_function_concurrency(
                FunctionName=FUNCTION, ReservedConcurrentExecutions=reserved
            )
        asked_for = situation()

        with asked(client("cloudwatch", TARGET), "GetMetricData") as calls:
            _ = asked_for.last_day

        (call,) = calls
        metric = call["MetricDataQueries"][2]["MetricStat"]["Metric"]
        own = [{"Name": "FunctionName", "Value": FUNCTION}]
        assert (metric["MetricName"], metric["Dimensions"]) == (
            ("ConcurrentExecutions", own) if reserved else ("UnreservedConcurrentExecutions", [])
        )


class TestProvisionedConcurrency:
    def test_none_is_fine_and_one_that_is_ready_too(self) -> None:
        assert preflight.provisioned_concurrency_is_there(situation()) is None
        ready = situation(known={"provisioned": Provisioned(status="READY")})
        assert preflight.provisioned_concurrency_is_there(ready) is None

    def test_one_that_is_being_allocated_is_waited_for(self) -> None:
        with pytest.raises(StillInProgress, match=r"^alias: Lambda is allocating the prov.*nothing was changed; start"):
            preflight.provisioned_concurrency_is_there(
                situation(known={"provisioned": Provisioned(status="IN_PROGRESS")})
            )

    def test_one_that_failed_is_told_with_its_reason(self) -> None:
        failed = Provisioned(status="FAILED", reason="FUNCTION_ERROR_INIT_FAILURE")

        said = warned(preflight.provisioned_concurrency_is_there, situation(known={"provisioned": failed}))

        assert said.startswith(
            f"alias: the provisioned concurrency of {TARGET} is FAILED (FUNCTION_ERROR_INIT_FAILURE)"
        )


class TestProvisionedConcurrencyOfAVersion:
    def test_none_is_fine_and_one_of_the_alias_too(self) -> None:
        assert preflight.provisioned_concurrency_follows_the_alias(situation()) is None
        of_the_alias = situation(known={"provisioned": Provisioned(status="READY")})
        assert preflight.provisioned_concurrency_follows_the_alias(of_the_alias) is None

    def test_one_of_blue_is_told_as_green_gets_none(self) -> None:
        of_blue = Provisioned(status="READY", amount=5)

        said = warned(
            preflight.provisioned_concurrency_follows_the_alias, situation(known={"provisioned_for_blue": of_blue})
        )

        assert said.startswith("alias: version 1 has provisioned concurrency of its own (5); the new version gets none")
        assert f"--qualifier {ALIAS} --provisioned-concurrent-executions 5`" in said


def mapped(state: str = "Enabled") -> dict[str, Any]:
    return {"callers": Callers(mappings=(Mapping(uuid="u-1", source=QUEUE, state=state),))}


class TestCallers:
    def test_a_mapping_of_the_function_itself_is_refused(self) -> None:
        said = refused(preflight.callers_follow_the_alias, situation(known=mapped()))

        assert said == (
            f"bypass: event source mappings invoke {FUNCTION} itself and not PROD, so they would get the new code "
            f"untested and at once: {QUEUE}; move them to the alias with `bluegreen adopt {FUNCTION} --alias PROD "
            '--move-callers`, or write "bypass": "allow" (`--allow-bypass`); by hand: '
            f"`aws lambda update-event-source-mapping --uuid u-1 --function-name {TARGET}`"
        )

    def test_it_is_only_told_if_the_request_allows_it(self) -> None:
        assert "invokes" in warned(preflight.callers_follow_the_alias, situation(bypass="allow", known=mapped()))

    def test_it_is_only_told_of_a_published_version_which_does_not_reach_it(self) -> None:
        asked_for = situation(artifact=VERSION, known=mapped())

        assert "invokes" in warned(preflight.callers_follow_the_alias, asked_for)

    def test_it_is_only_told_if_it_is_disabled(self) -> None:
        assert "would invoke" in warned(preflight.callers_follow_the_alias, situation(known=mapped("Disabled")))

    def test_invocations_of_the_function_itself_are_told(self) -> None:
        boto3.client("lambda").invoke(FunctionName=FUNCTION, Payload=b"{}")

        said = warned(preflight.function_itself_is_not_invoked, situation())

        assert said.startswith(f"bypass: the last day had 1 invocation of {FUNCTION} itself and 0 of {TARGET};")

    def test_invocations_of_the_alias_are_as_they_should_be(self) -> None:
        boto3.client("lambda").invoke(FunctionName=FUNCTION, Qualifier=ALIAS, Payload=b"{}")

        assert preflight.function_itself_is_not_invoked(situation()) is None


class TestOthers:
    def test_an_alias_that_is_where_the_last_deployment_left_it_is_ours(self) -> None:
        left = Served(version="1", before="0", deployment="d1", since="2026-01-05T09:00:00.000Z")

        assert preflight.nobody_else_moves_the_alias(situation(known={"left": left})) == ()
        assert preflight.nobody_else_moves_the_alias(situation()) == ()

    def test_an_alias_to_which_lambda_gave_a_weight_of_1_is_still_where_the_deployment_left_it(self) -> None:
        left = Served(version="1", before="0", deployment="d1", since="2026-01-05T09:00:00.000Z")
        stuck = Alias(route=Route(primary="2", also={"1": 1.0}), revision="r", stuck="no capacity")

        assert preflight.nobody_else_moves_the_alias(situation(known={"left": left, "alias": stuck})) == ()

    def test_an_alias_that_somebody_has_pointed_since_is_told(self) -> None:
        left = Served(version="7", before="6", deployment="d1", since="2026-01-05T09:00:00.000Z")

        said = warned(preflight.nobody_else_moves_the_alias, situation(known={"left": left}))

        assert said.startswith(f"alias: {TARGET} is at version 1, and deployment d1 left it at version 7")

    def test_the_stack_of_a_function_is_told(self, deployer: Deployer) -> None:
        tags = {"bluegreen:managed": "true", "aws:cloudformation:stack-name": "shop"}

        assert "the CloudFormation stack shop" in warned(
            preflight.nobody_else_moves_the_alias, situation(known={"tags": tags})
        )


def storage(used: int) -> dict[str, Any]:
    zip_ = Zip(bucket=BUCKET, key="new.zip", size_bytes=10)
    return {"artifact": zip_, "account": Account(code_bytes=used, most_code_bytes=1000, shared_concurrency=1)}


class TestCodeStorage:
    @pytest.mark.parametrize(("used", "told"), [(0, False), (899, False), (900, True), (990, True)])
    def test_it_is_told_when_it_is_nearly_full(self, used: int, told: bool) -> None:
        said = warned(preflight.code_fits, situation(known=storage(used)))

        assert said.startswith("artifact: Lambda keeps") == told

    def test_a_zip_that_does_not_fit_is_refused(self) -> None:
        said = refused(preflight.code_fits, situation(known=storage(991)))

        assert said.startswith("artifact: Lambda keeps")
        assert "and this zip has 0.0 MB more; delete versions that no alias needs" in said

    def test_a_published_version_needs_no_room(self) -> None:
        full = Account(code_bytes=1000, most_code_bytes=1000, shared_concurrency=1)

        assert preflight.code_fits(situation(artifact=VERSION, known={"account": full})) is None

    def test_the_size_is_the_objects_own(self, deployer: Deployer) -> None:
        deployer.upload(GOOD % 2)
        head = boto3.client("s3").head_object(Bucket=BUCKET, Key=place("new.zip"))

        found = situation().artifact

        assert isinstance(found, Zip)
        assert found.size_bytes == head["ContentLength"]


ORDERS = {
    "name": "orders",
    "namespace": "Shop",
    "bad": "Lost",
    "requests": "Taken",
    "dimensions": {"Version": "v{version}"},
}


class TestLogs:
    GROUP = f"/aws/lambda/{FUNCTION}"
    ASKED: dict[str, Any] = {"logs": {"bad": "{ $.status >= 500 }", "requests": '"REPORT RequestId"'}}

    def test_each_pattern_is_tried_once_in_the_log_of_both_versions(self) -> None:
        with log_group(self.GROUP) as own, log_group("green") as greens:
            green = a_function(settings={"LoggingConfig": {"LogGroup": "green"}})
            asked_for = situation(health=self.ASKED, known={"successor": green})
            assert preflight.logs_can_be_searched(asked_for) is None

        patterns = list(self.ASKED["logs"].values())
        assert [each["filterPattern"] for each in own.searches] == patterns
        assert [each["filterPattern"] for each in greens.searches] == patterns
        assert {each["limit"] for each in own.searches + greens.searches} == {1}

    def test_nothing_is_searched_unless_it_is_asked_for(self) -> None:
        assert preflight.logs_can_be_searched(situation()) is None

    @pytest.mark.parametrize("field", ["bad", "requests"])
    def test_a_pattern_is_refused_with_its_field_and_awss_words(self, field: str) -> None:
        health = {"logs": self.ASKED["logs"] | {field: "{ $.status"}}

        with log_group(self.GROUP):
            said = refused(preflight.logs_can_be_searched, situation(health=health))

        assert said.startswith(f"health.logs.{field}: CloudWatch Logs does not take the filter pattern (")
        assert "If a filter pattern starts with '{' it must end with '}'" in said
        assert f"`aws logs filter-log-events --log-group-name {self.GROUP} --filter-pattern …` tries it" in said

    def test_a_log_group_that_is_not_there_is_refused_with_the_command_that_makes_it(self) -> None:
        said = refused(preflight.logs_can_be_searched, situation(health=self.ASKED))

        assert said.startswith(
            f"health.logs: there is no log group {self.GROUP}, where {FUNCTION} should write its log"
        )
        assert f"create-log-group --log-group-name {self.GROUP} --tags bluegreen:managed=true`" in said

    def test_a_log_group_that_may_not_be_searched_is_refused_with_the_command_that_tags_it(
        self, deployer: Deployer
    ) -> None:
        with log_group(self.GROUP, tags={}), deployer.aws.acting("OpenDeployment"):
            said = refused(preflight.logs_can_be_searched, situation(health=self.ASKED))

        assert said.startswith(f"health.logs: the log group {self.GROUP} may not be searched (")
        assert "is not authorized to perform: logs:FilterLogEvents" in said
        assert said.endswith(
            "the stack may search log groups with the tag bluegreen:managed = true only: `aws logs tag-resource "
            f"--resource-arn arn:aws:logs:us-east-1:123456789012:log-group:{self.GROUP} --tags bluegreen:managed=true`"
        )


class TestAlarmsAndMetrics:
    def test_an_alarm_without_data_is_told(self) -> None:
        alarm("sales", "INSUFFICIENT_DATA")
        alarm("stock", "OK")

        said = warned(preflight.alarms_have_data, situation(health={"alarms": ["sales", "stock"]}))

        assert said.startswith("health.alarms: sales is in the state INSUFFICIENT_DATA")

    def test_alarms_with_data_are_fine(self) -> None:
        alarm("stock", "ALARM")

        assert preflight.alarms_have_data(situation(health={"alarms": ["stock"]})) is None

    def test_a_metric_without_data_of_blue_is_told(self) -> None:
        said = warned(preflight.metrics_have_data, situation(health={"metrics": [ORDERS]}))

        assert said == (
            "health.metrics.orders: Shop/Taken (Version=v1) has no data of version 1 in the last day; correct "
            "namespace, name or dimensions (`aws cloudwatch list-metrics --namespace Shop` lists what there is); "
            "without data the metric is not compared"
        )

    def test_adaptive_would_wait_for_it_in_vain_if_the_alias_has_requests(self) -> None:
        boto3.client("lambda").invoke(FunctionName=FUNCTION, Qualifier=ALIAS, Payload=b"{}")
        health: dict[str, Any] = {"metrics": [ORDERS]}

        said = refused(preflight.metrics_have_data, situation(traffic="Adaptive", health=health))
        dry = situation(traffic="Adaptive", health=health | {"dry_run": ["orders"]})

        assert said.startswith("health.metrics.orders: Shop/Taken (Version=v1) has no data of version 1")
        assert "Adaptive would wait for data that never comes" in said
        assert warned(preflight.metrics_have_data, dry)

    def test_adaptive_without_any_requests_is_only_told(self) -> None:
        assert warned(preflight.metrics_have_data, situation(traffic="Adaptive", health={"metrics": [ORDERS]}))

    def test_a_signal_that_the_function_does_not_write_is_told_with_what_to_do(self) -> None:
        said = warned(preflight.metrics_have_data, situation(health={"http": True}))

        assert said == (
            f"health.http: BlueGreen/Functions/Replies (FunctionName={FUNCTION}, Version=1) has no data of version 1 "
            f"in the last day; let {FUNCTION} write it (docs/functions.md has the lines), and deploy that first; "
            "without data the metric is not compared"
        )

    def test_adaptive_would_wait_for_a_signal_that_is_not_written(self) -> None:
        boto3.client("lambda").invoke(FunctionName=FUNCTION, Qualifier=ALIAS, Payload=b"{}")
        asked_for: dict[str, Any] = {"traffic": "Adaptive", "health": {"batch": True}}

        said = refused(preflight.metrics_have_data, situation(**asked_for))

        assert said.startswith("health.batch: BlueGreen/Functions/BatchItems (FunctionName=")
        assert "so Adaptive would wait for data that never comes" in said

    def test_a_metric_with_data_of_blue_is_fine(self, deployer: Deployer) -> None:
        cloudwatch: Any = boto3.client("cloudwatch")
        dimensions = [{"Name": "Version", "Value": "v1"}]
        cloudwatch.put_metric_data(
            Namespace="Shop",
            MetricData=[
                {
                    "MetricName": "Taken",
                    "Dimensions": dimensions,
                    "Value": 1,
                    "Timestamp": deployer.aws.clock.now() - 3600,
                }
            ],
        )

        assert preflight.metrics_have_data(situation(health={"metrics": [ORDERS]})) == ()


class TestTimeouts:
    @pytest.mark.parametrize(
        ("traffic", "timeout", "told"),
        [
            ("Canary10Percent5Minutes", 300, False),
            ("Canary10Percent5Minutes", 301, True),
            ("Linear10PercentEvery1Minute", 61, True),
            ("AllAtOnce", 900, False),
            ("Adaptive", 900, False),
            ({"steps": [{"weight": 0.1, "bake_seconds": 600}], "final_bake_seconds": 10}, 15, True),
        ],
    )
    def test_a_bake_that_long_invocations_outlast_is_told(self, traffic: Any, timeout: int, told: bool) -> None:
        changed(Timeout=timeout)

        said = warned(preflight.bakes_outlast_invocations, situation(traffic=traffic))

        assert said.startswith(f"traffic: an invocation of {FUNCTION} may take {timeout} seconds (its Timeout)") == told


class TestWhenSuspected:
    def test_without_a_bake_it_is_told(self) -> None:
        asked_for = situation(traffic="AllAtOnce", health={"when_suspected": "hold"})

        said = warned(preflight.a_suspicion_needs_a_bake, asked_for)

        assert said == (
            "health.when_suspected: AllAtOnce has no bake, so nobody watches green and nothing is ever suspected; "
            "choose a strategy with a bake, or leave it out"
        )

    @pytest.mark.parametrize(
        ("traffic", "health"), [("AllAtOnce", {}), ("Canary10Percent5Minutes", {"when_suspected": "hold"})]
    )
    def test_the_default_and_a_strategy_with_a_bake_are_fine(self, traffic: str, health: Any) -> None:
        assert preflight.a_suspicion_needs_a_bake(situation(traffic=traffic, health=health)) is None


READS = (
    *("ListEventSourceMappings", "GetPolicy", "GetFunctionUrlConfig", "GetFunctionEventInvokeConfig"),
    *("GetProvisionedConcurrencyConfig", "GetAccountSettings", "GetMetricData"),
)


class TestAllOfThem:
    def test_an_ordinary_deployment_is_neither_refused_nor_warned_of(self, deployer: Deployer) -> None:
        deployer.upload(GOOD % 2)

        assert must_pass(PREFLIGHT, situation()) == ()

    @pytest.mark.parametrize("operation", READS)
    @pytest.mark.parametrize("code", ["AccessDeniedException", "ServiceException", "ReadTimeout"])
    def test_what_aws_does_not_show_stops_nothing_and_is_told(
        self, deployer: Deployer, operation: str, code: str
    ) -> None:
        deployer.upload(GOOD % 2)

        with deployer.aws.acting("OpenDeployment"), deployer.aws.fails(operation, code, times=None):
            (warning,) = must_pass(PREFLIGHT, situation())

        assert str(warning).startswith(f"function: not everything about {FUNCTION} could be seen")
        assert code in str(warning)

    def test_they_read_each_fact_once(self, deployer: Deployer) -> None:
        deployer.upload(GOOD % 2)
        seen: list[str] = []

        def watch(call: Any, make: Any) -> Any:
            seen.append(call.operation)
            return make()

        with deployer.aws.acting("OpenDeployment"), deployer.aws.watched(watch):
            must_pass(PREFLIGHT * 2, situation())

        once_for_alias_and_version = {"GetProvisionedConcurrencyConfig": 2}
        expected = dict.fromkeys(READS, 1) | once_for_alias_and_version
        assert {operation: seen.count(operation) for operation in READS} == expected
