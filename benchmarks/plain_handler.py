"""A handler of SQS batches as boto3 and Powertools are usually put together, to measure starts beside."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS)
table = boto3.resource("dynamodb").Table(os.environ["LEDGER_TABLE"])
clients = {service: boto3.client(service) for service in os.environ["CLIENTS"].split()}


def note(record: SQSRecord) -> None:
    table.put_item(Item={"pk": record.message_id, "sk": "/"})


@metrics.log_metrics
@logger.inject_lambda_context
def handle(event: dict[str, Any], context: Any) -> Any:
    return process_partial_response(event=event, record_handler=note, processor=processor, context=context)
