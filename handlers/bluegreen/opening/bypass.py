"""
Callers that invoke the function past the alias, and the commands that move them to the alias.

They invoke the function itself. So they get new code as soon as it is in $LATEST: before any test, without a bake, and
a rollback of the alias does not concern them.
"""

import json
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from bluegreen.aws import callers
from bluegreen.aws.callers import Mapping, Permission, Url
from bluegreen.model import Frozen
from bluegreen.opening.day import Day
from bluegreen.opening.findings import Warning, Warnings
from bluegreen.opening.glances import Glances
from bluegreen.target import Target

FIELD = "bypass"
MOST_TOLD = 10
"""Warnings of one kind at most; a resource policy may have sixty statements."""

OPTIONS = {
    "aws:sourcearn": "--source-arn",
    "aws:sourceaccount": "--source-account",
    "aws:principalorgid": "--principal-org-id",
    "lambda:functionurlauthtype": "--function-url-auth-type",
}
"""A condition of a permission, and the option of `aws lambda add-permission` that sets it."""
MOST_COMMANDS = 5
"""At most this many commands stand in a refusal, which has 2,000 characters."""
TOKEN = "lambda:eventsourcetoken"  # noqa: S105  the name of the condition
"""A condition whose value is a secret of the caller, so no text shows it."""
BY_URL = "lambda:invokedviafunctionurl"


class Callers(Frozen):
    """
    What is set up on the function itself.

    `settings_of_events` are those of asynchronous invocations, None if the alias has settings of its own.
    """

    mappings: tuple[Mapping, ...] = ()
    permissions: tuple[Permission, ...] = ()
    url: Url | None = None
    settings_of_events: dict[str, Any] | None = None

    @property
    def active(self) -> tuple[Mapping, ...]:
        """The mappings that invoke the function itself."""
        return tuple(mapping for mapping in self.mappings if not mapping.idle)


def find(target: Target, glances: Glances) -> Callers:
    """The mappings are read first, since only they can lead to a refusal."""
    mappings = glances.at("its event source mappings", lambda: callers.mappings(target)) or ()
    permissions = glances.at("its resource policy", lambda: callers.permissions(target)) or ()
    url = glances.at("its function URL", lambda: callers.url(target))
    settings = glances.at("its settings of asynchronous invocations", lambda: _settings(target))
    return Callers(mappings=mappings, permissions=permissions, url=url, settings_of_events=settings)


def told(target: Target, found: Callers) -> Warnings:
    """A warning for each, with the command that moves it to the alias."""
    sources = [_of_mapping(target, each) for each in found.mappings]
    permitted = [_of_permission(target, each) for each in found.permissions]
    return (
        *_some(sources, f"aws lambda list-event-source-mappings {target.option}"),
        *_some(permitted, f"aws lambda get-policy {target.option}"),
        *([_of_url(target, found.url)] if found.url else []),
        *([_of_settings(target, found.settings_of_events)] if found.settings_of_events else []),
    )


def invoked(target: Target, last_day: Day | None) -> Warning | None:
    """Whether the function itself was invoked in the last day; None also if CloudWatch did not say."""
    if last_day is None or not last_day.of_itself:
        return None
    return _warning(
        f"the last day had {last_day.of_itself:,} invocation{'s' * (last_day.of_itself != 1)} of {target.function} "
        f"itself and {last_day.of_alias:,} of {target}; those of the function itself (smoke tests of $LATEST may be "
        "among them) get new code untested and at once",
        f"point clients other than test users to {target} (`--qualifier {target.alias}`); CloudTrail's data events of "
        "Lambda name them",
    )


def moving(target: Target, mapping: Mapping) -> str:
    """The command that points a mapping to the alias. The mapping goes on where it stands."""
    function = f"{target.arn}:{target.alias}{target.in_region}" if target.elsewhere else target
    return f"aws lambda update-event-source-mapping --uuid {mapping.uuid} --function-name {function}"


def commands(target: Target, found: Callers) -> str:
    """Those that move the active mappings."""
    shown = ", ".join(f"`{moving(target, each)}`" for each in found.active[:MOST_COMMANDS])
    return f"{shown} and so on" if len(found.active) > MOST_COMMANDS else shown


def named(mappings: Sequence[Mapping]) -> str:
    """The sources of mappings, in a sentence."""
    shown = [mapping.source for mapping in mappings[:MOST_TOLD]]
    more = len(mappings) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _settings(target: Target) -> dict[str, Any] | None:
    """Those of the function itself, unless the alias has its own."""
    own = callers.settings_of_events(target)
    return own if own and callers.settings_of_events(target, target.alias) is None else None


def _some(found: list[Warning], listing: str) -> Iterable[Warning]:
    yield from found[:MOST_TOLD]
    if len(found) > MOST_TOLD:
        yield _warning(f"there are {len(found) - MOST_TOLD} more of this kind", f"`{listing}` lists them")


def _of_mapping(target: Target, mapping: Mapping) -> Warning:
    happens = "would invoke" if mapping.idle else "invokes"
    return _warning(
        f"the event source mapping of {mapping.source} ({mapping.state}) {happens} {target.function} itself, so it "
        "gets new code untested and at once",
        f"`{moving(target, mapping)}` points it to the alias, where it goes on from the same position",
    )


def _of_permission(target: Target, permission: Permission) -> Warning:
    source = permission.conditions.get("aws:sourcearn", "")
    who = f"{permission.principal}{f' ({source})' if source else ''}"
    given = {"--statement-id": permission.sid, "--action": permission.action, "--principal": permission.principal}
    given |= {option: permission.conditions[key] for key, option in OPTIONS.items() if key in permission.conditions}
    if TOKEN in permission.conditions:
        given["--event-source-token"] = "THE_SAME_TOKEN"
    options = " ".join(f"{option} {shlex.quote(value)}" for option, value in given.items())
    if permission.conditions.get(BY_URL) == "true":
        options += " --invoked-via-function-url"
    problem = f"{who} may invoke {target.function} itself, where it gets new code untested and at once"
    if not permission.addable:
        return _warning(
            problem,
            f"allow the same for {target.arn}:{target.alias}, point the caller there, then take this statement "
            f"{f'({permission.sid}) ' if permission.sid else ''}out of the policy (`aws lambda get-policy "
            f"{target.option}` shows it)",
        )
    return _warning(
        problem,
        f"`aws lambda add-permission {target.option} --qualifier {target.alias} {options}`, point "
        f"the caller to {target.arn}:{target.alias}, then `aws lambda remove-permission "
        f"{target.option} --statement-id {shlex.quote(permission.sid)}`",
    )


def _of_url(target: Target, url: Url) -> Warning:
    return _warning(
        f"{url.address} invokes {target.function} itself, so its callers get new code untested and at once",
        f"`aws lambda create-function-url-config {target.option} --qualifier {target.alias} "
        f"--auth-type {url.auth}` makes a URL of the alias; give callers that one",
    )


def _of_settings(target: Target, settings: dict[str, Any]) -> Warning:
    options = {
        "MaximumRetryAttempts": "--maximum-retry-attempts",
        "MaximumEventAgeInSeconds": "--maximum-event-age-in-seconds",
        "DestinationConfig": "--destination-config",
    }
    said = " ".join(f"{options[name]} {shlex.quote(json.dumps(value))}" for name, value in settings.items())
    return _warning(
        f"the retries and destinations of asynchronous invocations are set for {target.function} itself, and do not "
        f"hold for {target}",
        f"`aws lambda put-function-event-invoke-config {target.option} --qualifier {target.alias} "
        f"{said}` sets them for the alias",
    )


def _warning(problem: str, advice: str) -> Warning:
    return Warning(field=FIELD, problem=problem, advice=advice)
