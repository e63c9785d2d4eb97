"""What can never be deployed ends Rejected, says which field to correct, and leaves everything as it was."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import Calculators
from tests.e2e.installed import REFUSED, Calculator, Installed, code

pytestmark = pytest.mark.xdist_group("e2e")

Request = dict[str, Any]
Spoil = Callable[[Request], Request]


@pytest.fixture(scope="module")
def shop(calculators: Calculators) -> Calculator:
    """Version 1 behind PROD, and an alias SPLIT between versions 1 and 2."""
    shop = calculators()
    shop.update("v2")
    shop.publish("2")
    shop.split("SPLIT", {"2": 0.25})
    return shop


@pytest.fixture(scope="module")
def objects(installed: Installed, shop: Calculator) -> None:
    """What people upload by mistake."""
    installed.upload(f"functions/{shop.name}/by-request/empty.zip", b"")
    installed.upload(f"functions/{shop.name}/by-request/text.zip", b"this is not a zip")


def steps(*steps: tuple[float, int]) -> Request:
    return {"steps": [{"weight": weight, "bake_seconds": bake} for weight, bake in steps]}


def in_bucket(key: str) -> Spoil:
    return lambda request: request | {"artifact": "/".join([*request["artifact"].split("/")[:3], key])}


def beside(name: str) -> Spoil:
    return lambda request: request | {"artifact": "/".join([*request["artifact"].split("/")[:-1], name])}


def digest(sha256: str) -> Spoil:
    def spoil(request: Request) -> Request:
        _, _, bucket, key = request["artifact"].split("/", 3)
        return request | {"artifact": {"bucket": bucket, "key": key, "sha256": sha256}}

    return spoil


def given(**wrong: Any) -> Spoil:
    return lambda request: request | wrong


def without(field: str) -> Spoil:
    return lambda request: {key: value for key, value in request.items() if key != field}


BAD: dict[str, tuple[Spoil, str]] = {
    "an unknown function": (
        given(function="NobodyLambda", artifact="$LATEST"),
        "function: there is no function NobodyLambda",
    ),
    "a function that cannot be a name": (given(function="no/body"), "function: 'no/body' does not match"),
    "an alias without a function": (without("function"), "function: is required"),
    "no artifact": (without("artifact"), "artifact: is required"),
    "an unknown alias": (given(alias="STAGING"), "has no alias STAGING"),
    "an alias that is split already": (given(alias="SPLIT"), ":SPLIT is split already"),
    "a missing object": (beside("nothing.zip"), "artifact: there is no object s3://"),
    "an empty object": (beside("empty.zip"), "/empty.zip is empty"),
    "an object that is not a zip": (beside("text.zip"), "/text.zip is not a zip"),
    "another bucket": (given(artifact="s3://somebody-elses/code.zip", from_elsewhere=True), "artifact"),
    "another function's folder": (in_bucket("functions/OtherLambda/code.zip"), "artifact.key: s3://"),
    "another account's image": (
        given(artifact={"image_uri": f"210987654321.dkr.ecr.us-east-1.amazonaws.com/i@sha256:{'0' * 64}"}),
        "artifact.image_uri: 210987654321.dkr.ecr.us-east-1.amazonaws.com is none of this stack's registries",
    ),
    "the stack's own function": (given(function="bluegreen-SmokeTest"), "function: bluegreen-SmokeTest is a part of"),
    "a wrong sha256": (digest("0" * 64), "artifact.sha256: "),
    "a sha256 that is none": (digest("abc"), "artifact.sha256: write the SHA-256 of the zip"),
    "a key with ..": (in_bucket("functions/../code.zip"), "artifact.key: 'functions/../code.zip' has a part `..`"),
    "an unknown key": (given(trafic="AllAtOnce"), "trafic: unknown field; did you mean traffic?"),
    "a misspelt strategy": (
        given(traffic="Canary10Percent5Minute"),
        "traffic: 'Canary10Percent5Minute' is not a strategy; did you mean Canary10Percent5Minutes?",
    ),
    "weights that do not climb": (
        given(traffic=steps((0.5, 60), (0.5, 60))),
        "traffic: weights must climb: step 2 has 0.5 after 0.5",
    ),
    "a weight over 1": (given(traffic=steps((0.5, 60), (1.5, 60))), "traffic.steps.1.weight: "),
    "a negative bake": (given(traffic=steps((0.5, -60))), "traffic.steps.0.bake_seconds: "),
    "a version that does not exist": (given(artifact={"version": "99"}), "artifact.version: "),
    "a period that is none": (given(health={"period_seconds": 7}), "health.period_seconds: 7 is no period"),
}


@pytest.mark.usefixtures("objects")
@pytest.mark.parametrize(("spoil", "complaint"), BAD.values(), ids=BAD.keys())
def test_a_bad_request_names_its_field_and_touches_nothing(
    installed: Installed, shop: Calculator, spoil: Spoil, complaint: str
) -> None:
    request = shop.request("v3")
    before = shop.everything()

    ended = installed.deploy(spoil(request))

    assert ended.path == REFUSED
    assert ended.error == "InvalidRequest"
    assert complaint in str(ended.cause)
    assert shop.everything() == before


def test_a_function_that_did_not_opt_in_is_not_ours_to_touch(installed: Installed, calculators: Calculators) -> None:
    stranger = calculators(opted_in=False)
    before = stranger.everything()

    ended = installed.deploy(stranger.request("v2"))

    assert ended.path == REFUSED
    assert str(ended.cause).startswith(f"function: {stranger.name} has no tag bluegreen:managed = true")
    assert stranger.everything() == before


UPLOADS = {
    "no function's name": ("functions/code.zip", "upload: the key 'functions/code.zip' names no function"),
    "an empty function's name": ("functions//code.zip", "upload: the key 'functions//code.zip' names no function"),
    ".. for a function's name": ("functions/../code.zip", "upload: the key 'functions/../code.zip' names no function"),
    ".. after the function's name": ("functions/{shop}/../code.zip", "artifact.key: "),
}


@pytest.mark.parametrize(("key", "complaint"), UPLOADS.values(), ids=UPLOADS.keys())
def test_an_upload_under_a_bad_key_is_rejected(
    installed: Installed, shop: Calculator, key: str, complaint: str
) -> None:
    before, known = shop.everything(), installed.executions()

    installed.upload(key.format(shop=shop.name), code("v3"))

    ended = installed.ended(installed.started_beside(known))
    assert ended.path == REFUSED
    assert complaint in str(ended.cause)
    assert shop.everything() == before


def test_an_upload_beside_a_deployment_json_that_is_not_json_is_rejected(
    installed: Installed, calculator: Calculator
) -> None:
    installed.upload(f"functions/{calculator.name}/deployment.json", b"traffic: AllAtOnce")
    before, known = calculator.everything(), installed.executions()

    installed.upload(f"functions/{calculator.name}/v2.zip", code("v2"))

    ended = installed.ended(installed.started_beside(known))
    assert ended.path == REFUSED
    assert "deployment.json is not JSON" in str(ended.cause)
    assert calculator.everything() == before
