"""How long a test waits for another thread."""

import os

PATIENCE_SECONDS = float(os.environ.get("PATIENCE_SECONDS", "600"))
"""Of real time: a test that waits for longer hangs."""
