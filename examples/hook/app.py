"""
A hook for `after_step`: green must sell something.

It reads the sum of a metric that green writes with its version as a dimension. Its role needs cloudwatch:GetMetricData.
"""

from datetime import UTC, datetime, timedelta

import boto3

NAMESPACE, METRIC = "Shop", "Sold"
MINUTES = 5


def handler(event, context):
    """Before traffic there is no look, and nothing can be sold yet."""
    if event["look"] is None:
        return {"status": "Succeeded"}
    sold = read(event["function"], event["green"])
    if sold:
        return {"status": "Succeeded"}
    return {"status": "Failed", "reason": f"version {event['green']} sold nothing in {MINUTES} minutes"}


def read(function, version):
    """What the version sold in the last minutes."""
    now = datetime.now(UTC)
    metric = {
        "Namespace": NAMESPACE,
        "MetricName": METRIC,
        "Dimensions": [{"Name": "service", "Value": function}, {"Name": "version", "Value": version}],
    }
    asked = {"Id": "sold", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    answer = boto3.client("cloudwatch").get_metric_data(
        MetricDataQueries=[asked], StartTime=now - timedelta(minutes=MINUTES), EndTime=now
    )
    return sum(answer["MetricDataResults"][0]["Values"])
