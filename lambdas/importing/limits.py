"""What the service allows one job."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one job may hold."""

    files: int
    bytes: int
    folders: int
