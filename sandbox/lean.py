"""What a process that runs moto can do without."""

import gc
import sys
from importlib.util import find_spec, module_from_spec


def leave_out_ec2() -> None:
    """
    Keep moto's interpreter of state machines from loading all of EC2. Call it before moto is imported.

    The interpreter needs an enum beside `moto.batch`. That package is left empty, so it imports nothing itself.
    """
    if "moto.batch" in sys.modules:
        return
    spec = find_spec("moto.batch")
    assert spec
    sys.modules["moto.batch"] = module_from_spec(spec)


def spare_the_collector() -> None:
    """Let the garbage collector pass over what the imports made, which stays, and look less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
