"""Other people, who know of no deployment."""

from collections.abc import Callable

import boto3
from botocore.exceptions import ClientError

from tests.crash.world.driver import Driver
from tests.crash.world.function import BLUE, OTHER, UPDATE_SECONDS
from tests.crash.world.ledger import SOMEONE_ELSE, Ledger
from tests.crash.world.table import Table
from tests.crash.world.uncounted import Uncounted
from tests.machine.deployer import ALIAS, FUNCTION, GOOD, zip_of
from tests.machine.walk import InProcessAws

THEIR_SETTINGS = {"THEIRS": "yes"}


class Others:
    """Other people change the alias or $LATEST in the console, and do not know that a deployment is going on."""

    def __init__(self, aws: InProcessAws, driver: Driver, table: Table, ledger: Ledger, uncounted: Uncounted) -> None:
        self.gave_settings = False
        self._aws = aws
        self._driver = driver
        self._table = table
        self._ledger = ledger
        self._uncounted = uncounted

    def act(self, what: str) -> None:
        """Another actor points the alias to what this names, or changes the part of $LATEST that it names."""
        record = self._table.record_of(self._driver.execution)
        green = (record.green if record else None) or OTHER
        routes: dict[str, tuple[str, dict[str, float]]] = {
            "other version": (OTHER, {}),
            "blue": (BLUE, {}),
            "other weights": (BLUE, {green: 0.3}),
            "green": (green, {}),
        }
        with (
            self._uncounted.work(),
            self._aws.acting(SOMEONE_ELSE, immune=True),
            self._ledger.changes_by(SOMEONE_ELSE),
        ):
            if what in routes:
                self._point_the_alias(*routes[what])
            elif what == "$LATEST's code":
                self._patiently(self._change_the_code)
            else:
                self._patiently(self._change_the_settings)
                self.gave_settings = True

    def _point_the_alias(self, version: str, weights: dict[str, float]) -> None:
        boto3.client("lambda").update_alias(
            FunctionName=FUNCTION,
            Name=ALIAS,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": weights},
        )

    def _change_the_code(self) -> None:
        boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 99))

    def _change_the_settings(self) -> None:
        boto3.client("lambda").update_function_configuration(
            FunctionName=FUNCTION, Environment={"Variables": THEIR_SETTINGS}
        )

    def _patiently(self, change: Callable[[], None]) -> None:
        """Lambda refuses a change while another one is in progress; the person tries once more."""
        try:
            change()
        except ClientError:
            self._aws.clock.sleep(UPDATE_SECONDS)
            change()
