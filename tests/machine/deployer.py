"""
The deployer as it is installed, in one process: its table, bucket and topic, and a function that users call.

Every test of the machine starts from here: BonusCalculatorLambda, whose alias PROD is at version 1, with users who call
PROD ten times a second.
"""

import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal
from unittest import mock

import boto3
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import lambda_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.events.models import events_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

import recover_deployments
from bluegreen.aws.table import item_of
from bluegreen.request.upload import place_by_request
from bluegreen.target import Target
from tests.machine.invocation import Handler
from tests.machine.walk import REGION, InProcessAws, Run, handlers_of, in_process_aws

FUNCTION, ALIAS = "BonusCalculatorLambda", "PROD"
TARGET = Target(function=FUNCTION, alias=ALIAS, region=REGION, account=DEFAULT_ACCOUNT_ID)
BUCKET, TABLE, TOPIC = "artifacts", "deployments", "notifications"
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/bluegreen/51af3dc0-da77-11e4-872e-1234567db123"
RECOVER_DEPLOYMENTS = "RecoverDeploymentsFunction"
SETTINGS = {
    "STACK_ID": STACK,
    "TABLE_NAME": TABLE,
    "ARTIFACT_BUCKET": BUCKET,
    "DEFAULT_TRAFFIC": "Canary10Percent5Minutes",
    "DEFAULT_ALIAS": ALIAS,
    "CALLS_PER_SECOND": "10",
    "RECOVER_DEPLOYMENTS": RECOVER_DEPLOYMENTS,
    "POWERTOOLS_METRICS_DISABLED": "1",
    "POWERTOOLS_SERVICE_NAME": "bluegreen",
    "POWERTOOLS_METRICS_NAMESPACE": "BlueGreen",
    "AWS_LAMBDA_FUNCTION_NAME": "bluegreen",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}

GOOD = "def handler(event, context): return {'statusCode': 200, 'bonus': %d}"
BAD_UNDER_TRAFFIC = """
def handler(event, context):
    if event.get('user'):
        raise ValueError('no bonus for users')
    return {'statusCode': 200}
"""
BROKEN = "def handler(event, context): raise RuntimeError('broken')"


class Deployer:
    """What a test does with the deployer, and what it sees of it from outside."""

    def __init__(self, aws: InProcessAws) -> None:
        self.aws = aws
        self.served: Counter[str] = Counter()
        self.harmed: Counter[str] = Counter()
        aws.create_function(FUNCTION, GOOD % 1)

    def upload(self, source: str, name: str = "new.zip") -> dict[str, str]:
        """An artifact of a function with this source, where a request may name it; or at a key as uploads have it."""
        key = name if name.startswith("functions/") else place(name)
        version = boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=zip_of(source))["VersionId"]
        return {"bucket": BUCKET, "key": key, "version_id": version}

    def deploy(self, source: str = GOOD % 2, **request: Any) -> Run:
        """Upload and deploy; with a canary of five minutes unless the request says otherwise."""
        return self.run({"function": FUNCTION, "artifact": self.upload(source)} | request)

    def run(self, request: Any, name: str | None = None) -> Run:
        """A request, from its start to its end."""
        return self.aws.walk(request, name)

    def users_call(self, times_a_second: float = 1) -> None:
        """From now on users call PROD, and count what they get by the version that served them."""
        backend = lambda_backends[DEFAULT_ACCOUNT_ID][REGION]  # boto3's part takes four fifths of a call

        def call() -> None:
            answer: dict[str, str] = {}
            try:
                backend.invoke(FUNCTION, ALIAS, json.dumps({"user": 1}), {}, answer)
            except LambdaClientError:
                self.harmed["no version"] += 1
                return
            version = answer["X-Amz-Executed-Version"]
            (self.harmed if "X-Amz-Function-Error" in answer else self.served)[version] += 1

        self.aws.every(1 / times_a_second, call)

    def alias(self) -> tuple[str, dict[str, float]]:
        """The alias's main version, and the weights beside it."""
        alias = boto3.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)
        return alias["FunctionVersion"], alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})

    def digest(self, qualifier: str = "$LATEST") -> str:
        """The code behind a qualifier."""
        configuration = boto3.client("lambda").get_function_configuration(FunctionName=FUNCTION, Qualifier=qualifier)
        return str(configuration["CodeSha256"])

    def versions(self) -> list[str]:
        """What is published."""
        answer = boto3.client("lambda").list_versions_by_function(FunctionName=FUNCTION)
        return [version["Version"] for version in answer["Versions"] if version["Version"] != "$LATEST"]

    def everything(self) -> Any:
        """All that a refused request must leave as it was: alias, $LATEST and versions."""
        lambda_ = boto3.client("lambda")
        answers = (
            lambda_.get_alias(FunctionName=FUNCTION, Name=ALIAS),
            lambda_.get_function(FunctionName=FUNCTION)["Configuration"],
            lambda_.list_versions_by_function(FunctionName=FUNCTION),
        )
        return [{name: value for name, value in answer.items() if name != "ResponseMetadata"} for answer in answers]

    def items(self, prefix: str) -> list[dict[str, Any]]:
        """What the table has whose key begins so."""
        found = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[TABLE].all_items()
        return [item_of(item.to_json()["Attributes"]) for item in found if item.hash_key.value.startswith(prefix)]

    def record(self, run: Run) -> dict[str, Any]:
        """The record of a run."""
        name = run.arn.rpartition(":")[2]
        (record,) = (item for item in self.items(f"deployment#{name}") if item["sk"] == "record")
        return record

    def notified(self) -> list[str]:
        """The subjects that people were told, in order, but for those of beginnings."""
        return [message["Subject"] for message in self.messages()]

    def messages(self) -> list[dict[str, Any]]:
        """What people were told, in order, but for beginnings."""
        return [message for message in _taken("people") if not message["Subject"].startswith("Started: ")]

    def announced(self, *detail_types: str) -> list[dict[str, Any]]:
        """The events that other systems got, in order: those of these kinds, or all."""
        return [event for event in _taken("systems") if not detail_types or event["detail-type"] in detail_types]


def _taken(queue: str) -> list[dict[str, Any]]:
    """What the queue has, which has it no more."""
    waiting = sqs_backends[DEFAULT_ACCOUNT_ID][REGION].get_queue(queue)._messages
    found = [json.loads(message.body) for message in waiting]
    del waiting[: len(found)]
    return found


def place(name: str) -> str:
    """The key of an object that a request for FUNCTION may name."""
    return place_by_request(FUNCTION, name)


def zip_of(source: str) -> bytes:
    """A zip of index.py; the same source is the same zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py"), source)
    return file.getvalue()


def alarm(name: str, state: Literal["ALARM", "INSUFFICIENT_DATA", "OK"]) -> None:
    """An alarm of the user's, in that state."""
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Shop",
        MetricName="Sales",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


@contextmanager
def installed(handlers: Mapping[str, Handler] | None = None, **world: Any) -> Iterator[Deployer]:
    """The deployer in an AWS of its own."""
    invoked: dict[str, Handler] = {RECOVER_DEPLOYMENTS: recover_deployments.handler, **(handlers or handlers_of())}
    with mock.patch.dict(os.environ, SETTINGS), in_process_aws(invoked, **world) as aws:
        boto3.setup_default_session(region_name="us-east-1")
        topic = _create_resources()
        with mock.patch.dict(os.environ, {"TOPIC_ARN": topic, "STATE_MACHINE_ARN": aws.machine_arn()}):
            yield Deployer(aws)


def _create_resources() -> str:
    """
    Bucket, table, and people who are subscribed to the topic, whose ARN it returns.

    Every test begins with this. boto3's part would take nine tenths of it.
    """
    s3 = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    s3.create_bucket(BUCKET, REGION)
    s3.put_bucket_versioning(BUCKET, "Enabled")
    dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].create_table(
        TABLE,
        schema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        throughput=None,
        attr=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "listed", "started_at", "kind")],
        global_indexes=[_index("ByFunction", "listed", "started_at"), _index("ByKind", "kind", "pk")],
        indexes=[],
        streams=None,
        billing_mode="PAY_PER_REQUEST",
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )
    sns = sns_backends[DEFAULT_ACCOUNT_ID][REGION]
    topic = sns.create_topic(TOPIC)
    people = sqs_backends[DEFAULT_ACCOUNT_ID][REGION].create_queue("people")
    sns.subscribe(topic.arn, people.queue_arn, "sqs")
    systems = sqs_backends[DEFAULT_ACCOUNT_ID][REGION].create_queue("systems")
    events = events_backends[DEFAULT_ACCOUNT_ID][REGION]
    events.put_rule("systems", event_pattern=json.dumps({"source": ["bluegreen"]}))
    events.put_targets("systems", None, [{"Id": "systems", "Arn": systems.queue_arn}])
    return str(topic.arn)


def _index(name: str, key: str, order: str) -> Any:
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}, {"AttributeName": order, "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "ALL"},
    }
