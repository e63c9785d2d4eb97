"""Links into the console."""

import pytest

from bluegreen.aws import console
from bluegreen.target import Target

GROUP = "#logsV2:log-groups/log-group/$252Faws$252Flambda$252FShop"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "eu-central-1.console.aws.amazon.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_a_person_looks_at_a_log_group_and_at_a_stream_of_it(region: str, host: str) -> None:
    target = Target(function="Shop", alias="PROD", region=region, account="123456789012")
    address = f"https://{host}/cloudwatch/home?region={region}"

    assert console.of_log(target, "/aws/lambda/Shop") == f"{address}{GROUP}"
    assert console.of_log(target, "/aws/lambda/Shop", "2026/01/05/[$LATEST]0a1b") == (
        f"{address}{GROUP}/log-events/2026$252F01$252F05$252F$255B$2524LATEST$255D0a1b"
    )
