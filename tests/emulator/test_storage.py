"""The state folder of the service."""

import sqlite3
from pathlib import Path

import pytest

from emulator.storage import OtherSchema, Storage


def test_a_state_folder_is_opened_again(tmp_path: Path) -> None:
    Storage(tmp_path)
    assert Storage(tmp_path).rows("SELECT * FROM datastores") == []


def test_the_state_of_another_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "healthimaging.sqlite") as connection:
        connection.execute("CREATE TABLE datastores (id TEXT)")
        connection.execute("INSERT INTO datastores VALUES ('kept')")
    with pytest.raises(OtherSchema, match="ahi down --wipe"):
        Storage(tmp_path)
    with sqlite3.connect(tmp_path / "healthimaging.sqlite") as connection:
        assert connection.execute("SELECT id FROM datastores").fetchall() == [("kept",)]
