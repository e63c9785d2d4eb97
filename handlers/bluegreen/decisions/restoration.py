"""
How an alias and $LATEST are put back: what is known of them, and what is to be done. Pure.

Facts are read in a fixed order (record, alias, $LATEST), a decision is taken here, the act is done, and the outcome has
one of the kinds below. `rollback/words.py` makes a sentence of it.
"""

from typing import Any, Literal

from bluegreen.decisions.complaints import Complained
from bluegreen.decisions.route import Route, Serving
from bluegreen.model import Frozen

AliasKind = Literal[
    "put_back",
    "back",
    "never_moved",
    "changed_by_others",
    "moved_afterwards",
    "gone",
    "function_gone",
    "blue_gone",
]
"""
put_back           blue has to get the alias back (a decision, never an outcome)
back               blue has the alias back
never_moved        this deployment never moved the alias; it is where it was found
changed_by_others  someone else moved the alias while green had a share; it was left as it is
moved_afterwards   blue had the alias back, then someone else moved it; it was left as it is
gone               someone else deleted the alias
function_gone      someone else deleted the function
blue_gone          someone else deleted blue's version, so the alias stays where this deployment moved it
"""

LatestKind = Literal[
    "put_back",
    "rewrite",
    "not_part",
    "kept",
    "as_it_was",
    "changed_by_others",
    "keeps_the_new",
    "not_tried_again",
    "gone",
    "unseen",
    "unchanged",
]
"""
put_back           $LATEST has the code back that it had
rewrite            $LATEST has that code, which must be written once more (a decision, never an outcome)
not_part           the deployment was of a version that was published already
kept               the deployment was of what $LATEST had, and put nothing there
as_it_was          $LATEST has the code that it had
changed_by_others  someone else changed the code of $LATEST; it was left as it is
keeps_the_new      the code that $LATEST had cannot be had any more
not_tried_again    after many attempts that failed or were killed, $LATEST is left
gone               someone else deleted the function
unseen             Lambda did not say what $LATEST has
unchanged          after a completed deployment: $LATEST is what was deployed
"""


class AliasFacts(Frozen):
    """
    What is known of the alias.

    `routes` are those that this deployment may have made. `returned`: the ledger says that blue had the alias back.
    `found` is where the alias points, None if it is gone. `settling`: Lambda set its weights. `function_exists` and
    `blue_exists` are False if the function, or blue's version, is gone.
    """

    blue: str
    routes: tuple[Route, ...]
    returned: bool
    found: Route | None
    settling: bool
    function_exists: bool = True
    blue_exists: bool = True


class LatestFacts(Frozen):
    """
    What is known of $LATEST.

    `sent`: this deployment may have put its code there. `has_the_old` and `has_the_new` say which code was found; both
    are False for code of someone else. `exists` is False if the function is gone.
    """

    new_code: bool
    sent: bool
    exists: bool
    has_the_old: bool
    has_the_new: bool


class AliasOutcome(Frozen):
    """What became of the alias, and who serves; None if the alias is gone."""

    kind: AliasKind
    route: Route | None


class LatestOutcome(Frozen):
    """What became of $LATEST: `source` is where its code was had, `problem` why it could not be put back."""

    kind: LatestKind
    source: str = ""
    problem: str = ""


class Outcome(Frozen):
    """
    What a rollback came to.

    `doubts` are what is wrong with blue, which serves again. `complained` is what green's log says, None if it was not
    read.
    """

    alias: AliasOutcome
    latest: LatestOutcome
    doubts: str = ""
    complained: Complained | None = None

    @property
    def serving(self) -> Serving | None:
        """Who serves now; None if the alias or the function is gone."""
        return self.alias.route.serving if self.alias.route else None

    def to_json(self) -> dict[str, Any]:
        """For the audit."""
        shown = self.model_dump(mode="json", exclude={"alias": {"route"}})
        return shown | {"serving": self.serving}


def alias_restoration(facts: AliasFacts) -> AliasKind:
    """What is to be done about the alias."""
    if not facts.function_exists:
        return "function_gone"
    if facts.found is None:
        return "gone"
    if facts.returned:
        settles_on_blue = facts.settling and facts.blue in facts.found.versions
        return "back" if facts.found.alone == facts.blue or settles_on_blue else "moved_afterwards"
    if not facts.routes:
        return "never_moved"
    if not _left_so(facts.found, facts):
        return "changed_by_others"
    return "put_back" if facts.blue_exists else "blue_gone"


def _left_so(found: Route, facts: AliasFacts) -> bool:
    """Whether this deployment, or Lambda on its behalf, may have left the alias so."""
    possible = (Route(primary=facts.blue), *facts.routes)
    versions = frozenset[str]().union(*(route.versions for route in possible))
    return any(found.serves_as(route) for route in possible) or (facts.settling and found.versions <= versions)


def latest_restoration(facts: LatestFacts) -> LatestKind:
    """
    What is to be done about $LATEST.

    Code that is as it was is written once more if the new code may have been sent: a handler that hangs may still send
    it, and is refused once $LATEST has another revision.
    """
    if not facts.new_code:
        return "not_part"
    if not facts.exists:
        return "gone"
    if facts.has_the_old:
        return "rewrite" if facts.sent else "as_it_was"
    return "put_back" if facts.sent and facts.has_the_new else "changed_by_others"
