"""
The layer that makes MiniStack's Lambda as strict and as real as AWS's.

Imported only by the server, in the environment of its own that `requirements/sandbox.txt` describes.
"""

import sys
from importlib.util import find_spec, module_from_spec


def leave_empty(package: str) -> None:
    """Let the modules of a package be imported without what the package itself imports."""
    spec = find_spec(package)
    assert spec
    sys.modules[package] = module_from_spec(spec)


if "moto.batch" not in sys.modules:
    leave_empty("moto.batch")  # it loads all of EC2, and moto's interpreter needs only an enum beside it
