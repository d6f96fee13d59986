"""From what waits in a folder to the jobs that import it."""

import re
from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from lambdas.importing.files import File, Status, Version, folders_above, split_key
from lambdas.importing.planner import Limits, Listing, Plan, fits_staging, job_name, plan, staging_key

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMITS = Limits(files=5, bytes=100)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8)


def file(name: str, version: str = "v1", size: int = 10, folder: str = "study/", attempts: int = 0) -> File:
    return File(
        bucket="input",
        folder=folder,
        name=name,
        version=version,
        size=size,
        uploaded_at=NOW,
        store="main",
        attempts=attempts,
    )


def listing(*files: File, nested: bool = False) -> Listing:
    current = [
        Version(key=one.key, version=one.version, modified_at=NOW, is_latest=True, size=one.size)
        for one in files
    ]
    return Listing(current=tuple(current), nested=nested)


def planned(waiting: list[File], found: Listing, deployment: str = "test") -> Plan:
    return plan(deployment, waiting, found, LIMITS, NOW)


@st.composite
def folders(draw: st.DrawFn) -> tuple[list[File], Listing]:
    """Waiting files of some versions, and a listing that holds some of them and some others."""
    names = draw(st.lists(NAMES, unique=True, max_size=15))
    waiting, current = [], []
    for name in names:
        versions = [
            file(name, f"v{number}", draw(st.integers(1, 60))) for number in range(draw(st.integers(1, 3)))
        ]
        waiting += draw(st.lists(st.sampled_from(versions), unique=True))
        current += draw(st.lists(st.sampled_from(versions), max_size=1))
    return draw(st.permutations(waiting)), listing(*current, nested=draw(st.booleans()))


@given(folders())
def test_every_waiting_file_is_in_one_batch_or_settled_never_both(given: tuple[list[File], Listing]) -> None:
    waiting, found = given
    result = planned(waiting, found)

    planned_files = [one for batch in result.batches for one in batch.files]
    keys = [(one.key, one.version) for one in [*planned_files, *result.settled]]
    assert Counter(keys) == Counter((one.key, one.version) for one in waiting)


@given(folders())
def test_the_objects_under_a_prefix_read_in_place_are_exactly_the_batch(
    given: tuple[list[File], Listing],
) -> None:
    waiting, found = given
    for batch in planned(waiting, found).batches:
        if batch.in_place:
            assert not found.nested
            assert {(one.key, one.version) for one in batch.files} == {
                (one.key, one.version) for one in found.current
            }


@given(folders())
def test_no_batch_exceeds_a_limit_unless_one_file_alone_does(given: tuple[list[File], Listing]) -> None:
    for batch in planned(*given).batches:
        assert 1 <= len(batch.files) <= LIMITS.files
        assert batch.bytes <= LIMITS.bytes or len(batch.files) == 1


@given(folders())
def test_only_the_version_that_lies_there_now_is_imported(given: tuple[list[File], Listing]) -> None:
    waiting, found = given
    current = {(one.key, one.version) for one in found.current}
    result = planned(waiting, found)

    assert all((one.key, one.version) in current for batch in result.batches for one in batch.files)
    assert all(one.status is Status.SKIPPED and one.reason for one in result.settled)


@given(folders(), st.randoms())
def test_the_plan_does_not_depend_on_the_order_of_the_rows(
    given: tuple[list[File], Listing], random: object
) -> None:
    waiting, found = given
    shuffled = list(waiting)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert planned(shuffled, found) == planned(waiting, found)


@given(
    st.lists(NAMES, min_size=1, max_size=4, unique=True),
    st.from_regex(r"[a-z][a-z0-9-]{1,20}", fullmatch=True),
)
def test_job_names_are_within_the_patterns_of_job_name_and_client_token(
    names: list[str], deployment: str
) -> None:
    name = job_name(deployment, [file(one) for one in names])

    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name)
    assert name.startswith(f"ahi-{deployment}-")


@given(NAMES, NAMES, st.integers(0, 2), st.integers(0, 2))
def test_job_names_are_the_same_only_for_the_same_versions_and_attempt(
    a: str, b: str, m: int, n: int
) -> None:
    same = (a, m) == (b, n)

    assert (job_name("test", [file(a, attempts=m)]) == job_name("test", [file(b, attempts=n)])) == same


def test_job_names_tell_where_a_key_ends_and_a_version_begins() -> None:
    assert job_name("test", [file("a", "bc")]) != job_name("test", [file("ab", "c")])


def test_files_that_are_all_there_is_are_read_in_place() -> None:
    files = [file("1"), file("2")]

    (batch,) = planned(files, listing(*files)).batches

    assert batch.in_place
    assert batch.files == tuple(files)


def test_a_sibling_that_does_not_wait_makes_the_batch_staged() -> None:
    files = [file("1"), file("2")]

    (batch,) = planned(files, listing(*files, file("imported before"))).batches

    assert not batch.in_place


def test_a_file_that_an_earlier_job_said_nothing_about_is_staged() -> None:
    files = [file("1", attempts=1)]

    (batch,) = planned(files, listing(*files)).batches

    assert not batch.in_place


def test_a_folder_that_an_input_uri_cannot_name_is_staged() -> None:
    for folder in ("line\nbreak/", f"{'x' * 1_020}/"):
        files = [file("1", folder=folder)]

        (batch,) = planned(files, listing(*files)).batches

        assert not batch.in_place


def test_an_older_waiting_version_is_superseded_and_a_deleted_one_deleted() -> None:
    files = [file("1", "old"), file("1", "new"), file("2")]

    result = planned(files, listing(file("1", "new")))

    assert [(one.name, one.version, one.reason) for one in result.settled] == [
        ("1", "old", "superseded by a newer version"),
        ("2", "v1", "deleted before it was imported"),
    ]


def test_a_batch_is_split_by_files_and_by_bytes() -> None:
    many, large = (
        [file(str(number)) for number in range(7)],
        [file(str(number), size=60) for number in range(3)],
    )

    assert [len(batch.files) for batch in planned(many, listing(*many)).batches] == [5, 2]
    assert [len(batch.files) for batch in planned(large, listing(*large)).batches] == [1, 1, 1]


def test_objects_without_a_row_are_noticed() -> None:
    found = listing(file("1"), file("2"))

    assert found.holds_unseen([file("1")])
    assert found.holds_unseen([file("1"), file("2", "v0")])
    assert not found.holds_unseen([file("1"), file("2"), file("3")])


def test_a_key_that_leaves_no_room_for_the_job_cannot_be_staged() -> None:
    assert staging_key("job", "a/b") == "job/a/b"
    assert fits_staging("x" * 58, file("n" * (1024 - 59 - len("study/"))))
    assert not fits_staging("x" * 58, file("n" * (1024 - 58 - len("study/"))))


@given(st.text())
def test_a_key_is_its_folder_and_its_name(key: str) -> None:
    folder, name = split_key(key)

    assert folder + name == key
    assert "/" not in name
    assert folder == "" or folder.endswith("/")


def test_the_folders_above_a_folder() -> None:
    assert folders_above("a/b/") == ["", "a/"]
    assert folders_above("a//b/") == ["", "a/", "a//"]
    assert folders_above("") == []
