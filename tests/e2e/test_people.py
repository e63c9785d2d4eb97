"""What people may do in the account, and what the stack's own policies deny even to those who may do much."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.demo.account import ALIAS
from sandbox.testing import ACCOUNT, allow, credentials_of
from tests.e2e.conftest import CI_PROVIDER, CI_SUBJECT, CLEAN_UP_ROLE, Calculators
from tests.e2e.installed import CALCULATOR, REFUSED, SMOKE_TESTS, STACK, Calculator, Installed, code
from tests.e2e.people import Person

pytestmark = pytest.mark.xdist_group("e2e")

DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError")


def refused(call: Callable[[], Any]) -> bool:
    """IAM, a bucket's policy or the HTTP API denies it. Any other answer comes from behind them."""
    try:
        answer = call()
    except ClientError as error:
        return error.response["Error"]["Code"] in DENIED
    return isinstance(answer, tuple) and answer[0] == 403


@dataclass(frozen=True)
class Work:
    """A deployment of a function that opted in, and what lies in the stack because of it."""

    installed: Installed
    function: str
    deployment: str

    @property
    def execution(self) -> str:
        return self.installed.execution(self.deployment)

    @property
    def machine(self) -> str:
        return self.installed.machine

    def object(self, key: str) -> dict[str, str]:
        return {"Bucket": self.installed.bucket, "Key": key}

    def item(self, partition: str, sort: str) -> dict[str, Any]:
        key = {"pk": {"S": partition}, "sk": {"S": sort}}
        return {"TableName": self.installed.physical("DeploymentsTable"), "Key": key}

    def own(self, handler: str) -> str:
        """The name of a function of the stack."""
        return self.installed.physical(f"{handler}Function")


@pytest.fixture(scope="module")
def work(installed: Installed, calculators: Calculators) -> Work:
    function = calculators()
    deployment = installed.start(function.request("v2"))
    assert installed.ended(deployment).end == "Deployed"
    return Work(installed, function.name, deployment)


Attempt = Callable[[Person, Work], Any]


def of(service: str, operation: str, **arguments: Any) -> Attempt:
    """A call of a client; an argument may be a function of the work."""

    def attempt(person: Person, work: Work) -> Any:
        given = {name: value(work) if callable(value) else value for name, value in arguments.items()}
        merged = given.pop("at", {}) | given
        return getattr(person.client(service), operation)(**merged)

    return attempt


def over(method: str, path: str, body: Any = None) -> Attempt:
    """A signed request to the HTTP API; the path names the work's function and deployment."""
    return lambda person, work: person.http(
        method, path.format(function=work.function, deployment=work.deployment), body
    )


def function_of(work: Work) -> str:
    return work.function


READS = ("operator", "auditor", "ci")
ATTEMPTS: dict[str, tuple[Attempt, set[str]]] = {
    "find the stack": (of("cloudformation", "describe_stacks", StackName=STACK), {*READS, "approver"}),
    "delete the stack": (of("cloudformation", "delete_stack", StackName=STACK), set()),
    "upload": (
        of("s3", "put_object", at=lambda work: work.object(f"functions/{work.function}/deployment.json"), Body=b"{}"),
        {"uploader", "operator", "ci"},
    ),
    "upload to another function": (
        of("s3", "put_object", at=lambda work: work.object("functions/Else/deployment.json"), Body=b"{}"),
        {"operator", "ci"},
    ),
    "start a release": (
        of("s3", "put_object", at=lambda work: work.object("releases/all.json"), Body=b"{}"),
        {"operator", "ci"},
    ),
    "write a copy": (of("s3", "put_object", at=lambda work: work.object("restored/a.zip"), Body=b""), set()),
    "read a copy": (of("s3", "get_object", at=lambda work: work.object("restored/a.zip")), set()),
    "read an upload": (
        of("s3", "get_object", at=lambda work: work.object(f"functions/{work.function}/a.zip")),
        {"operator"},
    ),
    "delete an upload": (
        of("s3", "delete_object", at=lambda work: work.object(f"functions/{work.function}/a.zip")),
        set(),
    ),
    "open the bucket": (
        of("s3", "delete_bucket_policy", Bucket=lambda work: work.installed.bucket),
        set(),
    ),
    "start a deployment": (
        of("stepfunctions", "start_execution", stateMachineArn=lambda work: work.machine, input="{}"),
        {"operator", "ci"},
    ),
    "stop a deployment": (
        of("stepfunctions", "stop_execution", executionArn=lambda work: work.execution),
        set(),
    ),
    "read a history": (
        of("stepfunctions", "get_execution_history", executionArn=lambda work: work.execution),
        {*READS},
    ),
    "list histories": (
        of("stepfunctions", "list_executions", stateMachineArn=lambda work: work.machine),
        {"auditor"},
    ),
    "change the machine": (
        of("stepfunctions", "update_state_machine", stateMachineArn=lambda work: work.machine, definition="{}"),
        set(),
    ),
    "read a record": (
        of("dynamodb", "get_item", at=lambda work: work.item(f"deployment#{work.deployment}", "record")),
        {*READS},
    ),
    "read a lock": (
        of("dynamodb", "get_item", at=lambda work: work.item("lock#any", "lock")),
        {"operator", "auditor"},
    ),
    "delete a record": (
        of("dynamodb", "delete_item", at=lambda work: work.item(f"deployment#{work.deployment}", "record")),
        set(),
    ),
    "change a record": (
        of("dynamodb", "update_item", at=lambda work: work.item(f"deployment#{work.deployment}", "record")),
        set(),
    ),
    "put another name under a start": (
        of(
            "dynamodb",
            "put_item",
            at=lambda work: {"TableName": work.item("", "")["TableName"], "Item": work.item("start#x", "start")["Key"]},
        ),
        set(),
    ),
    "see who serves": (of("lambda", "get_alias", FunctionName=function_of, Name=ALIAS), {"operator", "ci"}),
    "read a function": (of("lambda", "get_function", FunctionName=function_of), {"operator"}),
    "list versions": (of("lambda", "list_versions_by_function", FunctionName=function_of), {"operator"}),
    "read a function of the stack": (
        of("lambda", "get_function", FunctionName=lambda work: work.own("RollBack")),
        set(),
    ),
    "invoke a function": (of("lambda", "invoke", FunctionName=function_of), set()),
    "invoke a handler": (of("lambda", "invoke", FunctionName=lambda work: work.own("OpenDeployment")), set()),
    "invoke a trigger": (of("lambda", "invoke", FunctionName=lambda work: work.own("ReceiveUpload")), set()),
    "change a function": (of("lambda", "update_function_code", FunctionName=function_of, ZipFile=b""), set()),
    "publish a version": (of("lambda", "publish_version", FunctionName=function_of), set()),
    "move an alias": (of("lambda", "update_alias", FunctionName=function_of, Name=ALIAS, FunctionVersion="1"), set()),
    "tag a function": (
        of(
            "lambda",
            "tag_resource",
            Resource=lambda work: f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{work.function}",
            Tags={"a": "b"},
        ),
        set(),
    ),
    "read the logs": (
        of("logs", "filter_log_events", logGroupName=lambda work: work.installed.physical("FunctionLogs")),
        {"auditor"},
    ),
    "read logs of others": (of("logs", "filter_log_events", logGroupName="/aws/lambda/any"), set()),
    "send a notification": (
        of("sns", "publish", TopicArn=lambda work: work.installed.physical("NotificationsTopic"), Message="it is well"),
        set(),
    ),
    "make a user": (of("iam", "create_user", UserName="another"), set()),
    "list over the API": (over("GET", "/deployments?function={function}"), {"operator", "approver"}),
    "read over the API": (over("GET", "/deployments/{deployment}"), {"operator", "approver"}),
    "list functions over the API": (over("GET", "/functions"), {"operator", "approver"}),
    "see who serves over the API": (over("GET", "/functions/{function}"), {"operator", "approver"}),
    "abort": (over("DELETE", "/deployments/{deployment}"), {"operator"}),
    "pause": (over("POST", "/deployments/{deployment}/pause"), {"operator"}),
    "resume": (over("POST", "/deployments/{deployment}/resume"), {"operator"}),
    "promote": (over("POST", "/deployments/{deployment}/promote"), {"operator"}),
    "approve": (over("POST", "/deployments/{deployment}/approve"), {"operator", "approver"}),
    "reject": (over("POST", "/deployments/{deployment}/reject"), {"operator", "approver"}),
    "freeze": (over("PUT", "/functions/{function}/freeze", {}), {"operator"}),
    "unfreeze": (over("DELETE", "/functions/{function}/freeze"), {"operator"}),
    "list freezes": (over("GET", "/freezes"), {"operator"}),
    "start over the API": (over("POST", "/deployments", {}), {"operator", "ci"}),
}
"""What a principal may try, and who of those below may do it. None of it changes what a test here relies on."""

POLICIES = {
    "uploader": "DeployerByUploadPolicy",
    "operator": "OperatorPolicy",
    "approver": "ApproverPolicy",
    "auditor": "AuditorPolicy",
}


@pytest.fixture(scope="module")
def people(installed: Installed) -> dict[str, Person]:
    """By what they do: users with one policy each, and a pipeline with the role for CI."""
    return {
        **{name: Person.with_policy(installed, policy) for name, policy in POLICIES.items()},
        "ci": Person(installed, pipeline(installed)),
    }


def pipeline(installed: Installed, *, sub: str = CI_SUBJECT, aud: str = "sts.amazonaws.com") -> dict[str, str]:
    """What STS gives for a token of the CI system with these claims."""
    claims = {"iss": f"https://{CI_PROVIDER}", "aud": aud, "sub": sub}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({"alg": "RS256"}, claims, "")]
    role = installed.client("iam").get_role(RoleName=installed.physical("CiRole"))["Role"]["Arn"]
    given = installed.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="ci", WebIdentityToken=".".join(parts)
    )
    credentials: dict[str, str] = given["Credentials"]
    return credentials


@pytest.mark.parametrize("name", [*POLICIES, "ci"])
def test_a_policy_allows_what_it_is_for_and_nothing_else(people: dict[str, Person], work: Work, name: str) -> None:
    allowed = {what for what, (_, who) in ATTEMPTS.items() if name in who}

    tried = {what for what, (attempt, _) in ATTEMPTS.items() if not refused(partial(attempt, people[name], work))}

    assert tried == allowed


def test_an_upload_is_enough_to_deploy(installed: Installed, people: dict[str, Person], work: Work) -> None:
    known = installed.executions()
    place = work.object(f"functions/{work.function}/again.zip")

    people["uploader"].client("s3").put_object(**place, Body=code("v2"))

    assert installed.ended(installed.started_beside(known)).end == "NothingToDeploy"


def test_an_operator_runs_every_command_that_changes_no_function_by_itself(
    people: dict[str, Person], calculator: Calculator
) -> None:
    operator, package = people["operator"], CALCULATOR / "v2"

    planned = operator.command("plan", calculator.name, package)
    deployed = operator.command("deploy", calculator.name, package, "--traffic", "AllAtOnce")
    exit_code, status = operator.command("status", calculator.name)
    history = operator.command("history", calculator.name)
    listed = operator.command("list")
    watched = operator.command("watch", deployed[1]["deployment"])
    back = operator.command("rollback", calculator.name)

    assert [said[0] for said in (planned, deployed, history, listed, watched, back)] == [0] * 6
    assert planned[1]["warnings"] == deployed[1]["warnings"] == []
    assert (exit_code, status["serving"], calculator.serving) == (0, "2", "1")


def test_a_pipeline_deploys_and_says_why_it_could_not(
    people: dict[str, Person], calculator: Calculator, tmp_path: Path
) -> None:
    good = people["ci"].command("deploy", calculator.name, CALCULATOR / "v2", "--traffic", "AllAtOnce")
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"smoke_tests": SMOKE_TESTS}))
    bad = people["ci"].command("deploy", calculator.name, CALCULATOR / "v4", "--request", request)

    assert (good[0], good[1]["end"], good[1]["serving"]) == (0, "Deployed", "2")
    assert (bad[0], bad[1]["error"], calculator.serving) == (1, "SmokeTestFailed", "2")


def test_an_auditor_reads_what_happened(people: dict[str, Person], work: Work) -> None:
    exit_code, found = people["auditor"].command("history", work.function)

    assert (exit_code, [each["id"] for each in found][-1]) == (0, work.deployment)
    assert people["auditor"].command("show", work.deployment)[0] == 0


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "repo:octo-org/another:ref:refs/heads/main"},
        {"sub": "repo:octo-org/shop:ref:refs/heads/feature"},
        {"sub": "repo:octo-org/shop:pull_request"},
        {"aud": "https://github.com/octo-org"},
    ],
    ids=str,
)
def test_a_token_of_another_repository_branch_or_audience_is_refused(
    installed: Installed, claims: dict[str, str]
) -> None:
    assert refused(lambda: pipeline(installed, **claims))


def test_who_may_tag_functions_cannot_make_the_stack_deploy_to_itself(
    installed: Installed, calculator: Calculator
) -> None:
    """The alias is more than they could make, so that nothing but the permissions of the roles is in the way."""
    function, api = installed.physical("RejectDeploymentFunction"), installed.client("lambda")
    before = api.get_function(FunctionName=function)["Configuration"]
    api.create_alias(
        FunctionName=function, Name=ALIAS, FunctionVersion=api.publish_version(FunctionName=function)["Version"]
    )
    tagger = Person(installed, credentials_of(installed.client, "tagger", allow("lambda:TagResource"))).client("lambda")

    tagger.tag_resource(Resource=before["FunctionArn"], Tags={"bluegreen:managed": "true"})

    assert installed.deploy(calculator.request("v2") | {"function": function}).path == REFUSED
    assert api.get_function(FunctionName=function)["Configuration"]["CodeSha256"] == before["CodeSha256"]
    api.untag_resource(Resource=before["FunctionArn"], TagKeys=["bluegreen:managed"])


class TestTheCopiesOfCode:
    @pytest.fixture
    def copy(self, installed: Installed, calculator: Calculator) -> dict[str, Any]:
        """Of code that only $LATEST has, as the record of the deployment that began next names it."""
        calculator.update("v3")
        request = calculator.request("v4", smoke_tests=SMOKE_TESTS)
        deployment = installed.start(request)
        assert installed.ended(deployment).end == "RolledBack"
        kept: dict[str, Any] = installed.record(deployment)["latest_kept"]
        return kept

    def test_are_put_back_and_changed_by_nobody_else(
        self, installed: Installed, calculator: Calculator, copy: dict[str, Any]
    ) -> None:
        place = {"Bucket": copy["bucket"], "Key": copy["key"]}
        version = place | {"VersionId": copy["version_id"]}
        writer = Person(installed, credentials_of(installed.client, "writer", allow("s3:*"))).client("s3")
        attacks: list[Callable[[], Any]] = [
            lambda: writer.put_object(**place, Body=code("v2")),
            lambda: writer.copy_object(**place, CopySource=place),
            lambda: writer.create_multipart_upload(**place),
            lambda: writer.put_object_tagging(**place, Tagging={"TagSet": []}),
            lambda: writer.put_object_acl(**place, ACL="private"),
            lambda: writer.delete_object(**place),
            lambda: writer.delete_object(**version),
        ]

        assert [refused(attack) for attack in attacks] == [True] * len(attacks)

        read = writer.get_object(**version)
        assert read["Body"].read() == code("v3")
        latest = installed.client("lambda").get_function(FunctionName=calculator.name)["Configuration"]
        assert latest["CodeSha256"] == copy["sha256"]

    def test_are_deleted_by_the_role_that_the_account_names(self, installed: Installed, copy: dict[str, Any]) -> None:
        place = {"Bucket": copy["bucket"], "Key": copy["key"]}
        admin = Person(installed, credentials_of(installed.client, CLEAN_UP_ROLE, allow("s3:*"))).client("s3")

        assert refused(lambda: admin.put_object(**place, Body=b"mine"))
        admin.delete_object(**place, VersionId=copy["version_id"])

        versions = admin.list_object_versions(Bucket=copy["bucket"], Prefix=copy["key"])
        assert not [each for each in versions.get("Versions", []) if each["VersionId"] == copy["version_id"]]
