"""Orders from a queue, each with its tax a line of the log. Of a batch only messages that fail come again."""

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

processor = BatchProcessor(event_type=EventType.SQS)


def take(record: SQSRecord) -> None:
    """Take the order."""
    order = json.loads(record.body)
    tax = round(order["cents"] * 7 / 107)
    print(json.dumps({"taken": order["id"], "cents": order["cents"], "tax": tax}))


def handler(event: dict[str, Any], context: Any) -> Any:
    """The messages that failed."""
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)
