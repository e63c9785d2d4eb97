"""Other people, who know of no deployment."""

from collections.abc import Callable

import boto3
from botocore.exceptions import ClientError

from tests.crash.world.driver import Driver
from tests.crash.world.function import BLUE, OTHER, UPDATE_SECONDS
from tests.crash.world.ledger import SOMEONE_ELSE, Ledgers
from tests.crash.world.table import Table
from tests.crash.world.uncounted import Uncounted
from tests.machine.deployer import ALIAS, GOOD, zip_of
from tests.machine.walk import InProcessAws

THEIR_SETTINGS = {"THEIRS": "yes"}


class Others:
    """
    Other people change an alias or $LATEST in the console, and do not know that a deployment is going on.

    `gave_settings` are the functions whose $LATEST got settings. They act on the function that the driver is `about`.
    """

    def __init__(self, aws: InProcessAws, driver: Driver, table: Table, ledgers: Ledgers, uncounted: Uncounted) -> None:
        self.gave_settings: set[str] = set()
        self._aws = aws
        self._driver = driver
        self._table = table
        self._ledgers = ledgers
        self._uncounted = uncounted

    def act(self, what: str) -> None:
        """Another actor points the alias to what this names, or changes the part of $LATEST that it names."""
        function = self._driver.about
        record = self._table.record_of(self._driver.deployment_of(function))
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
            self._ledgers.changes_by(SOMEONE_ELSE),
        ):
            if what in routes:
                self._point_the_alias(function, *routes[what])
            elif what == "$LATEST's code":
                self._patiently(lambda: self._change_the_code(function))
            else:
                self._patiently(lambda: self._change_the_settings(function))
                self.gave_settings.add(function)

    def _point_the_alias(self, function: str, version: str, weights: dict[str, float]) -> None:
        boto3.client("lambda").update_alias(
            FunctionName=function,
            Name=ALIAS,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": weights},
        )

    def _change_the_code(self, function: str) -> None:
        boto3.client("lambda").update_function_code(FunctionName=function, ZipFile=zip_of(GOOD % 99))

    def _change_the_settings(self, function: str) -> None:
        boto3.client("lambda").update_function_configuration(
            FunctionName=function, Environment={"Variables": THEIR_SETTINGS}
        )

    def _patiently(self, change: Callable[[], None]) -> None:
        """Lambda refuses a change while another one is in progress; the person tries once more."""
        try:
            change()
        except ClientError:
            self._aws.clock.sleep(UPDATE_SECONDS)
            change()
