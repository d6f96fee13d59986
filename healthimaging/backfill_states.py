"""The states of a backfill, in the Amazon States Language."""

from collections.abc import Mapping
from typing import Any

# Slices told of at a time: what they send, `register` takes about as fast, so that an upload's own
# event does not wait behind a whole bucket.
SLICES_AT_A_TIME = 4
LAMBDA_FAILURES = ["Lambda.ServiceException", "Lambda.TooManyRequestsException", "States.TaskFailed"]


def definition(function_arn: str) -> Mapping[str, Any]:
    """Cut, tell of each slice, and again, until the function says that all is done."""
    return {
        "StartAt": "Cut",
        "States": {
            "Cut": _invoke(function_arn, {"run.$": "$.run"}, Next="IsFinished"),
            "IsFinished": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.finished", "BooleanEquals": True, "Next": "Finished"}],
                "Default": "TellOfEach",
            },
            "TellOfEach": {
                "Type": "Map",
                "Label": "TellOfEach",
                "ItemsPath": "$.slices",
                "ItemSelector": {"run.$": "$.run", "slice.$": "$$.Map.Item.Value"},
                "MaxConcurrency": SLICES_AT_A_TIME,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "Tell",
                    "States": {
                        "Tell": _invoke(function_arn, {"run.$": "$.run", "slice.$": "$.slice"}, End=True)
                    },
                },
                # Counts alone: a thousand take 15 KB of the 256 that a state may hold.
                "ResultPath": "$.told",
                "Next": "Cut",
            },
            "Finished": {"Type": "Succeed"},
        },
    }


def _invoke(function_arn: str, payload: Mapping[str, str], **then: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function_arn, "Payload": dict(payload)},
        "OutputPath": "$.Payload",
        "Retry": [
            {
                "ErrorEquals": LAMBDA_FAILURES,
                "IntervalSeconds": 2,
                "MaxAttempts": 5,
                "BackoffRate": 3,
                "JitterStrategy": "FULL",
            }
        ],
        **then,
    }
