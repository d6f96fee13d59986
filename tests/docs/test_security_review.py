"""The security review names each control once, counts truly, and every check that it names exists."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guides" / "security-review.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split(" | ")]
    for line in PAGE.splitlines()
    if re.match(r"\| \d+ \|", line)
]
CHECK = re.compile(r"`(?:make (?P<target>[a-z]+)|(?P<file>tests/[a-z_/]+\.py)::(?P<test>test_[a-z0-9_]+))`")


def test_there_are_83_controls_each_once() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, 84))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_control_names_a_check_that_exists(row: list[str]) -> None:
    _, _, _, met, where, check = row
    assert met in ("yes", "part", "no")
    assert where
    found = CHECK.fullmatch(check)
    assert found, f"{check} is neither a make target nor a test"
    if found["test"]:
        code = (ROOT / found["file"]).read_text(encoding="utf-8")
        assert f"\ndef {found['test']}(" in code


def test_the_page_says_how_many_are_met() -> None:
    met = Counter(row[3] for row in ROWS)
    said = f"Of the 83, {met['yes']} are met,\n{met['part']} in part, {met['no']} is not."
    assert said in PAGE
