"""How fast jobs may start: tickets of one line, called at a rate that is learned from what is refused.

An urgent start takes the head of the line, or is called at once out of what is kept, and the line moves back
by one place.

The rate grows a little with every start that had to wait for its ticket, and is cut with every start
that HealthImaging throttles. Tickets count starts, not seconds: when the rate changes, everybody who
waits moves with it, and needs to be told nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor, sqrt

CUT, BACK = 0.95, 0.97
# Growth for each start, as a share of the rate: after a cut, and before one was ever needed.
CAREFUL, BOLD = 1 / 10_000, 1 / 50
# The growth itself grows while nothing is refused, so that a rate which AWS raised is found.
EAGERNESS = 1.005
SLOWEST = 0.01
# So many cuts tell how fast starts may be: when none goes through at all, more of them tell nothing of it.
MOST_CUTS = 10
# So many starts too many are taken, out of what AWS allows at once, before one is refused.
SPENT_BEFORE = 2
# A ticket that was called so long ago is not taken any more: those of an outage must not come at once.
CALLED_FOR_SECONDS = 60
# Of what AWS allows at once, so much is kept for starts that come late, and so two together, or are urgent.
KEPT = 1
# A turn that comes so soon is waited for with all made ready.
SOON_SECONDS, MOMENT, SHORTEST_NAP = 3, 0.2, 0.001
LONGEST_WAIT_SECONDS = 150
# Places are whole starts apart, but for the rounding of sums.
FRACTION = 1e-6
# A message comes so much later than it was to come.
LATE_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Where learning begins, as a deployment configures it: `per_second` in the long run, `burst` at once
    after a rest."""

    per_second: float
    burst: int
    ceiling: float
    deployment: str = ""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What all functions share, of all deployments that share it: `configured` is the rate of each. At the
    time `at`, in seconds, the place `called` was called.

    A ticket's place is its number and the starts `pushed` before it by urgent ones; of an urgent ticket it is
    the number alone. `following` is the place after the last of the line, `urgent` after the last urgent one.
    So many `cuts` came since a start.
    """

    configured: Mapping[str, float]
    rate: float
    step: float
    called: float
    at: float
    following: float
    cut_at: float = 0.0
    pushed: int = 0
    urgent: float = 0.0
    cuts: int = 0


def begin(rate: Rate, now: float, standing: Pace | None = None) -> Pace:
    """The pace as it stands at `now`; anew where there is none, or a deployment configured another rate.

    One that joins takes the pace as it is. Of several ceilings, the lowest holds.
    """
    start, own = min(rate.per_second, rate.ceiling), {rate.deployment: rate.per_second}
    if standing is None:
        return Pace(configured=own, rate=start, step=start * BOLD, called=0.0, at=now, following=0.0)
    called = standing.called + max(0.0, now - standing.at) * standing.rate
    pace = replace(standing, called=called, at=max(now, standing.at))
    pace = replace(pace, configured={**standing.configured, **own}, rate=min(pace.rate, rate.ceiling))
    if standing.configured.get(rate.deployment, rate.per_second) == rate.per_second:
        return pace
    return replace(pace, rate=start, step=start * BOLD)


def take_ticket(pace: Pace, rate: Rate, *, is_urgent: bool = False) -> tuple[float, Pace]:
    """The next ticket. After a rest a few are called at once: `burst` less what is kept, but one at least."""
    rested = pace.called - max(1, rate.burst - KEPT) + 1
    if not is_urgent:
        place = max(pace.following, rested)
        return place - pace.pushed, replace(pace, following=place + 1)
    ahead = max(0, ceil(pace.following - max(pace.called, pace.urgent - 1) - FRACTION) - 1)
    place = max(pace.following - ahead, rested)
    if rate.burst > KEPT:
        place = min(place, max(pace.called, pace.urgent))
    pushed = pace.pushed + (1 if ahead else 0)
    return place, replace(pace, following=max(pace.following, place) + 1, pushed=pushed, urgent=place + 1)


def turn(pace: Pace, ticket: float, *, is_urgent: bool = False) -> float:
    """When the ticket is called, if the rate stays as it is."""
    return pace.at + (_place(pace, ticket, is_urgent) - pace.called) / pace.rate


def _place(pace: Pace, ticket: float, is_urgent: bool) -> float:
    return ticket if is_urgent else ticket + pace.pushed


def wait(seconds: float) -> int:
    """How long a message waits whose ticket is called in so many seconds, more than are soon.

    Less, as the rate may grow, and so that it comes while its turn is soon.
    """
    return floor(max(1, min(seconds / 2, LONGEST_WAIT_SECONDS)))


def nap(seconds: float) -> float:
    """How long a function sleeps before it looks again at a turn that is soon: the rate may have changed."""
    return max(SHORTEST_NAP, seconds) if seconds <= MOMENT else seconds * 0.75


def is_stale(pace: Pace, ticket: float, *, is_urgent: bool = False) -> bool:
    return turn(pace, ticket, is_urgent=is_urgent) < pace.at - CALLED_FOR_SECONDS


def started(pace: Pace, rate: Rate) -> Pace:
    """After a start. Only where others wait has it shown anything: then the rate grows."""
    pace = replace(pace, cuts=0)
    if pace.following <= pace.called + 1:
        return pace
    return replace(
        pace, rate=min(rate.ceiling, pace.rate + pace.step), step=min(pace.step * EAGERNESS, pace.rate * BOLD)
    )


def throttled(pace: Pace, ticket: float, asked_at: float, *, is_urgent: bool = False) -> Pace:
    """After a start that was refused: the line moves back, so that the refused one is called again.

    It moves further where many late ones were called together. The rate is cut once for all starts that
    were under way at the time, and no further while none goes through: it would take hours to grow again.
    """
    place = _place(pace, ticket, is_urgent)
    pace = replace(pace, called=min(pace.called - 1, place + LATE_SECONDS * pace.rate))
    if asked_at < pace.cut_at or pace.cuts >= MOST_CUTS:
        return pace
    slower = max(SLOWEST, _slower(pace))
    return replace(pace, rate=slower, step=slower * CAREFUL, cut_at=pace.at, cuts=pace.cuts + 1)


def _slower(pace: Pace) -> float:
    """Less; but a rate that has grown goes back a little below where starts began to be too many.

    They are refused only when what AWS allows at once is spent.
    """
    configured = max(pace.configured.values())
    if pace.rate <= configured:
        return pace.rate * CUT
    began = pace.rate / (1 + sqrt(2 * SPENT_BEFORE * pace.step / pace.rate))
    return max(configured * CUT, began * BACK)
