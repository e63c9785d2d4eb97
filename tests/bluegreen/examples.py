"""What the tests of bluegreen begin with: a function Shop whose alias PROD is at version 1, and a deployment of it."""

import base64
from typing import Any

from bluegreen.aws import table
from bluegreen.aws.functions import Function
from bluegreen.document import Plan
from bluegreen.ledger import deployments
from bluegreen.ledger.record import OPEN, Record
from bluegreen.request.request import Request
from bluegreen.request.traffic import Schedule, Step, schedule
from bluegreen.target import Target

ACCOUNT, REGION = "123456789012", "us-east-1"
SHOP = Target(function="Shop", alias="PROD", region=REGION, account=ACCOUNT)

DIGEST = bytes(range(32))
IN_BASE64 = base64.b64encode(DIGEST).decode()
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop@sha256:{DIGEST.hex()}"

ARTIFACT = {"bucket": "artifacts", "key": "new.zip"}
ZIP = ARTIFACT | {"sha256": IN_BASE64, "version_id": "v1", "uploaded_at": "2026-01-05T08:59:00.000Z"}

CANARY = Schedule(name="Canary", steps=(Step(weight=0.1, bake_seconds=300), Step(weight=1, bake_seconds=0)))
ADAPTIVELY = Schedule(name="Adaptive", first_weight=0.05, longest_seconds=3600)

PROOF = "the proof that was drawn at the opening"


def target(function: str = "Shop", alias: str = "PROD") -> Target:
    """Another alias, in the same account and region."""
    return SHOP.model_copy(update={"function": function, "alias": alias})


def request(**more: Any) -> dict[str, Any]:
    """The smallest request, and more."""
    return {"function": "Shop", "artifact": ARTIFACT} | more


def record(name: str = "first", **more: Any) -> Record:
    """A deployment that has just been opened."""
    return Record.model_validate(
        {
            "id": name,
            "target": SHOP,
            "state": OPEN,
            "execution": f"arn:aws:states:{REGION}:{ACCOUNT}:execution:deploy:{name}",
            "started_at": "2026-01-05T09:00:00.000Z",
            "started_by": "alice",
            "artifact": "s3://artifacts/new.zip",
            "proof": PROOF,
        }
        | more
    )


def plan(name: str = "first", **more: Any) -> Plan:
    """What OpenDeployment decides for new code; the request gave the settings of `health` that are written here."""
    return Plan.model_validate(
        {
            "id": name,
            "target": SHOP,
            "artifact": ZIP,
            "schedule": CANARY,
            "smoke_tests": [],
            "health": {},
            "given": tuple(more["health"]) if isinstance(more.get("health"), dict) else (),
            "blue": {"version": "1", "sha256": "the digest of blue", "revision": "r1"},
            "latest": {"sha256": "the digest of $LATEST", "settings": {"Timeout": "a keyed digest"}, "revision": "r2"},
            "brings": "new_code",
        }
        | more
    )


def a_function(**more: Any) -> Function:
    """`$LATEST` of a function of zips, as Lambda describes it."""
    return Function.model_validate(
        {
            "name": SHOP.function,
            "version": "$LATEST",
            "sha256": IN_BASE64,
            "settings": {},
            "package_type": "Zip",
            "revision": "r1",
            "state": "Active",
            "state_reason": "",
            "updating": "Successful",
            "updating_reason": "",
            "code_url": None,
            "image_uri": None,
        }
        | more
    )


def plan_of(read: Request, **more: Any) -> Plan:
    """What a request comes to."""
    return plan(
        artifact=read.artifact,
        schedule=schedule(read.traffic or "AllAtOnce", read.health.max_bake_seconds),
        smoke_tests=() if read.smoke_tests == "off" else read.smoke_tests,
        health=read.health,
        **more,
    )


def opened(name: str = "first", **more: Any) -> Record:
    """A deployment that has the lock."""
    one = record(name, **more)
    deployments.open_deployment(one)
    return one


def found(name: str = "first") -> Record:
    """The record as the ledger has it."""
    known = deployments.find(name)
    assert known is not None
    return known


def a_newer_stack_version_writes(sk: str, **values: Any) -> None:
    """Into an item of the deployment."""
    item = table.get("deployment#first", sk)
    assert item is not None
    table.put({"Item": table.values(item | values)})
