"""The generated pages say what the code says."""

from pathlib import Path

import pytest

from cli.reference import pages

PAGES = pages()


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_a_generated_page_is_fresh(file: Path) -> None:
    assert file.read_text(encoding="utf-8") == PAGES[file], "run `python -m cli.reference`"
