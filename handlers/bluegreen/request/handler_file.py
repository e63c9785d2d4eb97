"""
Where Lambda's runtimes look for the file of a function's handler.

Their own loaders say so (aws-lambda-python-, -nodejs- and -ruby-runtime-interface-client on GitHub). A handler of Java
and .NET is a class, which may lie in a jar or an assembly of any name. So their handlers, and those of runtimes that
are not known here, are not looked for.
"""

import re
from typing import NamedTuple

from bluegreen.request.package import Contents

SEARCHED_TOO = ("AWS_LAMBDA_EXEC_WRAPPER", "NODE_PATH", "PYTHONPATH", "RUBYLIB")
"""Environment variables with which the file may lie elsewhere: a script that starts the runtime, and search paths."""


class Wanted(NamedTuple):
    """A handler's file: its path without an ending, its name for people, and a pattern of all names that will do."""

    path: str
    name: str
    pattern: re.Pattern[str]


def missing(runtime: str, handler: str, contents: Contents) -> str:
    """The file that Lambda would look for in vain; "" if it is there, or if that cannot be told."""
    of_family = next((find for family, find in RUNTIMES.items() if runtime.startswith(family)), None)
    wanted = of_family(handler) if of_family else None
    if wanted is None or contents.leads_elsewhere(wanted.path):
        return ""
    return "" if any(map(wanted.pattern.fullmatch, contents.files)) else wanted.name


def _of_python(handler: str) -> Wanted | None:
    """A module or a package, also compiled."""
    module, dot, _ = handler.rpartition(".")
    path = module.replace(".", "/").strip("/")
    pattern = re.compile(rf"{re.escape(path)}(/__init__)?(\.pyc?|(\.[^/]*)?\.so)")
    return Wanted(path, f"{path}.py", pattern) if dot and path else None


def _of_node(handler: str) -> Wanted | None:
    """A file with one of three endings or without, a folder, or a module of node_modules."""
    folder, _, rest = handler.removeprefix("/var/task/").rpartition("/")
    module, dot, _ = rest.partition(".")
    if not dot or not module or folder.startswith("/") or ".." in handler:
        return None
    path = "/".join([part for part in folder.split("/") if part not in ("", ".")] + [module])
    name = re.escape(module)
    pattern = re.compile(rf"{re.escape(path)}(\.[mc]?js|/.*)?|(.*/)?node_modules/{name}([./].*)?")
    return Wanted(path, f"{path}.js (or .mjs, .cjs)", pattern)


def _of_ruby(handler: str) -> Wanted | None:
    path, dot, _ = handler.partition(".")
    return Wanted(path, f"{path}.rb", re.compile(rf"{re.escape(path)}\.(rb|so)")) if dot and path else None


def _of_no_language(handler: str) -> Wanted | None:
    return Wanted("bootstrap", "bootstrap", re.compile("bootstrap"))


RUNTIMES = {"python": _of_python, "nodejs": _of_node, "ruby": _of_ruby, "provided": _of_no_language}
"""By how the names of a family's runtimes begin."""
