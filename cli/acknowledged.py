"""The page of rules that are not followed, and why: `python -m cli.acknowledged build/production`."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from cli.repository import ROOT

PAGE = ROOT / "docs" / "reference" / "acknowledged.md"
HEAD = """\
# Rules that are not followed

What cdk-nag's packs AwsSolutions, HIPAA.Security and NIST.800-53.R5, and the CDK's own validation, ask and
production does not do: the rule, the construct and the reason, as the code acknowledges it there. A finding
that is not acknowledged fails `tests/infra/test_security_packs.py`. What checkov and parliament find and is
meant so stands in `tests/audit/skips.yaml`.

<!-- Written by `python -m cli.acknowledged build/production` after `make templates`: change the code. -->

| Why not | Rules | Where |
|---|---|---|
"""


def page(assembly: Path) -> str:
    """The page for what `cdk synth` wrote into `assembly`."""
    rules, places = defaultdict(set), defaultdict(set)
    for place, rule, reason in _acknowledgements(assembly):
        rules[reason].add(rule)
        places[reason].add(place)
    rows = (
        f"| {reason} | {_listed(rules[reason])} | {_listed(places[reason])} |\n" for reason in sorted(rules)
    )
    return HEAD + "".join(rows)


def _acknowledgements(assembly: Path) -> Iterator[tuple[str, str, str]]:
    """Construct, rule and reason of each; a finding's resource is left out of its rule."""
    for file in sorted(assembly.glob("*.metadata.json")):
        for place, entries in json.loads(file.read_text(encoding="utf-8")).items():
            for entry in entries:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    for rule, reason in entry["data"].items():
                        yield place.strip("/"), rule.partition("::")[2].partition("[")[0], reason


def _listed(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


if __name__ == "__main__":
    PAGE.write_text(page(Path(sys.argv[1])), encoding="utf-8")
