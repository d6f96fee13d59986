"""Write the reference of deployment files, for editors and for people: `python -m config.schema`."""

import json
from collections.abc import Mapping
from pathlib import Path

from config.deployment import Deployment
from config.reference import reference_page

FOLDER = Path(__file__).parents[1] / "docs" / "reference"


def files() -> Mapping[Path, str]:
    """Each generated file and the text that must stand in it."""
    schema = Deployment.model_json_schema()
    return {
        FOLDER / "deployment.schema.json": json.dumps(schema, indent=2) + "\n",
        FOLDER / "deployment.md": reference_page(schema),
    }


if __name__ == "__main__":
    for file, text in files().items():
        file.write_text(text, encoding="utf-8")
