"""When a folder is due to be planned."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.importing.files import Folder

# What comes later than the quiet period keeps a study waiting.
LONGEST_UNWRITTEN_SECONDS = 6


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A folder is due when nothing arrived for `quiet_seconds`, or it waited `longest_wait_seconds`."""

    quiet_seconds: float
    longest_wait_seconds: float

    @property
    def unwritten(self) -> timedelta:
        """Arrivals closer together than this are written once: a busy folder costs few writes."""
        return timedelta(seconds=min(self.quiet_seconds / 5, LONGEST_UNWRITTEN_SECONDS))

    def due_at(self, first_at: datetime, last_at: datetime) -> datetime:
        """The last arrival may be `unwritten` later than `last_at`: the quiet period is that much longer."""
        quiet = last_at + timedelta(seconds=self.quiet_seconds) + self.unwritten
        return min(quiet, first_at + timedelta(seconds=self.longest_wait_seconds))

    def due(self, folder: Folder) -> datetime:
        return self.due_at(folder.first_at, folder.last_at)
