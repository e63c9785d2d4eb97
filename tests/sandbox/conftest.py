import os

from sandbox.testing import aws, client, function

__all__ = ["aws", "client", "function"]

MARK = "marked-by-the-host"
os.environ["MARKED_BY_THE_HOST"] = MARK
"""A variable of who starts the sandbox."""
