"""What docs/ways-in.md says of the examples for SAM, CDK and Terraform. Their real tools were run by hand."""

import io
import json
import re
import subprocess
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from bluegreen.decisions.gates import objection
from bluegreen.decisions.replies import Reply
from bluegreen.document import OPT_IN_TAG, OPTED_IN
from bluegreen.request.request import Request
from sandbox.server import interpreter

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SAM, BEFORE, KEPT, AFTER = (
    "sam/template.yaml",
    "from-codedeploy/1-codedeploy.yaml",
    "from-codedeploy/2-keep-the-alias.yaml",
    "from-codedeploy/3-bluegreen.yaml",
)
CDK = ("cdk/synthesized/Shop.template.json", "cdk/synthesized/ShopCallers.template.json")
TERRAFORM = (EXAMPLES / "terraform" / "main.tf").read_text()
MOVES_USERS = re.compile(r"AWS::Lambda::(Alias|Version)|AWS::CodeDeploy::.*")

Resources = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def templates() -> dict[str, Resources]:
    """By file: the resources of each template as CloudFormation gets them."""
    command: list[str | Path] = [
        interpreter(),
        "-I",
        Path(__file__).with_name("translated.py"),
        SAM,
        BEFORE,
        KEPT,
        AFTER,
    ]
    somewhere = {"AWS_DEFAULT_REGION": "eu-west-1"}
    ran = subprocess.run(command, cwd=EXAMPLES, env=somewhere, text=True, capture_output=True, check=True)
    synthesized = {file: json.loads((EXAMPLES / file).read_text()) for file in CDK}
    return {file: template["Resources"] for file, template in (json.loads(ran.stdout) | synthesized).items()}


def of_type(resources: Resources, kind: str) -> Resources:
    return {name: each for name, each in resources.items() if each["Type"] == f"AWS::{kind}"}


def block(kind: str) -> str:
    """The one resource of that type in the Terraform file."""
    [found] = re.findall(rf'^resource "{kind}" .*?^}}', TERRAFORM, re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("file", [SAM, AFTER, *CDK])
def test_a_template_has_nothing_that_moves_users(templates: dict[str, Resources], file: str) -> None:
    assert [name for name, each in templates[file].items() if MOVES_USERS.fullmatch(each["Type"])] == []


@pytest.mark.parametrize("file", [SAM, KEPT, AFTER, CDK[0]])
def test_a_template_gives_its_function_the_tag(templates: dict[str, Resources], file: str) -> None:
    [shop] = [
        each["Properties"]
        for each in of_type(templates[file], "Lambda::Function").values()
        if each["Properties"]["FunctionName"] == "Shop"
    ]

    assert {"Key": OPT_IN_TAG, "Value": OPTED_IN} in shop["Tags"]


def test_the_callers_of_the_cdk_name_the_alias(templates: dict[str, Resources]) -> None:
    [url] = of_type(templates[CDK[1]], "Lambda::Url").values()

    assert (url["Properties"]["TargetFunctionArn"], url["Properties"]["Qualifier"]) == ("Shop", "PROD")


def test_the_first_update_of_the_move_keeps_alias_and_version_and_changes_neither(
    templates: dict[str, Resources],
) -> None:
    before, kept = templates[BEFORE], templates[KEPT]

    for kind in ("Lambda::Alias", "Lambda::Version"):
        [(name, old)], [(same, new)] = of_type(before, kind).items(), of_type(kept, kind).items()
        assert name == same
        assert new["DeletionPolicy"] == "Retain"
        assert new["Properties"] == old["Properties"]


def test_the_second_update_of_the_move_keeps_the_api_and_lets_it_call_the_alias(
    templates: dict[str, Resources],
) -> None:
    kept, after = templates[KEPT], templates[AFTER]
    alias = {"Fn::Sub": "${Shop.Arn}:PROD"}

    assert list(of_type(kept, "ApiGatewayV2::Api")) == list(of_type(after, "ApiGatewayV2::Api"))
    [api] = of_type(after, "ApiGatewayV2::Api").values()
    integration = api["Properties"]["Body"]["paths"]["/price"]["get"]["x-amazon-apigateway-integration"]
    assert "${Shop.Arn}:PROD/invocations" in integration["uri"]["Fn::Sub"]
    [permission] = of_type(after, "Lambda::Permission").values()
    assert permission["Properties"]["FunctionName"] == alias
    assert not set(of_type(after, "Lambda::Permission")) & set(of_type(kept, "Lambda::Permission"))


def test_the_request_of_the_move_says_what_the_deployment_preference_said(templates: dict[str, Resources]) -> None:
    given = json.loads((EXAMPLES / "from-codedeploy" / "deployment.json").read_text())
    request = Request.read(given | {"function": "Shop", "artifact": "$LATEST"})
    [group] = of_type(templates[BEFORE], "CodeDeploy::DeploymentGroup").values()
    preference = group["Properties"]

    strategy = preference["DeploymentConfigName"]["Fn::Sub"][1]["ConfigName"]
    assert given["traffic"] == strategy
    [alarm] = preference["AlarmConfiguration"]["Alarms"]
    assert request.health.alarms == (templates[BEFORE][alarm["Name"]["Ref"]]["Properties"]["AlarmName"],)
    [alias] = of_type(templates[BEFORE], "Lambda::Alias").values()
    hook = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["BeforeAllowTrafficHook"]["Ref"]
    asked = templates[AFTER][hook]["Properties"]
    assert given["hooks"] == {"before_traffic": asked["FunctionName"]}
    assert {"Key": OPT_IN_TAG, "Value": OPTED_IN} in asked["Tags"]


@pytest.mark.parametrize(("status", "against"), [(200, ""), (404, "bread: status 404")])
def test_the_hook_of_the_move_asks_green_and_is_understood(
    status: int, against: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def invoke(FunctionName: str, Qualifier: str, Payload: str) -> Any:  # noqa: N803 - boto3's names
        asked.append((FunctionName, Qualifier))
        return {"Payload": io.BytesIO(json.dumps({"statusCode": status}).encode())}

    monkeypatch.setattr(boto3, "client", lambda service: SimpleNamespace(invoke=invoke))
    spec = spec_from_file_location("check", EXAMPLES / "from-codedeploy" / "check" / "bluegreen.py")
    assert spec
    assert spec.loader
    check = module_from_spec(spec)
    spec.loader.exec_module(check)
    handler: Callable[[Any, Any], Any] = check.handler

    reply = handler({"moment": "before_traffic", "function": "Shop", "green": "8", "look": None}, None)

    said = objection(Reply(payload=reply, error=None, error_message=None, duration_ms=0, version="1"))
    assert (said == "") is (against == "")
    assert against in said
    assert asked == [("Shop", "8")]


def test_terraform_leaves_alias_and_code_to_the_deployer_and_keeps_the_tag() -> None:
    assert "ignore_changes = [function_version, routing_config]" in block("aws_lambda_alias")
    function = block("aws_lambda_function")
    assert f'tags = {{ "{OPT_IN_TAG}" = "{OPTED_IN}" }}' in function
    [ignored] = re.findall(r"ignore_changes = \[(.*)\]", function)
    assert {"filename", "source_code_hash", "image_uri"} <= set(ignored.split(", "))
    assert "qualifier          = aws_lambda_alias.prod.name" in block("aws_lambda_function_url")


def test_the_lockfile_of_the_cdk_names_no_registry() -> None:
    assert "resolved" not in (EXAMPLES / "cdk" / "package-lock.json").read_text()
