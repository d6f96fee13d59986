"""What a new version of a key does when another version of it is imported."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.importing.files import File, Status
from lambdas.importing.overwrites import Overwrites, is_older, policy_for, settle_overwrites

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
POLICIES = {"": Overwrites.IGNORE, "a/": Overwrites.REJECT, "a/b/": Overwrites.IMPORT}


def version(number: int, status: Status = Status.WAITING, sequencer: str = "") -> File:
    return File(
        bucket="input",
        folder="study/",
        name="1",
        version=f"v{number}",
        size=1,
        uploaded_at=NOW + timedelta(minutes=number),
        sequencer=sequencer,
        status=status,
    )


def test_the_longest_prefix_says_what_an_overwrite_does_and_without_one_it_is_imported() -> None:
    found = [policy_for(key, POLICIES) for key in ("x", "a/1", "a/b/1", "ab/1")]

    assert found == [Overwrites.IGNORE, Overwrites.REJECT, Overwrites.IMPORT, Overwrites.IGNORE]
    assert policy_for("a/1", {}) is Overwrites.IMPORT


@pytest.mark.parametrize("policy", Overwrites)
def test_after_a_failed_version_every_policy_lets_the_repaired_one_in(policy: Overwrites) -> None:
    assert settle_overwrites([version(1, Status.FAILED), version(2)], [], {"": policy}, NOW) == ()


@pytest.mark.parametrize("policy", Overwrites)
def test_an_older_version_never_wins_over_an_imported_one(policy: Overwrites) -> None:
    (fate,) = settle_overwrites([version(1), version(2, Status.IMPORTED)], [], {"": policy}, NOW)

    assert (fate.version, fate.status) == ("v1", Status.SKIPPED)


@given(st.integers(0, 16**8 - 1), st.integers(0, 16**8 - 1), st.integers(0, 4))
def test_sequencers_compare_whatever_their_length_and_whatever_the_clocks_say(
    first: int, second: int, zeros: int
) -> None:
    one = version(9, sequencer=f"{first:08X}" + "0" * zeros)
    other = version(1, sequencer=f"{second:08x}")

    assert is_older(one, other) == (first < second)
