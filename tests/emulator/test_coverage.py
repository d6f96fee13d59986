"""docs/reference/emulator.md says what the tests cover, and nothing lacks one."""

from pathlib import Path

import coverage_page
import covered
import pytest

SOURCES = (Path(__file__).resolve().parents[2] / "emulator").rglob("*.py")


def test_the_page_is_fresh() -> None:
    assert coverage_page.PAGE.read_text(encoding="utf-8") == coverage_page.page(), "run `make covered`"


@pytest.mark.parametrize("kind", coverage_page.names())
def test_everything_that_can_happen_has_a_test(kind: str) -> None:
    kept = covered.kept()
    lacking = [item for item in coverage_page.names()[kind] if not coverage_page.tests_of(item, kept)]
    assert set(lacking) - coverage_page.NOT_SENT.keys() == set(), "add a test, and run `make covered`"


def test_every_test_that_is_named_exists() -> None:
    kept = covered.kept()
    items = [*kept, *(item for of_a_kind in coverage_page.names().values() for item in of_a_kind)]
    named = {test for item in items for test in coverage_page.tests_of(item, kept)}
    assert sorted(test for test in named if not covered.exists(test)) == [], "run `make covered`"


def test_the_events_are_those_that_the_service_sends() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    events = [item.removeprefix("event ") for item in coverage_page.names()["event"]]
    assert [event for event in events if f'"{event}"' not in source] == []
