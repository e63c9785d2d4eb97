"""
Orders from a queue, each with its tax a line of the log.

It reads the rate from the message, where only some senders put it: the other messages of a batch fail. To Lambda the
batch is a success, also one in which all fail.
"""

import json
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
counts = EphemeralMetrics(namespace="BlueGreen/Functions", service="")


def take(record: SQSRecord) -> None:
    """Take the order."""
    order = json.loads(record.body)
    tax = round(order["cents"] * order["rate"])
    print(json.dumps({"taken": order["id"], "cents": order["cents"], "tax": tax}))


@counts.log_metrics
def handler(event: dict[str, Any], context: Any) -> Any:
    """The messages that failed, counted for `health.batch`: to Lambda a batch in which some fail is a success."""
    reply = process_partial_response(event=event, record_handler=take, processor=processor, context=context)
    counts.add_dimension("FunctionName", context.function_name)
    counts.add_dimension("Version", context.function_version)
    counts.add_metric("BatchItems", MetricUnit.Count, len(event["Records"]))
    counts.add_metric("BatchItemFailures", MetricUnit.Count, len(reply["batchItemFailures"]))
    return reply
