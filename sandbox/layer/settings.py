"""What can be set about the sandbox; the launcher passes each as the environment variable SANDBOX_<NAME>."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

PREFIX = "SANDBOX_"


@dataclass
class Settings:
    """
    Times are in seconds of the wall clock.

    `pending_seconds` is how long a new function is Pending, `publish_seconds` how long a version of an Active function
    is: none on AWS, unless it has SnapStart. A minute of CloudWatch lasts `minute_seconds`, and what Lambda counts is
    there `metrics_late_minutes` of those after the invocation's end. `provision_seconds` is how long provisioned
    concurrency takes.
    """

    update_seconds: float = 0.5
    pending_seconds: float = 0.2
    publish_seconds: float = 0.0
    provision_seconds: float = 2.0
    minute_seconds: float = 60.0
    metrics_late_minutes: float = 2.0
    wait_scale: float = 1.0
    seed: str = ""


def from_environment() -> Settings:
    """Those that the launcher passed, the others as they are by default."""
    settings = Settings()
    for name, text in os.environ.items():
        if name.startswith(PREFIX):
            change(settings, name.removeprefix(PREFIX).lower(), text)
    return settings


def change(settings: Settings, name: str, value: object) -> None:
    """Set one, refusing an unknown name or a value that is not of its kind."""
    known = {setting.name: type(getattr(settings, setting.name)) for setting in fields(Settings)}
    if name not in known:
        raise ValueError(f"there is no setting {name!r}; there are {', '.join(known)}")
    setattr(settings, name, known[name](value))


current = from_environment()
