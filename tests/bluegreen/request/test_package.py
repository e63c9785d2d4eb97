"""A zip that Lambda could not take, or that two programs could read differently, is told by the entry that is wrong."""

import io
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluegreen.request import package
from bluegreen.request.package import Contents, Unfit, read

LINK = 0o120777 << 16
FIFO = 0o010644 << 16


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, mode: int = 0) -> bytes:
    """A zip as Python writes it, also with two entries of one name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _zipped(entries, method, mode)


def _zipped(entries: tuple[tuple[str, bytes], ...], method: int, mode: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries:
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.create_system = method, 3
            entry.external_attr = mode or 0o100644 << 16
            archive.writestr(entry, content)
    return file.getvalue()


def streamed(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip as programs write it that cannot go back: with a data descriptor behind each entry."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.content = b""

        def writable(self) -> bool:
            return True

        def write(self, some: Any) -> int:
            self.content += bytes(some)
            return len(some)

    pipe = Pipe()
    with warnings.catch_warnings(), zipfile.ZipFile(pipe, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, content in entries:
            archive.writestr(name, content)
    return pipe.content


def application(*entries: tuple[str, bytes]) -> bytes:
    """As Python's zipapp makes it: its offsets count the line before the first entry."""
    file = io.BytesIO()
    file.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def in_zip64(name: str, content: bytes) -> bytes:
    """A zip with ZIP64's fields, which this one does not need."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open(name, "w", force_zip64=True) as entry:
        entry.write(content)
    return file.getvalue()


def with_zip64_end(content: bytes, **wrong: int) -> bytes:
    """The zip with ZIP64's end record before its own, whose numbers are full."""
    *_, entries, length, at, _ = struct.unpack("<4s4H2LH", content[-22:])
    end = len(content) - 22
    numbers = {"entries": entries, "length": length, "at": at, "end": end} | wrong
    record = struct.pack("<4sQ2H2L", b"PK\6\6", 44, 45, 45, 0, 0)
    record += struct.pack("<4Q", numbers["entries"], numbers["entries"], numbers["length"], numbers["at"])
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, numbers["end"], 1)
    full = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    return content[:-22] + record + locator + full


def with_second_name(name: str, second: str, *, raw: bytes = b"", only_in: str = "", before: bytes = b"") -> bytes:
    """A zip of one file with the field of the name in UTF-8: in the directory, in the local header, or in both."""
    header, content = raw or name.encode(), b"code"
    field = before + struct.pack("<2HBL", 0x7075, 5 + len(second.encode()), 1, zlib.crc32(header)) + second.encode()
    inside, listing = (b"" if only_in == "directory" else field), (b"" if only_in == "local header" else field)
    sizes = zlib.crc32(content), len(content), len(content), len(header)
    local = struct.pack("<4s5HL2L2H", b"PK\3\4", 20, 0, 0, 0, 33, *sizes, len(inside)) + header + inside + content
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, *sizes, len(listing), 0, 0, 0, 0, 0)
    entry += header + listing
    return local + entry + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(local), 0)


def directory_of(content: bytes) -> int:
    return int(struct.unpack_from("<L", content, len(content) - 6)[0])


def patched(content: bytes, at: int, some: bytes) -> bytes:
    return content[:at] + some + content[at + len(some) :]


def listed(content: bytes, field: int, some: bytes) -> bytes:
    """With another field in the first entry of the directory."""
    return patched(content, directory_of(content) + field, some)


def said(content: bytes) -> str:
    with pytest.raises(Unfit) as refused:
        read(io.BytesIO(content))
    return str(refused.value)


def result(content: bytes) -> tuple[frozenset[str], Unfit | None]:
    try:
        return read(io.BytesIO(content)).files, None
    except Unfit as refused:
        return frozenset(), refused


CODE = (("index.py", b"def handler(event, context): return 1\n" * 100), ("lib/tool.py", b""))
GOOD = zipped(*CODE)
FILES = frozenset({"index.py", "lib/tool.py"})


class TestAZipThatLambdaTakes:
    @pytest.mark.parametrize(
        "content",
        [
            GOOD,
            zipped(*CODE, method=zipfile.ZIP_STORED),
            zipped(("lib/", b""), ("./index.py", CODE[0][1]), ("lib//tool.py", b""), ("./", b""), ("lib/", b"")),
            streamed(*CODE),
            streamed(*CODE, method=zipfile.ZIP_STORED),
            with_zip64_end(GOOD),
            application(*CODE),
            with_zip64_end(application(*CODE)),
            GOOD[:-2] + b"\5\0hello",
        ],
        ids=[
            "deflated",
            "stored",
            "folders",
            "streamed",
            "streamed, stored",
            "zip64",
            "#!",
            "#! and zip64",
            "comment",
        ],
    )
    def test_is_read_as_every_other_program_reads_it(self, content: bytes) -> None:
        assert read(io.BytesIO(content)) == Contents(FILES)

    def test_may_have_its_name_in_utf_8_once_more(self) -> None:
        old = with_second_name("größe.py", "größe.py", raw="größe.py".encode("cp437"))

        assert read(io.BytesIO(with_second_name("größe.py", "größe.py"))).files == {"größe.py"}
        assert read(io.BytesIO(old)).files == {"größe.py"}

    def test_may_be_filled_up_with_empty_fields_as_for_an_alignment(self) -> None:
        empty, code = b"\0" * 4_096, b"code"
        sizes = zlib.crc32(code), len(code), len(code), 1
        local = struct.pack("<4s5HL2L2H", b"PK\3\4", 20, 0, 0, 0, 33, *sizes, len(empty)) + b"a" + empty + code
        entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, *sizes, 0, 0, 0, 0, 0, 0) + b"a"
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(local), 0)

        assert read(io.BytesIO(local + entry + end)).files == {"a"}

    def test_may_have_the_fields_of_zip64(self) -> None:
        assert read(io.BytesIO(in_zip64("index.py", b"code" * 100))).files == {"index.py"}

    def test_may_have_symbolic_links_as_into_a_layer(self) -> None:
        found = read(io.BytesIO(zipped(("node_modules", b"/opt/nodejs/node_modules"), mode=LINK)))

        assert found == Contents(frozenset({"node_modules"}), frozenset({"node_modules"}))

    @pytest.mark.parametrize("name", ["größe.py", "a b.py", "名前.py", "e\u0301.py", "\u00a0.txt", "..hidden", "a..b"])
    def test_may_have_names_in_every_script(self, name: str) -> None:
        assert read(io.BytesIO(zipped((name, b"")))).files == {name}


OTHER = zipped(("other.py", b"other"))

ODD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is not a zip; upload the function's code as a zip"),
    "text": (b"hello", "is not a zip"),
    "no end": (GOOD[:-22], "is not a zip"),
    "half an end": (GOOD[:-1], "is not a zip"),
    "half": (GOOD[len(GOOD) // 2 :], "has no directory where its end says"),
    "no entries": (zipped(), "has no files; zip the function's code"),
    "folders alone": (zipped(("lib/", b"")), "has no files"),
    "something behind it": (GOOD + b"\0", "has something after its end"),
    "a longer comment than there is": (GOOD[:-2] + b"\5\0hell", "has something after its end, or is cut short"),
    "two ends": (
        GOOD[:-2] + struct.pack("<H", 22) + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0),
        "has two ends, and programs may read either",
    ),
    "something before it": (b"MZ\x90" + GOOD, "has something before its first entry"),
    "a line before it that its offsets do not count": (
        b"#!/usr/bin/env python3\n" + GOOD,
        "has something before its first entry",
    ),
    "two lines before it": (b"#!/bin/sh\nexec x\n" + GOOD, "has something before its first entry"),
    "another zip before it": (OTHER + GOOD, "has something before its first entry"),
    "a part of several": (GOOD[:-18] + b"\1" + GOOD[-17:], "is one part of several"),
    "a zip64 end that is not there": (
        GOOD[:-22] + struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1) + GOOD[-22:],
        "has an end of ZIP64 that cannot be read",
    ),
    "a zip64 end that says something else": (
        with_zip64_end(GOOD)[:-22] + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 7, 7, 0, 0, 0),
        "has two ends that contradict each other",
    ),
    "a locator that leads to another end": (with_zip64_end(GOOD, end=0), "has two ends that contradict each other"),
    "more entries than there are": (patched(GOOD, len(GOOD) - 14, b"\3\0\3\0"), "has a directory that cannot be read"),
    "fewer entries than there are": (patched(GOOD, len(GOOD) - 14, b"\1\0\1\0"), "has a directory that cannot be read"),
    "too many entries": (with_zip64_end(GOOD, entries=package.MOST_ENTRIES + 1), "has 100,001 entries; zip 100,000 at"),
    "a directory that is too large": (with_zip64_end(GOOD, length=2**30), "has a directory of 1,073,741,824 bytes"),
    "an encrypted entry": (
        listed(GOOD, 8, b"\1"),
        "has an entry 'index.py' that is encrypted; make the zip without a password",
    ),
    "a hidden directory": (listed(GOOD, 9, b"\x20"), "that is encrypted"),
    "another method": (
        zipped(*CODE, method=zipfile.ZIP_LZMA),
        "has an entry 'index.py' with the compression method 14; make the zip with Deflate, or stored",
    ),
    "a device": (zipped(("pipe", b""), mode=FIFO), "has an entry 'pipe' that is neither a file, a folder nor a"),
    "a folder with content": (zipped(("lib/", b"x")), "has an entry 'lib' that is a folder and has content"),
    "too large": (
        listed(GOOD, 24, struct.pack("<L", package.LARGEST_UNZIPPED)),
        "has 262,144,000 bytes or more unzipped, of which Lambda takes less; leave out what the function does not need",
    ),
    "a size that is not its content's": (listed(GOOD, 24, b"\1\0\0\0"), "whose size or checksum differs from the"),
    "a bomb": (
        patched(listed(GOOD, 24, b"\1\0\0\0"), 22, b"\1\0\0\0"),
        "has an entry 'index.py' whose content does not match its size or checksum",
    ),
    "another checksum": (
        patched(listed(GOOD, 16, b"\0\0\0\0"), 14, b"\0\0\0\0"),
        "has an entry 'index.py' whose content does not match its size or checksum",
    ),
    "damaged data": (patched(GOOD, 40, b"\xff\xff\xff\xff"), "has an entry 'index.py' that is damaged"),
    "an entry of another name": (
        patched(GOOD, 30, b"other.py"),
        "has an entry 'index.py' whose name or kind differs from the directory's",
    ),
    "an entry of another method": (patched(GOOD, 8, b"\0"), "whose name or kind differs from the directory's"),
    "an entry elsewhere": (listed(GOOD, 42, struct.pack("<L", 5)), "has something before its first entry"),
    "the same entry twice": (zipped(("a", b"x"), ("a", b"y")), "has an entry 'a' twice, and programs may read"),
    "the same path twice": (zipped(("a", b"x"), ("./a", b"y")), "has an entry 'a' twice"),
    "a file and a folder": (zipped(("a", b"x"), ("a/", b"")), "has an entry 'a' twice"),
    "a file beneath a file": (zipped(("a", b"x"), ("a-b", b""), ("a/b", b"")), "has an entry 'a/b' beneath 'a', which"),
    "a file beneath a link": (zipped(("a", b"/etc"), ("a/b", b""), mode=LINK), "has an entry 'a/b' beneath 'a', which"),
    "an absolute name": (zipped(("/etc/passwd", b"")), "has an entry '/etc/passwd' whose name leads out of the zip"),
    "a name with ..": (zipped(("lib/../../x", b"")), "whose name leads out of the zip"),
    "a backslash": (
        listed(patched(zipped(("lib/a.py", b"")), 33, b"\\"), 49, b"\\"),
        "has an entry 'lib\\\\a.py' with a backslash in its name; make the zip with / between folders",
    ),
    "a control character": (zipped(("a\x1b[2J", b"")), "has an entry 'a�[2J' with a control character in its name"),
    "a zero byte": (
        listed(patched(zipped(("a.py.zip", b"")), 34, b"\0"), 50, b"\0"),
        "with a control character in its name",
    ),
    "no name": (patched(zipped((".", b"")), 0, b"PK"), "has no files"),
    "a second name": (
        with_second_name("readme.txt", "index.py"),
        "has an entry 'readme.txt' that has a second name; make the zip with names in UTF-8",
    ),
    "a second name in the directory": (with_second_name("a", "b", only_in="directory"), "that has a second name"),
    "a second name in the entry": (with_second_name("a", "b", only_in="local header"), "that has a second name"),
    "thousands of fields": (
        with_second_name("a", "a", before=b"\2\0\0\0" * 16_000),
        "has an entry with more than 64 extra fields",
    ),
    "a second name that leads out": (with_second_name("a", "../a"), "that has a second name"),
    "a name that is too long": (zipped(("a" * 256, b"")), "whose name is too long"),
    "a path that is too long": (zipped(("a/" * 2_001 + "b", b"")), "whose name is too long"),
    "a name that is no UTF-8": (
        listed(patched(zipped(("größe", b"")), 30, b"\xff"), 46, b"\xff"),
        "whose name is not UTF-8",
    ),
}


class TestAZipThatLambdaCouldNotTake:
    @pytest.mark.parametrize(("content", "why"), ODD.values(), ids=ODD.keys())
    def test_is_told_by_its_entry_and_with_what_to_do(self, content: bytes, why: str) -> None:
        assert why in said(content)

    def test_has_no_entries_that_share_their_data(self) -> None:
        """Such a zip unpacks to many times its size; every entry alone is right."""
        one = zipped(("a", b"x" * 100))
        local, entry = one[: directory_of(one)], one[directory_of(one) : -22]
        twin = patched(entry, 46, b"b")
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, 2 * len(entry), len(local), 0)

        assert "that overlaps another" in said(local + entry + twin + end)

    @pytest.mark.parametrize(("hole", "why"), [(b"x", "unknown"), (OTHER[: directory_of(OTHER)], "unknown")])
    def test_has_nothing_between_its_entries(self, hole: bytes, why: str) -> None:
        """A program that reads entries one after the other, without the directory, would unpack it."""
        at = directory_of(GOOD)
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, len(GOOD) - at - 22, at + len(hole), 0)

        assert why in said(GOOD[:at] + hole + GOOD[at:-22] + end)

    def test_has_no_second_directory_at_the_place_that_its_end_says(self) -> None:
        """Python looks for the directory right before the end, Go first where the end says; here both find one."""
        hidden = zipped(("index.py", b"evil"))
        at = directory_of(hidden)
        line = b"#!" + b"x" * (len(hidden) - 22 - at - 3) + b"\n"
        place = struct.pack("<L", len(line) + len("index.py") + 30)
        content = line + zipped(("index.py", listed(hidden, 42, place)[:-22]), method=zipfile.ZIP_STORED)

        assert content[directory_of(content) :].startswith(b"PK\1\2")
        assert "has something before its first entry" in said(content)

    def test_has_a_descriptor_that_agrees_with_the_directory(self) -> None:
        content = streamed(("index.py", b"code"))
        at = content.index(b"PK\7\10") + 4

        assert "whose size or checksum differs from the directory's" in said(patched(content, at, b"\0\0\0\0"))

    @pytest.mark.parametrize("field", [14, 18, 22], ids=["checksum", "packed size", "size"])
    def test_has_no_other_numbers_where_a_descriptor_will_say_them(self, field: int) -> None:
        """A program that reads entries one after the other would take a part of the data for the next entry."""
        content = streamed(("index.py", b"code"), method=zipfile.ZIP_STORED)

        assert "whose size or checksum differs from the directory's" in said(patched(content, field, b"\1\0\0\0"))

    def test_is_not_unpacked_further_than_it_says(self) -> None:
        """A gigabyte of zeros in a megabyte, which says that it has ten bytes."""
        bomb = zipped(("a", bytes(2**25)))
        small = patched(listed(bomb, 24, b"\x0a\0\0\0"), 22, b"\x0a\0\0\0")
        unpacked = []

        class Inflating:
            def __init__(self, real: object) -> None:
                self._real = real

            def decompress(self, *asked: object) -> bytes:
                piece: bytes = self._real.decompress(*asked)  # type: ignore[attr-defined]
                unpacked.append(len(piece))
                return piece

            def __getattr__(self, name: str) -> object:
                return getattr(self._real, name)

        real = zlib.decompressobj
        with mock.patch.object(zlib, "decompressobj", lambda bits: Inflating(real(bits))):
            assert "whose content does not match" in said(small)

        assert sum(unpacked) <= package.PIECE

    def test_is_read_in_little_memory(self) -> None:
        content = io.BytesIO(zipped(("a", bytes(2**25)), ("b", bytes(2**25)), method=zipfile.ZIP_STORED))
        tracemalloc.start()
        try:
            read(content)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert most < 4 * 2**20


names = st.text("ab./", min_size=1, max_size=6)
contents = st.binary(max_size=30)


class TestAnyZip:
    @settings(deadline=None, max_examples=150)
    @given(st.lists(st.tuples(names, contents), max_size=4), st.booleans(), st.data())
    def test_that_is_taken_is_the_same_to_another_program(
        self, entries: list[tuple[str, bytes]], stream: bool, data: st.DataObject
    ) -> None:
        content = (streamed if stream else zipped)(*entries)
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(content) - 1))
            content = patched(content, at, data.draw(st.binary(min_size=1, max_size=4)))[: len(content)]
        found, refused = result(content)
        if refused:
            assert refused.advice
            assert str(refused).isprintable()
            return
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            theirs = [entry.filename for entry in archive.infolist() if not entry.filename.endswith(("/", "/."))]
        parts = [[part for part in name.split("/") if part not in ("", ".")] for name in theirs]
        assert found == {"/".join(each) for each in parts if each}

    @settings(deadline=None, max_examples=150)
    @given(st.binary(max_size=120).map(lambda some: some + b"PK\5\6") | st.binary(max_size=200), st.binary(max_size=40))
    def test_of_random_bytes_is_refused(self, some: bytes, more: bytes) -> None:
        assert said(some + more)
