"""Random histories end quiet, with one fate for each file: here where prefixes go to two data stores."""

from benchmarks.histories import HistoriesOfTwoStores, run

HISTORIES = 500


def test_every_history_of_two_data_stores_ends_with_one_fate_for_each_file() -> None:
    run(HistoriesOfTwoStores, HISTORIES, number=3)
