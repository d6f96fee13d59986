"""Write the JSON Schema of deployment files for editors: `python -m config.schema`."""

import json
from pathlib import Path

from config.deployment import Deployment

FILE = Path(__file__).parents[1] / "docs" / "reference" / "deployment.schema.json"


def schema_text() -> str:
    """The schema as it must stand in the file."""
    return json.dumps(Deployment.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema_text(), encoding="utf-8")
