"""HealthImaging plugged into MiniStack, and the gaps closed that its imports and policies would fall into.

`tests/emulator/test_ministack_contract.py` fails when MiniStack moves any of the points.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import ministack.app as gateway
from ministack.core import iam_actions, iam_evaluator, router
from ministack.services import eventbridge, kms, s3, tagging
from ministack.services.cloudformation import provisioners

from emulator.access_log import AccessLog
from emulator.ministack import (
    denials,
    event_buses,
    foreign_buckets,
    foreign_copies,
    object_keys,
    policies,
    recording,
    resources,
    versions,
)
from emulator.ministack.names import SERVICE

DATASTORE_TYPE = "AWS::HealthImaging::Datastore"

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Answer]]
Provisioner = Mapping[str, Callable[..., Any]]


def register(handler: Handler, datastore: Provisioner, tags_of: resources.TagsOf, log: AccessLog) -> None:
    """Plug HealthImaging into MiniStack. Call once, before the gateway serves.

    `tags_of` takes an ARN; `log` is told what IAM decides.
    """
    gateway.SERVICE_HANDLERS[SERVICE] = handler
    router.SERVICE_PATTERNS[SERVICE] = {"host_patterns": [r"medical-imaging\."]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
    iam_actions._BOTOCORE_SERVICE_MAP[SERVICE] = [SERVICE]
    iam_actions.extract_iam_action = resources.naming_actions(iam_actions.extract_iam_action)
    iam_actions.extract_resource_arn = resources.naming_our_arns(iam_actions.extract_resource_arn)
    iam_actions.request_tag_context = resources.judging_our_tags(iam_actions.request_tag_context)
    # Among the members that make an operation one of tags, MiniStack looks for TagKeys and not tagKeys.
    iam_actions._TAG_OPERATIONS[SERVICE] = frozenset({"CreateDatastore", "TagResource", "UntagResource"})
    iam_actions.s3_additional_checks = object_keys.with_keys_of_objects(iam_actions.s3_additional_checks)
    iam_actions.access_denied_response = denials.naming_the_request(iam_actions.access_denied_response)
    iam_evaluator.enforce = policies.judging_each_resource(
        recording.logging_denials(iam_evaluator.enforce, log)
    )
    iam_evaluator._first_match = recording.logging_matches(iam_evaluator._first_match, log)
    iam_evaluator._conditions_met = policies.with_policy_variables(iam_evaluator._conditions_met)
    tagging.resource_tags = resources.knowing_our_tags(tagging.resource_tags, tags_of)
    iam_evaluator._resolve_condition_key = foreign_buckets.with_keys_of_accounts(
        iam_evaluator._resolve_condition_key
    )
    s3._foreign_bucket_allows = foreign_buckets.judging_the_caller(s3._foreign_bucket_allows)
    s3._copy_object = foreign_copies.copying_objects(s3._copy_object)
    s3._upload_part_copy = foreign_copies.copying_parts(s3._upload_part_copy)
    s3._apply_bucket_scope = foreign_buckets.refusing_other_owners(s3._apply_bucket_scope)
    kms.key_policy_for_arn = object_keys.of_every_account(kms.key_policy_for_arn)
    eventbridge._invoke_target = event_buses.handing_over(eventbridge._invoke_target)
    provisioners._RESOURCE_HANDLERS[event_buses.POLICY_TYPE] = event_buses.POLICY_PROVISIONER
    provisioners._RESOURCE_HANDLERS[DATASTORE_TYPE] = dict(datastore)
    gateway._maybe_record_cloudtrail = recording.recording_management_events(gateway._maybe_record_cloudtrail)
    s3._fire_s3_event = versions.keeping_version_id(s3._fire_s3_event)
    eventbridge._dispatch_event = versions.with_version_id(eventbridge._dispatch_event)
