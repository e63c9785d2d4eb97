"""
The layer that makes MiniStack's Lambda as strict and as real as AWS's.

Imported only by the server, in the environment of its own that `requirements/sandbox.txt` describes.
"""

import sys
from importlib.util import find_spec, module_from_spec


def leave_out_ec2() -> None:
    """
    Keep moto's interpreter of state machines from loading all of EC2: before moto is imported.

    It needs an enum in `moto.batch`. That package is left empty, so its modules come without what it imports itself.
    """
    if "moto.batch" in sys.modules:
        return
    spec = find_spec("moto.batch")
    assert spec
    sys.modules["moto.batch"] = module_from_spec(spec)


leave_out_ec2()
