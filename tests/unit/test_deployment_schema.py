"""The schema that editors check deployment files with."""

from config import schema


def test_the_schema_in_the_reference_is_the_models_own() -> None:
    assert schema.FILE.read_text() == schema.schema_text(), "run: python -m config.schema"
