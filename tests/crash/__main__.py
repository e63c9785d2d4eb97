"""`python -m tests.crash`: see tests/crash/command.py."""

import os
import sys

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()  # first of all: a copy of this process loses threads of the system
    os.environ["PATIENCE_SECONDS"] = "86400"  # a run stands still while its branches are played
    from tests.crash.command import main

    sys.exit(main())
