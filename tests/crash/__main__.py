"""`python -m tests.crash`: see tests/crash/command.py."""

import os
import sys

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()  # before anything else has threads: a process with those of the system cannot be copied
    os.environ["PATIENCE_SECONDS"] = "86400"  # a run stands still while its branches are played
    from tests.crash.command import main

    sys.exit(main())
