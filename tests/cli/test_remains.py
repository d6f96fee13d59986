"""What `ahi destroy` says before it deletes anything."""

import pytest

from cli.remains import Bucket, Remains, Store, duration, words
from config.deployment import load_deployment

REMAINS = Remains(
    stacks=("ahi-production-import", "ahi-production-data"),
    stores=(
        Store(id="d1", name="radiology", image_sets=800),
        Store(id="d2", name="slides", image_sets=100),
    ),
    buckets=(Bucket(name="input", versions=5000),),
    tables=("ledger",),
    keys=("k1",),
)


def test_all_that_goes_is_named_with_how_much_is_in_it() -> None:
    text = "\n".join(words(load_deployment("production"), "111122223333", REMAINS))
    for said in (
        "production, account 111122223333, us-east-1",
        "radiology, d1: 800 image sets",
        "slides, d2: 100 image sets",
        "input: 5000 object versions",
        "ledger",
        "ahi-production-data",
        "k1: gone in 30 days",
        "60.0 minutes: image sets are deleted at 0.25 a second",
    ):
        assert said in text


def test_whose_rights_the_keys_take_is_said() -> None:
    production, sandbox = load_deployment("production"), load_deployment("sandbox")
    said = "needs       for the keys, one of KeyAdministrator"
    assert said in "\n".join(words(production, "1", REMAINS))
    assert "needs" not in "\n".join(words(sandbox, "1", REMAINS))


def test_what_stays_is_said_where_data_is_kept_and_calls_are_recorded() -> None:
    production = "\n".join(words(load_deployment("production"), "1", REMAINS))
    sandbox = "\n".join(words(load_deployment("sandbox"), "1", REMAINS))
    assert "function logs" in production
    assert "trails' records" in production
    assert "stays" not in sandbox


def test_a_rate_that_aws_has_raised_takes_less_time() -> None:
    assert REMAINS.seconds(0.25) == 3600
    assert REMAINS.seconds(10) == 90


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 seconds"), (16, "16 seconds"), (61, "1.0 minutes"), (5400, "1.5 hours"), (4e6, "46.3 days")],
)
def test_a_duration_is_said_in_a_unit_that_people_plan_with(seconds: float, said: str) -> None:
    assert duration(seconds) == said
