"""An instance into frames on disk and metadata, ready to be placed in an image set.

Imported in worker processes only: pydicom, numpy and the codecs are slow to load.
"""

import hashlib
from pathlib import Path
from typing import Any

from emulator.image_sets.metadata import instance_json
from emulator.imports.frame_files import frame_file, frame_name
from emulator.imports.outcomes import Imported, StoredFrame
from emulator.p10.elements import BULK_DATA
from emulator.p10.reading import Instance, bulk_hash
from emulator.pixels.frames import StoredPixels, image_frames_metadata, stored_pixels
from emulator.storage import bulk_id
from emulator.warning_codes import WarningCode


def import_instance(
    instance: Instance, key: str, *, job_id: str, frames: str, lossless_format: str, transcode: bool = True
) -> Imported:
    """Encode and write the frames into the folder `frames`. `key` tells the files of a job apart.

    Without `transcode` no decoder sees the pixels: they are stored as they are, with a warning.
    """
    pixels = stored_pixels(instance.dataset, lossless_format, transcode=transcode)
    name = frame_name(job_id, key)
    bulk = dict(instance.bulk)
    attributes = dict(instance.instance["DICOM"])
    if pixels.apart is not None:
        bulk[bulk_hash(pixels.apart)] = pixels.apart
        attributes["PixelData"] = {BULK_DATA: bulk_hash(pixels.apart)}
    places = _write(Path(frames) / frame_file(name), _values(name, pixels, bulk))
    described = [
        image_frames_metadata(at.id, frame)
        for at, frame in zip(places[: len(pixels.frames)], pixels.frames, strict=True)
    ]
    warnings = [*instance.warnings, *pixels.warnings]
    return Imported(
        key=key,
        study_instance_uid=instance.study_instance_uid,
        series_instance_uid=instance.series_instance_uid,
        sop_instance_uid=instance.sop_instance_uid,
        conflict_key=instance.conflict_key,
        search=instance.search,
        levels={"Patient": instance.patient, "Study": instance.study, "Series": instance.series},
        metadata=instance_json(
            {**instance.instance, "DICOM": attributes},
            pixels.transfer_syntax_uid,
            described,
            [each.code for each in warnings],
        ),
        file=frame_file(name),
        frames=places,
        warnings=[_line(each) for each in warnings],
    )


def _values(name: str, pixels: StoredPixels, bulk: dict[str, bytes]) -> list[tuple[str, bytes]]:
    """What is written, by the id that finds it again: the frames, and then the values kept apart."""
    numbered = enumerate((frame.data for frame in pixels.frames), start=1)
    frames = [(hashlib.sha256(f"{name}/{each}".encode()).hexdigest()[:32], data) for each, data in numbered]
    return frames + [(bulk_id(hashed), value) for hashed, value in bulk.items()]


def _write(path: Path, values: list[tuple[str, bytes]]) -> list[StoredFrame]:
    """All values in one file: a file each would make thousands of a multi-frame object."""
    places: list[StoredFrame] = []
    start = 0
    for identity, data in values:
        places.append(StoredFrame(id=identity, start=start, size=len(data)))
        start += len(data)
    if places:
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.writelines(data for _, data in values)
    return places


def _line(each: WarningCode) -> dict[str, Any]:
    return {"warning_reason_code": each.code, "type": each.type, "message": each.message}
