"""Links into the AWS Management Console, for people."""

from urllib.parse import quote

from bluegreen.target import Target

HOSTS = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


def address(partition: str, region: str, service: str) -> str:
    """Where a service's part of the console begins."""
    return f"https://{region}.{HOSTS.get(partition, 'console.aws.amazon.com')}/{service}/home?region={region}"


def of_log(target: Target, group: str, stream: str = "") -> str:
    """A log group, or a stream of it. The console wants each name quoted twice, with $ for %."""
    place = f"#logsV2:log-groups/log-group/{_twice(group)}" + (f"/log-events/{_twice(stream)}" if stream else "")
    return address(target.partition, target.region, "cloudwatch") + place


def _twice(name: str) -> str:
    return quote(quote(name, safe=""), safe="").replace("%", "$")
