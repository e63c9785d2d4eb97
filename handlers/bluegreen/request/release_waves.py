"""
Which functions of a release come in which wave, by what its document says of waves and of who calls whom.

waves.py has the order itself. This is about what people write, and what is wrong with it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from bluegreen.model import Frozen
from bluegreen.request.release_document import MOST_WAVES_ASKED, AskedWave, WaveHooks
from bluegreen.request.release_entries import Complaints, Entries, Named, Names, place
from bluegreen.request.waves import Take, cycles, dealt, levels, share_of

MOST_NAMED_IN_A_CYCLE = 12


class Wave(Frozen):
    """Members that are shifted together, by their numbers, and what has to pass before and after it."""

    numbers: tuple[int, ...]
    approve: bool
    hooks: WaveHooks


def calls_of(entries: Entries, names: Names, wrong: Complaints) -> list[list[int]] | None:
    """Of each function those of the release that it calls; None if something is wrong with that."""
    before = wrong.count
    calls: list[list[int]] = [[] for _ in range(entries.count)]
    for number, entry in entries.found.items():
        each = entries.named[number]
        for position, text in enumerate(entry.depends_on):
            found = names.find(text, each.target)
            if isinstance(found, Named):
                calls[number].append(found.number)
            else:
                wrong.add(place(number, each.function, f"depends_on.{position}"), found, number)
    of = levels(calls)
    for cycle in cycles(calls, of):
        first = entries.named[cycle[0]]
        wrong.add(
            place(first.number, first.function, "depends_on"),
            f"{_way(entries, cycle)} is a cycle, so none of them can come before the others; leave one name out",
            first.number,
        )
    return calls if wrong.count == before else None


def _way(entries: Entries, cycle: Sequence[int]) -> str:
    said = [str(entries.named[number]) for number in (*cycle, cycle[0])]
    if len(said) > MOST_NAMED_IN_A_CYCLE:
        half = MOST_NAMED_IN_A_CYCLE // 2
        said = [*said[:half], f"{len(said) - 2 * half} more", *said[-half:]]
    return " -> ".join(said)


def waves_that_are_right(asked: Any) -> list[AskedWave | None]:
    """In the place of a wave with a wrong field, which was told, None: the others are looked at all the same."""

    def right(wave: Any) -> AskedWave | None:
        try:
            return AskedWave.model_validate(wave)
        except ValidationError:
            return None

    return [right(wave) for wave in asked[:MOST_WAVES_ASKED]] if isinstance(asked, list | tuple) else []


def takes_of(asked: Sequence[AskedWave | None], entries: Entries, names: Names, wrong: Complaints) -> list[Take] | None:
    """
    What each wave that is asked for takes, and a last one for the rest if the last that is asked for is no size.

    None if something is wrong with that.
    """
    before = wrong.count
    seen: dict[int, int] = {}
    takes = []
    for number, wave in enumerate(asked):
        if wave is None:
            continue
        if wave.takes_what_is_left and number < len(asked) - 1:
            wrong.add(f"waves.{number}", f"it takes all that are left, so waves.{number + 1} gets none; write it last")
        if wave.target is not None and (said := entries.no_target(wave.target)):
            wrong.add(f"waves.{number}.target", said)
        most = share_of(wave.share, entries.count) if wave.share is not None else wave.most
        named = tuple(_named(wave.functions or (), number, names, seen, wrong))
        takes.append(Take(named=named, target=wave.target) if most is None else Take(most=most))
    if asked and asked[-1] and not asked[-1].is_a_size:
        takes.append(Take())
    return takes if wrong.count == before else None


def _named(functions: Iterable[str], wave: int, names: Names, seen: dict[int, int], wrong: Complaints) -> Iterator[int]:
    for position, text in enumerate(functions):
        found = names.find(text)
        where = f"waves.{wave}.functions.{position}"
        if isinstance(found, str):
            wrong.add(where, found)
        elif found.number in seen:
            wrong.add(where, f"{found} is in waves.{seen[found.number]} already; leave it out of one of them")
        else:
            seen[found.number] = wave
            yield found.number


def waves_of(
    asked: Sequence[AskedWave],
    takes: Sequence[Take],
    calls: Sequence[Sequence[int]],
    entries: Entries,
    wrong: Complaints,
) -> tuple[Wave, ...] | None:
    """
    The waves, by what each that is asked for takes, and by the functions that each function calls.

    None if a function would be shifted before one that it calls, or together with it.
    """
    targets = [entries.named[number].target for number in range(len(calls))]
    found = [*dealt(takes, [level or 0 for level in levels(calls)], targets)]
    if not _callees_come_first(calls, [wave for _, wave in found], entries, wrong):
        return None
    by = (*asked, AskedWave())
    return tuple(
        Wave(
            numbers=tuple(number + 1 for number in wave),
            approve=by[take].approve,
            hooks=by[take].hooks,
        )
        for take, wave in found
    )


def _callees_come_first(
    calls: Sequence[Sequence[int]], waves: Sequence[Sequence[int]], entries: Entries, wrong: Complaints
) -> bool:
    before = wrong.count
    comes = {number: wave for wave, numbers in enumerate(waves, start=1) for number in numbers}
    for number, called in enumerate(calls):
        caller = entries.named[number]
        for callee in (entries.named[each] for each in called if comes[each] >= comes[number]):
            if comes[callee.number] == comes[number]:
                when = f"both come in wave {comes[number]}"
            else:
                when = f"{callee} comes in wave {comes[callee.number]} and {caller} in wave {comes[number]}"
            wrong.add(
                place(number, caller.function, "depends_on"),
                f"{caller} calls {callee}, but {when}; write {callee} into an earlier wave of `waves`",
                number,
            )
    return wrong.count == before
