"""
Software bills of materials in CycloneDX 1.6, from the locks.

One is of the deployed artifact: every package with its licence, and each of its files with its digest. The other is of
the tools that build, test and review it. The same locks and the same code give the same text.
"""

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from provenance.digest import digest_of, files_of, sha256_of

Component = dict[str, Any]

OWN = "bluegreen"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)((?:.*\\\n\s+--hash=sha256:[0-9a-f]{64})*)", re.MULTILINE)
CLASSIFIED = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: MIT No Attribution License (MIT-0)": "MIT-0",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
}
"""What a package says that has no licence expression, and SPDX's name for it."""


class Unknown(Exception):
    """A file of the artifact belongs to no package, or a package has no licence."""


def of_artifact(artifact: Path, version: str) -> dict[str, Any]:
    """Of a built artifact. Raises Unknown for a file without a package, and for a package without a licence."""
    packages = {_module(name): metadata for name, metadata in _metadata(artifact)}
    components = [_component(str(each["Name"]), str(each["Version"]), _licences(each)) for each in packages.values()]
    of_package: dict[str, list[Component]] = {name: [] for name in (*packages, OWN)}
    for path in files_of(artifact):
        name = path.relative_to(artifact).as_posix()
        of_package[_owner(name, set(packages))].append(
            {"type": "file", "name": name, "hashes": [{"alg": "SHA-256", "content": sha256_of(path)}]}
        )
    for module, component in zip(packages, components, strict=True):
        if not component["licenses"]:
            raise Unknown(f"{component['name']} says no licence; look it up and add it to CLASSIFIED")
        component["components"] = of_package[module]
    itself: Component = {"type": "application", "bom-ref": OWN, "name": OWN, "version": version}
    itself |= {"hashes": [{"alg": "SHA-256", "content": digest_of(artifact)}], "components": of_package[OWN]}
    return _bill(itself, components)


def of_tools(locks: Iterable[Path], environments: Iterable[Path], version: str) -> dict[str, Any]:
    """Of what the locks pin, with the licence of each package that one of the environments has installed."""
    known = {
        (_module(name), metadata["Version"]): metadata
        for folder in environments
        for name, metadata in _metadata(folder)
    }
    found: dict[tuple[str, str], Component] = {}
    for lock in sorted(locks):
        for name, pinned, hashes in PINNED.findall(lock.read_text()):
            metadata = known.get((_module(name), pinned))
            component = found.setdefault(
                (name, pinned), _component(name, pinned, _licences(metadata) if metadata else []) | {"properties": []}
            )
            component["properties"].append({"name": "bluegreen:lock", "value": lock.as_posix()})
            component["properties"] += [
                {"name": "bluegreen:sha256-of-a-distribution", "value": each}
                for each in re.findall(r"sha256:([0-9a-f]{64})", hashes)
                if {"name": "bluegreen:sha256-of-a-distribution", "value": each} not in component["properties"]
            ]
    itself = {"type": "application", "bom-ref": OWN, "name": f"{OWN}-tools", "version": version}
    return _bill(itself, [found[key] for key in sorted(found)])


def text_of(bill: dict[str, Any]) -> str:
    """As JSON, to be stored."""
    return json.dumps(bill, indent=1, ensure_ascii=False) + "\n"


def _bill(itself: Component, components: list[Component]) -> dict[str, Any]:
    """The serial number follows from the content, and there is no time: the same content is the same bill."""
    content = {
        "metadata": {"component": itself},
        "components": components,
        "dependencies": [{"ref": OWN, "dependsOn": [each["bom-ref"] for each in components]}],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(content, sort_keys=True))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
    } | content


def _component(name: str, version: str, licences: list[Any]) -> Component:
    purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "licenses": licences}


def _metadata(folder: Path) -> Iterator[tuple[str, Message]]:
    """Of every package that is installed there, by its name."""
    for file in sorted(folder.glob("*.dist-info/METADATA")):
        headers = HeaderParser().parsestr(file.read_text(encoding="utf-8"))
        yield str(headers["Name"]), headers


def _licences(metadata: Message) -> list[Any]:
    """As CycloneDX has them: SPDX's expression, or what the package says in words of its own."""
    if expression := metadata["License-Expression"]:
        return [{"expression": str(expression)}]
    classified = {CLASSIFIED[each] for each in metadata.get_all("Classifier", []) if each in CLASSIFIED}
    if classified:
        return [{"license": {"id": each}} for each in sorted(classified)]
    words = str(metadata["License"] or "").partition("\n")[0].strip()
    return [{"license": {"name": words}}] if words else []


def _module(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _owner(file: str, packages: set[str]) -> str:
    """The package that a file of the artifact belongs to, by the first part of its name."""
    first, *rest = file.split("/")
    named = _module(re.sub(r"-[^-]+\.dist-info$|\.py$", "", first))
    if named in packages:
        return named
    if first == OWN or (not rest and first.endswith(".py")):
        return OWN
    raise Unknown(f"{file} belongs to no package of the lock")
