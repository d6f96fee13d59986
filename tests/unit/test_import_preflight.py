"""What the first bytes of an object say."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from cli.samples import samples
from lambdas.importing.preflight import DICOMDIR, GZIP, JSON, LOOK_BYTES, NOT_P10, Look, refusal

P10 = bytes(128) + b"DICM"


def seen(data: bytes, encoding: str = "") -> str | None:
    return refusal(Look(beginning=data[:LOOK_BYTES], encoding=encoding))


@pytest.mark.parametrize(
    ("data", "encoding", "rule"),
    [
        (P10, "", None),
        (P10, "aws-chunked", None),
        (P10, "gzip", GZIP),
        (gzip.compress(P10, mtime=0), "", GZIP),
        (b"DICM", "", NOT_P10),
        (b"\xff\xd8\xff", "", NOT_P10),
        (b'{"study": 1}', "", JSON),
        (b"\xef\xbb\xbf\r\n [1]", "", JSON),
        (b"{" + bytes(127) + b"DICM", "", None),
    ],
)
def test_preflight_names_the_rule_that_keeps_an_object_from_a_job(
    data: bytes, encoding: str, rule: str | None
) -> None:
    assert seen(data, encoding) == rule


def test_preflight_knows_a_dicomdir_by_its_class_and_not_by_its_name() -> None:
    found = get_testdata_file("DICOMDIR", read=False, download=False)

    assert seen(Path(str(found)).read_bytes()) == DICOMDIR


@pytest.mark.parametrize("sample", list(samples()), ids=lambda sample: sample.key)
def test_preflight_leaves_every_p10_file_to_healthimaging(sample: object) -> None:
    source: Path = sample.source  # type: ignore[attr-defined]

    assert seen(source.read_bytes()) == (NOT_P10 if source.suffix == ".txt" else None)


@given(st.binary(max_size=600), st.text(max_size=10))
def test_preflight_lets_through_nothing_but_p10_files(data: bytes, encoding: str) -> None:
    if seen(data, encoding) is None:
        assert data[128:132] == b"DICM"
