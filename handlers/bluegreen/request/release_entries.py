"""
The entries of a release, read one by one: each with the defaults, and everything that is wrong with any of them.

A release has up to 10,000 entries, and one mistake in `defaults` must not be told 10,000 times. So the defaults are
read once, and entries inherit what came of it.
"""

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bluegreen.request.artifact import Existing
from bluegreen.request.explain import complaints
from bluegreen.request.names import FunctionReference
from bluegreen.request.release_document import IN_AN_ENTRY, IN_DEFAULTS, IN_HEALTH, Defaults, Entry, TargetAt
from bluegreen.request.request import LARGEST_REQUEST, taken_apart
from bluegreen.text import LONGEST, plain

MOST_TOLD = 1_000
"""Complaints that are put into words; more are counted."""
LONGEST_COMPLAINT = 500
ROOM_FOR_THE_REST = 300
"""Characters for how many complaints there are beside those that are told, and of which functions."""
MOST_HINTS = 10
"""Misspelt names of functions for which a like one is looked for, each among up to 10,000."""
MOST_LISTED = 5

NO_ARTIFACT = {"version": "0"}
"""In the place of one that cannot be read: nothing is said of an entry with a version beside others."""

Known = TypeVar("Known", bound=BaseModel)


class Complaints:
    """What is wrong with a release: in words the first thousand, of the rest the number."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._functions: list[int | None] = []
        self._untold: list[int | None] = []
        self._hints = 0

    def add(self, where: str, said: str, function: int | None = None) -> None:
        """The field, what is wrong there, and the place of its function."""
        if len(self.told) == MOST_TOLD:
            self._untold.append(function)
            return
        self.told.append(f"{plain(where, LONGEST_COMPLAINT)}: {plain(said, LONGEST_COMPLAINT)}")
        self._functions.append(function)

    def add_all(
        self,
        details: Sequence[ErrorDetails],
        model: type[BaseModel],
        where: Callable[[str], str],
        function: int | None = None,
    ) -> None:
        """What pydantic says of a part of the release; `where` says where in the release a field of it is."""
        room = MOST_TOLD - len(self.told)
        for name, said in complaints(details[:room], model):
            self.add(where(name), said, function)
        self._untold += [function] * (len(details) - room)

    def like(self, name: str, names: Iterable[str]) -> str:
        """A hint at the name that may be meant; "" if none is like it, and after some hints: to look takes long."""
        self._hints += 1
        close = difflib.get_close_matches(name, list(names), n=1) if self._hints <= MOST_HINTS else []
        return f"; did you mean {close[0]}?" if close else ""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.told) + len(self._untold)

    def __str__(self) -> str:
        """As an error has room for it: the first ones, then of how many functions there are more."""
        kept: list[str] = []
        room = LONGEST - ROOM_FOR_THE_REST
        for text in self.told:
            room -= len(text) + 2
            if room < 0 and kept:
                break
            kept.append(text)
        if not (more := self.count - len(kept)):
            return "; ".join(kept)
        of = sorted({each for each in (*self._functions[len(kept) :], *self._untold) if each is not None})
        where = f", in functions {plain(', '.join(ranges(of)), ROOM_FOR_THE_REST - 50)}" if of else ""
        return "; ".join([*kept, f"and {more} more{where}"])


def ranges(numbers: Iterable[int]) -> Iterator[str]:
    """Ascending numbers as people write them: 3, 7-499."""
    first = last = None
    for number in numbers:
        if last is not None and number == last + 1:
            last = number
            continue
        if first is not None:
            yield f"{first}-{last}" if last != first else str(first)
        first = last = number
    if first is not None:
        yield f"{first}-{last}" if last != first else str(first)


class Here(NamedTuple):
    """The stack's region and account, and its DefaultAlias. "" is what is not known yet."""

    region: str = ""
    account: str = ""
    alias: str = ""


@dataclass(frozen=True)
class Named:
    """
    A function of the release, as far as its entry says which one it is.

    `number` is the entry's place, from 0; `said` is the name, with the alias if the entry itself has it.
    """

    number: int
    said: str
    function: str
    alias: str
    region: str
    account: str
    target: str | None

    def __str__(self) -> str:
        """As people write it."""
        return self.said

    def fits(self, reference: FunctionReference) -> bool:
        """The reference may mean this one. A place that it does not say, or that is not known, may be any."""
        places = ((reference.region, self.region), (reference.account, self.account))
        return reference.qualifier in ("", self.alias) and all(
            not said or not here or said == here for said, here in places
        )


def place(number: int, function: str = "", field: str = "") -> str:
    """Where a complaint belongs: `functions.37.artifact.key (Shop)`."""
    return f"functions.{number}{f'.{field}' if field else ''}{f' ({function})' if function else ''}"


def without_wrong_fields(
    model: type[Known], given: dict[str, Any], tell: Callable[[list[ErrorDetails]], None]
) -> tuple[Known, set[Any]]:
    """What is right of it, and the names of the wrong fields. The model requires none."""
    try:
        return model.model_validate(given), set()
    except ValidationError as error:
        details = error.errors(include_url=False)
        tell(details)
        wrong = {detail["loc"][0] for detail in details}
        return model.model_validate({name: value for name, value in given.items() if name not in wrong}), wrong


def sorted_out(given: dict[str, Any], elsewhere: Mapping[str, str]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The fields that belong here, and of the others where they belong."""
    kept = {name: value for name, value in given.items() if name not in elsewhere}
    return kept, [(name, elsewhere[name]) for name in given if name in elsewhere]


def health_sorted_out(given: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """An entry, or the defaults, without the fields of health that no function of a release has, and these fields."""
    health = given.get("health")
    if not isinstance(health, dict):
        return given, []
    kept, misplaced = sorted_out(health, IN_HEALTH)
    return given | {"health": kept}, [(f"health.{name}", said) for name, said in misplaced]


@dataclass(frozen=True)
class Inherited:
    """
    The defaults, read once: what came of each field, and how many bytes it has as JSON.

    `health` is as it was written, since an entry's health is merged with it field by field before it is read.
    `unfinished` says what is wrong with that health as a whole, where an entry's may complete it.
    """

    values: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    health: dict[str, Any] = field(default_factory=dict)
    unfinished: str = ""

    @classmethod
    def read(cls, given: Any, wrong: Complaints) -> "Inherited":
        """Tells every wrong field as `defaults.…`."""
        if not isinstance(given, dict):
            wrong.add("defaults", "it is not a JSON object")
            return cls()
        kept, misplaced = sorted_out(given, IN_DEFAULTS)
        kept, of_health = health_sorted_out(kept)
        for name, said in misplaced + of_health:
            wrong.add(f"defaults.{name}", said)
        unfinished: list[ErrorDetails] = []

        def tell(details: list[ErrorDetails]) -> None:
            unfinished.extend(filter(_is_of_health_as_a_whole, details))
            rest = [each for each in details if not _is_of_health_as_a_whole(each)]
            wrong.add_all(rest, Defaults, "defaults.{}".format)

        read, _ = without_wrong_fields(Defaults, kept, tell)
        health = kept.get("health")
        return cls(
            values={name: getattr(read, name) for name in read.model_fields_set},
            sizes={name: _size(name, kept[name]) for name in kept},
            health=health if isinstance(health, dict) else {},
            unfinished=next((said for _, said in complaints(unfinished, Defaults)), ""),
        )

    def under(self, own: dict[str, Any]) -> dict[str, Any]:
        """An entry's fields, and the defaults that it does not override."""
        health = own.get("health")
        merged = {"health": self.health | health} if isinstance(health, dict) else {}
        return self.values | own | merged

    def size_under(self, own: dict[str, Any]) -> int:
        """Bytes of such an entry as JSON, with the defaults that it does not override."""
        merged = self.under(own)
        written = sum(_size(name, merged[name]) for name in own)
        return written + sum(size for name, size in self.sizes.items() if name not in own)


def _size(name: str, value: Any) -> int:
    return len(json.dumps({name: value}))


def _is_of_health_as_a_whole(detail: ErrorDetails) -> bool:
    """No single field of it is wrong, but they do not go together."""
    return detail["loc"] == ("health",) and detail["type"] == "value_error"


class Entries:
    """
    What came of the entries, by their places: which function each is, if it says so, and its fields.

    In place of a wrong field, which is told, an entry has its default, and `unread` its name. `with_own_tests` have
    smoke tests that are not those of the defaults. `raw` are the values of `functions`; `targets` are those that are
    right, `target_names` all that were written.
    """

    def __init__(
        self,
        raw: list[Any],
        inherited: Inherited,
        targets: Mapping[str, TargetAt],
        target_names: Iterable[str],
        here: Here,
        wrong: Complaints,
    ) -> None:
        self._inherited, self._targets, self._here, self._wrong = inherited, targets, here, wrong
        self._target_names = frozenset(target_names)
        self.count = len(raw)
        self.named: dict[int, Named] = {}
        self.found: dict[int, Entry] = {}
        self.unread: dict[int, set[Any]] = {}
        self.with_own_tests: set[int] = set()
        for number, each in enumerate(raw):
            self._read(number, each)
        if inherited.unfinished and any(isinstance(each, dict) and "health" not in each for each in raw):
            wrong.add("defaults.health", inherited.unfinished)

    def _read(self, number: int, raw: Any) -> None:
        own, said = taken_apart(raw)
        reference = FunctionReference.read(raw.get("function")) if isinstance(raw, dict) else None
        name = reference.name if reference else ""
        if isinstance(own, dict):
            own, misplaced = sorted_out(own, IN_AN_ENTRY)
            own, of_health = health_sorted_out(own)
            if "smoke_tests" in own:
                self.with_own_tests.add(number)
            self._tell(number, name, misplaced + of_health)
            self._measure(number, name, own)
            self._tell(number, name, (("function", each.removeprefix("function: ")) for each in said))
        merged = self._inherited.under(own) if isinstance(own, dict) else own
        self._fields(number, name, own, merged)
        if reference:
            self._place(number, reference, name if "alias" not in own else f"{name}:{own['alias']}")

    def no_target(self, name: str) -> str:
        """What is wrong with the name of a target; "" if the document has that target."""
        if name in self._target_names:
            return ""
        hint = self._wrong.like(name, self._target_names) or "; write it there"
        return f"`targets` has no {plain(name, 64)}{hint}"

    def _tell(self, number: int, name: str, said: Iterable[tuple[str, str]]) -> None:
        for each, text in said:
            self._wrong.add(place(number, name, each), text, number)

    def _measure(self, number: int, name: str, own: dict[str, Any]) -> None:
        size = self._inherited.size_under(own)
        if size > LARGEST_REQUEST:
            text = f"with the defaults it has {size} bytes; write {LARGEST_REQUEST} at most; shorten payloads"
            self._tell(number, name, [("", text)])

    def _fields(self, number: int, name: str, own: Any, merged: Any) -> None:
        """The entry, if its function is known. What is wrong with other fields of it is told, and left out."""
        unread: set[Any] = set()
        try:
            entry = Entry.model_validate(merged)
        except ValidationError as error:
            details = error.errors(include_url=False)
            told = [each for each in details if not _is_inherited(each, own)]
            self._wrong.add_all(told, Entry, lambda field: place(number, name, field), number)
            if not name:
                return
            unread = {each["loc"][0] for each in details}
            right = {field: value for field, value in merged.items() if field not in unread}
            entry = Entry.model_validate({"artifact": NO_ARTIFACT} | right)
        if self._inherited.health and "health" not in entry.model_fields_set:
            unread.add("health")
        self.found[number], self.unread[number] = entry, unread

    def _place(self, number: int, reference: FunctionReference, said: str) -> None:
        """Where the function is, and what is wrong with that."""
        entry, unread = self.found[number], self.unread[number]
        at: Here | TargetAt | None = self._here if entry.target is None and "target" not in unread else None
        whose, advice = "this stack", "write that place in `targets`, and the target's name here as `target`"
        if entry.target is not None:
            at = self._targets.get(entry.target)
            whose, advice = f"the target {entry.target}", "correct one of them"
            if text := self.no_target(entry.target):
                self._tell(number, reference.name, [("target", text)])
        region, account = (at.region, at.account) if at else ("", "")
        for kind, meant, here in (("region", reference.region, region), ("account", reference.account, account)):
            if meant and here and meant != here:
                text = f"{reference.name} is in the {kind} {meant}, and {whose} is in {here}; {advice}"
                self._tell(number, reference.name, [("function", text)])
        self.named[number] = Named(
            number=number,
            said=said if "alias" not in unread else reference.name,
            function=reference.name,
            alias=entry.alias or self._here.alias,
            region=region or reference.region,
            account=account or reference.account,
            target=entry.target,
        )


def _is_inherited(detail: ErrorDetails, own: Any) -> bool:
    """A wrong field of the health of `defaults`, which was told there."""
    location = detail["loc"]
    return len(location) > 1 and location[0] == "health" and location[1] not in own["health"]


def tell_duplicates(entries: Entries, wrong: Complaints) -> None:
    """One entry for each alias; and one that changes $LATEST for each function."""
    aliases: dict[tuple[str, ...], Named] = {}
    functions: dict[tuple[str, ...], Named] = {}
    for each in entries.named.values():
        if entries.unread[each.number] & {"alias", "target"}:
            continue
        function = (each.account, each.region or each.target or "", each.function)
        first = aliases.setdefault((*function, each.alias), each)
        if first is not each:
            wrong.add(
                place(each.number, each.function),
                f"it is {place(first.number)} again; leave one of them out",
                each.number,
            )
            continue
        if isinstance(entries.found[each.number].artifact, Existing):
            continue
        other = functions.setdefault(function, each)
        if other is not each:
            wrong.add(
                place(each.number, each.function, "artifact"),
                f"{place(other.number, str(other))} changes or publishes $LATEST of {each.function}, too, and a "
                "function has only one; deploy that one first, and write here the version that it published, as "
                '{"version": "7"}',
                each.number,
            )


def tell_periods(entries: Entries, wrong: Complaints) -> None:
    """One period of the metrics for all functions."""
    first: tuple[int, int] | None = None
    for number, entry in entries.found.items():
        if "health" in entries.unread[number]:
            continue
        health, name = entry.health, entry.function
        first = first or (number, health.period_seconds)
        if health.period_seconds != first[1]:
            wrong.add(
                place(number, name, "health.period_seconds"),
                f"it is {health.period_seconds}, and {first[1]} for {place(first[0])}; a release looks at all its "
                "functions at once, so write the same for all, as in `defaults`",
                number,
            )


class Names:
    """The functions of a release by what other parts of the document call them."""

    def __init__(self, named: Iterable[Named], wrong: Complaints) -> None:
        self._wrong = wrong
        self._by_name: dict[str, list[Named]] = {}
        for each in named:
            self._by_name.setdefault(each.function, []).append(each)
        self._found: dict[tuple[str, str | None], Named | str] = {}

    def find(self, text: str, target: str | None = None) -> Named | str:
        """The function, or what is wrong with the name. Of several the one in that target is meant."""
        if (text, target) not in self._found:
            self._found[text, target] = self._find(text, target)
        return self._found[text, target]

    def _find(self, text: str, target: str | None) -> Named | str:
        reference = FunctionReference.read(text)
        if reference is None:
            return f"{plain(text, 100)!r} is no function's name; write the name, or the ARN"
        fitting = [each for each in self._by_name.get(reference.name, ()) if each.fits(reference)]
        beside = [each for each in fitting if each.target == target]
        if len(chosen := beside or fitting) == 1:
            return chosen[0]
        if chosen:
            are = ", ".join(place(each.number, str(each)) for each in chosen[:MOST_LISTED])
            return (
                f"{plain(text, 100)} stands for {len(chosen)} functions: {are}{', …' * (len(chosen) > MOST_LISTED)}; "
                "write it with its alias, as Shop:PROD, or its ARN with the alias"
            )
        hint = self._wrong.like(reference.name, self._by_name) or "; correct the name, or add the function"
        return f"no function of this release is {plain(text, 100)}{hint}"
