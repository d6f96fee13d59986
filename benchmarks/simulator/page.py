"""`python -m benchmarks.simulator.page`: what `make bench-import` and `make chaos` kept, as a page."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.chaos import MEANINGS
from benchmarks.import_simulator import BAD, COLUMNS, LOST
from benchmarks.provenance import RESULTS, ROOT, described
from benchmarks.simulator.bars import missed
from benchmarks.simulator.billing import MILLION

PAGE = ROOT / "docs" / "reference" / "simulated.md"
ABOUT = """<!-- Written by `python -m benchmarks.simulator.page`. -->

# The import, simulated

`make bench-import` runs the functions of production over AWS in memory, on virtual time, with files of
0.5 MB in studies of five hundred: [how, and what it assumes](../concepts/import.md#simulated).

- Of bound: the time that the quotas ask for (starts, jobs at a time, files to a job), divided by the time
  from the first start to the last job's end.
- Start: of a file's job, counted from the moment at which the whole backlog may go.
- Losses of the others are dead letters; their duplicates are files that were read again for another event
  of their folder. Their bill is the least that it can be: how their messages come to be is not counted.
"""


def page(found: Mapping[str, Any], chaos: Mapping[str, Any]) -> str:
    """`found` and `chaos` are the documents that the two programs keep."""
    return "\n".join([*_sections(found), *_histories(chaos), ""])


def _sections(found: Mapping[str, Any]) -> Iterator[str]:
    files = f"{found['files']:,} files"
    yield from (ABOUT, f"Commit {found['commit'][:12]}, {described(found)}.", "")
    bars = missed(dict(found))
    yield f"Bars of `benchmarks/simulator/bars.py` that are missed: {len(bars) or 'none'}."
    yield from ("", *(f"- {bar}" for bar in bars)) if bars else ()
    for name, runs in found["layouts"].items():
        yield from _section(f"{files}, {name}", _runs(("this import", one) for one in runs))
    yield from _section(f"{files}, as others do it", _runs((one["strategy"], one) for one in found["others"]))
    hurt = _runs((f"{one['files']:,} files, {one['failed']} failed", one) for one in found["hurt"])
    yield from _section(f"{LOST:.0%} of all events lost, {BAD:.1%} of the files bad", hurt)
    for name, title in (
        ("alone", "A study with nothing waiting"),
        ("urgent", "An urgent study beside a backlog"),
    ):
        yield from _section(f"{title}: seconds from its last upload to its start", _plain(found[name]))
    yield from _section("Calls and dollars of a million files, at the fastest rate", _bill(found["layouts"]))
    yield from _section("Planned in one pass", _plain(found["planned"]))
    yield from ("", *_curve(found["planned"]))


def _histories(chaos: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", "## Random histories", "")
    yield f"`make chaos`, seed {chaos['seed']}, commit {chaos['commit'][:12]}: no history broke an invariant."
    yield ""
    yield from _table(
        ["what they met", "number"], [[text, chaos["tally"][name]] for name, text in MEANINGS.items()]
    )


def _section(title: str, lines: Iterable[str]) -> list[str]:
    return ["", f"## {title}", "", *lines]


def _runs(runs: Iterable[tuple[str, Mapping[str, Any]]]) -> list[str]:
    rows = [[name, one["rate"], *(one.get(column) for column in COLUMNS)] for name, one in runs]
    return _table(["strategy", "starts a second", *COLUMNS.values()], rows)


def _plain(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return _table([name.replace("_", " ") for name in rows[0]], [list(row.values()) for row in rows])


def _bill(layouts: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    fastest = {name: runs[-1] for name, runs in layouts.items()}
    names = sorted({name for run in fastest.values() for name in run["calls"]})
    rows = [[name, *(_billed(run, name) for run in fastest.values())] for name in names]
    return _table(["what AWS bills", *fastest], rows)


def _billed(run: Mapping[str, Any], name: str) -> str:
    number = run["calls"].get(name, 0) * MILLION // run["files"]
    return f"{number:,} (${run['dollars_by_name'].get(name, 0):g})"


def _curve(planned: Sequence[Mapping[str, Any]]) -> list[str]:
    """Flat or falling where planning grows no faster than n log n."""
    heights = [one["nanoseconds_by_n_log_n"] for one in planned]
    return [
        "```mermaid",
        "xychart-beta",
        f'    x-axis "files" [{", ".join(str(one["files"]) for one in planned)}]',
        f'    y-axis "nanoseconds by n log n" 0 --> {2 * max(heights)}',
        f"    line {heights}",
        "```",
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def kept() -> str:
    """The page of the results that are kept."""
    return page(
        *(json.loads((RESULTS / f"{name}.json").read_text()) for name in ("import_simulator", "chaos"))
    )


if __name__ == "__main__":
    PAGE.write_text(kept(), encoding="utf-8")
