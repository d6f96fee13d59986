"""Random histories end quiet, with one fate for each file: here while folders share jobs of copies."""

from benchmarks.histories import HistoriesOfABacklog, run

HISTORIES = 500


def test_every_history_of_a_backlog_ends_with_one_fate_for_each_file() -> None:
    run(HistoriesOfABacklog, HISTORIES, number=2)
