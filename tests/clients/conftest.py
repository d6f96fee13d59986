"""Real clients, on the local AWS of the emulator's own tests."""

from backends import aws, store

__all__ = ["aws", "store"]
