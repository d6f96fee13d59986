"""Random histories end quiet, with one fate for each file: here while the pace of starts is learned."""

from benchmarks.histories import HistoriesOfALearnedRate, run

HISTORIES = 500


def test_every_history_of_a_learned_rate_ends_with_one_fate_for_each_file() -> None:
    run(HistoriesOfALearnedRate, HISTORIES, number=4)
