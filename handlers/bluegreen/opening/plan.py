"""What a deployment does, decided once before anything is changed."""

from bluegreen import clock
from bluegreen.aws import alarms, artifacts
from bluegreen.aws.functions import Function
from bluegreen.baking import watch
from bluegreen.decisions.adaptive import first_weight
from bluegreen.decisions.past import Past
from bluegreen.decisions.settings import differences, digests, uncompared
from bluegreen.document import Blue, Brings, Latest, Plan
from bluegreen.ledger import code, tests
from bluegreen.opening.situation import Situation
from bluegreen.request.artifact import Artifact, Existing, InLatest, Zip
from bluegreen.request.health import Health
from bluegreen.request.smoke_tests import UNLESS_GIVEN, Case
from bluegreen.request.traffic import Schedule
from bluegreen.request.versions import kept
from bluegreen.target import Target


def planned(deployment: str, situation: Situation, latest: Function, proof: str) -> Plan:
    """The plan. `latest` is $LATEST as it is while the lock is held."""
    request, blue = situation.request, situation.blue
    source = situation.successor if isinstance(request.artifact, Existing) else latest
    brought = brings(situation.artifact, blue, source)
    new_code = brought in ("new_code", "mending")
    cases, by_default = tests_of(situation)
    watched = situation.schedule.watched
    past = watch.past(situation.target, blue.version, request.health, clock.now()) if watched else Past()
    return Plan(
        id=deployment,
        target=situation.target,
        artifact=situation.artifact,
        copy_there=copy_there(situation) if new_code else None,
        schedule=schedule_of(situation, past),
        red_alarms=tuple(name for name, state in situation.alarm_states.items() if state == alarms.RED),
        smoke_tests=cases,
        default_test=by_default,
        health=health_of(request.health, probes=bool(cases) and not by_default),
        hooks=request.hooks,
        approval=request.approval,
        given=tuple(sorted(request.health.model_fields_set)),
        blue=Blue(
            version=blue.version, sha256=blue.sha256, revision=situation.alias.revision, log_group=blue.log_group
        ),
        latest=Latest(
            sha256=latest.sha256,
            settings=digests(latest.settings, proof),
            revision=latest.revision,
            only_there=new_code and is_only_there(situation.target, latest, blue),
        ),
        past=past,
        brings=brought,
        changes=changes(blue, source),
        log_group=source.log_group,
        kept=kept(request.keep_versions),
    )


def brings(artifact: Artifact, blue: Function, source: Function) -> Brings:
    """
    What the artifact is for an alias that blue serves. `source` is $LATEST, or the version that the artifact names.

    If a setting cannot be read, $LATEST does not count as the same as blue. A zip still does: pipelines deploy the same
    zip again and again.
    """
    if isinstance(artifact, Existing):
        return "nothing" if artifact.version == blue.version else "version"
    same_settings = not differences(blue.settings, source.settings)
    if isinstance(artifact, InLatest):
        read = not uncompared(blue.settings, source.settings)
        return "nothing" if blue.sha256 == source.sha256 and same_settings and read else "latest"
    if not blue.holds(artifact) or not same_settings:
        return "new_code"
    return "nothing" if source.holds(artifact) else "mending"


def changes(blue: Function, source: Function) -> tuple[str, ...]:
    """The names of the settings in which they differ, and of those that could not be compared."""
    unread = uncompared(blue.settings, source.settings)
    return (
        *differences(blue.settings, source.settings),
        *(f"{name} (not compared: Lambda could not read it)" for name in unread),
    )


def is_only_there(target: Target, latest: Function, blue: Function) -> bool:
    """The code of $LATEST is lost if other code replaces it. An image stays in its repository."""
    if latest.sha256 == blue.sha256 or latest.package_type == "Image":
        return False
    artifact = code.known(target, latest.sha256)
    return artifact is None or not artifact.is_pinned or not artifacts.exists(artifact, target)


def copy_there(situation: Situation) -> Zip | None:
    """The zip in the bucket of a target elsewhere, from which Lambda takes it; None for anything else."""
    artifact, target = situation.artifact, situation.target
    if not target.elsewhere or not isinstance(artifact, Zip):
        return None
    return artifacts.brought_to(target, artifact, target.bucket)


def is_newest(situation: Situation) -> bool:
    """Of two uploads that cannot be ordered, the one that is deployed now counts as the newer one."""
    artifact, newest = situation.artifact, situation.newest
    return isinstance(artifact, Zip) and (newest is None or not newest.artifact.is_newer_than(artifact))


def schedule_of(situation: Situation, past: Past) -> Schedule:
    """Under Adaptive the first weight follows the traffic: the less there is, the more of it green may have."""
    health = situation.request.health
    if not situation.schedule.adaptive:
        return situation.schedule
    weight = first_weight(
        past.traffic,
        period_seconds=health.period_seconds,
        delay_seconds=health.delay_seconds,
        thin=past.known,
        hurried=health.promote_by_seconds is not None,
    )
    return situation.schedule.model_copy(update={"first_weight": weight})


def health_of(health: Health, *, probes: bool) -> Health:
    """CheckHealth sends a green without requests people's smoke tests again, unless the request says how to go on."""
    if probes and "no_traffic" not in health.model_fields_set:
        return health.model_copy(update={"no_traffic": "probe"})
    return health


def tests_of(situation: Situation) -> tuple[tuple[Case, ...], bool]:
    """
    The smoke tests, and whether they are the default one.

    A version that a deployment brought is asked what people wrote for that deployment. Nothing is made up for it, nor
    for a version older than blue: a rollback by hand must not fail for a test that nobody wrote.
    """
    request, artifact = situation.request, situation.artifact
    if request.gives_smoke_tests:
        return (() if request.smoke_tests == "off" else request.smoke_tests), False
    if isinstance(artifact, Existing):
        written = tests.written_for(situation.target, artifact.version)
        if written is not None or int(artifact.version) < int(situation.blue.version):
            return written or (), False
    return UNLESS_GIVEN, True
