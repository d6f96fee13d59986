"""Why a rule of cdk-nag is not followed, said on the construct that does not follow it."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reason: str, *rules: str) -> None:
    """Record that `construct` breaks `rules`, all for one `reason` that a reviewer can check."""
    Validations.of(construct).acknowledge(*[Acknowledgment(id=rule, reason=reason) for rule in rules])
