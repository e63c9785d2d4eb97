"""
The assumptions of this product about AWS, as data: what is assumed, and how an observation is judged.

A judgement uses neither AWS nor a clock. It has what was seen and, if that differs, what the difference means here.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from bluegreen.text import duration, plain
from bluegreen_cli.doctor import calls
from bluegreen_cli.doctor.bells import Rung
from bluegreen_cli.doctor.calls import Call
from bluegreen_cli.doctor.counting import ERROR_SAMPLES, Counted
from bluegreen_cli.doctor.handling import Handled
from bluegreen_cli.doctor.pace import Pace
from bluegreen_cli.doctor.patient import HALF, SPLIT, WHOLE
from bluegreen_cli.doctor.tags import Tagged
from bluegreen_cli.doctor.trials import Deployed, Refused, Uploaded

Kind = Literal["held", "differs", "unseen"]
HELD: Kind = "held"
DIFFERS: Kind = "differs"
UNSEEN: Kind = "unseen"

NO_CHANCE = 5.5
"""Standard deviations: a correct weight differs by more in one of twenty-five million examinations."""


@dataclass(frozen=True)
class Judgement:
    """The result for an assumption. `seen` is what was seen, or why nothing was; `means` is empty unless it differs."""

    kind: Kind
    seen: str
    means: str = ""


def held(seen: str) -> Judgement:
    """As assumed."""
    return Judgement(HELD, seen)


def unseen(why: str) -> Judgement:
    """Nothing can be said."""
    return Judgement(UNSEEN, why)


@dataclass(frozen=True)
class Assumption:
    """
    One: its id, what is assumed, and the step of an examination whose observation `judge` judges.

    `judge` answers a Judgement, or for what differs only what was seen; then it has the meaning that stands here.
    """

    id: str
    assumes: str
    step: str
    judge: Callable[[Any, Pace], Judgement | str]
    means: str

    def judged(self, observation: Any, pace: Pace) -> Judgement:
        """The result for an observation."""
        found = self.judge(observation, pace)
        return Judgement(DIFFERS, found, self.means) if isinstance(found, str) else found


def _revisions(seen: Handled, pace: Pace) -> Judgement | str:
    if seen.repeated[0] == seen.repeated[1]:
        return "a change to the same values kept the RevisionId"
    if len(set(seen.revisions)) < len(seen.revisions):
        return "two changes got the same RevisionId"
    return held(f"{len(seen.revisions)} revisions, each of them different, also where nothing changed")


def _read_back(seen: Handled, pace: Pace) -> Judgement | str:
    late = sum(told != read for told, read in zip(seen.revisions[1:], seen.read_back, strict=False))
    if late:
        return f"{late} of {len(seen.read_back)} times GetAlias answered another revision than UpdateAlias just before"
    return held(f"GetAlias answered the new revision {len(seen.read_back)} times of {len(seen.read_back)}")


def _stale(seen: Handled, pace: Pace) -> Judgement | str:
    wrong = {name: code for name, code in seen.stale.items() if code != "PreconditionFailedException"}
    if wrong:
        return "; ".join(f"{name} answered {code or 'as if nothing were wrong'}" for name, code in wrong.items())
    return held(f"{', '.join(seen.stale)} answered PreconditionFailedException")


def _weights(seen: Handled, pace: Pace) -> Judgement | str:
    wrong = {sent: read for sent, read in seen.weights.items() if read is None or abs(read - sent) > 0.0005}
    if wrong:
        return "; ".join(f"{sent:g} came back as {read}" for sent, read in wrong.items())
    return held(f"{', '.join(f'{sent:g}' for sent in seen.weights)} came back as sent")


def _turned(seen: Handled, pace: Pace) -> Judgement | str:
    version, also = seen.turned
    if (version, also) != (seen.published, {}):
        return f"the alias has version {version} and the weights {also or 'none'} after it"
    return held("the alias has the new version alone after it")


def _republished(seen: Handled, pace: Pace) -> Judgement | str:
    if seen.republished != seen.published:
        return f"$LATEST was version {seen.published} already, and was published as version {seen.republished} again"
    return held(f"PublishVersion answered version {seen.published} again")


def _other_code(seen: Handled, pace: Pace) -> Judgement | str:
    if seen.other_code != "InvalidParameterValueException":
        return f"PublishVersion with another digest answered {seen.other_code or 'a version'}"
    return held("PublishVersion refuses another digest")


def _missing(seen: dict[str, str], pace: Pace) -> Judgement | str:
    if seen["ListTags"] != "ResourceNotFoundException":
        return f"ListTags answered {seen['ListTags'] or 'tags'}, and GetFunction {seen['GetFunction'] or 'a function'}"
    return held(f"ListTags answered ResourceNotFoundException, and GetFunction {seen['GetFunction']}")


def _tags(seen: Tagged, pace: Pace) -> Judgement | str:
    if seen.refused:
        return f"a role was refused in spite of the tag at {', '.join(seen.refused)}"
    if seen.allowed:
        return f"a role was allowed without the tag at {', '.join(seen.allowed)}"
    return held(f"at {', '.join(seen.asked)}: allowed with the tag, refused without")


def _answers(seen: Counted, pace: Pace) -> Judgement | str:
    others = {call.version for call in seen.made(WHOLE) if call.version} - {seen.versions[0]}
    others |= {call.version for call in seen.made(SPLIT) if call.version} - {*seen.versions}
    ran = [call for call in seen.calls if call.outcome in (calls.SERVED, calls.FAILED)]
    silent = sum(not call.version for call in ran)
    if others or silent:
        return f"answers named {', '.join(sorted(others)) or 'no version'}, which the alias does not have"
    return held(f"{len(ran)} answers named a version that the alias has")


def _routing(seen: Counted, pace: Pace) -> Judgement | str:
    made = [call for call in seen.made(SPLIT) if call.version]
    share = sum(call.version == seen.versions[1] for call in made)
    if not made:
        return unseen("no call of the split alias was answered")
    expected, spread = HALF * len(made), math.sqrt(HALF * (1 - HALF) * len(made))
    said = f"{share} of {len(made)} requests went to the version with a weight of {HALF:g}"
    return said if abs(share - expected) > NO_CHANCE * spread else held(said)


def _counts_of_alias(seen: Counted, pace: Pace) -> Judgement | str:
    made = seen.made(WHOLE)
    said, wrong = _compared(made, seen.of(WHOLE, "", "Invocations"), seen.of(WHOLE, "", "Errors"))
    also = seen.of(WHOLE, seen.versions[0], "Invocations")
    more = f"; ExecutedVersion is {'there, too' if also else 'not there'}"
    return f"{said}{more}" if wrong else held(f"{said}{more}")


def _counts_of_versions(seen: Counted, pace: Pace) -> Judgement | str:
    found = []
    for version in seen.versions:
        said, wrong = _compared(
            seen.made(SPLIT, version), seen.of(SPLIT, version, "Invocations"), seen.of(SPLIT, version, "Errors")
        )
        found.append((f"version {version}: {said}", wrong))
    said = "; ".join(said for said, _ in found)
    return said if any(wrong for _, wrong in found) else held(said)


def _counts_of_split(seen: Counted, pace: Pace) -> Judgement | str:
    said, wrong = _compared(seen.made(SPLIT), seen.of(SPLIT, "", "Invocations"), seen.of(SPLIT, "", "Errors"))
    return said if wrong else held(said)


def _error_samples(seen: Counted, pace: Pace) -> Judgement | str:
    found = []
    for version in seen.versions:
        ran, unanswered = _ran(seen.made(SPLIT, version))
        samples = seen.of(SPLIT, version, ERROR_SAMPLES)
        wrong = not ran <= (samples or 0) <= ran + unanswered
        found.append((f"version {version}: {_number(samples)} samples of Errors for {ran} requests", wrong))
    said = "; ".join(said for said, _ in found)
    return said if any(wrong for _, wrong in found) else held(said)


def _ran(made: Iterable[Call]) -> tuple[int, int]:
    """How many of these calls ran, and how many had no answer and may have run."""
    became = calls.outcomes(made)
    return became[calls.SERVED] + became[calls.FAILED], became[calls.UNANSWERED]


def _compared(made: list[Call], requests: int | None, errors: int | None) -> tuple[str, bool]:
    """What CloudWatch counted of these calls, and whether it is wrong. One without an answer may have run or not."""
    failed, (ran, unanswered) = calls.outcomes(made)[calls.FAILED], _ran(made)
    said = f"{_number(requests)} of {ran} requests and {_number(errors)} of {failed} errors were counted"
    wrong = not ran <= (requests or 0) <= ran + unanswered or not failed <= (errors or 0) <= failed + unanswered
    return said, wrong


def _number(count: int | None) -> str:
    return "none" if count is None else str(count)


def _throttles_of_alias(seen: Counted, pace: Pace) -> Judgement | str:
    return _throttled(seen, [(alias, "") for alias in (WHOLE, SPLIT)], seen.calls)


def _throttles_of_versions(seen: Counted, pace: Pace) -> Judgement | str:
    return _throttled(seen, [(SPLIT, version) for version in seen.versions], seen.made(SPLIT))


def _throttled(seen: Counted, series: list[tuple[str, str]], made: Iterable[Call]) -> Judgement | str:
    throttled = calls.outcomes(made)[calls.THROTTLED]
    if not throttled:
        return unseen("a reserved concurrency of 0 throttled no call")
    counted = sum(seen.of(alias, version, "Throttles") or 0 for alias, version in series)
    said = f"{counted} of {throttled} throttled requests were counted"
    return held(said) if counted == throttled else said


def _late(seen: Counted, pace: Pace) -> Judgement | str:
    if not seen.late:
        return unseen("CloudWatch has no minute of the calls")
    worst = max(seen.late, key=lambda late: (late.at_least, late.at_most))
    said = f"the last count of a minute came between {worst.at_least:.3g} and {worst.at_most:.3g} seconds after its end"
    suggested = suggested_delay(seen, pace)
    if worst.at_least > pace.delay:
        return f"{said}; write health.delay_seconds: {suggested}"
    return held(f"{said}; health.delay_seconds: {suggested} suits, and {pace.delay} is the default")


def suggested_delay(seen: Counted, pace: Pace) -> int | None:
    """Rounded up to half a minute."""
    if not seen.late:
        return None
    half = pace.minute / 2
    return math.ceil(math.ceil(max(late.at_most for late in seen.late) / half) * half)


def _written(seen: Counted, pace: Pace) -> Judgement | str:
    """Other calls of a version are counted, too, so there may be more than the doctor's own."""
    said = "; ".join(
        f"version {version}: {_number(replies)} replies and {_number(errors)} server errors of "
        f"{len(_invoked(seen, version))} invocations"
        for version, (replies, errors) in seen.written.items()
    )
    return held(said) if all(replies and errors for replies, errors in seen.written.values()) else said


def _invoked(seen: Counted, version: str) -> list[Call]:
    return [call for call in seen.calls if call.version == version and call.outcome in (calls.SERVED, calls.FAILED)]


def _fast(seen: Counted, pace: Pace) -> Judgement | str:
    if not seen.fast:
        return "PR(:900000) of Duration has no point"
    if any(abs(share - 100) > 1e-6 for share in seen.fast):
        return f"PR(:900000) of Duration is {', '.join(f'{share:g}' for share in seen.fast)}"
    return held(f"PR(:900000) of Duration is 100 in {len(seen.fast)} minutes")


def _repeated_start(seen: Deployed, pace: Pace) -> Judgement | str:
    if len(set(seen.starts)) != 1:
        return f"two calls of StartExecution started two executions: {', '.join(seen.starts)}"
    return held("two calls of StartExecution started one execution")


def _good(seen: Deployed, pace: Pace) -> Judgement | str:
    became, ended = calls.outcomes(seen.calls), _end(seen)
    if seen.status != "SUCCEEDED" or seen.after.alone in (None, seen.before.alone):
        return f"it ended {ended}, and {seen.after} serves"
    harmed = [call for call in seen.calls if call.outcome not in (calls.SERVED, calls.UNANSWERED)]
    if harmed:
        return f"{len(harmed)} of {len(seen.calls)} requests failed; the first: {_why(harmed[0])}"
    if became[calls.UNANSWERED]:
        return unseen(
            f"{became[calls.UNANSWERED]} of {len(seen.calls)} requests got no answer, perhaps because of this network"
        )
    return held(f"{seen.after} serves, and none of {len(seen.calls)} requests failed")


def _bad(seen: Deployed, pace: Pace) -> Judgement | str:
    ended = _end(seen)
    if seen.after != seen.before:
        return f"it ended {ended}, and {seen.after} serves instead of {seen.before}"
    if seen.error != "GreenUnhealthy":
        return f"it ended {ended}"
    others = [call for call in seen.calls if call.outcome == calls.FAILED and call.version == seen.before.primary]
    others += [call for call in seen.calls if call.outcome in (calls.REFUSED, calls.THROTTLED)]
    if others:
        return f"{len(others)} requests failed for another reason; the first: {_why(others[0])}"
    failed = calls.outcomes(seen.calls)[calls.FAILED]
    return held(f"it ended {ended} {seen.after} serves; {failed} of {len(seen.calls)} requests met the bad version")


def _end(seen: Deployed | Refused | Uploaded) -> str:
    return f"{seen.status} ({seen.error}: {plain(seen.cause, 200)})" if seen.error else seen.status


def _why(call: Call) -> str:
    return f"{call.outcome} by {f'version {call.version}' if call.version else 'no version'}: {plain(call.why, 200)}"


def _missing_function(seen: Refused, pace: Pace) -> Judgement | str:
    if "there is no function" in seen.cause:
        return held(_end(seen))
    return f"it ended {_end(seen)}"


def _awkward(seen: Uploaded, pace: Pace) -> Judgement | str:
    if not seen.got:
        return f"no execution came within {duration(seen.waited)}"
    if seen.got != seen.key:
        return f"it was uploaded as {seen.key!r}, and asked for as {seen.got!r}"
    if seen.status != "SUCCEEDED":
        return f"it ended {_end(seen)}"
    return held(f"an execution took {seen.key!r} {seen.waited:.0f} seconds after the upload began")


def _alarms(seen: tuple[Rung, ...], pace: Pace) -> Judgement | str:
    deaf = [f"{each.name} has no action" for each in seen if not each.actions]
    deaf += [f"{each.name}: {failure}" for each in seen for failure in each.failed]
    deaf += [
        f"{each.name} did not notify {who}" for each in seen if not each.red and not each.failed for who in each.silent
    ]
    if deaf:
        return "; ".join(deaf)
    red = [each.name for each in seen if each.red]
    if red:
        return unseen(f"in ALARM already, and so not tried: {', '.join(red)}")
    if not seen:
        return "the stack has no alarm"
    return held(f"all {len(seen)} were set off, and each ran its actions")


HANDLING, MISSING, TAGS, COUNTING = "handling", "missing", "tags", "counting"
GOOD, BAD, NO_FUNCTION, UPLOAD, ALARMS = "good", "bad", "no function", "upload", "alarms"
"""The steps of an examination."""

ASSUMPTIONS = (
    Assumption(
        "revisions",
        "Every UpdateAlias gives the alias a new RevisionId, also one that changes nothing.",
        HANDLING,
        _revisions,
        "a late call of a handler that was overtaken may still move the alias (docs/protocol.md, the races)",
    ),
    Assumption(
        "read-back",
        "GetAlias answers the revision that UpdateAlias has just given.",
        HANDLING,
        _read_back,
        "a handler may act on an alias as it was before; it is refused, reads again, and takes longer",
    ),
    Assumption(
        "preconditions",
        "Lambda refuses a change that names an old revision with PreconditionFailedException.",
        HANDLING,
        _stale,
        "two handlers at the same moment, or someone else in the console, may overwrite each other",
    ),
    Assumption(
        "weights",
        "An alias keeps three decimals of a weight.",
        HANDLING,
        _weights,
        "a deployment takes its own weight for another user's, and stops; use steps with the decimals that are kept",
    ),
    Assumption(
        "one-call",
        "One UpdateAlias changes the alias's version and removes its weights.",
        HANDLING,
        _turned,
        "for a moment callers meet versions that no step of the schedule gives them",
    ),
    Assumption(
        "republish",
        "PublishVersion answers the same version for the same code and settings.",
        HANDLING,
        _republished,
        "a retry of PublishVersion leaves an unused version behind",
    ),
    Assumption(
        "code-digest",
        "PublishVersion refuses if $LATEST does not have the code that was tested.",
        HANDLING,
        _other_code,
        "code that someone puts into $LATEST during a deployment may be published untested",
    ),
    Assumption(
        "missing-tags",
        "ListTags answers ResourceNotFoundException for a function that is gone.",
        MISSING,
        _missing,
        "a deployment whose function was deleted is treated as one whose function lost its tag, and its lock stays",
    ),
    Assumption(
        "tags",
        "IAM applies a condition on a function's tags to its versions and aliases, too.",
        TAGS,
        _tags,
        "the stack's roles are refused at aliases or versions, so every deployment fails; or they may touch functions "
        "that have not opted in",
    ),
    Assumption(
        "answers",
        "Lambda's answer to an invocation names the version that ran.",
        COUNTING,
        _answers,
        "records of smoke tests and probes may name the wrong version",
    ),
    Assumption(
        "routing",
        "A version's share of the requests is its weight.",
        COUNTING,
        _routing,
        "the watch may take a version without callers for one whose metrics are missing",
    ),
    Assumption(
        "alias-counts",
        "Lambda counts the requests and errors of an alias without weights by FunctionName and Resource.",
        COUNTING,
        _counts_of_alias,
        "a deployment learns nothing of the hours before: Adaptive begins as for an idle alias, and slow_ms and icc "
        "are not learnt; and green is not seen in a bake in which it has all of the alias",
    ),
    Assumption(
        "split-counts",
        "Lambda counts the requests and errors of an alias with weights by FunctionName and Resource, too.",
        COUNTING,
        _counts_of_split,
        "the watch cannot tell a version whose metrics are missing from one without callers",
    ),
    Assumption(
        "version-counts",
        "Lambda counts the requests and errors of an alias with weights by ExecutedVersion, too.",
        COUNTING,
        _counts_of_versions,
        "blue and green cannot be compared, so a deployment ends as health.cannot_measure says",
    ),
    Assumption(
        "error-samples",
        "SampleCount of Errors counts every invocation of a version behind an alias with weights.",
        COUNTING,
        _error_samples,
        "errors are compared with a wrong number of requests, or as health.cannot_measure says, and every look waits "
        "three minutes for figures that never agree",
    ),
    Assumption(
        "alias-throttles",
        "Lambda counts throttled requests of an alias by FunctionName and Resource.",
        COUNTING,
        _throttles_of_alias,
        "no deployment sees throttles; set an alarm of your own on them",
    ),
    Assumption(
        "version-throttles",
        "Lambda counts throttled requests of an alias with weights by ExecutedVersion, too.",
        COUNTING,
        _throttles_of_versions,
        "throttles count for neither version, so they roll nothing back; the record says how many there were",
    ),
    Assumption(
        "written-metrics",
        "CloudWatch makes metrics by function and version of lines in the embedded metric format.",
        COUNTING,
        _written,
        "health.http and health.batch see nothing; with --role, that role may lack the permission to write logs",
    ),
    Assumption(
        "fast-share",
        "PR(:L) of Duration is the percentage of invocations that took L milliseconds at most.",
        COUNTING,
        _fast,
        "health.slow_ms does not compare slow invocations; leave it out of requests",
    ),
    Assumption(
        "delay",
        "Lambda's metrics of a minute do not change any more two minutes after its end.",
        COUNTING,
        _late,
        "a look may miss requests of its last minutes, so a bad green is rolled back later, or never",
    ),
    Assumption(
        "one-start",
        "StartExecution with the same name and input starts one execution.",
        GOOD,
        _repeated_start,
        "a repeated StartExecution, as for an event that comes twice, starts a second deployment",
    ),
    Assumption(
        "good-deployment",
        "A good version gets all of the alias, and no request fails for it.",
        GOOD,
        _good,
        "deployments here do not do what they promise; the execution's history and its record say which state failed",
    ),
    Assumption(
        "bad-deployment",
        "A version that fails for its callers is rolled back because of its metrics in CloudWatch.",
        BAD,
        _bad,
        "a bad version is not rolled back by itself here; the execution's history says what its looks saw",
    ),
    Assumption(
        "missing-function",
        "A request for a function that does not exist is refused, and the refusal names the function.",
        NO_FUNCTION,
        _missing_function,
        "such a request ends with another error than the one that says what to correct",
    ),
    Assumption(
        "awkward-key",
        "An upload starts its deployment, whatever characters its key has.",
        UPLOAD,
        _awkward,
        "uploads are lost or refused; keep to letters, digits, - and . in keys, or use `bluegreen deploy`",
    ),
    Assumption(
        "alarms",
        "Every alarm of the stack notifies all that its actions name.",
        ALARMS,
        _alarms,
        "nobody hears of a deployment that needs an operator; check the policies of the topic and of its KMS key",
    ),
)
