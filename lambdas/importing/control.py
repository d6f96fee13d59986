"""What people may tell the import as a whole."""

from enum import StrEnum


class Mode(StrEnum):
    """DRAINING plans nothing new and ends what is planned; PAUSED starts nothing either.

    Uploads are registered and ended jobs are recorded in every mode, so nothing is lost meanwhile.
    """

    RUNNING = "RUNNING"
    DRAINING = "DRAINING"
    PAUSED = "PAUSED"
