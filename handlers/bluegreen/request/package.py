"""
What a zip must be for Lambda to take it.

The zip is read as Lambda gets it, once, in pieces: its end, its directory, then each entry in turn. Two programs that
read a zip may see different files in it, if they differ in where they look. So everything that the directory says must
be true of the entries, entries lie one behind the other, and there is nothing else in the zip.

The format is PKWARE's APPNOTE.TXT; the numbers of sections below are its own. Lambda's limit of the unzipped size is in
"Lambda quotas". Lambda names no limit of the number of entries; this one bounds the time that reading takes.
"""

import re
import stat
import struct
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, NamedTuple

from bluegreen.text import plain

LARGEST_UNZIPPED = 250 * 2**20
"""Bytes, of all entries together; Lambda wants less."""
MOST_ENTRIES = 100_000
MOST_FIELDS = 64
"""Extra fields of an entry that are looked at."""
LARGEST_DIRECTORY = 24 * 2**20
"""Bytes. It is what is kept in memory of a zip."""
LONGEST_PATH, LONGEST_PART = 4_000, 255
"""Bytes of a name that Linux takes, and of each part between two slashes."""
LONGEST_SHOWN = 100
PIECE = 1 << 18

STORED, DEFLATED = 0, 8
"""The methods of compression (4.4.5) that Lambda is known to read."""
ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
DESCRIBED_BEHIND = 1 << 3
"""The local header does not have the sizes: a data descriptor behind the entry's data does (4.3.9)."""
IN_UTF8 = 1 << 11
"""Flags of an entry (4.4.4)."""
UNIX = (3, 19)
"""Systems whose entries have a mode (4.4.2): UNIX, and OS X."""
MAY_BE = (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
"""Types of files that Lambda unpacks. A symbolic link may lead into a layer."""

END = struct.Struct("<4s4H2LH")
END_MARK = b"PK\5\6"
END_64 = struct.Struct("<4sQ2H2L4Q")
END_64_MARK = b"PK\6\6"
LOCATOR = struct.Struct("<4sLQL")
LOCATOR_MARK = b"PK\6\7"
LISTED = struct.Struct("<4s4B4HL2L5H2L")
LISTED_MARK = b"PK\1\2"
LOCAL = struct.Struct("<4s5HL2L2H")
LOCAL_MARK = b"PK\3\4"
FIELD = struct.Struct("<2H")
DESCRIPTOR_MARK = b"PK\7\10"
FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF
"""They say that the number is in ZIP64's own field."""
ZIP64 = 1
"""The extra field with the numbers that do not fit (4.5.3)."""
SECOND_NAME = 0x7075
"""The extra field with the name in UTF-8, which some programs take instead of the name itself (4.6.9)."""
LONGEST_COMMENT = FULL_16

REBUILD = "build the zip again"
CONTRADICTION = "has two ends that contradict each other"


class Unfit(ValueError):
    """What is wrong with a zip, as a sentence goes on after its name, and what to do."""

    def __init__(self, problem: str, advice: str = REBUILD) -> None:
        super().__init__(f"{problem}; {advice}")
        self.problem, self.advice = problem, advice


@dataclass(frozen=True)
class Contents:
    """The names of the files in a zip, without `./`. The symbolic links among them may lead anywhere."""

    files: frozenset[str]
    links: frozenset[str] = frozenset()

    def leads_elsewhere(self, path: str) -> bool:
        """The path goes through a symbolic link, so what it leads to is not known."""
        return any(path == link or path.startswith(f"{link}/") for link in self.links)


class Entry(NamedTuple):
    """What the directory says of an entry. Its local header is at `at`; `packed` and `size` are bytes."""

    at: int
    raw: bytes
    path: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    is_folder: bool
    is_link: bool

    def unfit(self, problem: str, advice: str = REBUILD) -> Unfit:
        """The entry is wrong."""
        return Unfit(f"has an entry {plain(self.path, LONGEST_SHOWN)!r} {problem}", advice)


class Directory(NamedTuple):
    """Where the directory is, and how many bytes and entries it has."""

    at: int
    size: int
    entries: int


def read(file: IO[bytes]) -> Contents:
    """Read the zip from its beginning to its end. Raises Unfit."""
    directory = _directory(file)
    entries = sorted(_entries(file, directory))
    if all(entry.is_folder for entry in entries):
        raise Unfit("has no files", "zip the function's code")
    _must_differ(entries)
    _must_lie_in_a_row(file, entries, directory.at)
    files = [entry for entry in entries if not entry.is_folder]
    return Contents(frozenset(entry.path for entry in files), frozenset(entry.path for entry in files if entry.is_link))


def _directory(file: IO[bytes]) -> Directory:
    """As the zip's end says it (4.3.16)."""
    size = file.seek(0, 2)
    behind = max(0, size - END.size - LONGEST_COMMENT)
    file.seek(behind)
    tail = file.read()
    found = tail.rfind(END_MARK)
    if found < 0 or len(tail) - found < END.size:
        raise Unfit("is not a zip", "upload the function's code as a zip")
    if not _reaches_the_end(tail, found):
        raise Unfit("has something after its end, or is cut short")
    if any(_reaches_the_end(tail, each.start()) for each in re.finditer(END_MARK, tail[:found])):
        raise Unfit("has two ends, and programs may read either")
    _, disk, first_disk, here, entries, length, at, _ = END.unpack_from(tail, found)
    end, locator = behind + found, tail[max(0, found - LOCATOR.size) : found]
    in_zip64 = locator.startswith(LOCATOR_MARK)
    if in_zip64:
        end, here, entries, length, at = _in_zip64(file, end - LOCATOR.size, (here, entries, length, at))
    if disk or first_disk or here != entries:
        raise Unfit("is one part of several", "make one zip of them")
    if entries > MOST_ENTRIES:
        raise Unfit(f"has {entries:,} entries", f"zip {MOST_ENTRIES:,} at most")
    if length > LARGEST_DIRECTORY:
        raise Unfit(f"has a directory of {length:,} bytes", f"shorten names: {LARGEST_DIRECTORY:,} bytes is the most")
    begins = end - length
    if begins < at:
        raise Unfit("has no directory where its end says")
    if begins > at:  # programs may believe the place that the end says, and find another directory there
        raise _begins_late()
    if in_zip64 and LOCATOR.unpack(locator)[2] != end:
        raise Unfit(CONTRADICTION)
    return Directory(begins, length, entries)


def _reaches_the_end(tail: bytes, found: int) -> bool:
    """The comment of the end record at `found` is as long as what follows."""
    if len(tail) - found < END.size:
        return False
    return bool(found + END.size + END.unpack_from(tail, found)[-1] == len(tail))


def _in_zip64(file: IO[bytes], locator: int, said: tuple[int, int, int, int]) -> tuple[int, int, int, int, int]:
    """Where ZIP64's own end record begins (4.3.14), and what it says instead of numbers that are too large."""
    file.seek(max(0, locator - END_64.size))
    record = file.read(END_64.size)
    if len(record) < END_64.size or not record.startswith(END_64_MARK):
        raise Unfit("has an end of ZIP64 that cannot be read")
    _, _, _, _, disk, first_disk, *numbers = END_64.unpack(record)
    if disk or first_disk:
        raise Unfit("is one part of several", "make one zip of them")
    for old, new in zip(said, numbers, strict=True):
        if old not in (new, FULL_16, FULL_32):
            raise Unfit(CONTRADICTION)
    here, entries, length, at = numbers
    return locator - END_64.size, here, entries, length, at


def _entries(file: IO[bytes], directory: Directory) -> Iterator[Entry]:
    """What the directory lists (4.3.12)."""
    file.seek(directory.at)
    listing = file.read(directory.size)
    place, unzipped = 0, 0
    for _ in range(directory.entries):
        header = listing[place : place + LISTED.size]
        if len(header) < LISTED.size or not header.startswith(LISTED_MARK):
            raise Unfit("has a directory that cannot be read")
        _, _, system, _, _, flags, method, _, _, crc, packed, size, name, extra, comment, disk, _, attributes, at = (
            LISTED.unpack(header)
        )
        raw = listing[place + LISTED.size : place + LISTED.size + name]
        more = listing[place + LISTED.size + name : place + LISTED.size + name + extra]
        place += LISTED.size + name + extra + comment
        path, is_folder = _path(raw, flags)
        _must_have_one_name(raw, more)
        size, packed, at, disk = _large(more, (size, packed, at), disk)
        mode = attributes >> 16 if system in UNIX else 0
        entry = Entry(at, raw, path, flags, method, crc, packed, size, is_folder, stat.S_ISLNK(mode))
        _must_be_readable(entry, mode, disk)
        unzipped += size
        if unzipped >= LARGEST_UNZIPPED:
            raise Unfit(
                f"has {LARGEST_UNZIPPED:,} bytes or more unzipped, of which Lambda takes less",
                "leave out what the function does not need, or move it into a container image",
            )
        yield entry
    if place != directory.size:
        raise Unfit("has a directory that cannot be read")


def _must_be_readable(entry: Entry, mode: int, disk: int) -> None:
    if entry.flags & ENCRYPTED:
        raise entry.unfit("that is encrypted", "make the zip without a password")
    if entry.method not in (STORED, DEFLATED):
        raise entry.unfit(f"with the compression method {entry.method}", "make the zip with Deflate, or stored")
    if disk:
        raise entry.unfit("in another part of the zip", "make one zip of the parts")
    if stat.S_IFMT(mode) not in MAY_BE:
        raise entry.unfit("that is neither a file, a folder nor a symbolic link", "leave it out")
    if entry.is_folder and entry.size:
        raise entry.unfit("that is a folder and has content")


def _path(raw: bytes, flags: int) -> tuple[str, bool]:
    """The path that an entry is unpacked to, and whether it is a folder."""
    name = _text(raw)
    if flags & IN_UTF8 and name.encode() != raw:
        raise _bad_name(name, "whose name is not UTF-8", "make the zip with another program")
    if "\\" in name:
        raise _bad_name(name, "with a backslash in its name", "make the zip with / between folders, which Linux needs")
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in name):
        raise _bad_name(name, "with a control character in its name", "rename it")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts:
        raise _bad_name(name, "whose name leads out of the zip", "make the zip inside the folder of the code")
    is_folder = name.endswith(("/", "/.")) or name == "."
    if not parts and not is_folder:
        raise _bad_name(name, "without a name", REBUILD)
    if len(raw) > LONGEST_PATH or any(len(part.encode()) > LONGEST_PART for part in parts):
        raise _bad_name(name, "whose name is too long", f"write {LONGEST_PART} bytes at most between two slashes")
    return "/".join(parts), is_folder


def _text(raw: bytes) -> str:
    """A name as Lambda's Linux takes it; in code page 437 if it is no UTF-8 (Appendix D)."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _bad_name(name: str, problem: str, advice: str) -> Unfit:
    return Unfit(f"has an entry {plain(name, LONGEST_SHOWN)!r} {problem}", advice)


def _large(extra: bytes, numbers: tuple[int, int, int], disk: int) -> tuple[int, int, int, int]:
    """The numbers of an entry, in ZIP64's order; those that are full are in its extra field."""
    field = _zip64(extra)
    found = []
    for number in numbers:
        if number == FULL_32 and len(field) >= 8:
            number, field = int.from_bytes(field[:8], "little"), field[8:]
        found.append(number)
    if disk == FULL_16 and len(field) >= 4:
        disk = int.from_bytes(field[:4], "little")
    size, packed, at = found
    return size, packed, at, disk


def _zip64(extra: bytes) -> bytes:
    """The content of ZIP64's extra field; empty if there is none."""
    return next(_fields(extra, ZIP64), b"")


def _fields(extra: bytes, wanted: int) -> Iterator[bytes]:
    """The content of each extra field of that kind. Some programs fill up with thousands of empty fields."""
    if wanted.to_bytes(2, "little") not in extra:
        return
    place, seen = 0, 0
    while len(extra) - place >= FIELD.size:
        kind, length = FIELD.unpack_from(extra, place)
        place, seen = place + FIELD.size + length, seen + 1
        if seen > MOST_FIELDS:
            raise Unfit(f"has an entry with more than {MOST_FIELDS} extra fields")
        if kind == wanted:
            yield extra[place - length : place]


def _must_have_one_name(raw: bytes, extra: bytes) -> None:
    """The name in UTF-8, behind a version and a checksum, is the entry's own."""
    name = _text(raw)
    for field in _fields(extra, SECOND_NAME):
        if field[5:] != name.encode():
            raise _bad_name(name, "that has a second name", "make the zip with names in UTF-8")


def _must_differ(entries: list[Entry]) -> None:
    """No file has two entries, and nothing lies beneath a file or a link. A folder may be listed twice."""
    in_order = sorted(entries, key=lambda entry: entry.path.replace("/", "\0"))
    for one, next_one in pairwise(in_order):
        if one.path == next_one.path and not (one.is_folder and next_one.is_folder):
            raise next_one.unfit("twice, and programs may read either", "zip each file once")
        if not one.is_folder and next_one.path.startswith(f"{one.path}/"):
            raise next_one.unfit(f"beneath {plain(one.path, LONGEST_SHOWN)!r}, which is no folder")


def _begins_late() -> Unfit:
    return Unfit("has something before its first entry", "upload the zip itself, not a program that has it in it")


def _must_lie_in_a_row(file: IO[bytes], entries: list[Entry], until: int) -> None:
    """
    Each entry begins where the one before ends, and is as the directory says.

    A line `#!…` may come before all, as in an archive of Python's zipapp, whose offsets count it.
    """
    place = entries[0].at
    file.seek(0)
    before = file.read(min(place, LONGEST_PATH + 1))
    if place < 0 or (before and not re.fullmatch(rb"#![^\n]*\n", before)):
        raise _begins_late()
    for entry, behind in zip(entries, [*(each.at for each in entries[1:]), until], strict=True):
        if entry.at != place:
            where = "that overlaps another" if entry.at < place else "with something unknown before it"
            raise entry.unfit(where)
        place = _after(file, entry, behind)
    if place != until:
        raise Unfit("has something unknown before its directory")


def _after(file: IO[bytes], entry: Entry, behind: int) -> int:
    """Where the entry ends; the next one, or the directory, is at `behind`. Raises Unfit if it is not as listed."""
    file.seek(entry.at)
    header = file.read(LOCAL.size)
    if len(header) < LOCAL.size or not header.startswith(LOCAL_MARK):
        raise entry.unfit("that is not where the directory says")
    _, _, flags, method, _, _, crc, packed, size, name, extra = LOCAL.unpack(header)
    raw, more = file.read(name), file.read(extra)
    size, packed, _, _ = _large(more, (size, packed, 0), 0)
    begins: int = entry.at + LOCAL.size + name + extra
    not_yet = (0, FULL_32) if flags & DESCRIBED_BEHIND else ()
    listed = entry.crc, entry.packed, entry.size
    if any(mine not in (said, *not_yet) for mine, said in zip((crc, packed, size), listed, strict=True)):
        raise entry.unfit("whose size or checksum differs from the directory's")
    _must_have_one_name(entry.raw, more)
    if raw != entry.raw or method != entry.method or flags & ENCRYPTED:
        raise entry.unfit("whose name or kind differs from the directory's")
    if begins + entry.packed > behind:
        raise entry.unfit("that overlaps another")
    _must_be_intact(file, entry)
    ends = begins + entry.packed
    if flags & DESCRIBED_BEHIND and 0 < behind - ends <= 24:
        return ends + _described(file.read(behind - ends), entry)
    return ends


def _described(descriptor: bytes, entry: Entry) -> int:
    """The length of a data descriptor: with a mark or without, of 32 bits or of 64 (4.3.9)."""
    marked = descriptor.startswith(DESCRIPTOR_MARK) and len(descriptor) in (16, 24)
    numbers = descriptor[len(DESCRIPTOR_MARK) :] if marked else descriptor
    form = {12: "<3L", 20: "<L2Q"}.get(len(numbers))
    if form is None or struct.unpack(form, numbers) != (entry.crc, entry.packed, entry.size):
        raise entry.unfit("whose size or checksum differs from the directory's")
    return len(descriptor)


def _must_be_intact(file: IO[bytes], entry: Entry) -> None:
    """Unpack the data, in pieces, and compare size and checksum."""
    crc, size = 0, 0
    try:
        for piece in _unpacked(file, entry):
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            if size > entry.size:
                break
    except zlib.error as error:
        raise entry.unfit("that is damaged") from error
    if (crc, size) != (entry.crc, entry.size):
        raise entry.unfit("whose content does not match its size or checksum")


def _unpacked(file: IO[bytes], entry: Entry) -> Iterator[bytes]:
    """The entry's data. Raises zlib.error where it is no Deflate stream of exactly that length."""
    inflating, left = zlib.decompressobj(-zlib.MAX_WBITS), entry.packed
    while left:
        packed = file.read(min(PIECE, left))
        if not packed:
            raise zlib.error("cut short")
        left -= len(packed)
        if entry.method == STORED:
            yield packed
            continue
        while packed and not inflating.eof:
            yield inflating.decompress(packed, PIECE)
            packed = inflating.unconsumed_tail
        if inflating.unused_data or (inflating.eof and left):
            raise zlib.error("something behind the data")
    if entry.method == DEFLATED:
        yield inflating.flush()
        if not inflating.eof:
            raise zlib.error("cut short")
