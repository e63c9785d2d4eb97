"""What a plan says of the time that Lambda needs before users may meet green, beside the bakes."""

from dataclasses import dataclass
from typing import Literal

from bluegreen.document import Brings
from bluegreen.opening.situation import Situation

PATIENCE_SECONDS = 900
"""How long a state waits for Lambda; then the deployment is rolled back."""

FIRST_WAIT_SECONDS = 300
"""The same of UpdateCode."""


@dataclass(frozen=True)
class Preparation:
    """What Lambda prepares, how long it usually takes, and after how long the deployment is rolled back, in seconds."""

    what: Literal["provisioned_concurrency", "snap_start", "image"]
    usual_seconds: int
    most_seconds: int
    said: str


def preparations(situation: Situation, brought: Brings) -> tuple[Preparation, ...]:
    """Of a deployment that moves the alias."""
    found = (_image(situation, brought), _snap_start(situation, brought), _provisioned(situation))
    return tuple(each for each in found if each)


def _image(situation: Situation, brought: Brings) -> Preparation | None:
    if brought != "new_code" or situation.latest.package_type != "Image":
        return None
    said = "the image: Lambda prepares it in $LATEST before the first test, usually within a minute (5 min at most)"
    return Preparation("image", 60, FIRST_WAIT_SECONDS, said)


def _snap_start(situation: Situation, brought: Brings) -> Preparation | None:
    applies = situation.latest.settings.get("SnapStart") == "PublishedVersions"
    if brought not in ("new_code", "latest") or not applies:
        return None
    said = "SnapStart: Lambda takes the snapshot of green before it is tested, usually 2 to 3 min (15 min at most)"
    return Preparation("snap_start", 180, PATIENCE_SECONDS, said)


def _provisioned(situation: Situation) -> Preparation | None:
    found, blue = situation.provisioned, situation.blue.version
    if found is None:
        return None
    schedule, shared = situation.schedule, ""
    if schedule.adaptive or schedule.steps[0].weight < 1:
        shared = (
            "while both versions have a share, Lambda divides it between them, and green's first requests may meet "
            "cold starts (AllAtOnce has no such time); "
        )
    return Preparation(
        "provisioned_concurrency",
        480,
        PATIENCE_SECONDS,
        f"provisioned concurrency ({found.amount}): {shared}at the last shift Lambda allocates it to green and lets "
        f"version {blue} serve until it is ready, usually 2 to 8 min (15 min at most)",
    )
