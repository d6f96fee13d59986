"""`python -m benchmarks.emulator`: how fast HealthImaging on this machine is, beside what is asked of it.

Prints one table and writes `results/emulator.json`. Nothing else should work on the machine meanwhile:
the load is written down with the figures. Needs Linux, whose /proc it reads.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import importing, reading, samples
from benchmarks.provenance import described, keep, provenance
from benchmarks.sandbox import sandbox

MEBIBYTE = 1024 * 1024
WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much of everything."""

    files: int
    frames: int
    image_sets: int
    searches: int
    instances: int
    documents: int
    frames_of_file: int


# 1908 frames of 512 x 512 x 16 bits are 10^9 bytes.
WHOLE = Sizes(
    files=500,
    frames=1000,
    image_sets=100_000,
    searches=1000,
    instances=1000,
    documents=100,
    frames_of_file=1908,
)
QUICK = Sizes(files=4, frames=8, image_sets=50, searches=8, instances=6, documents=4, frames_of_file=3)


def measure(sizes: Sizes) -> dict[str, Any]:
    """Every figure, in one run on one server."""
    origin = provenance("emulator")
    with tempfile.TemporaryDirectory() as folder, sandbox() as local:
        ct, imported = importing.ct_import(local, Path(folder), sizes.files)
        return {
            **origin,
            "samples": samples.ORIGIN,
            "ct_import": ct,
            "frames": reading.frames(local, sizes.frames),
            "search": reading.searches(local, sizes.image_sets, sizes.searches),
            "metadata": reading.metadata(local, imported, sizes.instances, sizes.documents),
            "multi_frame_import": importing.multi_frame_import(local, Path(folder), sizes.frames_of_file),
        }


def table(found: dict[str, Any]) -> Table:
    """The figures beside their bars."""
    shown = Table(title=described(found))
    for name in ("what", "measured", "asked"):
        shown.add_column(name, justify="left" if name == "what" else "right")
    for row in [*_import_rows(found["ct_import"]), *_reading_rows(found), *_memory_rows(found)]:
        shown.add_row(*row)
    return shown


def _import_rows(ct: dict[str, Any]) -> list[tuple[str, str, str]]:
    parts = [
        (f"  of which, by itself: {name.replace('_', ' ')}", f"{each} s", "")
        for name, each in ct["seconds_of_parts"].items()
    ]
    return [
        (f"import of {ct['files']} CT instances", f"{ct['files_per_second']} files/s", ">= 100"),
        ("  parse, encode, verify alone", f"{ct['bound_files_per_second']} files/s", ""),
        ("  share of that reached", f"{ct['share_of_bound']:.0%}", ""),
        ("  seconds of the job", f"{ct['seconds']} s", ""),
        *parts,
        ("  not in any part", f"{ct['seconds_unaccounted']} s", ""),
        ("  CPU time of the bound", f"{ct['cpu_seconds_of_bound']} s", ""),
        ("  CPU time of the server", f"{ct['cpu_seconds_of_server']} s", ""),
        ("  CPU time of the workers", f"{ct['cpu_seconds_of_workers']} s", ""),
        # On a busy machine this says more than the share of the speed.
        ("  share of the bound by CPU time", f"{ct['share_of_bound_by_cpu']:.0%}", ""),
    ]


def _reading_rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    frames = {
        "GetImageFrame": "get_image_frame",
        "GetImageFrame as a role": "get_image_frame_as_role",
        "WADO-RS frame as stored": "wado_stored",
        "WADO-RS frame decoded": "wado_decoded",
    }
    rows = [(name, _call(found["frames"][key]), ">= 300/s, p99 < 10 ms") for name, key in frames.items()]
    rows.append(("  its decoding alone", _call(found["frames"]["decoding_alone"]), ""))
    search, metadata = found["search"], found["metadata"]
    rows.append((f"SearchImageSets over {search['image_sets']:,}", _call(search), "p99 < 50 ms"))
    rows += [
        (f"QIDO-RS over the same: {name.replace('_', ' ')}", _call(each), "")
        for name, each in search.get("qido", {}).items()
    ]
    name = f"GetImageSetMetadata, {metadata['instances']:,} in a set"
    return [*rows, (name, _call(metadata), "< 100 ms")]


def _call(figures: dict[str, float]) -> str:
    return f"{figures['per_second']}/s, p50 {figures['p50_ms']} ms, p99 {figures['p99_ms']} ms"


def _memory_rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    large = found["multi_frame_import"]
    return [
        (f"import of one file of {large['bytes'] / 1e9:.2f} GB", f"{large['seconds']} s", ""),
        ("  peak memory of the server", f"{large['peak_bytes_of_server'] / 1e9:.2f} GB", ""),
        ("  peak memory of the workers", f"{large['peak_bytes_of_workers'] / 1e9:.2f} GB", ""),
        ("  of both at one time", f"{large['peak_bytes_together'] / 1e9:.2f} GB", "< 3 GB"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.emulator", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: to see that it runs, nothing is written"
    )
    arguments = parser.parse_args()
    found = measure(QUICK if arguments.quick else WHOLE)
    Console(width=WIDTH).print(table(found))
    if not arguments.quick:
        keep("emulator", found)


if __name__ == "__main__":
    main()
