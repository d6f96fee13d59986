"""From what waits in a folder to the files of a job."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from lambdas.importing.files import (
    File,
    Folder,
    FolderState,
    Status,
    Version,
    folders_above,
    skipped,
    split_key,
)
from lambdas.importing.limits import Limits
from lambdas.importing.names import fits_staging, job_name, staging_folder
from lambdas.importing.planner import Contents, compare, in_place, split, staged

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMITS = Limits(files=5, bytes=100, folders=3)
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


def folder(path: str = "study/") -> Folder:
    return Folder(
        bucket="input",
        path=path,
        store="main",
        state=FolderState.OPEN,
        first_at=NOW,
        last_at=NOW,
        due_at=NOW,
    )


def lying(*files: File) -> list[Version]:
    return [
        Version(key=one.key, version=one.version, modified_at=NOW, is_latest=True, size=one.size)
        for one in files
    ]


def compared(rows: list[File], current: list[Version], path: str = "study/") -> Contents:
    return compare(folder(path), rows, current, (), NOW)


@st.composite
def folders(draw: st.DrawFn) -> tuple[list[File], list[Version]]:
    """Waiting files of some versions, and a listing that holds some of them and some others."""
    names = draw(st.lists(NAMES, unique=True, max_size=15))
    waiting, current = [], []
    for name in names:
        versions = [
            file(name, f"v{number}", draw(st.integers(1, 60))) for number in range(draw(st.integers(1, 3)))
        ]
        waiting += draw(st.lists(st.sampled_from(versions), unique=True))
        current += draw(st.lists(st.sampled_from(versions), max_size=1))
    return draw(st.permutations(waiting)), lying(*current)


@given(folders())
def test_every_waiting_file_is_to_be_imported_or_settled_never_both(
    given: tuple[list[File], list[Version]],
) -> None:
    waiting, current = given
    found = compared(waiting, current)

    assert Counter(map(name_of, waiting)) == Counter(map(name_of, found.files + found.settled))


@given(folders())
def test_a_file_is_to_be_imported_only_if_its_version_is_current(
    given: tuple[list[File], list[Version]],
) -> None:
    waiting, current = given
    latest = {(one.key, one.version) for one in current}

    assert {(one.key, one.version) for one in compared(waiting, current).files} <= latest


@given(folders())
def test_a_folder_is_alone_when_all_that_lies_there_waits(given: tuple[list[File], list[Version]]) -> None:
    waiting, current = given
    found = compared(waiting, current)

    rows = {(one.key, one.version) for one in waiting}
    assert found.is_alone == all((one.key, one.version) in rows for one in current)
    assert found.has_unseen != found.is_alone


@given(folders())
def test_parts_are_the_files_in_their_order_and_none_is_over_a_limit(
    given: tuple[list[File], list[Version]],
) -> None:
    waiting, _ = given
    parts = list(split(waiting, LIMITS))

    assert [one for part in parts for one in part] == waiting
    assert all(len(part) <= 5 and (len(part) == 1 or sum(f.size for f in part) <= 100) for part in parts)


def test_files_that_are_all_that_lies_in_their_folders_are_read_in_place() -> None:
    files = [file("1", folder="a/x/"), file("2", folder="a/y/")]
    contents = [compared([one], lying(one), one.folder) for one in files]

    batch = in_place("test", "a/", contents, LIMITS)

    assert batch
    assert (batch.prefix, batch.folders) == ("a/", ("a/x/", "a/y/"))


def test_a_folder_that_holds_something_imported_is_not_read_in_place() -> None:
    imported = replace(file("1"), status=Status.IMPORTED)

    assert (
        in_place("test", "study/", [compared([imported, file("2")], lying(imported, file("2")))], LIMITS)
        is None
    )


def test_an_object_without_a_row_keeps_a_folder_from_being_read_in_place() -> None:
    found = compared([file("1")], lying(file("1"), file("2")))

    assert found.has_unseen
    assert in_place("test", "study/", [found], LIMITS) is None


def test_a_file_that_a_job_left_without_a_word_is_not_read_in_place() -> None:
    again = file("1", attempts=1)

    assert in_place("test", "study/", [compared([again], lying(again))], LIMITS) is None


def test_more_than_a_job_holds_is_not_read_in_place() -> None:
    for files in (
        [file(str(number)) for number in range(6)],
        [file(str(number), size=60) for number in range(2)],
        [file("1", folder=f"study/{number}/") for number in range(4)],
    ):
        contents = [compared([one], lying(one), one.folder) for one in files]
        assert in_place("test", "study/", contents, LIMITS) is None


def test_a_prefix_that_no_uri_can_name_is_not_read_in_place() -> None:
    for path in ("a\nb/", "a" * 1020 + "/"):
        one = file("1", folder=path)
        assert in_place("test", path, [compared([one], lying(one), path)], LIMITS) is None


def test_files_that_are_no_longer_current_are_skipped_with_the_rule() -> None:
    found = compared([file("1", "old"), file("2")], lying(file("1", "new")))

    assert {one.name: one.reason for one in found.settled} == {
        "1": "superseded by a newer version",
        "2": "deleted before it was imported",
    }


def test_what_the_overwrites_say_is_settled_and_not_imported() -> None:
    fate = skipped(file("1"), "ignored", NOW)

    found = compare(folder(), [file("1"), file("2")], lying(file("1"), file("2")), [fate], NOW)

    assert [one.name for one in found.files] == ["2"]
    assert found.settled == (fate,)
    assert not found.is_alone
    assert not found.has_unseen


@given(st.lists(NAMES, unique=True, min_size=1))
def test_a_job_is_named_by_its_files_and_deployment_alone(names: list[str]) -> None:
    files = [file(name) for name in names]
    name = job_name("test", files)

    assert re.fullmatch(r"[a-zA-Z0-9._-]{1,64}", name)
    assert name == job_name("test", files) == staged("test", files).name
    assert name != job_name("other", files)
    assert name != job_name("test", [replace(one, attempts=1) for one in files])


def test_the_longest_deployment_name_still_fits_a_token() -> None:
    assert len(job_name("a" * 21, [file("1")])) <= 64


def test_a_key_is_a_folder_and_a_name() -> None:
    assert split_key("a/b/c") == ("a/b/", "c")
    assert split_key("c") == ("", "c")
    assert folders_above("a/b/") == ["", "a/"]


def test_a_copy_must_have_a_key_that_s3_takes() -> None:
    folder = staging_folder("main", "job")
    room = 1024 - len(folder) - len("study/")

    assert folder == "main/job/"
    assert fits_staging(folder, file("n" * room))
    assert not fits_staging(folder, file("n" * (room + 1)))


def name_of(one: File) -> tuple[str, str]:
    return one.name, one.version
