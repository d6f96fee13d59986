"""The page of rights tells those of the templates, and its reasons are of rights that there are."""

from typing import Any

from benchmarks import access


def test_the_page_is_fresh(sandbox: Any) -> None:
    """`make prove-access` writes it."""
    assert access.PAGE.read_text() == access.page(access.rights_of_templates(sandbox.by_stack.values()))


def test_every_reason_is_of_a_right(sandbox: Any) -> None:
    rights = access.rights_of_templates(sandbox.by_stack.values())
    assert [one for one in access.reasons() if not any(one.covers(right) for right in rights)] == []
