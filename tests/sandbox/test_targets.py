"""Two accounts with two regions each, as a release has them for targets: nothing of the one is seen in the other."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.testing import Clients, Functions, allow, credentials_of, eventually, policy, zipped

HOME, AWAY = "000000000000", "222222222222"
HERE, THERE = "eu-central-1", "us-east-1"
PLACES = [(account, region) for account in (HOME, AWAY) for region in (HERE, THERE)]
COUNTS = """
import json
def handler(event, context):
    if event.get("fails"):
        raise RuntimeError("as wanted")
    about = {"Namespace": context.function_name, "Dimensions": [[]], "Metrics": [{"Name": "Sales"}]}
    print(json.dumps({"_aws": {"Timestamp": event["now"], "CloudWatchMetrics": [about]}, "Sales": 1}))
    return "%s"
"""


@dataclass
class Place:
    """The function of the same name in one account and region."""

    client: Clients
    account: str
    region: str
    name: str

    def __call__(self, service: str) -> Any:
        return self.client(service, region=self.region, AccessKeyId=self.account)

    @property
    def code(self) -> str:
        return f"{self.account} {self.region}"

    @property
    def bucket(self) -> str:
        return f"{self.name.lower()}-{self.account}-{self.region}"

    def create(self) -> None:
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = f"{self.name}-{self.region}"
        made = self("iam").create_role(RoleName=role, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        self("iam").put_role_policy(RoleName=role, PolicyName="may", PolicyDocument=policy(allow("logs:*")))
        self("lambda").create_function(
            FunctionName=self.name,
            Runtime="python3.13",
            Handler="index.handler",
            Role=made,
            Code={"ZipFile": zipped(COUNTS % self.code)},
            Tags={"place": self.code},
        )
        self.settle()
        self("lambda").publish_version(FunctionName=self.name)
        self("lambda").create_alias(FunctionName=self.name, Name="PROD", FunctionVersion="1", Description=self.code)
        where = {} if self.region == "us-east-1" else {"LocationConstraint": self.region}
        self("s3").create_bucket(Bucket=self.bucket, **({"CreateBucketConfiguration": where} if where else {}))
        code = zipped("def handler(e, c): return 'new'")
        self("s3").put_object(Bucket=self.bucket, Key="new.zip", Body=code, Metadata={"commit": "abc"})

    def settle(self) -> None:
        def settled() -> bool:
            found = self.configuration()
            return bool(found["State"] == "Active" and found["LastUpdateStatus"] == "Successful")

        eventually(settled)

    def configuration(self) -> Any:
        return self("lambda").get_function_configuration(FunctionName=self.name)

    def invoke(self, **event: Any) -> Any:
        event |= {"now": int(time.time() * 1000)}
        answer = self("lambda").invoke(FunctionName=f"{self.name}:PROD", Payload=json.dumps(event))
        return json.load(answer["Payload"])

    def metric(self, namespace: str, name: str, **dimensions: str) -> float:
        found = self("cloudwatch").get_metric_data(
            MetricDataQueries=[
                {
                    "Id": "m",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": namespace,
                            "MetricName": name,
                            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
                        },
                        "Period": 60,
                        "Stat": "Sum",
                    },
                }
            ],
            StartTime=datetime.now(UTC) - timedelta(minutes=10),
            EndTime=datetime.now(UTC) + timedelta(minutes=10),
        )
        return float(sum(found["MetricDataResults"][0]["Values"]))


@pytest.fixture
def places(client: Clients) -> list[Place]:
    name = f"Shop{time.time_ns()}"
    places = [Place(client, account, region, name) for account, region in PLACES]
    for place in places:
        place.create()
    return places


@pytest.fixture
def target(client: Clients, places: list[Place]) -> Callable[..., dict[str, str]]:
    """`target(ExternalId=...)`: the credentials that home's releaser gets of the role in the other account."""
    away, role = places[2], f"target-{places[0].name}"
    releaser = f"releaser-{places[0].name}"
    may = allow("sts:AssumeRole", f"arn:aws:iam::{AWAY}:role/{role}")
    credentials = credentials_of(client, releaser, may)
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{HOME}:role/{releaser}"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "ours"}},
    }
    away("iam").create_role(RoleName=role, AssumeRolePolicyDocument=policy(trust))
    tagged = {"StringLike": {"aws:ResourceTag/place": f"{AWAY} *"}}
    actions = ["lambda:InvokeFunction", "lambda:GetFunction", "lambda:UpdateFunctionCode", "lambda:UpdateAlias"]
    statements = [
        allow(actions, f"arn:aws:lambda:*:{AWAY}:function:*", Condition=tagged),
        allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{away.name.lower()}-{AWAY}-*/*"),
        allow("s3:GetObject", f"arn:aws:s3:::{places[0].bucket}/*"),
        allow("cloudwatch:GetMetricData"),
    ]
    away("iam").put_role_policy(RoleName=role, PolicyName="may", PolicyDocument=policy(*statements))

    def assume(by: dict[str, str] = credentials, **more: Any) -> dict[str, str]:
        session = client("sts", **by).assume_role(
            RoleArn=f"arn:aws:iam::{AWAY}:role/{role}", RoleSessionName="release", **more
        )["Credentials"]
        return {name: session[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}

    return assume


class TestAFunctionOfTheSameName:
    def test_has_its_own_code_alias_and_tags_in_each_place(self, places: list[Place]) -> None:
        assert [place.invoke() for place in places] == [place.code for place in places]
        for place in places:
            arn = f"arn:aws:lambda:{place.region}:{place.account}:function:{place.name}"
            (alias,) = place("lambda").list_aliases(FunctionName=place.name)["Aliases"]
            assert (alias["AliasArn"], alias["Description"]) == (f"{arn}:PROD", place.code)
            assert place("lambda").get_function(FunctionName=place.name)["Tags"] == {"place": place.code}

    def test_is_changed_in_one_place_only(self, places: list[Place]) -> None:
        first, *others = places
        before = [place.configuration() for place in others]
        first("lambda").update_function_code(FunctionName=first.name, ZipFile=zipped("def handler(e, c): return 2"))

        assert first.configuration()["LastUpdateStatus"] == "InProgress"
        assert [place.configuration()["RevisionId"] for place in others] == [each["RevisionId"] for each in before]
        assert {place.configuration()["LastUpdateStatus"] for place in others} == {"Successful"}
        first.settle()
        assert first("lambda").publish_version(FunctionName=first.name)["Version"] == "2"
        first("lambda").update_alias(FunctionName=first.name, Name="PROD", FunctionVersion="2")
        assert [place.invoke() for place in places] == [2, *(place.code for place in others)]
        listed = [place("lambda").list_versions_by_function(FunctionName=place.name)["Versions"] for place in places]
        assert [len(versions) for versions in listed] == [3, 2, 2, 2]

    def test_is_counted_and_logged_where_it_runs(self, places: list[Place]) -> None:
        for times, place in enumerate(places, 1):
            for _ in range(times):
                place.invoke()

        name = places[0].name
        by_version = {"FunctionName": name, "Resource": f"{name}:PROD", "ExecutedVersion": "1"}
        eventually(
            lambda: [each.metric("AWS/Lambda", "Invocations", FunctionName=name) for each in places] == [1, 2, 3, 4]
        )
        assert [each.metric("AWS/Lambda", "Invocations", **by_version) for each in places] == [1, 2, 3, 4]
        eventually(lambda: [each.metric(name, "Sales") for each in places] == [1, 2, 3, 4])
        for times, place in enumerate(places, 1):
            events = place("logs").filter_log_events(logGroupName=f"/aws/lambda/{place.name}")["events"]
            assert sum(event["message"].startswith("REPORT") for event in events) == times

    def test_alarms_where_it_fails(self, places: list[Place]) -> None:
        failing = places[3]
        for place in places:
            place("cloudwatch").put_metric_alarm(
                AlarmName=place.name,
                Namespace="AWS/Lambda",
                MetricName="Errors",
                Dimensions=[{"Name": "FunctionName", "Value": place.name}],
                Statistic="Sum",
                Period=10,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanOrEqualToThreshold",
                TreatMissingData="notBreaching",
            )
            place.invoke(fails=place is failing)

        def states() -> list[str]:
            found = [place("cloudwatch").describe_alarms(AlarmNames=[place.name]) for place in places]
            return [each["MetricAlarms"][0]["StateValue"] for each in found]

        eventually(lambda: states() == ["OK", "OK", "OK", "ALARM"])


class TestTheRoleOfATarget:
    @pytest.mark.parametrize("more", [{}, {"ExternalId": "theirs"}])
    def test_is_for_who_knows_the_external_id(self, target: Callable[..., Any], more: dict[str, str]) -> None:
        with pytest.raises(ClientError) as refused:
            target(**more)

        assert refused.value.response["Error"]["Code"] == "AccessDenied"

    def test_is_for_the_one_role_that_it_trusts(self, target: Callable[..., Any], client: Clients) -> None:
        other = credentials_of(client, f"other-{time.time_ns()}", allow("sts:AssumeRole"))

        with pytest.raises(ClientError) as refused:
            target(other, ExternalId="ours")

        assert refused.value.response["Error"]["Code"] == "AccessDenied"

    @pytest.mark.parametrize(("seconds", "lasts"), [(60, False), (900, True), (3600, True), (7200, False)])
    def test_lasts_an_hour_at_most_since_another_role_takes_it(
        self, target: Callable[..., Any], places: list[Place], seconds: int, lasts: bool
    ) -> None:
        places[2]("iam").update_role(RoleName=f"target-{places[0].name}", MaxSessionDuration=43200)

        if lasts:
            assert target(ExternalId="ours", DurationSeconds=seconds)
        else:
            with pytest.raises(ClientError, match="ValidationError"):
                target(ExternalId="ours", DurationSeconds=seconds)

    def test_acts_in_every_region_of_its_account_and_in_no_other_account(
        self, target: Callable[..., Any], client: Clients, places: list[Place]
    ) -> None:
        credentials, name = target(ExternalId="ours"), places[0].name

        for place in places[2:]:
            api = client("lambda", region=place.region, **credentials)
            answer = api.invoke(FunctionName=f"{name}:PROD", Payload=json.dumps({"now": 0}))
            assert json.load(answer["Payload"]) == place.code
            with pytest.raises(ClientError, match="is not authorized to perform: lambda:InvokeFunction"):
                api.invoke(FunctionName=f"arn:aws:lambda:{place.region}:{HOME}:function:{name}")
            with pytest.raises(ClientError, match="is not authorized to perform: lambda:DeleteFunction"):
                api.delete_function(FunctionName=name)

    def test_has_what_its_tag_condition_allows(
        self, target: Callable[..., Any], client: Clients, places: list[Place]
    ) -> None:
        credentials, place = target(ExternalId="ours"), places[3]
        arn = place.configuration()["FunctionArn"]
        place("lambda").untag_resource(Resource=arn, TagKeys=["place"])

        with pytest.raises(ClientError, match="is not authorized to perform: lambda:InvokeFunction"):
            client("lambda", region=place.region, **credentials).invoke(FunctionName=place.name)
        assert client("lambda", region=HERE, **credentials).get_function(FunctionName=place.name)

    def test_reads_the_metrics_of_its_account(
        self, target: Callable[..., Any], client: Clients, places: list[Place]
    ) -> None:
        credentials, place = target(ExternalId="ours"), places[3]
        place.invoke()
        eventually(lambda: place.metric("AWS/Lambda", "Invocations", FunctionName=place.name) == 1)

        as_target = Place(
            lambda service, **where: client(service, region=where["region"], **credentials), *PLACES[3], place.name
        )
        assert as_target.metric("AWS/Lambda", "Invocations", FunctionName=place.name) == 1


class TestCodeInABucket:
    def test_is_taken_from_a_bucket_of_the_function_s_own_region_only(
        self, target: Callable[..., Any], client: Clients, places: list[Place]
    ) -> None:
        here, there = places[2:]
        api = client("lambda", region=THERE, **target(ExternalId="ours"))

        with pytest.raises(ClientError) as refused:
            api.update_function_code(FunctionName=there.name, S3Bucket=here.bucket, S3Key="new.zip")

        error = refused.value.response["Error"]
        assert error["Code"] == "InvalidParameterValueException"
        assert "S3 Error Code: PermanentRedirect." in error["Message"]
        api.update_function_code(FunctionName=there.name, S3Bucket=there.bucket, S3Key="new.zip")
        there.settle()
        answer = there("lambda").invoke(FunctionName=there.name)
        assert json.load(answer["Payload"]) == "new"

    def test_is_copied_there_by_who_acts_as_the_target(
        self, target: Callable[..., Any], client: Clients, places: list[Place]
    ) -> None:
        home, there, credentials = places[0], places[3], target(ExternalId="ours")
        code = home("s3").get_object(Bucket=home.bucket, Key="new.zip")["Body"].read()
        s3 = client("s3", region=THERE, **credentials)
        s3.put_object(Bucket=there.bucket, Key="copies/new.zip", Body=code)

        api = client("lambda", region=THERE, **credentials)
        api.update_function_code(FunctionName=there.name, S3Bucket=there.bucket, S3Key="copies/new.zip")

        there.settle()
        assert there.configuration()["CodeSha256"] != home.configuration()["CodeSha256"]
        with pytest.raises(ClientError):
            s3.put_object(Bucket=home.bucket, Key="copies/new.zip", Body=code)

    def test_of_another_account_is_copied_by_whom_its_bucket_lets_in(
        self, target: Callable[..., Any], client: Clients, places: list[Place]
    ) -> None:
        home, there = places[0], places[3]
        s3 = client("s3", region=THERE, **target(ExternalId="ours"))
        copy = {"Bucket": there.bucket, "Key": "copy.zip", "CopySource": {"Bucket": home.bucket, "Key": "new.zip"}}

        with pytest.raises(ClientError, match="AccessDenied"):
            s3.copy_object(**copy)
        lets_in = allow("s3:GetObject", f"arn:aws:s3:::{home.bucket}/*", Principal={"AWS": f"arn:aws:iam::{AWAY}:root"})
        home("s3").put_bucket_policy(Bucket=home.bucket, Policy=policy(lets_in))
        s3.copy_object(**copy)

        copied = there("s3").get_object(Bucket=there.bucket, Key="copy.zip")
        assert copied["Body"].read() == home("s3").get_object(Bucket=home.bucket, Key="new.zip")["Body"].read()
        assert copied["Metadata"] == {"commit": "abc"}
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.copy_object(**copy | {"CopySource": {"Bucket": home.bucket, "Key": "old.zip"}})

    @pytest.mark.parametrize("place", range(4))
    def test_a_bucket_has_its_region(self, places: list[Place], place: int) -> None:
        found = places[place]
        constraint = found("s3").get_bucket_location(Bucket=found.bucket)["LocationConstraint"]

        assert constraint == (None if found.region == "us-east-1" else found.region)
        assert found("s3").head_bucket(Bucket=found.bucket)["BucketRegion"] == found.region


def test_a_name_of_a_bucket_is_taken_in_every_account(places: list[Place]) -> None:
    home, *_, away = places

    with pytest.raises(ClientError) as refused:
        away("s3").create_bucket(Bucket=home.bucket)

    assert refused.value.response["Error"]["Code"] == "BucketAlreadyExists"


ACTS = """
import json, os, time
import boto3

def handler(event, context):
    asked = boto3.client("sts").assume_role(RoleArn=event["role"], RoleSessionName="release", ExternalId="ours")
    given = asked["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    api = session.client("lambda", region_name=event["region"])
    api.update_function_code(FunctionName=event["name"], S3Bucket=event["bucket"], S3Key="new.zip")
    while api.get_function(FunctionName=event["name"])["Configuration"]["LastUpdateStatus"] == "InProgress":
        time.sleep(0.05)
    return [os.environ["AWS_REGION"], json.load(api.invoke(FunctionName=event["name"])["Payload"])]
"""


def test_a_function_at_home_deploys_in_another_account_and_region(
    target: Callable[..., Any], client: Clients, places: list[Place], function: Functions
) -> None:
    there, name = places[3], places[0].name
    trusts = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    client("iam").update_assume_role_policy(RoleName=f"releaser-{name}", PolicyDocument=policy(trusts))
    acts = function(ACTS, role=f"arn:aws:iam::{HOME}:role/releaser-{name}", Timeout=30)

    role = f"arn:aws:iam::{AWAY}:role/target-{name}"
    answer = acts.invoke({"role": role, "region": THERE, "name": name, "bucket": there.bucket})

    assert answer["Payload"] == [HERE, "new"]
    assert places[0].invoke() == places[0].code
