"""All that knows MiniStack's insides, which reads its settings while it is imported."""

from ministack.app import app

from emulator.ministack.account import (
    assume_role,
    bucket_owner,
    key_is_usable,
    publish,
    put_metrics,
    request_scope,
)
from emulator.ministack.plug import register
from emulator.ministack.policies import allows, may_invoke, may_pass_role

__all__ = [
    "allows",
    "app",
    "assume_role",
    "bucket_owner",
    "key_is_usable",
    "may_invoke",
    "may_pass_role",
    "publish",
    "put_metrics",
    "register",
    "request_scope",
]
