"""`python -m tests.crash`: see tests/crash/command.py."""

import sys

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()  # before anything else has threads: a process with those of the system cannot be copied
    from tests.crash.command import main

    sys.exit(main())
