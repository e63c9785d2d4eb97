"""An examination: the steps that the wanted assumptions need, in an order in which waits overlap."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from bluegreen.aws.client import in_our_words
from bluegreen.errors import DeploymentError
from bluegreen.text import sentence
from bluegreen_cli.doctor import bells, counting, handling, tags, trials
from bluegreen_cli.doctor.assumptions import (
    ALARMS,
    ASSUMPTIONS,
    BAD,
    COUNTING,
    GOOD,
    HANDLING,
    MISSING,
    NO_FUNCTION,
    TAGS,
    UPLOAD,
    Assumption,
    Judgement,
    suggested_delay,
    unseen,
)
from bluegreen_cli.doctor.patient import Patient

Say = Callable[[str], None]

WITHOUT_A_FUNCTION = frozenset({MISSING, NO_FUNCTION, ALARMS})
"""The steps that need no function of the doctor's."""


@dataclass(frozen=True)
class Unseen:
    """A step without an observation, and why. `on_purpose`: the caller left it out."""

    why: str
    on_purpose: bool = False


@dataclass
class Examination:
    """What has been seen so far, by step."""

    patient: Patient
    say: Say
    wanted: frozenset[str]
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def needs_the_function(self) -> bool:
        """At least one wanted step needs the doctor's function."""
        return not self.wanted <= WITHOUT_A_FUNCTION

    def messages(self) -> Iterator[str]:
        """What the caller should know before the examination begins."""
        if self.wanted & {GOOD, BAD, NO_FUNCTION}:
            yield "the notifications topic gets a message about each of the doctor's deployments"
        if ALARMS in self.wanted and ALARMS not in self.seen:
            yield "the notifications topic gets a message about each alarm of the stack (not with --no-alarms)"

    def take(self) -> None:
        """Go through the steps. An error of AWS ends its step, and no other."""
        patient = self.patient
        self._step(HANDLING, "changing an alias and publishing versions", lambda: handling.look(patient))
        self._step(MISSING, "asking about a function that is not there", lambda: handling.missing(patient))
        self._step(TAGS, "asking IAM for what tags allow", lambda: tags.look(patient))
        count = self._step(COUNTING, "calling two aliases, and throttling them", lambda: counting.Count(patient).call())
        with ExitStack() as open_:
            good = self._begin(GOOD, "deploying a good version", trials.Deployment(patient, "a good version"), open_)
            if count is not None:
                self._step(COUNTING, "waiting for the metrics of those calls", count.read)
            self._step(ALARMS, "ringing the stack's alarms", lambda: bells.ring(patient))
            self._step(
                NO_FUNCTION, "requesting a deployment of a missing function", lambda: trials.missing_function(patient)
            )
            if good is not None:
                self._step(GOOD, "waiting for the end of the good deployment", good.ended)
        self._step(BAD, "deploying a bad version", self._bad)
        self._step(UPLOAD, "uploading with an awkward key", lambda: trials.awkward_upload(patient))

    def _bad(self) -> trials.Deployed:
        with trials.Deployment(self.patient, "a bad version", bad=True) as deployment:
            return deployment.ended()

    def _step(self, step: str, what: str, look: Callable[[], Any]) -> Any:
        """Take a step and return its observation; None without one."""
        if step not in self.wanted or isinstance(self.seen.get(step), Unseen):
            return None
        self.say(what)
        try:
            with in_our_words():
                self.seen[step] = look()
        except DeploymentError as error:
            self.seen[step] = Unseen(sentence(f"{what}: {type(error).__name__}: {error}"))
            self.say(f"could not be done: {error}")
            return None
        return self.seen[step]

    def _begin(self, step: str, what: str, deployment: trials.Deployment, open_: ExitStack) -> trials.Deployment | None:
        found: trials.Deployment | None = self._step(step, what, lambda: open_.enter_context(deployment))
        return found


@dataclass(frozen=True)
class Finding:
    """An assumption and its result. `left_out`: the caller left its step out."""

    assumption: Assumption
    judgement: Judgement
    left_out: bool = False


def findings(examination: Examination, assumptions: Sequence[Assumption]) -> list[Finding]:
    """Of the assumptions that were asked for."""
    return [_finding(examination, assumption) for assumption in assumptions]


def _finding(examination: Examination, assumption: Assumption) -> Finding:
    observation = examination.seen.get(assumption.step, Unseen("the examination ended before it"))
    if isinstance(observation, Unseen):
        return Finding(assumption, unseen(observation.why), observation.on_purpose)
    return Finding(assumption, assumption.judged(observation, examination.patient.pace))


def delay_of(examination: Examination) -> int | None:
    """The health.delay_seconds that suits this account; None if it was not measured."""
    observation = examination.seen.get(COUNTING)
    return suggested_delay(observation, examination.patient.pace) if isinstance(observation, counting.Counted) else None


def named(ids: Sequence[str]) -> list[Assumption]:
    """The assumptions with these ids, or all if no id is given. Raises KeyError for an unknown id."""
    known = {each.id: each for each in ASSUMPTIONS}
    return [known[id_] for id_ in ids] if ids else list(ASSUMPTIONS)
