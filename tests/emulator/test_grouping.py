"""Instances into image sets, as values."""

from hypothesis import given
from hypothesis import strategies as st

from emulator.imports.grouping import Group, group, image_set_id, merge_levels
from emulator.imports.outcomes import Imported


def instance(
    key: str, series: str = "1", conflict_key: tuple[str, ...] = ("a",), uid: str = "", **patient: str
) -> Imported:
    return Imported(
        key=key,
        study_instance_uid="0",
        series_instance_uid=series,
        sop_instance_uid=uid or key,
        conflict_key=conflict_key,
        search={},
        levels={"Patient": {"DICOM": patient}, "Study": {"DICOM": {}}, "Series": {"DICOM": {}}},
        metadata=b"",
        file="",
        frames=[],
    )


INSTANCES = st.lists(
    st.builds(
        instance,
        key=st.uuids().map(str),
        series=st.sampled_from("123"),
        conflict_key=st.sampled_from([("a",), ("b",), ("c",)]),
        uid=st.sampled_from("xyz"),
    )
)


def keys(groups: list[Group]) -> list[str]:
    return sorted(member.key for each in groups for member in each.members)


@given(INSTANCES)
def test_every_file_is_in_exactly_one_image_set(instances: list[Imported]) -> None:
    assert keys(group(instances, {})) == sorted(each.key for each in instances)


@given(INSTANCES)
def test_every_series_gets_exactly_one_primary_set(instances: list[Imported]) -> None:
    primaries = [each.series_instance_uid for each in group(instances, {}) if each.is_primary]

    assert sorted(primaries) == sorted({each.series_instance_uid for each in instances})


@given(INSTANCES)
def test_an_image_set_never_mixes_series_or_conflicting_instances(instances: list[Imported]) -> None:
    for each in group(instances, {}):
        assert {member.conflict_key for member in each.members} == {each.conflict_key}
        assert {member.series_instance_uid for member in each.members} == {each.series_instance_uid}


def test_the_first_instance_of_a_series_decides_what_is_primary() -> None:
    groups = group([instance("1", conflict_key=("b",)), instance("2", conflict_key=("a",))], {})

    assert [(each.conflict_key, each.is_primary) for each in groups] == [(("b",), True), (("a",), False)]


def test_a_primary_set_that_exists_decides_before_any_instance() -> None:
    (only,) = group([instance("1", conflict_key=("b",))], {"1": ("a",)})

    assert not only.is_primary


def test_of_two_files_of_one_instance_the_later_counts() -> None:
    (only,) = group([instance("1", uid="x"), instance("2", uid="x")], {})

    assert [each.key for each in only.instances.values()] == ["2"]
    assert len(only.members) == 2


def test_levels_are_those_of_the_first_file_completed_from_the_others() -> None:
    (only,) = group([instance("1", PatientSex="F"), instance("2", PatientSex="M", PatientID="P")], {})

    assert only.levels()["Patient"]["DICOM"] == {"PatientSex": "F", "PatientID": "P"}


def test_a_merge_puts_newer_elements_over_older_ones() -> None:
    older, newer = (
        {"Patient": {"DICOM": patient}, "Study": {"DICOM": {}}, "Series": {"DICOM": {}}}
        for patient in ({"a": 1, "b": 1}, {"b": 2})
    )

    assert merge_levels(older, newer)["Patient"]["DICOM"] == {"a": 1, "b": 2}


def test_the_id_of_an_image_set_follows_from_the_job_the_series_and_the_conflict() -> None:
    assert image_set_id("j", "1", ("a",)) == image_set_id("j", "1", ("a",))
    different = {image_set_id(*each) for each in [("j", "1", ("a",)), ("k", "1", ("a",)), ("j", "1", ("b",))]}
    assert len(different) == 3
