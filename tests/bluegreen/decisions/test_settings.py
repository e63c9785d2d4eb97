"""Which settings of a function are compared, and how differences are named: never with a value."""

from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen.decisions.settings import SETTINGS, differences, digests, settings_of, uncompared

KEY = "the proof of the deployment"
SHOP: dict[str, Any] = {"FunctionName": "Shop", "Environment": {"Variables": {"TOKEN": "abc"}}}
UNREADABLE = {"Error": {"ErrorCode": "AccessDeniedException", "Message": "no kms:Decrypt"}}

LEFT_OUT = {"FunctionName", "RevisionId", "Description"}
"""What names a function or says something about it."""

REPORTED_AS = {"ImageConfig": "ImageConfigResponse"}
"""Settings that Lambda reports under another name than the one by which people set them."""

CHANGED: dict[str, Any] = {
    "AcceleratorConfig": {"AcceleratorMemorySize": 24},
    "Architectures": ["arm64"],
    "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": "arn:c"}},
    "DeadLetterConfig": {"TargetArn": "arn:queue"},
    "DurableConfig": {"ExecutionTimeout": 60},
    "Environment": {"Variables": {"TOKEN": "another"}},
    "EphemeralStorage": {"Size": 1024},
    "FileSystemConfigs": [{"Arn": "arn:efs", "LocalMountPath": "/mnt/a"}],
    "Handler": "other.handler",
    "ImageConfigResponse": {"ImageConfig": {"Command": ["other.handler"]}},
    "KMSKeyArn": "arn:key",
    "Layers": [{"Arn": "arn:layer:1", "CodeSize": 9}],
    "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/aws/lambda/Shop"},
    "MemorySize": 512,
    "PackageType": "Image",
    "Role": "arn:role",
    "Runtime": "python3.14",
    "RuntimeConfig": {"RuntimeArn": "arn:runtime"},
    "SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"},
    "Timeout": 30,
    "TracingConfig": {"Mode": "Active"},
    "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "VpcId": "vpc-1"},
}
"""Each field of a configuration, as it is not by default."""

DEFAULTS: dict[str, Any] = {
    "Architectures": ["x86_64"],
    "Environment": {"Variables": {"TOKEN": "abc"}},
    "EphemeralStorage": {"Size": 512},
    "FileSystemConfigs": [],
    "Layers": [],
    "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/Shop"},
    "MemorySize": 128,
    "PackageType": "Zip",
    "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": False},
}
"""As one host of Lambda reports what another leaves out."""


def differing(one: dict[str, Any], other: dict[str, Any]) -> tuple[str, ...]:
    return differences(settings_of(SHOP | one), settings_of(SHOP | other))


@pytest.mark.parametrize("field", CHANGED)
def test_each_setting_that_people_change_is_a_difference_with_its_name(field: str) -> None:
    (name,) = differing({}, {field: CHANGED[field]})

    assert field in (REPORTED_AS.get(name, name), name.partition(" ")[0])
    assert digests(settings_of(SHOP), KEY) != digests(settings_of(SHOP | {field: CHANGED[field]}), KEY)


def test_every_setting_is_among_them() -> None:
    assert {REPORTED_AS.get(name, name) for name in SETTINGS} == set(CHANGED)
    assert list(SETTINGS) == sorted(SETTINGS)


@pytest.mark.parametrize("field", DEFAULTS)
def test_a_default_that_lambda_reports_is_no_difference_from_one_that_it_leaves_out(field: str) -> None:
    assert differing({}, {field: DEFAULTS[field]}) == ()
    assert differing({"Environment": {}}, {"Environment": {"Variables": {}}}) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Description": ""}, {"Description": "bluegreen first"}),
        ({"SnapStart": {"ApplyOn": "None"}}, {"SnapStart": {"ApplyOn": "None", "OptimizationStatus": "On"}}),
        ({"RuntimeVersionConfig": {"RuntimeVersionArn": "a"}}, {"RuntimeVersionConfig": {"RuntimeVersionArn": "b"}}),
        ({"LastModified": "1", "RevisionId": "a", "Version": "$LATEST"}, {"Version": "1", "ConfigSha256": "b"}),
        (
            {"VpcConfig": {"SubnetIds": ["a", "b"], "SecurityGroupIds": ["c", "d"]}},
            {"VpcConfig": {"SubnetIds": ["b", "a"], "SecurityGroupIds": ["d", "c"], "VpcId": "v"}},
        ),
        ({"Layers": [{"Arn": "a:1"}]}, {"Layers": [{"Arn": "a:1", "CodeSize": 1, "SigningJobArn": "s"}]}),
        ({}, {"AFieldOfTomorrow": {"Mode": "On"}}),
    ],
    ids=["description", "snapshot", "runtime patch", "what names it", "order of subnets", "layer's size", "new field"],
)
def test_what_callers_cannot_notice_is_no_difference(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert differing(one, other) == ()


@pytest.mark.parametrize(
    "found",
    [
        {"LoggingConfig": {"LogFormat": "JSON"}},
        {"FileSystemConfigs": [{"Arn": "arn:efs", "LocalMountPath": "/mnt/a"}]},
        {"ImageConfigResponse": {"ImageConfig": {"Command": ["app"]}}},
        {"VpcConfig": {"SubnetIds": ["a"], "SecurityGroupIds": ["b"]}},
        {"TracingConfig": {"Mode": "Active"}},
        {"SnapStart": {"ApplyOn": "PublishedVersions"}},
        {"EphemeralStorage": {"Size": 1024}},
        {"DeadLetterConfig": {"TargetArn": "arn:queue"}},
        {"Layers": [{"Arn": "arn:layer:1"}]},
    ],
    ids=lambda found: next(iter(found)),
)
def test_what_aws_adds_inside_of_a_setting_is_no_difference(found: dict[str, Any]) -> None:
    def grown(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: grown(each) for name, each in value.items()} | {"AddedIn2027": "by AWS"}
        return [grown(each) for each in value] if isinstance(value, list) else value

    later = {name: grown(value) for name, value in found.items()}

    assert differences(settings_of(SHOP | found), settings_of(SHOP | later)) == ()


def test_the_order_of_layers_is_a_difference() -> None:
    one, other = [{"Arn": "a:1"}, {"Arn": "b:1"}], [{"Arn": "b:1"}, {"Arn": "a:1"}]

    assert differing({"Layers": one}, {"Layers": other}) == ("Layers",)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"A": "1"}, {"A": "2"}, "Environment (variable A)"),
        ({"A": "1", "B": "x"}, {"B": "x", "C": "3"}, "Environment (variables A, C)"),
        ({}, {f"V{number:02}": "x" for number in range(15)}, None),
    ],
)
def test_variables_that_differ_are_named(before: dict[str, str], after: dict[str, str], said: str | None) -> None:
    (name,) = differing({"Environment": {"Variables": before}}, {"Environment": {"Variables": after}})

    assert name == said or name.endswith("V10, V11 and 3 more)")


@given(st.text(min_size=6, alphabet="0123456789"), st.text(min_size=6, alphabet="0123456789"))
def test_no_value_of_a_variable_is_told(one: str, other: str) -> None:
    before, after = ({"Environment": {"Variables": {"TOKEN": value}}} for value in (one, other))
    told = f"{differing(before, after)} {digests(settings_of(SHOP | after), KEY)['Environment']}"

    assert one == other or differing(before, after) == ("Environment (variable TOKEN)",)
    assert f"'{one}'" not in told
    assert digests(settings_of(before), KEY)["Environment"] != digests(settings_of(before), "")["Environment"]


@pytest.mark.parametrize(("name", "field"), [("Environment", "Environment"), ("ImageConfig", "ImageConfigResponse")])
def test_what_lambda_cannot_read_is_compared_with_nothing_and_named(name: str, field: str) -> None:
    read, unread = settings_of(SHOP), settings_of(SHOP | {field: UNREADABLE})

    assert differences(read, unread) == ()
    assert uncompared(read, unread) == uncompared(unread, read) == (name,)
    assert uncompared(read, read) == ()
    assert name not in digests(unread, KEY)


def test_a_setting_that_people_can_set_is_compared_or_known_to_be_left_out() -> None:
    model: Any = botocore.session.get_session().get_service_model("lambda")
    settable = set(model.operation_model("UpdateFunctionConfiguration").input_shape.members)

    assert settable - set(SETTINGS) == LEFT_OUT
    assert set(CHANGED) <= set(model.shape_for("FunctionConfiguration").members)
