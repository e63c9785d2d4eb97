"""Sentences about the watch: what a look found and comes to, and what a deployment knows of its green at the end."""

import math

from bluegreen.decisions.bake import OF_LAMBDA, Decision, Standing, Watched, has_requests
from bluegreen.decisions.silence import SIDES, Hidden, Side
from bluegreen.request.health import Health
from bluegreen.request.traffic import Schedule
from bluegreen.text import duration
from bluegreen.verdict import Finding, Verdict
from bluegreen.verdict.words import compared, points
from bluegreen.verdict.words import odds as of_odds


def of_look(now: Standing, decision: Decision) -> str:
    """What was found, and why the deployment goes on, bakes on or goes back."""
    alarms, health = now.alarms, now.health
    doubt = f"; the alarm {', '.join(alarms.unknown)} has no data" if alarms.unknown else ""
    match decision.because:
        case "alarm":
            return f"the alarm {', '.join(alarms.acting)} went off during the deployment"
        case "unmeasured":
            return f"{_found(now)}; look {now.unmeasured} of {health.unmeasured_looks} that may fail"
        case "unmeasured_too_often" if decision.next == "go_on":
            return f"{_found(now)}; going on without metrics, as {_who_says(now, 'cannot_measure')}"
        case "unmeasured_too_often":
            return f"{_found(now)}, {now.unmeasured} times in a row"
        case "baking":
            return f"{_found(now)}{doubt}{_paused(now)}"
        case "no_traffic_too_long":
            return f"{_found(now)}, for {duration(now.baked_seconds)}"
        case "no_traffic":
            return f"{_found(now)}{_without_traffic(now, decision)}"
        case "promoted":
            return f"{_found(now)}; going on, as a person promoted it: {now.promoted}"
        case "paused":
            return f"{_found(now)}; paused by {now.paused}"
        case "pending":
            return f"{_found(now)}; waiting for figures that do not agree yet"
        case "late":
            return f"{_found(now)}; baking on, as CloudWatch's figures are {duration(now.late_seconds)} late"
        case "suspected":
            return f"{_found(now, odds=False)}; {_suspected(now, decision)}"
        case "in_doubt":
            return f"{_found(now)}{doubt}; baking on"
        case "over":
            return f"{_found(now)}{doubt}; {_at_the_end(now)}"
        case "worse" | "no_bake" | "fine":
            return _found(now)


def of_hidden(hidden: Hidden) -> str:
    """Which series is missing, and the figures that show it."""
    throttled = f" ({hidden.throttled:,} of them throttled)" if hidden.throttled else ""
    return (
        f"the alias had {hidden.requests:,} requests{throttled}, of which {hidden.side}'s weight gives it about "
        f"{hidden.expected:,.0f}, and {hidden.side}'s own series in CloudWatch shows none"
    )


def of_silence(seconds: int, usual: float) -> str:
    """For how long the alias shows nothing, and what it showed before."""
    before = (
        f"and showed about {usual:,.0f} a minute before"
        if usual >= 10
        else f"and showed about {usual:.2g} a minute before"
    )
    return f"CloudWatch has shown no request of the alias for {duration(seconds)}, {before}"


def of_schedule(schedule: Schedule, sight_seconds: int) -> str:
    """How the watch changes a schedule, or that there is no watch; "" if there is nothing to say."""
    if not schedule.watched:
        return "nobody watches green under traffic: this strategy has no bake"
    if not schedule.held_seconds:
        return ""
    return (
        f"step {schedule.held_step + 1} bakes {duration(schedule.held_seconds)} longer than asked for: CloudWatch "
        f"shows a whole period of green's traffic {duration(sight_seconds)} after the first shift"
    )


def of_signals(health: Health) -> str:
    """What a watch with these settings looks at, and what it does not."""
    asked_for = {
        "slow_ms": ("slow", "slow requests", health.slow_ms is not None),
        "http": ("http", "replies with statusCode 500 and more", health.http),
        "batch": ("batch", "failed items of batches", health.batch),
        "logs": ("logs", "lines of the logs", health.logs is not None),
    }
    always = [(name, name) for name in ("errors", "throttles")]
    given = [(name, words) for name, words, watched in asked_for.values() if watched]
    own = [(pair.name, f"the metric {pair.name}") for pair in health.metrics]
    watched = [
        f"{words} (in a dry run)" if name in health.dry_run else words for name, words in (*always, *given, *own)
    ]
    if health.alarms:
        watched.append("an alarm" if len(health.alarms) == 1 else f"{len(health.alarms)} alarms")
    left = [f"{words} (health.{field})" for field, (_, words, watched_) in asked_for.items() if not watched_]
    left += [] if health.metrics else ["metrics of your own (health.metrics)"]
    left += [] if health.alarms else ["alarms (health.alarms)"]
    return f"watched: {', '.join(watched)}" + (f"; not watched: {', '.join(left)}" if left else "")


def of_watched(watched: Watched) -> str:
    """What is known of green under traffic, and what is not, in sentences for the end of a deployment."""
    while_ = f"in the {duration(watched.seconds)} that it was watched"
    known = {
        "judged": _judged(watched),
        "nobody_called": f"Nobody called green {while_}: how it does under traffic is not known.",
        "not_seen": f"CloudWatch had no figures of green yet {while_}: how it does under traffic is not known.",
        "not_measured": f"Green could not be measured {while_}: how it does under traffic is not known.",
        "not_watched": "Nobody watched green under traffic: this strategy has no bake.",
    }[watched.kind]
    return f"{known}{_against(watched)}"


def of_the_rest(verdict: Verdict, slow_ms: int | None) -> str:
    """What the last look counted of throttles and of slow requests, as far as the verdict's reason does not say it."""
    said = []
    for finding in verdict.findings:
        signal, green, blue = finding.signal, finding.green, finding.blue
        counts = compared(signal, green, blue)
        if counts in verdict.reason:
            continue
        if signal == "throttles" and (green.bad or blue.bad):
            said.append(f" {counts.capitalize()}.")
        if signal == "slow" and slow_ms and green.requests and blue.requests:
            shares = [100 * side.bad / side.requests for side in (green, blue)]
            said.append(
                f" Slower than {slow_ms:,} ms: {shares[0]:.3g} % of green's requests, {shares[1]:.3g} % of blue's."
            )
    return "".join(said)


def excluded(bound: float, signal: str = "errors") -> str:
    """The green that a bound excludes: "a green that fails 0.8 percentage points more than blue"."""
    if signal in MORE_THAN_BLUE:
        return f"a green that {MORE_THAN_BLUE[signal]} {points(bound)} more than blue"
    return f"a green whose {signal} is {points(bound)} above blue's"


MORE_THAN_BLUE = {"errors": "fails", "throttles": "is throttled in", "slow": "is slow in"}
"""By signal. A custom metric is called by its name."""


def _judged(watched: Watched) -> str:
    found = watched.finding
    if found is None:
        return f"All signals of green's {_number(watched.requests)} are in a dry run, so none was judged."
    in_blue = f"blue {found.blue_bad:,} of {found.blue:,}"
    counts = {
        "errors": f"In {_number(found.green)} green failed {found.green_bad:,} ({in_blue})",
        "throttles": f"Of {_number(found.green)} of green {found.green_bad:,} were throttled ({in_blue})",
        "slow": f"Of {_number(found.green)} of green {found.green_bad:,} were slow ({in_blue})",
    }.get(
        found.signal, f"By {found.signal}, {found.green_bad:,} of green's {_number(found.green)} were bad ({in_blue})"
    )
    if found.bound >= 1:
        return f"{counts}: nothing is proved."
    if found.fine:
        return f"{counts}: {excluded(found.bound, found.signal)} is excluded."
    return f"{counts}: little is proved; only {excluded(found.bound, found.signal)} is excluded."


def _number(requests: int) -> str:
    return "1 request" if requests == 1 else f"{requests:,} requests"


def _against(watched: Watched) -> str:
    """The odds against green, if they are worth a word, and the setting that gave it everything all the same."""
    odds = watched.finding.odds if watched.finding else 0.0
    against = f"the odds that it is worse were {of_odds(math.log(odds) + ROUNDED)}" if odds >= WORTH_A_WORD else ""
    match watched.given:
        case "over_suspicion":
            return f" Green was promoted under suspicion, as when_suspected says: {against or 'the odds fell since'}."
        case "by_the_clock":
            more = f"; {against}" if against else ""
            return f" It got everything by the clock, as promote_by_seconds says, before the evidence allowed it{more}."
        case "by_a_person":
            more = f"; {against}" if against else ""
            return f" A person gave it everything before the watch was over ({watched.given_by}){more}."
        case _:
            return f" {against.capitalize()}, which is no proof." if against else ""


WORTH_A_WORD = 2
"""Odds to 1; up to even ones say nothing, and little more says little."""
ROUNDED = 1e-6
"""Odds that are kept with three decimals must not be said one lower."""


def _found(now: Standing, *, odds: bool = True) -> str:
    """With the odds and those that roll back, unless the sentence says them elsewhere."""
    verdict = now.verdict
    if verdict.kind == "cannot_measure":
        return verdict.reason
    if verdict.kind == "worse":
        return f"{verdict.reason}; {_proof(now)} rolls back{_unattributed(now)}"
    if has_requests(verdict):
        against = _odds(now) if odds else ""
        return f"{verdict.reason}{against}{_unattributed(now)}{_unknown(verdict)}{_unread(now)}"
    if not now.watched:
        return "nobody watches green under traffic: this strategy has no bake"
    if verdict.covered:
        seen = duration(verdict.covered * now.health.period_seconds)
        return f"nobody called green in the {seen} that CloudWatch shows{_unattributed(now)}"
    late = now.health.period_seconds + now.health.delay_seconds
    due = f", and are due at {now.figures_at}" if now.figures_at else ""
    return f"green is not seen yet: figures come about {duration(late)} after the shift{due}"


def _odds(now: Standing) -> str:
    """Nothing, if there is nothing to compare green with."""
    if not any(finding.acts and finding.comparable for finding in now.verdict.findings):
        return ""
    log_odds = now.verdict.log_evidence + ROUNDED
    if log_odds < math.log(WORTH_A_WORD):
        return f"; nothing shows yet that green is worse; odds of {_proof(now)} roll back"
    return f"; odds {of_odds(log_odds)} that green is worse; {_proof(now)} rolls back"


def _proof(now: Standing) -> str:
    """The odds at which green is worse."""
    return of_odds(ROUNDED - math.log(now.health.false_alarm))


def _unattributed(now: Standing) -> str:
    if not now.unattributed:
        return ""
    return f"; CloudWatch counts {now.unattributed:,} throttled requests of the alias for neither version"


def _unknown(verdict: Verdict) -> str:
    """The signals of which a version shows nothing although Lambda counts requests of it."""
    called = {side for each in verdict.findings if each.signal in OF_LAMBDA for side in SIDES if _of(each, side)}
    unknown = []
    for finding in verdict.findings:
        without = [side for side in SIDES if side in called and not _of(finding, side)]
        if finding.signal not in OF_LAMBDA and without:
            unknown.append(
                f"; nothing is known of {finding.signal}: CloudWatch has no figures of {' or '.join(without)}"
            )
    return "".join(unknown)


def _paused(now: Standing) -> str:
    return f"; paused by {now.paused}" if now.paused else ""


def _unread(now: Standing) -> str:
    if not now.unread:
        return ""
    seconds = duration(now.unread * now.health.period_seconds)
    return f"; the logs of the last {seconds} are not counted: there are more than a look reads"


def _of(finding: Finding, side: Side) -> int:
    """The requests of a version."""
    return (finding.green if side == "green" else finding.blue).requests


def _without_traffic(now: Standing, decision: Decision) -> str:
    if decision.next == "roll_back":
        return f", and {_who_says(now, 'no_traffic')} to roll back then"
    if decision.next == "bake_on":
        return "; waiting for a call"
    if now.health.no_traffic == "probe":
        return "; it answered no probe wrongly" if now.probed else "; it answered no probe"
    return f"; going on, as {_who_says(now, 'no_traffic')}"


def _suspected(now: Standing, decision: Decision) -> str:
    odds = (
        f"the bake is over, and the odds against green, {of_odds(now.verdict.log_evidence)}, are no proof "
        f"({_proof(now)} is)"
    )
    says = f"{_who_says(now, 'when_suspected')} (when_suspected)"
    match decision.next:
        case "go_on":
            return f"{odds}; going on, as {says}"
        case "bake_on":
            return f"{odds}; holding on, as {says}"
        case _:
            return f"{odds}; {says} to roll back then"


def _who_says(now: Standing, setting: str) -> str:
    return "the request says" if setting in now.given else "the default says"


def _at_the_end(now: Standing) -> str:
    if not has_requests(now.verdict):
        return "this bake is over before them"
    against = "what speaks against green proves nothing" if now.verdict.leans else "nothing speaks against green"
    return f"the bake is over and {against}"
