"""The functions as every case finds them."""

from collections.abc import Iterable

import boto3

from tests.machine.deployer import FUNCTION, GOOD, alarm, zip_of
from tests.machine.walk import InProcessAws

BLUE, OTHER = "1", "2"
"""The version that serves at first, and a version that someone else may point the alias to."""

ALARM = "sales"
"""Every deployment under test watches this alarm. It is red only where the users of `late` meet its fault."""

UPDATE_SECONDS = 2.0
"""An update of the function takes so long."""


def set_up(aws: InProcessAws, names: Iterable[str]) -> None:
    """Give each function, whose alias is at BLUE, the version OTHER and a $LATEST that is neither."""
    lambda_ = boto3.client("lambda")
    for name in names:
        if name != FUNCTION:
            aws.create_function(name, GOOD % 1)
        for source, publish in ((GOOD % 77, True), (GOOD % 78, False)):
            lambda_.update_function_code(FunctionName=name, ZipFile=zip_of(source))
            aws.clock.sleep(UPDATE_SECONDS)
            if publish:
                lambda_.publish_version(FunctionName=name)
                aws.clock.sleep(UPDATE_SECONDS)
    alarm(ALARM, "OK")
