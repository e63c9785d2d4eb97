"""Each rule of AWS's that moto leaves out, tried through boto3."""

import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.machine.invocation import zip_of
from tests.machine.walk import InProcessAws, in_process_aws

ONE, TWO = (f"def handler(event, context): return {number}" for number in (1, 2))


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws({}, update_seconds=10) as aws:
        aws.create_function("Shop", ONE)
        yield aws


@pytest.fixture
def functions(aws: InProcessAws) -> Any:
    return boto3.client("lambda")


def code_of(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return caught.value.response["Error"]["Code"]


def update(aws: InProcessAws, functions: Any, source: str) -> None:
    functions.update_function_code(FunctionName="Shop", ZipFile=zip_of(source))
    aws.clock.sleep(10)


def publish(aws: InProcessAws, functions: Any) -> str:
    version: str = functions.publish_version(FunctionName="Shop")["Version"]
    aws.clock.sleep(10)
    return version


class TestPreconditions:
    @pytest.mark.parametrize(
        ("operation", "arguments"),
        [
            ("update_alias", {"Name": "PROD", "FunctionVersion": "1"}),
            ("update_function_code", {"ZipFile": zip_of(TWO)}),
            ("update_function_configuration", {"MemorySize": 256}),
            ("publish_version", {}),
        ],
    )
    def test_a_stale_revision_is_refused(self, functions: Any, operation: str, arguments: dict[str, Any]) -> None:
        with pytest.raises(ClientError) as caught:
            getattr(functions, operation)(FunctionName="Shop", RevisionId="stale", **arguments)

        assert code_of(caught) == "PreconditionFailedException"

    def test_a_change_is_a_new_revision(self, aws: InProcessAws, functions: Any) -> None:
        before = functions.get_function_configuration(FunctionName="Shop")["RevisionId"]
        answer = functions.update_function_code(FunctionName="Shop", ZipFile=zip_of(TWO), RevisionId=before)
        alias = functions.get_alias(FunctionName="Shop", Name="PROD")["RevisionId"]
        moved = functions.update_alias(FunctionName="Shop", Name="PROD", Description="x", RevisionId=alias)

        assert answer["RevisionId"] != before
        assert functions.get_function(FunctionName="Shop")["Configuration"]["RevisionId"] == answer["RevisionId"]
        assert moved["RevisionId"] != alias

    def test_only_the_code_that_was_tested_is_published(self, functions: Any) -> None:
        with pytest.raises(ClientError, match="is different from current CodeSHA256") as caught:
            functions.publish_version(FunctionName="Shop", CodeSha256="c3RhbGU=")

        assert code_of(caught) == "InvalidParameterValueException"


class TestRoutes:
    @pytest.mark.parametrize(
        ("weights", "version", "code"),
        [
            ({"7": 0.1}, "1", "ResourceNotFoundException"),
            ({"1": 0.1}, "1", "InvalidParameterValueException"),
            ({"2": 0.1}, "$LATEST", "InvalidParameterValueException"),
            ({"2": 0.1, "3": 0.1}, "1", "InvalidParameterValueException"),
            ({"2": 1.5}, "1", "ValidationException"),
            ({}, "7", "ResourceNotFoundException"),
        ],
    )
    def test_what_lambda_does_not_route_is_refused(
        self, aws: InProcessAws, functions: Any, weights: dict[str, float], version: str, code: str
    ) -> None:
        update(aws, functions, TWO)
        publish(aws, functions)

        with pytest.raises(ClientError) as caught:
            functions.update_alias(
                FunctionName="Shop",
                Name="PROD",
                FunctionVersion=version,
                RoutingConfig={"AdditionalVersionWeights": weights},
            )

        assert code_of(caught) == code
        assert "RoutingConfig" not in functions.get_alias(FunctionName="Shop", Name="PROD")

    def test_main_version_and_weights_change_in_one_call(self, aws: InProcessAws, functions: Any) -> None:
        update(aws, functions, TWO)
        publish(aws, functions)
        half = {"AdditionalVersionWeights": {"2": 0.5}}
        functions.update_alias(FunctionName="Shop", Name="PROD", RoutingConfig=half)

        whole = functions.update_alias(
            FunctionName="Shop", Name="PROD", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}}
        )

        assert whole["FunctionVersion"] == "2"
        assert "RoutingConfig" not in whole

    def test_a_version_with_a_weight_cannot_become_the_main_one_by_itself(
        self, aws: InProcessAws, functions: Any
    ) -> None:
        update(aws, functions, TWO)
        publish(aws, functions)
        half = {"AdditionalVersionWeights": {"2": 0.5}}
        functions.update_alias(FunctionName="Shop", Name="PROD", RoutingConfig=half)

        with pytest.raises(ClientError, match="already included in routing configuration"):
            functions.update_alias(FunctionName="Shop", Name="PROD", FunctionVersion="2")


class TestVersions:
    def test_the_same_code_again_is_the_same_version(self, aws: InProcessAws, functions: Any) -> None:
        update(aws, functions, TWO)
        update(aws, functions, ONE)

        assert publish(aws, functions) == "1"

    def test_no_number_is_given_twice(self, aws: InProcessAws, functions: Any) -> None:
        update(aws, functions, TWO)
        assert publish(aws, functions) == "2"
        functions.delete_function(FunctionName="Shop", Qualifier="2")
        update(aws, functions, "def handler(event, context): return 3")

        assert publish(aws, functions) == "3"

    @pytest.mark.parametrize("version", ["1", "2"])
    def test_a_version_that_an_alias_names_is_not_deleted(
        self, aws: InProcessAws, functions: Any, version: str
    ) -> None:
        update(aws, functions, TWO)
        publish(aws, functions)
        half = {"AdditionalVersionWeights": {"2": 0.5}}
        functions.update_alias(FunctionName="Shop", Name="PROD", RoutingConfig=half)

        with pytest.raises(ClientError) as caught:
            functions.delete_function(FunctionName="Shop", Qualifier=version)

        assert code_of(caught) == "ResourceConflictException"


class TestUpdates:
    def test_until_an_update_is_done_the_code_before_it_runs(self, aws: InProcessAws, functions: Any) -> None:
        answer = functions.update_function_code(FunctionName="Shop", ZipFile=zip_of(TWO))
        assert answer["LastUpdateStatus"] == "InProgress"
        assert functions.invoke(FunctionName="Shop")["Payload"].read() == b"1"

        aws.clock.sleep(10)

        assert functions.get_function_configuration(FunctionName="Shop")["LastUpdateStatus"] == "Successful"
        assert functions.invoke(FunctionName="Shop")["Payload"].read() == b"2"

    @pytest.mark.parametrize(
        ("operation", "arguments"),
        [
            ("update_function_code", {"ZipFile": zip_of(ONE)}),
            ("update_function_configuration", {"MemorySize": 256}),
            ("publish_version", {}),
        ],
    )
    def test_nothing_else_changes_meanwhile(self, functions: Any, operation: str, arguments: dict[str, Any]) -> None:
        functions.update_function_code(FunctionName="Shop", ZipFile=zip_of(TWO))

        with pytest.raises(ClientError) as caught:
            getattr(functions, operation)(FunctionName="Shop", **arguments)

        assert code_of(caught) == "ResourceConflictException"

    def test_a_version_that_is_published_with_an_update_is_pending_until_that_is_done(
        self, aws: InProcessAws, functions: Any
    ) -> None:
        functions.update_function_code(FunctionName="Shop", ZipFile=zip_of(TWO), Publish=True)
        assert functions.get_function_configuration(FunctionName="Shop", Qualifier="2")["State"] == "Pending"
        with pytest.raises(ClientError) as caught:
            functions.invoke(FunctionName="Shop", Qualifier="2")
        assert code_of(caught) == "ResourceConflictException"
        with pytest.raises(ClientError) as caught:
            functions.update_alias(FunctionName="Shop", Name="PROD", FunctionVersion="2")
        assert code_of(caught) == "ResourceConflictException"

        aws.clock.sleep(10)

        assert functions.get_function_configuration(FunctionName="Shop", Qualifier="2")["State"] == "Active"

    def test_a_version_of_an_active_function_is_active_at_once(self, aws: InProcessAws, functions: Any) -> None:
        update(aws, functions, TWO)
        assert functions.publish_version(FunctionName="Shop")["State"] == "Active"
        functions.update_alias(FunctionName="Shop", Name="PROD", FunctionVersion="2")

    def test_the_revision_changes_with_an_update_with_its_end_and_with_a_version(
        self, aws: InProcessAws, functions: Any
    ) -> None:
        def revision() -> str:
            return str(functions.get_function_configuration(FunctionName="Shop")["RevisionId"])

        before = revision()
        during = functions.update_function_code(FunctionName="Shop", ZipFile=zip_of(TWO))["RevisionId"]
        aws.clock.sleep(10)
        after = revision()
        version = functions.publish_version(FunctionName="Shop")["RevisionId"]

        assert len({before, during, after, version, revision()}) == 5
        assert revision() == revision()

    def test_another_description_is_a_new_version(self, aws: InProcessAws, functions: Any) -> None:
        functions.update_function_configuration(FunctionName="Shop", Description="other")
        aws.clock.sleep(10)
        assert functions.publish_version(FunctionName="Shop")["Version"] == "2"
        assert functions.publish_version(FunctionName="Shop", Description="named")["Version"] == "2"


class TestCode:
    def test_an_s3_object_is_taken_at_its_version(self, aws: InProcessAws, functions: Any) -> None:
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="code")
        s3.put_bucket_versioning(Bucket="code", VersioningConfiguration={"Status": "Enabled"})
        older = s3.put_object(Bucket="code", Key="k", Body=zip_of(TWO))["VersionId"]
        s3.put_object(Bucket="code", Key="k", Body=zip_of("def handler(event, context): return 3"))

        functions.update_function_code(FunctionName="Shop", S3Bucket="code", S3Key="k", S3ObjectVersion=older)
        aws.clock.sleep(10)

        assert functions.invoke(FunctionName="Shop")["Payload"].read() == b"2"

    @pytest.mark.parametrize(
        "source", [{"S3Bucket": "none", "S3Key": "k"}, {"S3Bucket": "code", "S3Key": "none"}, {"ZipFile": b"no zip"}]
    )
    def test_what_is_no_zip_is_refused(self, functions: Any, source: dict[str, Any]) -> None:
        boto3.client("s3").create_bucket(Bucket="code")

        with pytest.raises(ClientError) as caught:
            functions.update_function_code(FunctionName="Shop", **source)

        assert code_of(caught) == "InvalidParameterValueException"

    def test_an_object_of_another_region_is_refused(self, functions: Any) -> None:
        far: Any = {"LocationConstraint": "eu-west-1"}
        boto3.client("s3").create_bucket(Bucket="far", CreateBucketConfiguration=far)
        boto3.client("s3").put_object(Bucket="far", Key="k", Body=zip_of(TWO))

        with pytest.raises(ClientError, match="PermanentRedirect"):
            functions.update_function_code(FunctionName="Shop", S3Bucket="far", S3Key="k")

    def test_a_dry_run_changes_nothing(self, functions: Any) -> None:
        before = functions.get_function_configuration(FunctionName="Shop")
        functions.update_function_code(FunctionName="Shop", ZipFile=zip_of(TWO), DryRun=True)

        after = functions.get_function_configuration(FunctionName="Shop")

        assert (after["CodeSha256"], after["RevisionId"]) == (before["CodeSha256"], before["RevisionId"])

    def test_the_link_to_the_code_can_be_followed(self, functions: Any) -> None:
        link = functions.get_function(FunctionName="Shop", Qualifier="1")["Code"]["Location"]

        with urllib.request.urlopen(link) as answer:
            assert answer.read() == zip_of(ONE)


class TestMetrics:
    def read(self, aws: InProcessAws, metric: str, stat: str, *, period: int = 60, **dimensions: str) -> list[float]:
        cloudwatch: Any = boto3.client("cloudwatch")
        asked = {
            "Namespace": "AWS/Lambda",
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        }
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": asked, "Period": period, "Stat": stat}}],
            StartTime=aws.clock.now() - 3600,
            EndTime=aws.clock.now() + 60,
            ScanBy="TimestampAscending",
        )
        values: list[float] = answer["MetricDataResults"][0]["Values"]
        return values

    def test_an_invocation_counts_for_its_alias_and_the_version_that_ran(
        self, aws: InProcessAws, functions: Any
    ) -> None:
        update(aws, functions, "def handler(event, context): raise ValueError")
        publish(aws, functions)
        half = {"AdditionalVersionWeights": {"2": 0.5}}
        functions.update_alias(FunctionName="Shop", Name="PROD", RoutingConfig=half)
        ran = [functions.invoke(FunctionName="Shop:PROD")["ExecutedVersion"] for _ in range(20)]
        functions.invoke(FunctionName="Shop", Qualifier="1")
        two: Any = {"Resource": "Shop:PROD", "ExecutedVersion": "2"}

        assert self.read(aws, "Invocations", "Sum", FunctionName="Shop") == [21]
        assert self.read(aws, "Invocations", "Sum", FunctionName="Shop", Resource="Shop:PROD") == [20]
        assert self.read(aws, "Invocations", "Sum", FunctionName="Shop", **two) == [ran.count("2")]
        assert self.read(aws, "Errors", "Sum", FunctionName="Shop", **two) == [ran.count("2")]
        assert self.read(aws, "Errors", "Sum", FunctionName="Shop", **two | {"ExecutedVersion": "1"}) == [0]
        assert self.read(aws, "Invocations", "Sum", FunctionName="Shop", Resource="Shop:1") == [1]

    def test_buckets_stand_on_multiples_of_their_period(self, aws: InProcessAws) -> None:
        aws.clock.sleep(60 - aws.clock.now() % 60)
        for seconds in (50, 5, 10, 50):
            aws.clock.sleep(seconds)
            aws.metrics.count("Shop", "PROD", "1")

        assert self.read(aws, "Invocations", "Sum", FunctionName="Shop") == [2, 2]
        assert self.read(aws, "Invocations", "Sum", period=5, FunctionName="Shop") == [1, 1, 1, 1]

    @pytest.mark.parametrize(
        ("stat", "value"),
        [
            *(("Average", 28.0), ("Maximum", 100.0), ("Minimum", 10.0), ("SampleCount", 5.0)),
            *(("p80", 10.0), ("p99", 100.0), ("PR(:10)", 80.0), ("PR(10:)", 20.0), ("PR(5:50)", 80.0)),
        ],
    )
    def test_durations_have_their_statistics(self, aws: InProcessAws, stat: str, value: float) -> None:
        aws.metrics.count("Shop", "PROD", "1", invocations=4, duration_ms=10)
        aws.metrics.count("Shop", "PROD", "1", duration_ms=100)

        assert self.read(aws, "Duration", stat, FunctionName="Shop") == [value]

    def test_a_throttled_call_is_no_invocation(self, aws: InProcessAws) -> None:
        aws.metrics.count("Shop", "PROD", "1", invocations=0, throttles=3)

        assert self.read(aws, "Throttles", "Sum", FunctionName="Shop") == [3]
        assert self.read(aws, "Invocations", "Sum", FunctionName="Shop") == []

    def test_metrics_show_late(self) -> None:
        with in_process_aws({}, metrics_delay_seconds=120) as aws:
            aws.metrics.count("Shop", "PROD", "1")
            assert self.read(aws, "Invocations", "Sum", FunctionName="Shop") == []
            aws.clock.sleep(120)
            assert self.read(aws, "Invocations", "Sum", FunctionName="Shop") == [1]

    def test_a_metric_of_a_version_shows_later_than_the_others(self) -> None:
        with in_process_aws({}, metrics_delay_seconds=60) as aws:
            aws.metrics.later["Errors", "1"] = 60
            shop: Any = {"FunctionName": "Shop", "Resource": "Shop:PROD"}
            aws.metrics.count("Shop", "PROD", "1", errors=1)
            aws.clock.sleep(60)
            assert self.read(aws, "Invocations", "Sum", **shop, ExecutedVersion="1") == [1]
            assert self.read(aws, "Errors", "Sum", **shop) == [1]
            assert self.read(aws, "Errors", "Sum", **shop, ExecutedVersion="1") == []
            aws.clock.sleep(60)
            assert self.read(aws, "Errors", "Sum", **shop, ExecutedVersion="1") == [1]

    def test_metrics_fall_silent_and_keep_what_they_showed(self, aws: InProcessAws) -> None:
        aws.metrics.count("Shop", "PROD", "1")
        aws.metrics.silent_since = aws.clock.now()
        aws.clock.sleep(60)
        aws.metrics.count("Shop", "PROD", "1")

        assert self.read(aws, "Invocations", "Sum", FunctionName="Shop") == [1]


class TestAnAccount:
    def test_has_the_code_of_each_version_and_what_functions_reserve(self, aws: InProcessAws, functions: Any) -> None:
        aws.create_function("Orders", TWO)
        update(aws, functions, TWO)
        publish(aws, functions)
        functions.put_function_concurrency(FunctionName="Orders", ReservedConcurrentExecutions=30)

        settings = functions.get_account_settings()

        sizes = [
            functions.get_function(FunctionName=name, Qualifier=version)["Configuration"]["CodeSize"]
            for name, version in [
                *(("Shop", each) for each in ("$LATEST", "1", "2")),
                ("Orders", "$LATEST"),
                ("Orders", "1"),
            ]
        ]
        assert settings["AccountUsage"] == {"TotalCodeSize": sum(sizes), "FunctionCount": 2}
        assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 970
