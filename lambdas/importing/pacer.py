"""How fast jobs may start: the generic cell rate algorithm over one stored number."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`per_second` calls in the long run, `burst` at once after a rest."""

    per_second: float
    burst: int


def take_turn(value: float, now: float, rate: Rate) -> tuple[float, float]:
    """When the caller may go, and the value to store in place of `value`.

    Both are seconds of one clock. The turn may lie in the future: it is the caller's, and nobody
    else's, so a caller that waits for it need not ask again.

    >>> take_turn(0.0, 100.0, Rate(per_second=0.5, burst=1))
    (100.0, 102.0)
    >>> take_turn(102.0, 100.0, Rate(per_second=0.5, burst=1))
    (102.0, 104.0)
    """
    interval = 1 / rate.per_second
    value = max(value, now)
    return max(now, value - (rate.burst - 1) * interval), value + interval
