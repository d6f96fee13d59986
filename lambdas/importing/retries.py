"""How often, and after how long, what failed on the service's side is tried again."""

from datetime import timedelta
from hashlib import blake2b

# Jobs that a file is in before its trouble counts as its own.
MAX_ATTEMPTS = 3
# Starts of a job whose outcome nobody knows: an hour and a half with the delays between them.
MAX_STARTS = 8

FIRST_DELAY_SECONDS = 60
LONGEST_DELAY_SECONDS = 900


def delay(attempt: int, name: str) -> timedelta:
    """Before the try after the `attempt`-th: twice as long each time, and not the same for every job.

    The jitter comes from the name, so that a crash does not change it.
    """
    longest = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**attempt)
    digest = blake2b(f"{name}#{attempt}".encode(), digest_size=4).digest()
    return timedelta(seconds=longest * (1 + int.from_bytes(digest, "big") / 2**32) / 2)
