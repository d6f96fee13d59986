"""The reference of deployment files is what the model says."""

from config import schema


def test_the_generated_files_of_the_reference_are_the_models_own() -> None:
    for file, text in schema.files().items():
        assert file.read_text(encoding="utf-8") == text, "run: python -m config.schema"


def test_the_page_explains_every_key() -> None:
    (page,) = [text for file, text in schema.files().items() if file.suffix == ".md"]
    rows = [row.split(" | ") for row in page.splitlines() if row.startswith("| `")]
    assert {"`region`", "`data_stores.<id>.prefix`", "`quotas.start_rate`", "`alarms.no_import_hours`"} <= {
        row[0].removeprefix("| ") for row in rows
    }
    assert all(row[1] and row[3].strip(" |") for row in rows)
