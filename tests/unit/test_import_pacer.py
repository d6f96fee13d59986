"""How fast jobs may start, and how the rate is learned."""

import heapq
import itertools
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambdas.importing.pacer import (
    KEPT,
    SLOWEST,
    SOON_SECONDS,
    Rate,
    begin,
    is_stale,
    nap,
    started,
    take_ticket,
    throttled,
    turn,
    wait,
)


@dataclass
class Service:
    """Allows `rate` starts a second and `burst` at once, as AWS's token buckets do."""

    rate: float
    burst: float = 1.0
    tokens: float = 1.0
    at: float = 0.0
    raised_at: float = float("inf")
    raised_to: float = 0.0

    def allows(self, now: float) -> bool:
        if now >= self.raised_at:
            self.rate = self.raised_to
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(frozen=True)
class Run:
    """When starts were made, and when calls were throttled."""

    made: list[float]
    refused: list[float]

    def use(self, allowed: float, first: int, last: int) -> float:
        """The share of what was allowed, between two starts."""
        return (last - first) / (self.made[last] - self.made[first]) / allowed

    def throttled_share(self, first: int, last: int) -> float:
        refused = sum(self.made[first] <= at < self.made[last] for at in self.refused)
        return refused / (refused + last - first)


def later(seconds: float) -> float:
    """What the start function does: the queue waits, at last the function."""
    return nap(seconds) if seconds <= SOON_SECONDS else wait(seconds)


def drain(jobs: int, rate: Rate, service: Service, *, lines: int = 1) -> Run:
    """A backlog in which every job has its ticket at once, and comes again as it is told to.

    With several `lines`, each has so many jobs and a pace of its own; it ends when the first is empty.
    """
    run, paces = Run([], []), [begin(rate, 0.0)] * lines
    waiting: list[tuple[float, int, float, int]] = []
    numbers = itertools.count()
    for line in range(lines):
        for _ in range(jobs):
            ticket, paces[line] = take_ticket(paces[line], rate)
            heapq.heappush(waiting, (later(turn(paces[line], ticket)), next(numbers), ticket, line))
    left = [jobs] * lines
    while all(left):
        now, _, ticket, line = heapq.heappop(waiting)
        pace = begin(rate, now, paces[line])
        if is_stale(pace, ticket):
            ticket, pace = take_ticket(pace, rate)
        if (at := turn(pace, ticket)) > now + 1e-9:
            heapq.heappush(waiting, (now + later(at - now), next(numbers), ticket, line))
        elif service.allows(now):
            run.made.append(now)
            left[line] -= 1
            pace = started(pace, rate)
        else:
            run.refused.append(now)
            pace = throttled(pace, ticket, now)
            heapq.heappush(waiting, (now + later(turn(pace, ticket) - now), next(numbers), ticket, line))
        paces[line] = pace
    return run


@pytest.mark.parametrize("configured", [0.25, 1.0, 10.0])
@pytest.mark.parametrize("allowed", [0.25, 1.0, 10.0])
def test_point_9_adaptive_pacing_uses_the_allowance_and_is_hardly_ever_throttled(
    configured: float, allowed: float
) -> None:
    run = drain(8_000, Rate(per_second=configured, burst=2, ceiling=20.0), Service(allowed))

    assert run.use(allowed, 5_000, 7_000) >= 0.95
    assert run.throttled_share(5_000, 7_000) < 0.01


@settings(max_examples=20, deadline=None)
@given(st.floats(0.05, 20.0), st.floats(0.05, 20.0))
def test_adaptive_pacing_never_exceeds_the_ceiling(configured: float, ceiling: float) -> None:
    run = drain(300, Rate(per_second=configured, burst=1, ceiling=ceiling), Service(1_000.0))

    assert len(run.made) == 300
    assert 299 / (run.made[-1] - run.made[0]) <= ceiling * 1.01


@pytest.mark.parametrize("raised_at", [800.0, 1_000.0, 1_300.0])
def test_a_rate_that_aws_raised_is_found(raised_at: float) -> None:
    service = Service(1.0, raised_at=raised_at, raised_to=10.0)

    run = drain(6_000, Rate(per_second=1.0, burst=2, ceiling=20.0), service)

    assert run.use(10.0, 4_000, 5_000) >= 0.95


CONSTANT = st.builds(
    lambda per_second, burst: Rate(per_second=per_second, burst=burst, ceiling=per_second),
    st.sampled_from([0.25, 1.0, 10.0]),
    st.integers(1, 4),
)


def turns_of(rate: Rate, waits: list[float]) -> list[float]:
    """The turns of callers that come so long after each other, at a rate that stays."""
    pace, now, turns = begin(rate, 1_000.0), 1_000.0, []
    for wait_before in waits:
        now += wait_before
        ticket, pace = take_ticket(begin(rate, now, pace), rate)
        turns.append(max(now, turn(pace, ticket)))
    return turns


@given(CONSTANT, st.lists(st.floats(0, 30), max_size=40))
def test_no_window_holds_more_turns_than_the_burst_and_the_rate(rate: Rate, waits: list[float]) -> None:
    turns = turns_of(rate, waits)

    assert turns == sorted(turns)
    for first, start in enumerate(turns):
        for last in range(first, len(turns)):
            allowed = max(1, rate.burst - KEPT) + (turns[last] - start) * rate.per_second
            assert last - first + 1 <= allowed + 1e-6


@given(CONSTANT, st.integers(1, 40))
def test_a_crowd_is_given_every_turn_that_the_rate_allows(rate: Rate, callers: int) -> None:
    turns = turns_of(rate, [60.0] + [0.0] * (callers - 1))
    at_once = max(1, rate.burst - KEPT)

    assert turns[-1] == pytest.approx(1_060.0 + max(0, callers - at_once) / rate.per_second)


def test_starts_that_were_throttled_together_cut_the_rate_once() -> None:
    rate = Rate(per_second=1.0, burst=1, ceiling=1.0)
    pace = begin(rate, 10.0)
    once = throttled(pace, 0.0, asked_at=9.9)

    assert throttled(once, 0.0, asked_at=9.9).rate == once.rate == 0.95


def test_the_rate_never_falls_to_nothing() -> None:
    rate = Rate(per_second=1.0, burst=1, ceiling=1.0)
    pace = begin(rate, 0.0)
    for second in range(500):
        pace = throttled(begin(rate, float(second), pace), 0.0, asked_at=float(second))
        pace = started(pace, rate)

    assert SLOWEST <= pace.rate < SLOWEST * 1.01


def test_point_9_an_outage_of_any_length_is_made_up_for_within_the_hour() -> None:
    """HealthImaging refuses every start for a while, and then takes one a second as before."""
    rate = Rate(per_second=1.0, burst=1, ceiling=1.0)
    pace = begin(rate, 0.0)
    _, pace = take_ticket(pace, rate)
    for second in range(24 * 3600):
        pace = throttled(begin(rate, float(second), pace), 0.0, asked_at=float(second))
    assert pace.rate > 0.5

    now = 24 * 3600.0
    while pace.rate < 0.99:
        now += 1 / pace.rate
        _, pace = take_ticket(begin(rate, now, pace), rate)
        _, pace = take_ticket(pace, rate)
        pace = started(pace, rate)

    assert now - 24 * 3600 < 3600


def test_point_9_a_deployment_that_joins_takes_the_pace_as_it_was_learned() -> None:
    one = Rate(per_second=1.0, burst=2, ceiling=10.0, deployment="one")
    learned = replace(begin(one, 0.0), rate=3.0)

    joined = begin(replace(one, per_second=0.5, deployment="other"), 10.0, learned)

    assert (joined.rate, joined.called) == (3.0, 30.0)


def test_point_9_of_deployments_that_share_a_pace_each_begins_it_anew_only_when_its_own_rate_changes() -> (
    None
):
    one = Rate(per_second=1.0, burst=2, ceiling=10.0, deployment="one")
    other = replace(one, per_second=2.0, deployment="other")
    pace = replace(begin(other, 0.0, begin(one, 0.0)), rate=3.0)

    for rate in (one, other, one):
        pace = begin(rate, 1.0, pace)
        assert pace.rate == 3.0
    assert begin(replace(other, per_second=4.0), 1.0, pace).rate == 4.0


def test_point_9_of_the_ceilings_of_deployments_that_share_a_pace_the_lowest_holds() -> None:
    one = Rate(per_second=1.0, burst=2, ceiling=10.0, deployment="one")
    other = replace(one, ceiling=2.0, deployment="other")
    learned = replace(begin(one, 0.0), rate=3.0)

    assert begin(one, 0.0, begin(other, 0.0, learned)).rate == 2.0


def test_point_9_three_deployments_use_the_allowance_with_one_pace_and_half_of_it_with_three() -> None:
    rate, service = Rate(per_second=1.0, burst=2, ceiling=2.0), Service(1.0, burst=2.0, tokens=2.0)

    shared = drain(6_000, rate, replace(service))
    apart = drain(2_000, rate, replace(service), lines=3)

    assert shared.use(1.0, 3_000, 5_000) >= 0.95
    assert apart.use(1.0, 2_000, 4_000) < 0.5


def test_another_configured_rate_begins_anew_and_the_line_stays() -> None:
    rate = Rate(per_second=1.0, burst=1, ceiling=5.0)
    _, pace = take_ticket(begin(rate, 0.0), rate)

    changed = begin(replace(rate, per_second=4.0), 0.0, throttled(pace, 0.0, asked_at=0.0))

    assert (changed.rate, changed.following) == (4.0, pace.following)


@given(st.floats(SOON_SECONDS, 10_000))
def test_a_message_waits_whole_seconds_and_comes_with_time_to_make_its_start_ready(seconds: float) -> None:
    assert 1 <= wait(seconds) <= min(seconds, 900)
    assert seconds - wait(seconds) >= 2


@given(st.floats(0, SOON_SECONDS))
def test_a_nap_ends_at_the_turn_or_before_it_and_takes_time(seconds: float) -> None:
    assert 0.001 <= nap(seconds) <= max(0.001, seconds)


@example([(False, 13.24254533547865), (False, 0.0), (True, 0.0), (True, 0.0)])
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 3)), max_size=40))
def test_an_urgent_ticket_is_called_before_all_that_wait_and_after_other_urgent_ones(
    asked: list[tuple[bool, float]],
) -> None:
    rate, now = Rate(per_second=1, burst=1, ceiling=1), 0.0
    pace = begin(rate, now)
    waiting: dict[bool, list[float]] = {True: [], False: []}
    for is_urgent, later in asked:
        now += later
        pace = begin(rate, now, pace)
        for lane, tickets in waiting.items():
            waiting[lane] = [one for one in tickets if turn(pace, one, is_urgent=lane) > now + 1e-9]
        ticket, pace = take_ticket(pace, rate, is_urgent=is_urgent)
        waiting[is_urgent].append(ticket)
        turns = {
            lane: [turn(pace, one, is_urgent=lane) for one in tickets] for lane, tickets in waiting.items()
        }
        every = sorted(turns[True] + turns[False])
        assert turns[True] == sorted(turns[True])
        assert turns[False] == sorted(turns[False])
        assert all(later - earlier > 1 - 1e-6 for earlier, later in itertools.pairwise(every))
        if is_urgent and turn(pace, ticket, is_urgent=True) > now:
            assert turn(pace, ticket, is_urgent=True) <= now + len(turns[True]) + 1e-6


def test_point_11_an_urgent_ticket_is_called_at_once_where_a_start_is_kept() -> None:
    rate = Rate(per_second=0.25, burst=2, ceiling=0.25)
    pace = begin(rate, 0.0)
    for _ in range(1_000):
        _, pace = take_ticket(pace, rate)
    pace = begin(rate, 1_001.0, pace)

    first, pace = take_ticket(pace, rate, is_urgent=True)
    second, pace = take_ticket(pace, rate, is_urgent=True)

    assert turn(pace, first, is_urgent=True) == 1_001.0
    assert turn(pace, second, is_urgent=True) == 1_004.0


@given(st.integers(KEPT + 1, 4), st.lists(st.tuples(st.booleans(), st.floats(0, 3)), max_size=40))
def test_urgent_starts_out_of_what_is_kept_are_no_more_than_is_allowed(
    burst: int, asked: list[tuple[bool, float]]
) -> None:
    rate, now = Rate(per_second=1, burst=burst, ceiling=1), 0.0
    # A little more, for the rounding of sums.
    pace, service = begin(rate, now), Service(1, burst + 1e-6, burst + 1e-6)
    waiting: list[tuple[float, bool]] = []
    for is_urgent, later in [*asked, (False, 1_000.0)]:
        now += later
        pace = begin(rate, now, pace)
        turns = {one: turn(pace, one[0], is_urgent=one[1]) for one in waiting}
        called = [one for one in waiting if turns[one] <= now]
        assert all(service.allows(turns[one]) for one in sorted(called, key=lambda one: turns[one]))
        waiting = [one for one in waiting if one not in called]
        ticket, pace = take_ticket(pace, rate, is_urgent=is_urgent)
        waiting.append((ticket, is_urgent))
