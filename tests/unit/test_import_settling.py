"""From what a job's manifests say to the fate of each file."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from lambdas.importing.files import File, Job, JobState, Status, Version
from lambdas.importing.manifests import Outcome
from lambdas.importing.settling import MAX_ATTEMPTS, Ended, settle_in_place, settle_staged

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
END = START + timedelta(minutes=2)
NOW = END + timedelta(minutes=1)
BEFORE, DURING, AFTER = (
    START - timedelta(minutes=5),
    START + timedelta(minutes=1),
    END + timedelta(seconds=30),
)
DONE = Outcome(imported=True, image_set_id="set", is_primary=True)

JOB = Job(
    name="job",
    bucket="input",
    store="main",
    datastore_id="d" * 32,
    state=JobState.STARTED,
    files=1,
    bytes=1,
    in_place=True,
    prefix="s3://input/study/",
    created_at=BEFORE,
    at=START,
)


def ended(failure: str | None = None) -> Ended:
    return Ended(job=JOB, started_at=START, ended_at=END, failure=failure)


def file(name: str = "1", version: str = "v1", attempts: int = 0, job: str | None = None) -> File:
    return File(
        bucket="input",
        folder="study/",
        name=name,
        version=version,
        size=1,
        uploaded_at=BEFORE,
        store="main",
        attempts=attempts,
        job=job,
    )


def listed(
    version: str, at: datetime, name: str = "1", *, latest: bool = True, marker: bool = False
) -> Version:
    return Version(
        key=f"study/{name}",
        version=version,
        modified_at=at,
        is_latest=latest,
        is_delete_marker=marker,
        size=1,
    )


def test_each_member_of_a_staged_job_has_the_outcome_of_its_key() -> None:
    members = [file("1"), file("2")]
    outcomes = {"study/1": DONE, "study/2": Outcome(imported=False, reason="no")}

    settlement = settle_staged(ended(), members, outcomes, NOW)

    assert [(one.name, one.status, one.image_set_id, one.reason) for one in settlement.settled] == [
        ("1", Status.IMPORTED, "set", None),
        ("2", Status.FAILED, None, "no"),
    ]
    assert {(one.job, one.settled_at) for one in settlement.settled} == {("job", NOW)}


def test_a_member_that_was_found_gone_after_it_had_been_copied_is_imported() -> None:
    for status in (Status.SKIPPED, Status.FAILED):
        member = replace(file(), status=status, reason="gone")
        settlement = settle_staged(ended(), [member], {"study/1": DONE}, NOW)
        assert [one.status for one in settlement.settled] == [Status.IMPORTED]


def test_a_member_without_an_outcome_waits_again_and_at_last_fails() -> None:
    for attempts in range(MAX_ATTEMPTS):
        settlement = settle_staged(ended(), [file(attempts=attempts)], {}, NOW)
        if attempts < MAX_ATTEMPTS - 1:
            assert [(one.status, one.attempts) for one in settlement.returned] == [
                (Status.WAITING, attempts + 1)
            ]
        else:
            assert [one.reason for one in settlement.settled] == ["not mentioned in the output of 3 jobs"]


def test_a_job_that_failed_gives_its_message_to_the_members_it_says_nothing_of() -> None:
    settlement = settle_staged(ended("too many"), [file("1"), file("2")], {"study/1": DONE}, NOW)

    assert [(one.status, one.reason) for one in settlement.settled] == [
        (Status.IMPORTED, None),
        (Status.FAILED, "too many"),
    ]


def test_reading_the_same_manifests_twice_counts_one_attempt() -> None:
    (returned,) = settle_staged(ended(), [file()], {}, NOW).returned

    again = settle_staged(ended(), [returned], {}, NOW)

    assert (again.settled, again.returned) == ((), ())


def in_place(members: list[File], rows: list[File], versions: list[Version]) -> dict[str, Status]:
    """The new status of each version after a job that imported every key."""
    outcomes = {one.key: DONE for one in (*versions, *rows)}
    settlement = settle_in_place(ended(), members, rows, versions, outcomes, NOW)
    return {one.version: one.status for one in (*settlement.settled, *settlement.returned)}


def test_a_key_with_one_version_is_settled_by_its_outcome() -> None:
    assert in_place([file()], [file()], [listed("v1", BEFORE)]) == {"v1": Status.IMPORTED}


def test_a_version_that_came_after_the_job_leaves_the_older_one_settled() -> None:
    versions = [listed("v2", AFTER), listed("v1", BEFORE, latest=False)]

    assert in_place([file()], [file(), file(version="v2")], versions) == {"v1": Status.IMPORTED}


def test_a_version_that_came_before_the_job_is_the_one_that_was_read() -> None:
    versions = [listed("v2", BEFORE), listed("v1", BEFORE - timedelta(minutes=1), latest=False)]

    assert in_place([file()], [file(), file(version="v2")], versions) == {
        "v1": Status.WAITING,
        "v2": Status.IMPORTED,
    }


def test_a_version_that_came_while_the_job_ran_makes_nobody_imported() -> None:
    versions = [listed("v2", DURING), listed("v1", BEFORE, latest=False)]

    assert in_place([file()], [file(), file(version="v2")], versions) == {"v1": Status.WAITING}


def test_clocks_that_differ_by_seconds_make_nobody_imported() -> None:
    for at in (START - timedelta(seconds=3), END + timedelta(seconds=3)):
        versions = [listed("v2", at), listed("v1", BEFORE, latest=False)]
        assert Status.IMPORTED not in in_place([file()], [file(), file(version="v2")], versions).values()


def test_a_planned_version_that_is_still_the_newest_was_read_whenever_the_older_one_ended() -> None:
    for at in (BEFORE, START - timedelta(seconds=3)):
        newest = replace(listed("v2", at), etag="parts-2")
        versions = [newest, listed("v1", at, latest=False)]

        assert in_place([file(version="v2")], [file(), file(version="v2")], versions) == {
            "v2": Status.IMPORTED
        }


def test_a_version_deleted_while_the_job_ran_was_read_all_the_same() -> None:
    versions = [listed("m", DURING, marker=True), listed("v1", BEFORE, latest=False)]

    assert in_place([file()], [file()], versions) == {"v1": Status.IMPORTED}


def test_a_late_file_that_the_job_read_is_settled_with_or_without_its_row() -> None:
    versions = [listed("v1", BEFORE), listed("w1", DURING, "2"), listed("x1", DURING, "3")]
    late = file("2", "w1")

    assert in_place([file()], [file(), late], versions) == {
        "v1": Status.IMPORTED,
        "w1": Status.IMPORTED,
        "x1": Status.IMPORTED,
    }


@given(st.lists(st.sampled_from([BEFORE, DURING, AFTER]), max_size=4), st.data())
def test_nothing_is_imported_but_the_version_that_the_job_read(
    times: list[datetime], data: st.DataObject
) -> None:
    """The job reads whatever is current at some moment of its run."""
    history = [listed(f"v{number}", at, latest=False) for number, at in enumerate(sorted([BEFORE, *times]))]
    moment = data.draw(st.sampled_from([START, DURING, END]))
    read = [one.version for one in history if one.modified_at <= moment][-1]
    rows = [file(version=one.version) for one in history]

    fates = in_place([data.draw(st.sampled_from(rows))], rows, list(reversed(history)))

    assert {version for version, status in fates.items() if status is Status.IMPORTED} <= {read}


def test_a_version_that_was_taken_away_after_the_job_was_read_by_it() -> None:
    assert in_place([file()], [file()], []) == {"v1": Status.IMPORTED}
    versions = [listed("v2", AFTER)]
    assert in_place([file()], [file(), file(version="v2")], versions) == {"v1": Status.IMPORTED}


def test_what_is_newest_again_as_a_newer_version_was_taken_away_is_not_called_imported() -> None:
    newer = replace(file(version="v2"), uploaded_at=DURING, sequencer="2")
    for status in (Status.WAITING, Status.SKIPPED):
        rows = [file(), replace(newer, status=status)]
        assert in_place([file()], rows, [listed("v1", BEFORE)]) == {"v1": Status.WAITING}


def test_what_was_taken_away_before_the_job_casts_no_doubt() -> None:
    older = replace(file(version="v0"), uploaded_at=BEFORE - timedelta(minutes=1), sequencer="0")
    rows = [file(), replace(older, status=Status.SKIPPED)]
    assert in_place([file()], rows, [listed("v1", BEFORE)]) == {"v1": Status.IMPORTED}


@given(
    st.lists(
        st.tuples(st.sampled_from([BEFORE, DURING, AFTER]), st.sampled_from([BEFORE, DURING, AFTER, None])),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([START, DURING, END]),
    st.booleans(),
)
def test_nothing_is_imported_but_what_the_job_read_whatever_is_taken_away(
    times: list[tuple[datetime, datetime | None]], moment: datetime, has_events: bool
) -> None:
    """Each version is put at a time, and taken away at another. The job was planned with what is newest."""
    put = [
        listed(f"v{n}", at, latest=False) for n, (at, _) in enumerate(sorted(times, key=lambda one: one[0]))
    ]
    taken = {f"v{n}": at for n, (_, at) in enumerate(sorted(times, key=lambda one: one[0]))}

    def current(at: datetime) -> list[Version]:
        return [
            one
            for one in put
            if one.modified_at <= at and ((gone := taken[one.version]) is None or gone > at)
        ]

    assume(current(START) and current(moment))
    planned, read = current(START)[-1].version, current(moment)[-1].version
    rows = [
        replace(
            file(version=one.version),
            uploaded_at=one.modified_at,
            sequencer=one.version if has_events else "",
            status=Status.SKIPPED if taken[one.version] == BEFORE else Status.WAITING,
        )
        for one in put
    ]
    there = current(NOW)
    versions = [replace(one, is_latest=one is there[-1]) for one in reversed(there)]
    members = [row for row in rows if row.version == planned]
    settlement = settle_in_place(ended(), members, rows, versions, {"study/1": DONE}, NOW)

    imported = {one.version for one in settlement.settled if one.status is Status.IMPORTED}
    assert imported <= {read}
