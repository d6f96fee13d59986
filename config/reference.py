"""The page that explains every key of a deployment file, from the same schema that editors check with."""

import json
from collections.abc import Iterator
from typing import Any

HEAD = """\
# A deployment file

One place the toolkit is deployed to is one file, `config/<name>.yaml`, chosen with
`cdk deploy -c deployment=<name>` or `AHI_DEPLOYMENT=<name>`; a path that ends in `.yaml` does as well.
Without either it is the sandbox. Wrong keys and values are refused before anything is synthesized.

The `<id>` of a data store is lower-case letters and digits and never changes. This page and
`deployment.schema.json` are written by `python -m config.schema`.

| Key | Allowed | Default | Meaning |
|---|---|---|---|
"""


def reference_page(schema: dict[str, Any]) -> str:
    """The page as it must stand in the file."""
    return HEAD + "\n".join(_rows(schema, schema, "")) + "\n"


def _rows(schema: dict[str, Any], node: dict[str, Any], path: str) -> Iterator[str]:
    for name, value in node["properties"].items():
        key = f"{path}{name}"
        values = list(value.get("patternProperties", {}).values())
        inner = _resolved(schema, values[0] if values else value)
        if "properties" in inner:
            yield from _rows(schema, inner, f"{key}.<id>." if values else f"{key}.")
        else:
            default = f"`{json.dumps(value['default'])}`" if "default" in value else ""
            default = default if name not in node.get("required", ()) else "required"
            yield f"| `{key}` | {_allowed(value)} | {default} | {value.get('description', '')} |"


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    return found


def _allowed(node: dict[str, Any]) -> str:
    if "anyOf" in node:
        return " or ".join(_allowed(choice) for choice in node["anyOf"])
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if node["type"] == "array":
        return f"a list of {_allowed(node['items'])}"
    if "const" in node:
        return f"`{node['const']}`"
    if "pattern" in node:
        return f"text matching `{node['pattern']}`".replace("|", "\\|")
    bounds = [
        f"{words} {node[key]:g}" if isinstance(node[key], float) else f"{words} {node[key]}"
        for key, words in (("exclusiveMinimum", "above"), ("minimum", "from"), ("maximum", "to"))
        if key in node
    ]
    kinds = {"integer": "whole number", "object": "mapping of texts", "string": "text"}
    return " ".join([kinds.get(node["type"], node["type"]), *bounds])
