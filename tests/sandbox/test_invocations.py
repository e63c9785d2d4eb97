"""Lambda runs code as AWS does, in environments that hold what was packaged and nothing of the host."""

import base64
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.testing import Clients, Functions, allow, eventually, trusted_role, zipped

WHO = "def handler(event, context): return {'arn': context.invoked_function_arn, 'version': context.function_version}"

UNTIL_FOUR_ARE_HERE = """
import pathlib, time

def handler(event, context):
    here = pathlib.Path({here!r})
    (here / context.aws_request_id).touch()
    while len(list(here.iterdir())) < 4:
        time.sleep(0.01)
    return 4
"""


def test_an_alias_with_weights_sends_that_share_of_the_invocations_to_each_version(function: Functions) -> None:
    shop = function(WHO)
    shop.publish()
    shop.update(WHO + "\n")
    shop.publish()
    shop.alias("live", "1", {"2": 0.3})

    versions = [shop.invoke(Qualifier="live")["ExecutedVersion"] for _ in range(300)]

    assert 50 < versions.count("2") < 130
    assert versions.count("1") + versions.count("2") == 300


def test_a_mapping_of_a_queue_to_an_alias_with_weights_runs_both_versions_and_counts_each(
    function: Functions, client: Clients
) -> None:
    shop = function(WHO)
    shop.publish()
    shop.update(WHO + "\n")
    shop.publish()
    shop.alias("live", "1", {"2": 0.5})
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=f"of-{shop.name}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    shop.api.create_event_source_mapping(EventSourceArn=arn, FunctionName=f"{shop.name}:live", BatchSize=1)

    for number in range(20):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))

    def invocations(version: str) -> int:
        of_version = {"FunctionName": shop.name, "Resource": f"{shop.name}:live", "ExecutedVersion": version}
        found = client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Invocations",
            Dimensions=[{"Name": name, "Value": value} for name, value in of_version.items()],
            StartTime=time.time() - 3600,
            EndTime=time.time() + 60,
            Period=3600,
            Statistics=["Sum"],
        )
        return int(sum(point["Sum"] for point in found["Datapoints"]))

    eventually(lambda: invocations("1") + invocations("2") == 20)
    assert 0 < invocations("1") < 20


def test_an_invocation_reports_the_version_that_ran_and_the_arn_that_was_called(function: Functions) -> None:
    shop = function(WHO)
    shop.publish()
    shop.alias("live", "1")

    by_alias, by_version, unqualified = shop.invoke(Qualifier="live"), shop.invoke(Qualifier="1"), shop.invoke()

    assert by_alias["ExecutedVersion"] == by_alias["Payload"]["version"] == "1"
    assert by_alias["Payload"]["arn"].endswith(f"function:{shop.name}:live")
    assert by_version["Payload"]["arn"].endswith(f"function:{shop.name}:1")
    assert unqualified["ExecutedVersion"] == unqualified["Payload"]["version"] == "$LATEST"
    assert unqualified["Payload"]["arn"].endswith(f"function:{shop.name}")


def test_an_unknown_qualifier_is_not_found(function: Functions) -> None:
    shop = function(WHO)
    with pytest.raises(shop.api.exceptions.ResourceNotFoundException):
        shop.invoke(Qualifier="nobody")


def test_a_python_error_is_reported_by_its_class_and_leaves_the_environment_warm(function: Functions) -> None:
    shop = function(
        "import os\n"
        "class TooDear(Exception): pass\n"
        "def handler(e, c):\n"
        "    if e: raise TooDear('12')\n"
        "    return os.getpid()"
    )

    before, failed, after = shop.invoke(), shop.invoke(True), shop.invoke()

    assert failed["FunctionError"] == "Unhandled"
    assert failed["Payload"]["errorType"] == "TooDear"
    assert failed["Payload"]["errorMessage"] == "12"
    assert "line 4" in failed["Payload"]["stackTrace"][0]
    assert before["Payload"] == after["Payload"]


def test_a_node_process_that_ends_after_its_answer_leaves_no_invocation_without_one(function: Functions) -> None:
    shop = function(
        "export const handler = async () => { Promise.reject(new Error('late')); return 1; };", "nodejs24.x"
    )

    answers = [shop.invoke()["Payload"] for _ in range(10)]

    assert 1 in answers
    errors = {answer["errorType"] for answer in answers if answer != 1}
    assert errors <= {"Runtime.ExitError", "Runtime.UnhandledPromiseRejection"}


def test_a_node_error_is_reported_by_its_name(function: Functions) -> None:
    source = (
        "class TooDear extends Error { name = 'TooDear' }\n"
        "export const handler = async () => { throw new TooDear('12') }"
    )
    failed = function(source, "nodejs22.x").invoke()

    assert failed["FunctionError"] == "Unhandled"
    assert failed["Payload"]["errorType"] == "TooDear"
    assert failed["Payload"]["errorMessage"] == "12"


def test_node_handlers_may_be_asynchronous_synchronous_or_call_back(function: Functions) -> None:
    for source, expected in [
        ("export const handler = async (event) => event.n + 1", 2),
        ("export const handler = (event) => event.n + 2", 3),
        ("export const handler = (event, context, callback) => setTimeout(() => callback(null, event.n + 3), 5)", 4),
    ]:
        assert function(source, "nodejs22.x").invoke({"n": 1})["Payload"] == expected


def test_a_function_that_takes_too_long_is_ended(function: Functions) -> None:
    slow = function("import time\ndef handler(e, c): time.sleep(e)\n", Timeout=1)

    failed = slow.invoke(5)

    assert failed["Payload"]["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in failed["Payload"]["errorMessage"]
    assert "FunctionError" not in slow.invoke(0)


def test_a_process_that_ends_is_an_error_of_the_runtime(function: Functions) -> None:
    failed = function("import os\ndef handler(e, c): os._exit(3)").invoke()

    assert failed["Payload"]["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in failed["Payload"]["errorMessage"]


def test_a_python_function_can_import_what_it_packaged_and_boto3_and_nothing_else(function: Functions) -> None:
    shop = function("import boto3, botocore, jmespath, packaged\ndef handler(e, c): return packaged.__name__")
    shop.api.update_function_code(
        FunctionName=shop.name,
        ZipFile=zipped(
            "import boto3, packaged\ndef handler(e, c): return packaged.ANSWER", **{"packaged.py": "ANSWER = 42"}
        ),
    )
    shop.wait_until_updated()
    assert shop.invoke()["Payload"] == 42

    for foreign in ("ministack", "moto", "pytest", "sandbox", "handlers", "yaml", "pip"):
        failed = function(f"import {foreign}\ndef handler(e, c): pass").invoke()["Payload"]
        assert failed["errorType"] == "Runtime.ImportModuleError"
        assert failed["errorMessage"] == f"Unable to import module 'index': No module named '{foreign}'"


def test_a_node_function_can_import_what_it_packaged_and_nothing_else(function: Functions) -> None:
    shop = function("export const handler = async () => 1", "nodejs22.x")
    packaged = {
        "node_modules/packaged/index.js": "module.exports = 42",
        "node_modules/packaged/package.json": '{"name": "packaged"}',
    }
    source = "import answer from 'packaged'\nexport const handler = async () => answer"
    shop.api.update_function_code(FunctionName=shop.name, ZipFile=zipped(source, "index.mjs", **packaged))
    shop.wait_until_updated()
    assert shop.invoke()["Payload"] == 42

    shop.update("import x from '@aws-sdk/client-s3'\nexport const handler = async () => 1")
    assert shop.invoke()["Payload"]["errorType"] == "Runtime.ImportModuleError"


def test_nothing_of_the_host_s_environment_reaches_a_function(function: Functions) -> None:
    shop = function("import os\ndef handler(e, c): return dict(os.environ)", Environment={"Variables": {"MINE": "1"}})

    seen = shop.invoke()["Payload"]

    assert seen["MINE"] == "1"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == shop.name
    assert seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert seen["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    foreign = {name for name in seen if not name.startswith(("AWS_", "_", "LAMBDA_"))}
    assert foreign <= {"MINE", "PATH", "LANG", "TZ", "TMPDIR", "LC_CTYPE"}
    assert os.environ["PATH"] != seen["PATH"]


def test_what_a_function_prints_is_in_its_log_and_in_the_tail_of_the_answer(
    function: Functions, client: Clients
) -> None:
    shop = function("import logging\ndef handler(e, c): print('one'); logging.warning('two')")

    tail = base64.b64decode(shop.invoke(LogType="Tail")["LogResult"]).decode()

    events = client("logs").filter_log_events(logGroupName=f"/aws/lambda/{shop.name}")["events"]
    for text in (tail, "\n".join(event["message"] for event in events)):
        assert text.startswith("START RequestId")
        assert "\none\n" in text
        assert "\ttwo" in text
        assert "REPORT RequestId" in text


def test_reserved_concurrency_throttles_aliases_and_versions_too(function: Functions) -> None:
    shop = function(WHO)
    shop.publish()
    shop.alias("live", "1")
    shop.api.put_function_concurrency(FunctionName=shop.name, ReservedConcurrentExecutions=0)

    for qualifier in ("live", "1", "$LATEST"):
        with pytest.raises(shop.api.exceptions.TooManyRequestsException):
            shop.invoke(Qualifier=qualifier)


def test_invocations_run_beside_each_other(function: Functions, tmp_path: Path) -> None:
    waiting = function(UNTIL_FOUR_ARE_HERE.format(here=str(tmp_path)), Timeout=30)
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(waiting.invoke()["Payload"])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [4, 4, 4, 4]


def test_a_dry_run_runs_nothing_and_an_event_runs_later(function: Functions, client: Clients) -> None:
    table = "import os\ndef handler(e, c): print('ran')"
    shop = function(table)
    assert shop.invoke(InvocationType="DryRun")["StatusCode"] == 204
    assert shop.invoke(InvocationType="Event")["StatusCode"] == 202


def test_an_answer_that_is_not_json_is_an_error_of_the_runtime(function: Functions) -> None:
    failed = function("def handler(e, c): return {1, 2}").invoke()
    assert failed["Payload"]["errorType"] == "Runtime.MarshalError"


def test_a_big_event_and_much_output_pass(function: Functions) -> None:
    shop = function("def handler(e, c):\n    print('x' * 200_000)\n    return len(e)", Timeout=10)
    assert shop.invoke("y" * 1_000_000)["Payload"] == 1_000_000
    assert json.dumps(shop.invoke("y")["Payload"]) == "1"


def test_what_was_printed_before_a_time_out_is_in_the_log(function: Functions) -> None:
    slow = function("import time\ndef handler(e, c):\n    print('begun')\n    time.sleep(9)", Timeout=1)

    answer = slow.invoke(LogType="Tail")

    assert answer["Payload"]["errorType"] == "Sandbox.Timedout"
    assert "begun" in base64.b64decode(answer["LogResult"]).decode().splitlines()


def test_bytes_are_text_in_an_answer(function: Functions) -> None:
    assert function("def handler(e, c): return {'a': b'x'}").invoke()["Payload"] == {"a": "x"}


@pytest.mark.parametrize(("runtime", "text"), [("python3.11", b'"\\u00e9"'), ("python3.12", '"é"'.encode())])
def test_python_escapes_what_is_not_ascii_up_to_3_11(function: Functions, runtime: str, text: bytes) -> None:
    shop = function("def handler(e, c): return 'é'", runtime=runtime)
    assert shop.api.invoke(FunctionName=shop.name)["Payload"].read() == text


def test_node_24_takes_no_callbacks(function: Functions) -> None:
    source = "export const handler = (event, context, callback) => callback(null, 1);"

    assert function(source, runtime="nodejs22.x").invoke()["Payload"] == 1
    refused = function(source, runtime="nodejs24.x").invoke()
    assert refused["FunctionError"] == "Unhandled"
    assert refused["Payload"]["errorType"] == "Runtime.CallbackHandlerDeprecated"


def test_the_answers_request_id_is_that_of_the_invocation(function: Functions) -> None:
    answer = function("def handler(e, c): return c.aws_request_id").invoke()
    assert answer["Payload"] == answer["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize(
    ("event", "outcome", "condition", "tries"),
    [(1, "OnSuccess", "Success", 1), (None, "OnFailure", "RetriesExhausted", 2)],
)
def test_the_record_of_an_event_goes_to_its_destination(
    function: Functions, client: Clients, event: Any, outcome: str, condition: str, tries: int
) -> None:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=f"records-{outcome}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    role = trusted_role(client, "sends-records", allow("sqs:SendMessage"))
    source = "def handler(e, c):\n    if e is None: raise ValueError('none')\n    return c.aws_request_id"
    shop = function(source, role=role)
    shop.api.put_function_event_invoke_config(
        FunctionName=shop.name, MaximumRetryAttempts=1, DestinationConfig={outcome: {"Destination": arn}}
    )

    shop.invoke(event, InvocationType="Event")

    messages = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    record = json.loads(messages[0]["Body"])
    about = record["requestContext"]
    assert (about["condition"], about["approximateInvokeCount"]) == (condition, tries)
    assert about["functionArn"].endswith(f"function:{shop.name}:$LATEST")
    assert record["version"] == "1.0"
    assert record["requestPayload"] == event
    assert record["responseContext"]["executedVersion"] == "$LATEST"
    answer = record["responsePayload"]
    assert about["requestId"] == (answer if condition == "Success" else answer["requestId"])


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"Runtime": "python3.99"}, "InvalidParameterValueException"),
        ({"Code": {"S3Bucket": "no-such-bucket", "S3Key": "k"}}, "InvalidParameterValueException"),
        ({"Code": {"ZipFile": b"x" * (50 * 1024 * 1024 + 1)}}, "RequestEntityTooLargeException"),
        ({"FunctionName": "no blanks"}, "ValidationException"),
    ],
)
def test_a_function_that_aws_refuses_is_not_made(client: Clients, settings: dict[str, Any], code: str) -> None:
    api = client("lambda")
    given = {
        "FunctionName": "refused",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": trusted_role(client),
        "Code": {"ZipFile": zipped(WHO)},
    }
    with pytest.raises(api.exceptions.ClientError) as refused:
        api.create_function(**given | settings)
    assert refused.value.response["Error"]["Code"] == code
