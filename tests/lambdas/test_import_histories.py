"""Random histories end quiet, with one fate for each file: here with all there is in one data store."""

from benchmarks.histories import Histories, run

HISTORIES = 500


def test_every_history_of_uploads_losses_and_crashes_ends_with_one_fate_for_each_file() -> None:
    run(Histories, HISTORIES, number=1)
