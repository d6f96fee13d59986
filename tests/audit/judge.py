"""What checkov and parliament find in cloud assemblies: `.audit/bin/python tests/audit/judge.py build/*`.

It runs in an environment of its own, requirements-audit.txt.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from parliament import analyze_policy_string
from policies import Assembly

SKIPS = Path(__file__).with_name("skips.yaml")


@dataclass(frozen=True)
class Finding:
    """`rule` of `suite` is not followed `at` a place."""

    suite: str
    rule: str
    at: str
    what: str


def by_checkov(folder: Path) -> Iterator[Finding]:
    """Of several folders in one run checkov leaves out templates that have the same name."""
    words = ["--framework", "cloudformation", "--skip-download", "--compact", "--output", "json"]
    finished = subprocess.run(
        [str(Path(sys.executable).with_name("checkov")), "--directory", str(folder), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(finished.stdout)
    templates = {path.name for path in folder.glob("*.template.json")}
    looked_at = {Path(each["file_path"]).name for each in _results(report)}
    if looked_at != templates or report["summary"]["parsing_errors"]:
        sys.exit(f"checkov judged {sorted(looked_at)}, not {sorted(templates)}: {finished.stderr}")
    for each in report["results"]["failed_checks"]:
        at = f"{folder}{each['file_path']} {each['resource'].removeprefix('AWS::')}"
        yield Finding("checkov", each["check_id"], at, each["check_name"])


def _results(report: Mapping[str, Any]) -> Iterator[Any]:
    for outcome in ("passed_checks", "failed_checks"):
        yield from report["results"][outcome]


def by_parliament(folder: Path) -> Iterator[Finding]:
    number = 0
    for name, _, text in Assembly(folder).policies():
        number += 1
        for found in analyze_policy_string(text).findings:
            yield Finding("parliament", found.issue, f"{folder}/{name}", str(found.detail))
    if not number:
        sys.exit(f"{folder} holds no policy: run `make templates` first")
    sys.stdout.write(f"{folder}: {number} policies judged\n")


def main(folders: list[Path]) -> None:
    skips = yaml.safe_load(SKIPS.read_text(encoding="utf-8"))
    used, problems = set(), []
    for folder in folders:
        for finding in (*by_checkov(folder), *by_parliament(folder)):
            number = next((n for n, skip in enumerate(skips) if skipped(skip, finding)), None)
            if number is None:
                problems.append(f"{finding.suite} {finding.rule} {finding.at}: {finding.what}")
            used.add(number)
    problems += [f"skips.yaml: nothing is found by {s}" for n, s in enumerate(skips) if n not in used]
    sys.stdout.write("".join(f"{line}\n" for line in [*problems, f"{len(problems)} findings"]))
    sys.exit(bool(problems))


def skipped(skip: Mapping[str, str], finding: Finding) -> bool:
    named = (skip["suite"], skip["rule"]) == (finding.suite, finding.rule)
    text = f"{finding.at} {finding.what}"
    return named and re.search(skip["where"], text) is not None


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
