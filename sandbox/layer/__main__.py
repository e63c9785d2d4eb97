"""`python -m sandbox.layer`: run the server until it is told to stop."""

from sandbox.layer.server import run

run()
