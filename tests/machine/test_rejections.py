"""Bad input: each request ends Rejected, names the field, says what to write instead, and touches nothing."""

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, Deployer, place

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
REJECTED = ["OpenDeployment", "RejectDeployment", "Rejected"]


def put(name: str, body: bytes) -> str:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=place(name), Body=body)
    return address(name)


def address(name: str) -> str:
    return f"s3://{BUCKET}/{place(name)}"


def a_zip(*names: str) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")  # Python warns of two entries of one name
        for name in names or ("index.py",):
            archive.writestr(name, GOOD % 7)
    return file.getvalue()


def steps(*weights: float, bake: int = 60) -> dict[str, Any]:
    return {"steps": [{"weight": weight, "bake_seconds": bake} for weight in weights]}


BAD: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "unknown function": (
        lambda: {"function": "Nobody", "from_elsewhere": True},
        "function: there is no function Nobody",
    ),
    "not a function's name": (lambda: {"function": "a b"}, "function: 'a b' does not match"),
    "no function": (lambda: {"function": None}, "function:"),
    "alias without function": (lambda: {"alias": "STAGE"}, "alias: BonusCalculatorLambda has no alias STAGE"),
    "a number for an alias": (lambda: {"alias": "7"}, "alias: '7' does not match"),
    "missing object": (lambda: {"artifact": address("nothing.zip")}, "artifact: there is no object"),
    "missing bucket": (
        lambda: {"artifact": "s3://elsewhere/x.zip", "from_elsewhere": True},
        "artifact: there is no object",
    ),
    "another bucket": (
        lambda: {"artifact": f"s3://elsewhere/{place('x.zip')}"},
        "artifact.bucket: s3://elsewhere/functions/BonusCalculatorLambda/by-request/x.zip does not lie in the folder",
    ),
    "another function's folder": (
        lambda: {"artifact": f"s3://{BUCKET}/functions/OtherLambda/new.zip"},
        "artifact.key: s3://artifacts/functions/OtherLambda/new.zip does not lie in the folder of",
    ),
    "a copy of another function's code": (
        lambda: {"artifact": f"s3://{BUCKET}/restored/1/eu-west-1/OtherLambda/0.zip", "from_elsewhere": True},
        "artifact.key: s3://artifacts/restored/1/eu-west-1/OtherLambda/0.zip is one of the copies",
    ),
    "an image of another account": (
        lambda: {"artifact": {"image_uri": f"210987654321.dkr.ecr.us-east-1.amazonaws.com/i@sha256:{'0' * 64}"}},
        "artifact.image_uri: 210987654321.dkr.ecr.us-east-1.amazonaws.com is none of this stack's registries",
    ),
    "a part of the stack": (lambda: {"function": "deploy-SmokeTest"}, "function: deploy-SmokeTest is a part of the"),
    "empty object": (lambda: {"artifact": put("empty.zip", b"")}, "by-request/empty.zip is empty"),
    "not a zip": (lambda: {"artifact": put("text.zip", b"hello")}, "is not a zip"),
    "half a zip": (lambda: {"artifact": put("half.zip", a_zip()[:-30])}, "is not a zip"),
    "two files of one name": (
        lambda: {"artifact": put("twice.zip", a_zip("index.py", "index.py"))},
        "has an entry 'index.py' twice",
    ),
    "a name that leads out of the zip": (
        lambda: {"artifact": put("out.zip", a_zip("index.py", "../x"))},
        "has an entry '../x' whose name leads out of the zip",
    ),
    "no file of the handler": (
        lambda: {"artifact": put("folder.zip", a_zip("code/index.py"))},
        "artifact: the handler of BonusCalculatorLambda is index.handler, and",
    ),
    "wrong sha256": (
        lambda: {"artifact": {"bucket": BUCKET, "key": put("a.zip", a_zip())[15:], "sha256": "0" * 64}},
        "artifact.sha256:",
    ),
    "no digest at all": (
        lambda: {"artifact": {"bucket": BUCKET, "key": "x", "sha256": "abc"}},
        "artifact.sha256: write the SHA-256",
    ),
    "no key": (lambda: {"artifact": {"bucket": BUCKET}}, "artifact.key: is required"),
    "a key with ..": (lambda: {"artifact": f"s3://{BUCKET}/functions/../x.zip"}, "artifact.key:"),
    "no artifact": (lambda: {"artifact": None}, "artifact: null is not a JSON object"),
    "unknown version": (
        lambda: {"artifact": {"version": "9"}},
        "artifact.version: BonusCalculatorLambda has no version 9",
    ),
    "an image for a zip": (
        lambda: {"artifact": {"image_uri": f"{REGISTRY}/i@sha256:{'0' * 64}"}},
        "artifact: BonusCalculatorLambda takes a zip",
    ),
    "an image by tag": (lambda: {"artifact": {"image_uri": "r/i:new"}}, "artifact.image_uri:"),
    "unknown key": (lambda: {"smoke_test": []}, "smoke_test: unknown field; did you mean smoke_tests?"),
    "a key that the state machine writes": (lambda: {"failure": {"Error": "mine"}}, "failure: unknown field"),
    "a number beyond all": (lambda: {"health": {"slow_ms": 10**40}}, "health.slow_ms"),
    "a default strategy with too long bakes": (
        lambda: {"health": {"period_seconds": 86_400}},
        "health.period_seconds: green would be seen after 172920 seconds",
    ),
    "a period in which Lambda's metrics have no point": (
        lambda: {"health": {"period_seconds": 30}},
        "health.period_seconds: Lambda's metrics have one point a minute, so most periods of 30 seconds would be "
        "empty; write 60 or a multiple of it",
    ),
    "an approval by another than the starter that no step asks for": (
        lambda: {"approval": {"other_than_starter": True}},
        "approval: no step asks for an approval",
    ),
    "a time for approvals that no step of traffic asks for": (
        lambda: {"approval": {"timeout_seconds": 600}, "traffic": steps(0.5)},
        "approval: no step asks for an approval",
    ),
    "unknown key inside": (
        lambda: {"health": {"perod_seconds": 1}},
        "health.perod_seconds: unknown field; did you mean",
    ),
    "misspelt strategy": (
        lambda: {"traffic": "Canary10Percent5Minute"},
        "traffic: 'Canary10Percent5Minute' is not a strategy; did you mean Canary10Percent5Minutes?",
    ),
    "weights that fall": (
        lambda: {"traffic": steps(0.5, 0.4)},
        "traffic: weights must climb: step 2 has 0.4 after 0.5",
    ),
    "weights that stand": (lambda: {"traffic": steps(0.5, 0.5)}, "weights must climb"),
    "weight above 1": (
        lambda: {"traffic": steps(0.5, 1.5)},
        "traffic.steps.1.weight: 1.5 is too large; write 1 or less",
    ),
    "weight of nothing": (
        lambda: {"traffic": steps(0.0)},
        "too small; write 0.001 or more",
    ),
    "a weight in words": (lambda: {"traffic": steps("half")}, "traffic.steps.0.weight: 'half' is not a number"),  # type: ignore[arg-type]
    "negative bake": (
        lambda: {"traffic": steps(0.5, bake=-1)},
        "too small; write 0 or more",
    ),
    "no steps": (lambda: {"traffic": {"steps": []}}, "traffic.steps:"),
    "bakes for ever": (
        lambda: {"traffic": steps(0.5, bake=999_999)},
        "too large; write 172800 or less",
    ),
    "an odd period": (lambda: {"health": {"period_seconds": 7}}, "health.period_seconds: 7 is no period"),
    "a case that cannot be": (
        lambda: {"smoke_tests": [{"name": "x", "expect_at": {"a[": 1}}]},
        "smoke_tests.0.expect_at: 'a[' is not JMESPath",
    ),
    "more than a request": (lambda: {"smoke_tests": [{"name": "x", "payload": "x" * 70_000}]}, "request: it has"),
}


@pytest.mark.parametrize("request_", [None, True, 7, "Shop", "", [], [{"function": FUNCTION}], {}], ids=repr)
def test_an_input_that_is_no_request_ends_rejected_with_a_record(deployer: Deployer, request_: Any) -> None:
    before = deployer.everything()

    run = deployer.run(request_)

    assert (run.path, run.error) == (REJECTED, "InvalidRequest")
    assert "is not a JSON object" in run.cause or "is required" in run.cause
    assert (deployer.everything(), deployer.items("lock#")) == (before, [])
    assert deployer.record(run)["state"] == "Rejected"
    assert deployer.notified() == ["Rejected: unknown:PROD was not touched"]


def test_an_input_into_which_nothing_more_fits_ends_rejected_with_a_record(deployer: Deployer) -> None:
    request = {"function": FUNCTION, "artifact": deployer.upload(GOOD % 2), "payload": "x" * 250_000}

    run = deployer.run(request)

    assert run.path == REJECTED
    assert (deployer.record(run)["state"], deployer.record(run)["function"]) == ("Rejected", FUNCTION)
    assert len(json.dumps(run.document)) < 10_000


def test_a_payload_in_the_wrong_place_is_told_by_its_type(deployer: Deployer) -> None:
    artifact = deployer.upload(GOOD % 2)

    run = deployer.run({"function": FUNCTION, "artifact": artifact, "smoke_tests": ["a secret"]})

    assert "smoke_tests.0: a string of 8 characters is not a JSON object" in run.cause
    assert "secret" not in run.cause


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_request_names_the_field_and_touches_nothing(deployer: Deployer, bad: str) -> None:
    wrong, complaint = BAD[bad]
    artifact = deployer.upload(GOOD % 2)
    before = deployer.everything()

    run = deployer.run({"function": FUNCTION, "artifact": artifact} | wrong())

    assert run.path == REJECTED
    assert run.error == "InvalidRequest"
    assert complaint in run.cause
    assert deployer.everything() == before
    assert deployer.items("lock#") == []
    assert deployer.record(run)["state"] == "Rejected"


def test_a_function_that_did_not_opt_in_is_not_touched(deployer: Deployer) -> None:
    boto3.client("lambda").untag_resource(
        Resource=boto3.client("lambda").get_function(FunctionName=FUNCTION)["Configuration"]["FunctionArn"],
        TagKeys=["bluegreen:managed"],
    )
    before = deployer.everything()

    run = deployer.deploy()

    assert run.path == REJECTED
    assert "function: BonusCalculatorLambda has no tag bluegreen:managed = true" in run.cause
    assert "bluegreen adopt" in run.cause
    assert deployer.everything() == before


def test_an_alias_that_is_split_already_is_left_as_it_is(deployer: Deployer) -> None:
    deployer.deploy(traffic="AllAtOnce")
    boto3.client("lambda").update_alias(
        FunctionName=FUNCTION, Name=ALIAS, RoutingConfig={"AdditionalVersionWeights": {"1": 0.3}}
    )
    before = deployer.everything()

    run = deployer.deploy(GOOD % 3)

    assert run.path == REJECTED
    assert "alias: BonusCalculatorLambda:PROD is split already: version 2 (70 %) and version 1 (30 %)" in run.cause
    assert deployer.everything() == before
    assert deployer.items("lock#") == []


def test_an_alias_that_points_to_latest_is_left_as_it_is(deployer: Deployer) -> None:
    boto3.client("lambda").update_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="$LATEST")

    run = deployer.deploy()

    assert run.path == REJECTED
    assert "points to $LATEST" in run.cause


@pytest.mark.parametrize("request_", ["text", 7, [], None, True])
def test_what_is_no_object_at_all_starts_nothing(deployer: Deployer, request_: Any) -> None:
    before = deployer.everything()

    run = deployer.run(request_)

    assert run.ended in ("Rejected", "RejectedWithoutRecord", "FAILED")
    assert deployer.everything() == before
