"""The generated pages of the reference: `python -m cli.reference` writes them anew."""

from pathlib import Path

import pydicom
import typer.main

from cli.repository import ROOT
from cli.sample_studies import STUDIES, StudyFolder
from cli.samples import installed

REFERENCE = ROOT / "docs" / "reference"
WIDTH = 100
GENERATED = "<!-- Written by `python -m cli.reference`: change the code, not this page. -->"

CONVENTIONS = (
    "Facts go to stdout and progress to stderr. With `--json`, stdout is one JSON document.",
    "A command that cannot do what was asked says on stderr why, and what to do; its exit code is 1,",
    "or 2 when the command was not understood.",
)
ABOUT_SAMPLES = (
    "`make demo` uploads these. They are real DICOM files that come with the Python packages pydicom",
    "and pydicom-data: nothing is downloaded, and this repository keeps no copy. Names and birth dates",
    "in them are invented or removed. Files of those packages that hold an address, another number of a",
    "patient or a plausible name are left out.",
)


def pages() -> dict[Path, str]:
    """Every generated page, by the file it belongs in."""
    return {REFERENCE / "cli.md": commands_page(), REFERENCE / "samples.md": samples_page()}


def commands_page() -> str:
    """The help of each command."""
    # Imported here, because the console script imports that module, and needs none of this one.
    from cli.main import app

    group = typer.main.get_group(app)
    context = group.context_class(group, info_name="ahi", terminal_width=WIDTH, max_content_width=WIDTH)
    text = [GENERATED, "", "# The command `ahi`", "", f"```text\n{group.get_help(context)}\n```"]
    text += ["", *CONVENTIONS]
    for name, command in group.commands.items():
        below = command.context_class(command, info_name=name, parent=context)
        text += ["", f"## ahi {name}", "", f"```text\n{command.get_help(below)}\n```"]
    return "\n".join(text) + "\n"


def samples_page() -> str:
    """The sample studies, read from the files themselves."""
    text = [
        GENERATED,
        "",
        "# Sample studies",
        "",
        *ABOUT_SAMPLES,
        "",
        "| Folder | What it is | Files | Frames | Modality | Transfer syntaxes | Origin and licence |",
        "|---|---|---|---|---|---|---|",
        *(row(study) for study in STUDIES),
        "",
        "Files that HealthImaging cannot import, and a word of the reason it gives:",
        "",
        "| File | Reason |",
        "|---|---|",
        *(
            f"| `{study.name}/{Path(name).name}` | {reason} |"
            for study in STUDIES
            for name, reason in study.broken.items()
        ),
    ]
    return "\n".join(text) + "\n"


def row(study: StudyFolder) -> str:
    sources = [pydicom.dcmread(installed(name)) for name in study.files]
    cells = (
        f"`{study.name}`",
        study.what,
        str(len(study.files) + len(study.broken)),
        str(sum(int(source.get("NumberOfFrames") or 1) for source in sources if "PixelData" in source)),
        ", ".join(sorted({source.Modality for source in sources})),
        ", ".join(sorted({source.file_meta.TransferSyntaxUID.name for source in sources})),
        study.origin,
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    for file, page in pages().items():
        file.write_text(page, encoding="utf-8")
