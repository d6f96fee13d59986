"""What is wrong with a deployment file, in words for the person who wrote it."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

# Python's names mean nothing to who writes YAML.
IN_YAML = {
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
}


class DeploymentError(ValueError):
    """A deployment file cannot be used; the text says which key, what was given and what is allowed."""


def explain(path: Path, model: type[BaseModel], error: ValidationError) -> str:
    """One paragraph a wrong key: file and key, what was given, what is allowed."""
    schema = model.model_json_schema()
    return "\n".join(_paragraph(path, schema, item) for item in error.errors())


def _paragraph(path: Path, schema: dict[str, Any], item: Any) -> str:
    kind, given = item["type"], repr(item["input"])
    location = [part for part in item["loc"] if part != "[key]"]
    allowed = item["msg"].removeprefix("Input should be ").replace("String should match", "text matching")
    if kind == "missing":
        given, allowed = "nothing", "a value; this key is required"
    elif kind == "extra_forbidden":
        given = f"a key that does not exist, with the value {given}"
        allowed = ", ".join(_node(schema, location[:-1])["properties"])
    elif kind in IN_YAML:
        allowed = IN_YAML[kind]
    elif kind == "prefixes_overlap":
        given = ", ".join(f"{name} {store.get('prefix', '')!r}" for name, store in item["input"].items())
    key = ".".join(str(part) for part in location) or "the file"
    meaning = _node(schema, location).get("description")
    return f"{path}: {key}\n  given: {given}\n  allowed: {allowed}" + (
        f"\n  meaning: {meaning}" if meaning else ""
    )


def _node(schema: dict[str, Any], location: list[int | str]) -> dict[str, Any]:
    """What the schema says of the value at `location`; empty where it says nothing."""
    node: dict[str, Any] = schema
    for part in location:
        by_pattern: list[dict[str, Any]] = list(node.get("patternProperties", {}).values())
        node = node.get("properties", {}).get(part) or next(iter(by_pattern), {})
        node = schema["$defs"][node["$ref"].removeprefix("#/$defs/")] if "$ref" in node else node
    return node
