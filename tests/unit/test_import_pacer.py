"""How fast jobs may start."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.importing.pacer import Rate, take_turn

RATES = st.builds(Rate, per_second=st.sampled_from([0.25, 1.0, 10.0]), burst=st.integers(1, 4))


def turns_of(rate: Rate, waits: list[float]) -> list[float]:
    """The turns of callers that come so long after each other."""
    value, now, turns = 0.0, 1_000.0, []
    for wait in waits:
        now += wait
        turn, value = take_turn(value, now, rate)
        assert turn >= now
        turns.append(turn)
    return turns


@given(RATES, st.lists(st.floats(0, 30), max_size=40))
def test_no_window_holds_more_turns_than_the_burst_and_the_rate(rate: Rate, waits: list[float]) -> None:
    turns = turns_of(rate, waits)

    assert turns == sorted(turns)
    for first, start in enumerate(turns):
        for last in range(first, len(turns)):
            allowed = rate.burst + (turns[last] - start) * rate.per_second
            assert last - first + 1 <= allowed + 1e-6


@given(RATES, st.integers(1, 40))
def test_a_crowd_is_given_every_turn_that_the_rate_allows(rate: Rate, callers: int) -> None:
    turns = turns_of(rate, [0.0] * callers)

    assert turns[-1] == pytest.approx(1_000.0 + max(0, callers - rate.burst) / rate.per_second)


def test_after_a_rest_the_burst_is_back_and_no_more() -> None:
    rate = Rate(per_second=1.0, burst=2)

    assert turns_of(rate, [0, 0, 0]) == [1_000, 1_000, 1_001]
    assert turns_of(rate, [0, 0, 0, 60, 0, 0]) == [1_000, 1_000, 1_001, 1_060, 1_060, 1_061]
