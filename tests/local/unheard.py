"""A bucket whose uploads nobody hears of, as it was before the import was deployed."""

from collections.abc import Iterator
from contextlib import contextmanager

from cli.deployed import Deployed

# Files that no event told of, since the local AWS was deployed.
UNHEARD = 2


@contextmanager
def unheard_uploads(found: Deployed) -> Iterator[None]:
    """No event of an upload is sent."""
    events = found.client("events")
    (rule,) = (one["Name"] for one in events.list_rules()["Rules"] if "ObjectCreated" in one["Name"])
    events.disable_rule(Name=rule)
    try:
        yield
    finally:
        events.enable_rule(Name=rule)


@contextmanager
def no_sweep(found: Deployed) -> Iterator[None]:
    """Nothing looks for what no event told of."""
    scheduler = found.client("scheduler")
    (name,) = (one["Name"] for one in scheduler.list_schedules()["Schedules"] if "Sweep" in one["Name"])
    wanted = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    schedule = {key: value for key, value in scheduler.get_schedule(Name=name).items() if key in wanted}
    scheduler.update_schedule(**schedule, State="DISABLED")
    try:
        yield
    finally:
        scheduler.update_schedule(**schedule, State="ENABLED")
