"""A process that runs moto does without what it never uses."""

import subprocess
import sys

PROGRAM = """
from sandbox.lean import leave_out_ec2
leave_out_ec2()
import moto.stepfunctions.parser.models, sys
sys.exit("moto.ec2" in sys.modules)
"""


def test_motos_interpreter_does_not_load_ec2() -> None:
    assert subprocess.run([sys.executable, "-c", PROGRAM], check=False).returncode == 0
