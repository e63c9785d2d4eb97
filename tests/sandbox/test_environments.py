"""A function's process has the variables that Lambda documents, and none of the host's."""

import sys
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.testing import Functions

OF_LAMBDA = {
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LANG",
    "TZ",
    "PATH",
    "LAMBDA_TASK_ROOT",
    "NODE_PATH",
}
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""

OF_THE_SANDBOX = {
    "AWS_ENDPOINT_URL",
    "AWS_DISABLE_HOST_PREFIX_INJECTION",
    "LAMBDA_METRICS_BY_THE_SECOND",
    "TMPDIR",
    "LC_CTYPE",
    "AWS_LAMBDA_RUNTIME_API",
}
"""Python sets LC_CTYPE itself where the machine lacks the locale that LANG names."""
PYTHON = """
import os, boto3
def handler(event, context):
    if event == "exit": os._exit(0)
    with open("/proc/self/environ") as begun: beginning = begun.read()
    forked = "forkserver" in open("/proc/self/cmdline").read()
    return {"names": sorted(os.environ), "values": list(os.environ.values()), "beginning": beginning, "forked": forked}
"""
NODE = """
import { readFileSync } from "node:fs";
export const handler = async () => ({
  names: Object.keys(process.env),
  values: Object.values(process.env),
  beginning: readFileSync("/proc/self/environ", "utf8"),
});
"""


BOOTSTRAP = f"""#!{sys.executable}
import json, os, urllib.request
api = f"http://{{os.environ['AWS_LAMBDA_RUNTIME_API']}}/2018-06-01/runtime/invocation"
with open("/proc/self/environ") as begun: beginning = begun.read()
found = {{"names": sorted(os.environ), "values": list(os.environ.values()), "beginning": beginning}}
while True:
    with urllib.request.urlopen(f"{{api}}/next") as event: request = event.headers["Lambda-Runtime-Aws-Request-Id"]
    urllib.request.urlopen(f"{{api}}/{{request}}/response", json.dumps(found).encode()).close()
"""


def found_by(function: Functions, kind: str) -> Any:
    if kind == "node":
        return function(NODE, runtime="nodejs22.x").invoke()["Payload"]
    if kind == "of its own":
        return function(BOOTSTRAP, runtime="provided.al2023").invoke()["Payload"]
    shop = function(PYTHON, Timeout=20)
    if kind == "forked":
        shop.invoke("exit")
    found = shop.invoke()["Payload"]
    assert found["forked"] == (kind == "forked")
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="/proc has what a process began with on Linux only")
@pytest.mark.parametrize("kind", ["python", "forked", "node", "of its own"])
def test_a_function_gets_no_variable_of_the_host(aws: Sandbox, function: Functions, kind: str) -> None:
    found = found_by(function, kind)

    assert set(found["names"]) <= OF_LAMBDA | OF_THE_SANDBOX
    begun_with = {line.partition("=")[0] for line in found["beginning"].split("\0") if line}
    assert begun_with <= OF_LAMBDA | OF_THE_SANDBOX
    told = [*found["values"], found["beginning"]]
    for secret in ("marked-by-the-host", aws.environment["AWS_SECRET_ACCESS_KEY"]):
        assert not [value for value in told if secret in value]
