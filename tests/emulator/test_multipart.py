"""multipart/related bodies, written and read, and the media types that name them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.dicomweb import multipart
from emulator.dicomweb.accept import ANYTHING, accepted, media_type
from emulator.errors import ValidationException

TYPE = "application/dicom"


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5))
def test_what_is_written_is_read_back(contents: list[bytes]) -> None:
    content_type, body = multipart.written([multipart.Part(TYPE, each) for each in contents], TYPE)
    given = media_type(content_type)
    spans = list(multipart.read(body, given.parameters["boundary"]))

    assert (given.name, given.part) == ("multipart/related", TYPE)
    assert [span.content_type for span in spans] == [TYPE] * len(contents)
    assert [body[span.start : span.start + span.size] for span in spans] == contents


@given(st.binary(max_size=300))
def test_any_other_body_is_read_or_refused(noise: bytes) -> None:
    for body in (noise, b"--b" + noise, b"--b\r\n" + noise, b"--b\r\n\r\n" + noise + b"\r\n--b--"):
        try:
            spans = list(multipart.read(body, "b"))
        except ValidationException:
            continue
        assert all(0 <= span.start <= span.start + span.size <= len(body) for span in spans)


def test_what_stands_before_the_first_boundary_is_no_part() -> None:
    body = b"preamble\r\n--b\r\ncontent-type: a/b\r\n\r\nx\r\n--b--epilogue"
    (span,) = multipart.read(body, "b")

    assert (span.content_type, body[span.start : span.start + span.size]) == ("a/b", b"x")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('multipart/related; type="image/jphc"', "image/jphc"),
        ("Multipart/Related;TYPE=image/JPHC;transfer-syntax=*", "image/jphc"),
        ("multipart/related", ANYTHING),
        ("image/jp2;q=0.5", "image/jp2"),
    ],
)
def test_a_media_type_says_what_its_parts_are(text: str, part: str) -> None:
    assert media_type(text).part == part


def test_a_comma_in_quotes_separates_nothing() -> None:
    found = accepted({"accept": 'a/b; title="x,y", c/d'})

    assert [(each.name, each.parameters.get("title")) for each in found] == [("a/b", "x,y"), ("c/d", None)]


def test_the_dearest_comes_first_and_the_refused_not_at_all() -> None:
    found = accepted({"accept": "a/b;q=0.1, c/d;q=0, e/f, g/h;q=nonsense"})

    assert [each.name for each in found] == ["e/f", "g/h", "a/b"]


def test_who_says_nothing_accepts_anything() -> None:
    assert [each.name for each in accepted({})] == [ANYTHING]
