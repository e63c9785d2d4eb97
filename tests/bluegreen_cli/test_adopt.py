"""`bluegreen adopt`: an existing function is prepared for deployments, and its callers notice nothing."""

import json
from typing import Any

import boto3
import pytest

from tests.bluegreen_cli.conftest import Answers, Bluegreen
from tests.machine.deployer import BUCKET, FUNCTION, GOOD, Deployer, zip_of

SHOP = "Shop"


@pytest.fixture
def shop(deployer: Deployer) -> Any:
    """A function made by hand: it has no version, no alias and no tag."""
    lambda_ = boto3.client("lambda")
    lambda_.create_function(
        FunctionName=SHOP,
        Runtime="python3.14",
        Handler="index.handler",
        Role=boto3.client("iam").get_role(RoleName="function")["Role"]["Arn"],
        Code={"ZipFile": zip_of(GOOD % 7)},
    )
    return lambda_


def tags(lambda_: Any) -> dict[str, str]:
    found: dict[str, str] = lambda_.get_function(FunctionName=SHOP).get("Tags", {})
    return found


def logs() -> Any:
    return boto3.client("logs", "us-east-1")


def log_tags() -> dict[str, str]:
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/Shop"
    return dict(logs().list_tags_for_resource(resourceArn=arn)["tags"])


def versions(lambda_: Any) -> list[str]:
    return [each["Version"] for each in lambda_.list_versions_by_function(FunctionName=SHOP)["Versions"]]


def answer(lambda_: Any) -> Any:
    return json.loads(lambda_.invoke(FunctionName=SHOP, Qualifier="PROD", Payload=b"{}")["Payload"].read())


def test_a_function_gets_a_version_of_todays_code_an_alias_and_the_tag(shop: Any, bluegreen: Bluegreen) -> None:
    ran = bluegreen("adopt", SHOP)

    assert ran.exit_code == 0
    assert ran.stdout == (
        "Shop:PROD is served by version 1: version 1 has the code of $LATEST; alias PROD was created; "
        "tag bluegreen:managed was set; log group /aws/lambda/Shop was created with the tag bluegreen:managed.\n"
    )
    assert shop.get_alias(FunctionName=SHOP, Name="PROD")["FunctionVersion"] == "1"
    assert tags(shop) == {"bluegreen:managed": "true"}
    assert log_tags() == {"bluegreen:managed": "true"}
    assert answer(shop)["bonus"] == 7


def test_a_log_group_that_is_there_keeps_its_tags_and_gets_one_more(shop: Any, bluegreen: Bluegreen) -> None:
    logs().create_log_group(logGroupName="/aws/lambda/Shop", tags={"team": "shop"})

    ran = bluegreen("adopt", SHOP)

    assert "log group /aws/lambda/Shop got the tag bluegreen:managed" in ran.stdout
    assert log_tags() == {"team": "shop", "bluegreen:managed": "true"}


def test_no_log_group_is_touched_if_nobody_wants_that(shop: Any, bluegreen: Bluegreen) -> None:
    assert "log group" not in bluegreen("adopt", SHOP, "--no-logs").stdout
    assert logs().describe_log_groups()["logGroups"] == []


def test_a_log_group_of_the_functions_choice_is_left_to_its_owner(
    shop: Any, bluegreen: Bluegreen, answers: Answers
) -> None:
    found = shop.get_function(FunctionName=SHOP)
    elsewhere = {**found, "Configuration": found["Configuration"] | {"LoggingConfig": {"LogGroup": "/shared"}}}
    answers.answer("GetFunction", lambda _: elsewhere)
    logs().create_log_group(logGroupName="/shared")

    ran = bluegreen("adopt", SHOP)

    assert "Warning: logs: /shared may have the lines of other functions, so it got no tag; once" in ran.stderr
    assert "log group" not in ran.stdout


def test_who_may_not_tag_the_log_group_adopts_the_function_all_the_same(
    deployer: Deployer, shop: Any, bluegreen: Bluegreen
) -> None:
    with deployer.aws.fails("CreateLogGroup", "AccessDeniedException"):
        ran = bluegreen("adopt", SHOP)

    assert (ran.exit_code, tags(shop)) == (0, {"bluegreen:managed": "true"})
    assert "Warning: logs: /aws/lambda/Shop got no tag (" in ran.stderr
    assert (
        "aws logs tag-resource --resource-arn arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/Shop"
        in ran.stderr
    )


def test_a_second_adoption_changes_nothing(shop: Any, bluegreen: Bluegreen) -> None:
    bluegreen("adopt", SHOP)

    ran = bluegreen("adopt", SHOP)

    assert ran.exit_code == 0
    assert ran.stdout == "Shop:PROD is served by version 1: there was nothing to do.\n"
    assert versions(shop) == ["$LATEST", "1"]


def test_an_adopted_function_can_be_deployed_to(shop: Any, bluegreen: Bluegreen) -> None:
    bluegreen("adopt", SHOP)
    key = f"functions/{SHOP}/by-request/shop.zip"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=zip_of(GOOD % 8))

    assert bluegreen("deploy", SHOP, f"s3://{BUCKET}/{key}", "--traffic", "AllAtOnce").exit_code == 0
    assert answer(shop)["bonus"] == 8


def test_an_alias_at_a_version_stays_there_if_latest_is_newer(shop: Any, bluegreen: Bluegreen) -> None:
    shop.publish_version(FunctionName=SHOP)
    shop.create_alias(FunctionName=SHOP, Name="PROD", FunctionVersion="1")
    shop.update_function_code(FunctionName=SHOP, ZipFile=zip_of(GOOD % 9))

    ran = bluegreen("adopt", SHOP)

    assert ran.stdout.startswith("Shop:PROD is served by version 1: tag bluegreen:managed was set; log group ")
    assert versions(shop) == ["$LATEST", "1"]
    assert answer(shop)["bonus"] == 7


def test_an_alias_at_latest_moves_to_a_version_of_the_same_code(shop: Any, bluegreen: Bluegreen) -> None:
    shop.create_alias(FunctionName=SHOP, Name="PROD", FunctionVersion="$LATEST")

    ran = bluegreen("adopt", SHOP)

    assert "alias PROD was moved from $LATEST to the same code" in ran.stdout
    assert shop.get_alias(FunctionName=SHOP, Name="PROD")["FunctionVersion"] == "1"
    assert answer(shop)["bonus"] == 7


def test_a_split_alias_is_refused_and_left_alone(shop: Any, bluegreen: Bluegreen) -> None:
    shop.publish_version(FunctionName=SHOP)
    shop.update_function_code(FunctionName=SHOP, ZipFile=zip_of(GOOD % 9))
    shop.publish_version(FunctionName=SHOP)
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    shop.create_alias(FunctionName=SHOP, Name="PROD", FunctionVersion="1", RoutingConfig=weights)

    ran = bluegreen("adopt", SHOP)

    assert ran.exit_code == 2
    assert "Shop:PROD is split: version 1 (50 %) and version 2 (50 %)" in ran.stderr
    assert "Nothing was changed." in ran.stderr
    assert "aws lambda update-alias" in ran.stderr
    assert tags(shop) == {}


def test_the_alias_may_have_another_name(shop: Any, bluegreen: Bluegreen) -> None:
    ran = bluegreen("adopt", SHOP, "--alias", "live", "--json")

    assert ran.json == {
        "function": SHOP,
        "alias": "live",
        "version": "1",
        "did": [
            "version 1 has the code of $LATEST",
            "alias live was created",
            "tag bluegreen:managed was set",
            "log group /aws/lambda/Shop was created with the tag bluegreen:managed",
        ],
        "warnings": [],
    }


def test_a_function_that_does_not_exist_is_refused(deployer: Deployer, bluegreen: Bluegreen) -> None:
    ran = bluegreen("adopt", "Nowhere")

    assert ran.exit_code == 2
    assert "there is no function Nowhere in this account and region" in ran.stderr
    assert "bluegreen create" in ran.stderr


@pytest.mark.parametrize("name", ["bluegreen-UpdateCode", "bluegreen-ServeApi"])
def test_a_part_of_the_stack_is_refused(deployer: Deployer, bluegreen: Bluegreen, name: str) -> None:
    deployer.aws.create_function(name, GOOD % 1, tags={})

    ran = bluegreen("adopt", name)

    assert ran.exit_code == 2
    assert f"{name} is a part of the stack bluegreen, which deploys no part of itself" in ran.stderr
    assert boto3.client("lambda").get_function(FunctionName=name).get("Tags", {}) == {}


def test_a_function_that_was_made_with_the_stack_is_refused(shop: Any, bluegreen: Bluegreen) -> None:
    arn = shop.get_function(FunctionName=SHOP)["Configuration"]["FunctionArn"]
    shop.tag_resource(Resource=arn, Tags={"aws:cloudformation:stack-name": "bluegreen"})

    assert "is a part of the stack" in bluegreen("adopt", SHOP).stderr
    assert versions(shop) == ["$LATEST"]


def test_an_adoption_that_stops_half_way_says_what_it_did_and_can_be_repeated(
    shop: Any, bluegreen: Bluegreen, answers: Answers
) -> None:
    answers.refuse("TagResource", "AccessDeniedException", "not authorized to perform: lambda:TagResource", 403)

    ran = bluegreen("adopt", SHOP)

    assert ran.exit_code == 2
    assert "not authorized to perform: lambda:TagResource" in ran.stderr
    assert "Done so far: version 1 has the code of $LATEST; alias PROD was created." in ran.stderr
    assert "`bluegreen adopt Shop --alias PROD` goes on where this stopped" in ran.stderr


def test_adoption_needs_no_stack(shop: Any, bluegreen: Bluegreen) -> None:
    assert bluegreen("--stack", "not-yet", "adopt", SHOP).exit_code == 0


def test_adoption_needs_no_permission_to_read_the_stack(shop: Any, bluegreen: Bluegreen, answers: Answers) -> None:
    answers.refuse("DescribeStacks", "AccessDenied", status=403)

    assert bluegreen("adopt", SHOP).exit_code == 0


def test_adoption_waits_until_lambda_is_ready(
    shop: Any, bluegreen: Bluegreen, deployer: Deployer, answers: Answers
) -> None:
    found = shop.get_function(FunctionName=SHOP)
    pending = {**found, "Configuration": found["Configuration"] | {"State": "Pending"}}
    asked: list[object] = []

    def answer(request: dict[str, Any]) -> Any:
        asked.append(request)
        return pending if len(asked) < 40 else found

    answers.answer("GetFunction", answer)
    began = deployer.aws.clock.now()

    ran = bluegreen("adopt", SHOP)

    assert ran.exit_code == 0
    assert "Waiting: Shop:$LATEST is Pending" in ran.stderr
    assert deployer.aws.clock.now() - began >= 30


def test_adoption_waits_ten_minutes_at_most(shop: Any, bluegreen: Bluegreen, answers: Answers) -> None:
    found = shop.get_function(FunctionName=SHOP)
    pending = {**found, "Configuration": found["Configuration"] | {"State": "Pending"}}
    answers.answer("GetFunction", lambda _: pending)

    ran = bluegreen("adopt", SHOP)

    assert ran.exit_code == 1
    assert "reading Shop did not work: Shop:$LATEST is Pending" in ran.stderr


def test_names_that_lambda_cannot_take_are_refused_without_aws(bluegreen: Bluegreen) -> None:
    assert bluegreen("adopt", FUNCTION, "--alias", "1").exit_code == 2
    assert bluegreen("adopt", "no function").exit_code == 2


def queue_of(lambda_: Any, **more: Any) -> str:
    """An event source mapping of the function itself; its UUID."""
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    source = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    created = lambda_.create_event_source_mapping(FunctionName=SHOP, EventSourceArn=source, **more)
    return str(created["UUID"])


def test_callers_of_the_function_itself_are_named(shop: Any, bluegreen: Bluegreen) -> None:
    uuid = queue_of(shop)
    shop.create_function_url_config(FunctionName=SHOP, AuthType="NONE")

    ran = bluegreen("adopt", SHOP)

    assert ran.exit_code == 0
    assert ":orders (Enabled) invokes Shop itself" in ran.stderr
    assert f"`aws lambda update-event-source-mapping --uuid {uuid} --function-name Shop:PROD`" in ran.stderr
    assert (
        "`aws lambda create-function-url-config --function-name Shop --qualifier PROD --auth-type NONE`" in ran.stderr
    )
    assert [each.partition(":")[0] for each in bluegreen("adopt", SHOP, "--json").json["warnings"]] == [
        "bypass",
        "bypass",
    ]


def test_invocations_of_the_function_itself_are_told(shop: Any, bluegreen: Bluegreen) -> None:
    assert "invocation" not in bluegreen("adopt", SHOP, "--json").stdout
    shop.invoke(FunctionName=SHOP, Payload=b"{}")

    warning = "Warning: bypass: the last day had 1 invocation of Shop itself and 0 of Shop:PROD;"
    assert warning in bluegreen("adopt", SHOP).stderr


@pytest.mark.parametrize("enabled", [True, False])
def test_event_sources_are_moved_to_the_alias(shop: Any, bluegreen: Bluegreen, enabled: bool) -> None:
    uuid = queue_of(shop, Enabled=enabled)

    ran = bluegreen("adopt", SHOP, "--move-callers")

    assert ran.exit_code == 0
    assert ":orders was pointed to Shop:PROD" in ran.stdout
    assert f":orders is {'Enabled' if enabled else 'Disabled'}" in ran.stdout
    assert "Warning" not in ran.stderr
    assert shop.get_event_source_mapping(UUID=uuid)["FunctionArn"].endswith(":function:Shop:PROD")
    assert "there was nothing to do" in bluegreen("adopt", SHOP, "--move-callers").stdout


def test_event_sources_are_waited_for(shop: Any, bluegreen: Bluegreen, deployer: Deployer, answers: Answers) -> None:
    uuid = queue_of(shop)
    found = shop.get_event_source_mapping(UUID=uuid)
    states = iter(["Updating", "Enabling", "Enabled"])
    answers.answer("GetEventSourceMapping", lambda _: found | {"State": next(states)})

    ran = bluegreen("adopt", SHOP, "--move-callers")

    assert "is Updating" in ran.stderr
    assert ":orders is Enabled" in ran.stdout


def test_event_sources_that_take_too_long_are_said_to(shop: Any, bluegreen: Bluegreen, answers: Answers) -> None:
    uuid = queue_of(shop)
    found = shop.get_event_source_mapping(UUID=uuid)
    answers.answer("GetEventSourceMapping", lambda _: found | {"State": "Updating"})

    ran = bluegreen("adopt", SHOP, "--move-callers")

    assert ran.exit_code == 0
    assert f"is still Updating (`aws lambda get-event-source-mapping --uuid {uuid}` says when it is done)" in ran.stdout


def test_an_event_source_that_may_not_be_moved_is_no_lost_adoption(
    shop: Any, bluegreen: Bluegreen, answers: Answers
) -> None:
    queue_of(shop)
    answers.refuse("UpdateEventSourceMapping", "AccessDeniedException", "no lambda:UpdateEventSourceMapping", 403)

    ran = bluegreen("adopt", SHOP, "--move-callers")

    assert ran.exit_code == 2
    assert "tag bluegreen:managed was set" in ran.stderr
    assert "no lambda:UpdateEventSourceMapping" in ran.stderr
    assert "`bluegreen adopt Shop --alias PROD --move-callers` goes on where this stopped" in ran.stderr


def test_an_event_source_that_lambda_still_creates_is_moved_once_it_is_there(
    shop: Any, bluegreen: Bluegreen, answers: Answers
) -> None:
    uuid = queue_of(shop)
    found = shop.get_event_source_mapping(UUID=uuid)
    answers.answer("ListEventSourceMappings", lambda _: {"EventSourceMappings": [found | {"State": "Creating"}]})
    asked: list[str] = []
    states = iter(["Creating", "Enabled", "Enabled"])

    def state(_: Any) -> Any:
        asked.append(next(states))
        return found | {"State": asked[-1]}

    def move(_: Any) -> Any:
        asked.append("moved")
        return found

    answers.answer("GetEventSourceMapping", state)
    answers.answer("UpdateEventSourceMapping", move)

    ran = bluegreen("adopt", SHOP, "--move-callers")

    assert asked == ["Creating", "Enabled", "moved", "Enabled"]
    assert ":orders is Enabled" in ran.stdout


def test_an_alias_that_somebody_else_has_pointed_is_told_at_its_first_adoption(shop: Any, bluegreen: Bluegreen) -> None:
    shop.publish_version(FunctionName=SHOP)
    shop.create_alias(FunctionName=SHOP, Name="PROD", FunctionVersion="1")

    first, second = bluegreen("adopt", SHOP), bluegreen("adopt", SHOP)

    assert "Warning: alias: Shop:PROD is at version 1, and this product did not point it there" in first.stderr
    assert "Warning" not in second.stderr


def test_the_stack_of_a_function_is_told(shop: Any, bluegreen: Bluegreen, answers: Answers) -> None:
    found = shop.get_function(FunctionName=SHOP)
    tagged = found | {"Tags": {"aws:cloudformation:stack-name": "shop-stack"}}
    answers.answer("GetFunction", lambda _: tagged)

    assert "Warning: function: Shop belongs to the CloudFormation stack shop-stack" in bluegreen("adopt", SHOP).stderr


def test_what_the_caller_may_not_see_is_told(shop: Any, bluegreen: Bluegreen, answers: Answers) -> None:
    answers.refuse("GetPolicy", "AccessDeniedException", "no lambda:GetPolicy", 403)

    ran = bluegreen("adopt", SHOP)

    assert ran.exit_code == 0
    assert "not everything about Shop could be seen" in ran.stderr
    assert "no lambda:GetPolicy" in ran.stderr
