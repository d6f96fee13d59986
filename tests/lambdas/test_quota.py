"""Slots, the line and the pace, on MiniStack and on the table in memory."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from jobs import NOW, job

from benchmarks.memory_aws.dynamodb import MemoryTable
from lambdas.adapters.quota import MOST_WAITING, PACE, Quota
from lambdas.importing.pacer import Rate


def test_slots_are_given_up_to_their_number_and_freed_once(table: Any) -> None:
    quota = Quota(table)
    a, b, c, e = (job(name) for name in "abce")

    assert [quota.take_slot(one, 2) for one in (a, b, c, a)] == [True, True, False, True]
    assert quota.take_slot(job("c", datastore_id="other"), 2)
    quota.free_slot("d", "a")
    quota.free_slot("d", "a")
    assert quota.take_slot(c, 2)
    assert quota.slots("d") == {"b", "c"}
    for name in ("b", "c"):
        quota.free_slot("d", name)
    assert quota.slots("d") == frozenset()
    assert quota.take_slot(e, 2)


def test_who_gets_no_slot_is_called_once_in_the_order_of_planning_and_urgent_jobs_first(table: Any) -> None:
    quota = Quota(table)
    first, later, urgent = (
        job(name, created_at=NOW + timedelta(minutes=minutes), is_urgent=is_urgent)
        for name, minutes, is_urgent in (("z", 0, False), ("a", 1, False), ("u", 2, True))
    )
    quota.take_slot(job("running"), 1)

    assert not any(quota.take_slot(one, 1) for one in (later, first, first, urgent))

    assert [quota.next_waiting("d") for _ in range(4)] == ["u", "z", "a", None]
    assert quota.next_waiting("other") is None


def test_who_has_a_slot_waits_for_none(table: Any) -> None:
    quota = Quota(table)
    quota.take_slot(job("running"), 1)
    quota.take_slot(job("waiting"), 1)
    quota.free_slot("d", "running")

    assert quota.take_slot(job("waiting"), 1)

    assert quota.next_waiting("d") is None


def test_so_many_wait_in_the_row_and_the_others_ask_again(table: Any) -> None:
    quota = Quota(table)
    quota.take_slot(job("running"), 1)

    for number in range(MOST_WAITING + 1):
        assert not quota.take_slot(job(f"{number}"), 1)

    assert sum(quota.next_waiting("d") is not None for _ in range(MOST_WAITING + 1)) == MOST_WAITING


def test_an_urgent_job_is_noted_where_a_backlog_has_taken_all_the_room(table: Any) -> None:
    quota = Quota(table)
    quota.take_slot(job("running"), 1)
    for number in range(MOST_WAITING + 1):
        quota.take_slot(job(f"{number}"), 1)

    assert not quota.take_slot(job("urgent", is_urgent=True), 1)

    assert quota.next_waiting("d") == "urgent"


def test_turns_are_given_at_the_rate(table: Any) -> None:
    quota, rate = Quota(table), Rate(per_second=0.25, burst=1, ceiling=0.25)

    places = [quota.take_ticket(1_000.5, rate) for _ in range(3)]

    assert [place[1] for place in places if place] == [1_000.5, 1_004.5, 1_008.5]


def test_a_ticket_taken_by_another_meanwhile_is_not_given_twice(table: Any) -> None:
    quota, rate = Quota(table), Rate(per_second=1, burst=1, ceiling=1)
    meanwhile: list[Any] = []
    update = table.update_item

    def update_item(**request: Any) -> Any:
        table.update_item = update
        meanwhile.append(quota.take_ticket(1_000.0, rate))
        return update(**request)

    quota.take_ticket(900.0, rate)
    table.update_item = update_item

    assert quota.take_ticket(1_000.0, rate) == (meanwhile[0][0] + 1, meanwhile[0][1] + 1)


def test_point_9_adaptive_pacing_is_shared_through_one_row(table: Any) -> None:
    one, other, rate = Quota(table), Quota(table), Rate(per_second=1, burst=1, ceiling=1)
    tickets = [place[0] for _ in range(3) if (place := one.take_ticket(1_000.0, rate))]

    other.throttled(tickets[0], 1_000.0, 1_000.0, rate)

    turns = [one.turn(ticket, 1_000.0, rate) for ticket in tickets]
    assert turns == pytest.approx([1_000 + number / 0.95 for number in (1, 2, 3)])


def test_point_9_deployments_that_share_a_pace_wait_in_one_line_and_keep_their_slots_apart(
    table: Any,
) -> None:
    rate = Rate(per_second=0.5, burst=1, ceiling=0.5)
    ledgers = {name: MemoryTable() for name in ("one", "other")}
    quotas = {name: Quota(ledger, table) for name, ledger in ledgers.items()}

    turns = [
        place[1]
        for name in ("one", "other", "one", "other")
        if (place := quotas[name].take_ticket(1_000.0, replace(rate, deployment=name)))
    ]
    quotas["one"].take_slot(job("a"), 1)

    assert turns == [1_000.0, 1_002.0, 1_004.0, 1_006.0]
    assert (quotas["one"].slots("d"), quotas["other"].slots("d")) == ({"a"}, frozenset())
    assert not ledgers["other"].items


def test_a_ticket_that_was_called_long_ago_is_called_no_more(table: Any) -> None:
    quota, rate = Quota(table), Rate(per_second=1, burst=1, ceiling=1)
    place = quota.take_ticket(1_000.0, rate)

    assert place
    assert quota.turn(place[0], 1_059.0, rate) == 1_000.0
    assert quota.turn(place[0], 1_061.0, rate) is None


@pytest.mark.parametrize("change", [{"newer": 1}, {"cuts": None}])
def test_point_9_a_pace_that_a_deployment_of_another_day_wrote_is_gone_on_with(
    change: dict[str, Any], table: Any
) -> None:
    """It may hold what this code does not know, or not hold what it does."""
    quota = Quota(table)
    assert quota.take_ticket(0.0, Rate(per_second=1.0, burst=2, ceiling=1.0))
    written = json.loads(table.get_item(Key=PACE)["Item"]["value"]) | change
    text = json.dumps({name: value for name, value in written.items() if value is not None})
    table.update_item(
        Key=PACE,
        UpdateExpression="SET #value = :value",
        ConditionExpression="attribute_exists(#pk)",
        ExpressionAttributeNames={"#value": "value", "#pk": "pk"},
        ExpressionAttributeValues={":value": text},
        ReturnValues="ALL_NEW",
    )

    assert quota.take_ticket(1.0, Rate(per_second=1.0, burst=2, ceiling=1.0))
    assert quota.take_ticket(1.0, Rate(per_second=1.0, burst=2, ceiling=1.0))
