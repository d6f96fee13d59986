"""The folders' arrows: which of our packages each one may import (docs/concepts/layout.md)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT: dict[str, set[str]] = {
    "config": set(),
    "healthimaging": set(),
    "stacks": {"config", "healthimaging"},
    "lambdas": set(),
    "emulator": set(),
    "cli": {"config", "emulator", "lambdas"},
}
OURS = {*MAY_IMPORT, "tests", "benchmarks", "examples", "app"}


def imported(path: Path) -> Iterator[str]:
    """The top-level package of every absolute import in a file, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def crossings(package: str) -> list[str]:
    forbidden = OURS - MAY_IMPORT[package] - {package}
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for name in imported(path)
        if name in forbidden
    ]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_follow_the_arrows(package: str) -> None:
    assert crossings(package) == []


def test_a_crossing_is_seen(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def late() -> None:\n    from stacks.data import DataStack\n")
    assert list(imported(module)) == ["stacks"]


def test_every_package_has_its_arrows() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == MAY_IMPORT.keys()


def test_no_package_hides_the_cdk_s_own() -> None:
    assert not (ROOT / "constructs").exists()
