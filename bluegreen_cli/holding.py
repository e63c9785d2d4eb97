"""
What holds a deployment that runs: a pause, and steps that wait for a person's approval.

Orders and approvals come as the API shows them.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bluegreen import clock
from bluegreen.decisions.orders import Order, standing
from bluegreen_cli import api, when
from bluegreen_cli.problems import Problem
from bluegreen_cli.stack import Stack


@dataclass(frozen=True)
class Awaited:
    """A step that no person has decided about, and until when one may: ISO 8601, UTC."""

    deployment: str
    step: int
    until: str

    def __str__(self) -> str:
        """As a sentence."""
        until = when.at(self.until)
        if clock.now() >= clock.moment(self.until):
            return f"No person approved step {self.step} until {until}: the deployment is rolled back instead."
        return (
            f"Step {self.step} waits for a person's approval until {until}: `bluegreen approve "
            f"{self.deployment} --step {self.step}` lets it go on, `bluegreen reject {self.deployment}` rolls it back."
        )


def awaited(deployment: str, approvals: list[dict[str, Any]]) -> Awaited | None:
    """The step that waits; None if none does."""
    waiting = [each for each in approvals if not each.get("decision")]
    return Awaited(deployment, waiting[-1]["step"], waiting[-1]["ends_at"]) if waiting else None


def still(stack: Stack, deployment: str) -> list[str] | None:
    """
    What still holds the deployment, in sentences. None if the API does not say it now.

    What a person ordered or decided before was taken all the same, so that is no failure.
    """
    try:
        shown = api.ask(stack, "GET", f"/deployments/{quote(deployment, safe='')}")
    except Problem:
        return None
    given = tuple(Order.model_validate(each | {"at": clock.moment(each["at"])}) for each in shown["orders"])
    ordered, found = standing(given, clock.now()), []
    if ordered.paused:
        resume = f"bluegreen resume {shown['function']} --alias {shown['alias']}"
        until = when.at(clock.iso(ordered.paused.over_at))
        found.append(f"It is paused until {until} by {ordered.paused.said}: `{resume}` lets it go on.")
    if waits := awaited(deployment, shown["approvals"]):
        found.append(str(waits))
    if ordered.promoted and ordered.promoted.to == "all":
        asked = {each["step"] for each in shown["approvals"]}
        steps = enumerate(shown.get("plan", {}).get("schedule", {}).get("steps", []), start=1)
        found += [
            f"Step {number} needs a person's approval, too, before green gets everything."
            for number, step in steps
            if step.get("approve") and number not in asked
        ]
    return found
