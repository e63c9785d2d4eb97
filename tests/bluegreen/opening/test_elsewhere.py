"""The checks and the plan of a target elsewhere: what is read there, what is read at home, and what people are told."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from bluegreen.errors import AccessDenied, InvalidRequest
from bluegreen.ledger import code, deployments
from bluegreen.opening import checks
from bluegreen.opening.checks import BEFORE_THE_LOCK, WITH_THE_LOCK, must_pass
from bluegreen.opening.plan import planned
from bluegreen.opening.preflight import PREFLIGHT, logs_can_be_searched
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Zip
from bluegreen.request.request import Request
from bluegreen.target import Target
from tests.bluegreen.examples import opened
from tests.machine import targets
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, TARGET, Deployer, zip_of
from tests.machine.elsewhere import OTHER_ACCOUNT, Elsewhere, elsewhere
from tests.machine.faults import Call
from tests.machine.log_groups import log_group

ARN = f"arn:aws:lambda:eu-west-1:{OTHER_ACCOUNT}:function"
OWN_LOG = f"/aws/lambda/{FUNCTION}"


@pytest.fixture
def there(deployer: Deployer) -> Iterator[Elsewhere]:
    with elsewhere(OTHER_ACCOUNT, "eu-west-1") as found:
        yield found


def situation(deployer: Deployer, target: Target, source: str = GOOD % 2, **more: Any) -> Situation:
    request = {"function": FUNCTION, "artifact": deployer.upload(source), "traffic": "AllAtOnce"} | more
    return Situation(Request.read(request, region=target.region, account=target.account), target)


def said(check: checks.Check, asked_for: Situation) -> str:
    refusal = check(asked_for)
    assert refusal is not None
    return str(refusal)


def test_every_check_reads_the_function_there_and_the_zip_and_the_ledger_at_home(
    there: Elsewhere, deployer: Deployer
) -> None:
    asked_for = situation(deployer, there.target, traffic="Canary10Percent5Minutes")
    calls: list[Call] = []

    def see(call: Call, make: Any) -> Any:
        calls.append(call)
        return make()

    with deployer.aws.watched(see), deployer.aws.acting("OpenDeployment"):
        warnings = must_pass((*BEFORE_THE_LOCK, *WITH_THE_LOCK, *PREFLIGHT), asked_for)

    regions = {(call.service, part) for call in calls for part in call.url.split("/")[2].split(".") if "-1" in part}
    assert {region for service, region in regions if service in ("lambda", "monitoring", "logs")} == {"eu-west-1"}
    assert {region for service, region in regions if service == "dynamodb"} == {TARGET.region}
    assert warnings == ()


def test_a_zip_is_copied_once_it_is_known_that_code_is_to_be_sent(there: Elsewhere, deployer: Deployer) -> None:
    asked_for = situation(deployer, there.target)
    must_pass((*BEFORE_THE_LOCK, *WITH_THE_LOCK), asked_for)
    assert there.objects() == []

    plan = planned("first", asked_for, asked_for.latest, "proof")

    ((key, version),) = there.objects()
    assert plan.copy_there == asked_for.artifact.model_copy(
        update={"bucket": there.bucket, "key": key, "version_id": version}
    )
    assert (plan.artifact, plan.code) == (asked_for.artifact, plan.copy_there)


def test_what_serves_already_is_not_copied_and_where_it_lies_is_not_written_down(
    there: Elsewhere, deployer: Deployer
) -> None:
    asked_for = situation(deployer, there.target, GOOD % 1)

    plan = planned("first", asked_for, asked_for.latest, "proof")
    deployments.learn_plan(opened(target=there.target), plan, is_newest=False)

    assert (plan.brings, plan.copy_there, there.objects()) == ("nothing", None, [])
    assert code.known(there.target, plan.digest) is None


def test_a_rollback_finds_the_copy_there(there: Elsewhere, deployer: Deployer) -> None:
    asked_for = situation(deployer, there.target)
    plan = planned("first", asked_for, asked_for.latest, "proof")
    deployments.learn_plan(opened(target=there.target), plan, is_newest=False)

    assert code.known(there.target, plan.digest) == plan.copy_there


def test_a_plan_and_a_record_have_the_whole_target(there: Elsewhere, deployer: Deployer) -> None:
    asked_for = situation(deployer, there.target)
    plan = planned("first", asked_for, asked_for.latest, "proof")
    deployments.learn_plan(opened(target=there.target), plan, is_newest=False)

    record, stored = deployments.load("first")

    assert record
    assert stored
    assert record.target == stored.target == there.target
    assert stored.copy_there == plan.copy_there


def test_beside_the_stack_nothing_is_copied(deployer: Deployer) -> None:
    asked_for = situation(deployer, TARGET)

    plan = planned("first", asked_for, asked_for.latest, "proof")

    assert plan.copy_there is None
    assert isinstance(plan.code, Zip)
    assert plan.code == asked_for.artifact


class TestWhatPeopleAreTold:
    def test_of_a_function_that_is_not_there(self, there: Elsewhere, deployer: Deployer) -> None:
        missing = situation(deployer, there.target.model_copy(update={"function": "Missing"}))

        assert said(checks.function_has_opted_in, missing) == (
            f"function: there is no function Missing in account {OTHER_ACCOUNT}, eu-west-1; correct the name, or "
            "create it with `bluegreen --region eu-west-1 create`"
        )

    def test_of_a_function_without_the_tag(self, there: Elsewhere, deployer: Deployer) -> None:
        there.functions.untag_resource(Resource=f"{ARN}:{FUNCTION}", TagKeys=list(targets.TAG))

        assert said(checks.function_has_opted_in, situation(deployer, there.target)).endswith(
            f"`bluegreen --region eu-west-1 adopt {FUNCTION}` sets it"
        )

    def test_of_a_function_that_loses_the_tag_afterwards(self, there: Elsewhere, deployer: Deployer) -> None:
        asked_for = situation(deployer, there.target)
        there.functions.untag_resource(Resource=f"{ARN}:{FUNCTION}", TagKeys=list(targets.TAG))

        with deployer.aws.acting("OpenDeployment"), pytest.raises(AccessDenied) as refused:
            _ = asked_for.latest

        assert (
            f"`aws lambda tag-resource --resource {ARN}:{FUNCTION} --tags bluegreen:managed=true --region eu-west-1`"
            in str(refused.value)
        )

    def test_of_an_alias_that_is_not_there(self, there: Elsewhere, deployer: Deployer) -> None:
        there.functions.delete_alias(FunctionName=FUNCTION, Name=ALIAS)

        assert said(checks.alias_is_whole, situation(deployer, there.target)).endswith(
            f"create it with `bluegreen --region eu-west-1 adopt {FUNCTION} --alias {ALIAS}`"
        )

    def test_of_an_alias_that_is_split(self, there: Elsewhere, deployer: Deployer) -> None:
        there.functions.update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 9), Publish=True)
        weights = {"AdditionalVersionWeights": {"2": 0.5}}
        there.functions.update_alias(FunctionName=FUNCTION, Name=ALIAS, RoutingConfig=weights)

        assert f"`{there.target.by_hand('1')}`" in said(checks.alias_is_whole, situation(deployer, there.target))

    def test_of_a_hook_that_is_not_there(self, there: Elsewhere, deployer: Deployer) -> None:
        deployer.aws.create_function("AtHome", GOOD % 1)
        asked_for = situation(deployer, there.target, hooks={"before_traffic": "AtHome"})

        assert said(checks.hooks_can_be_invoked, asked_for).startswith(
            f"hooks.before_traffic: there is no function AtHome in account {OTHER_ACCOUNT}, eu-west-1"
        )

    def test_of_a_log_group_that_may_not_be_searched(self, there: Elsewhere, deployer: Deployer) -> None:
        asked_for = situation(deployer, there.target, traffic="Canary10Percent5Minutes", health={"logs": {"bad": "x"}})
        with log_group(OWN_LOG), deployer.aws.acting("OpenDeployment"):
            refusal = said(logs_can_be_searched, asked_for)

        assert refusal.endswith(
            f"`aws logs tag-resource --resource-arn arn:aws:logs:eu-west-1:{OTHER_ACCOUNT}:log-group:{OWN_LOG} "
            "--tags bluegreen:managed=true --region eu-west-1`"
        )

    def test_of_a_caller_that_passes_the_alias_by(self, there: Elsewhere, deployer: Deployer) -> None:
        there.functions.add_permission(
            FunctionName=FUNCTION,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
        )

        warnings = must_pass(PREFLIGHT, situation(deployer, there.target))

        (moved,) = [str(each) for each in warnings if "add-permission" in str(each)]
        assert f"aws lambda add-permission --function-name {ARN}:{FUNCTION} --region eu-west-1 --qualifier" in moved

    def test_of_a_function_of_the_stack_or_of_one_of_its_name(self, there: Elsewhere, deployer: Deployer) -> None:
        stack = situation(deployer, there.target).home.stack
        own = situation(deployer, there.target.model_copy(update={"function": f"{stack}-UpdateCode"}))

        with pytest.raises(InvalidRequest, match="deploys no part of itself"):
            must_pass((checks.request_is_permitted,), own)


def test_a_payload_lies_in_the_stack_s_own_bucket(there: Elsewhere, deployer: Deployer) -> None:
    key = f"functions/{FUNCTION}/by-request/payload.json"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    asked_for = situation(deployer, there.target, smoke_tests=[{"name": "a", "payload_from": f"s3://{BUCKET}/{key}"}])

    with deployer.aws.acting("OpenDeployment"):
        assert checks.payloads_can_be_sent(asked_for) is None
