"""An instance into frames on disk and metadata, ready to be placed in an image set.

Imported in worker processes only: pydicom, numpy and the codecs are slow to load.
"""

import hashlib
from pathlib import Path
from typing import Any

from emulator.image_sets.metadata import instance_json
from emulator.imports.outcomes import Imported, StoredFrame
from emulator.p10.reading import Instance
from emulator.pixels.frames import StoredPixels, image_frames_metadata, stored_pixels


def import_instance(
    instance: Instance, key: str, *, job_id: str, frames: str, lossless_format: str
) -> Imported:
    """Encode and write the frames into the folder `frames`. `key` tells the files of a job apart."""
    pixels = stored_pixels(instance.dataset, lossless_format)
    name = hashlib.sha256(f"{job_id}/{key}".encode()).hexdigest()[:32]
    places = _write_frames(Path(frames), name, pixels)
    described = [image_frames_metadata(at.id, frame) for at, frame in zip(places, pixels.frames, strict=True)]
    return Imported(
        key=key,
        study_instance_uid=instance.study_instance_uid,
        series_instance_uid=instance.series_instance_uid,
        sop_instance_uid=instance.sop_instance_uid,
        conflict_key=instance.conflict_key,
        search=instance.search,
        levels={"Patient": instance.patient, "Study": instance.study, "Series": instance.series},
        metadata=instance_json(instance.instance, pixels.transfer_syntax_uid, described),
        file=_frame_file(name),
        frames=places,
        warnings=[_warning(each) for each in pixels.warnings],
    )


def _write_frames(folder: Path, name: str, pixels: StoredPixels) -> list[StoredFrame]:
    """All frames of an instance in one file: a file each would make thousands of a multi-frame object."""
    if not pixels.frames:
        return []
    path = folder / _frame_file(name)
    path.parent.mkdir(exist_ok=True)
    places = []
    start = 0
    with path.open("wb") as file:
        for number, frame in enumerate(pixels.frames, start=1):
            file.write(frame.data)
            frame_id = hashlib.sha256(f"{name}/{number}".encode()).hexdigest()[:32]
            places.append(StoredFrame(id=frame_id, start=start, size=len(frame.data)))
            start += len(frame.data)
    return places


def _frame_file(name: str) -> str:
    return f"{name[:2]}/{name}"


def _warning(each: Any) -> dict[str, Any]:
    return {"warning_reason_code": each.code, "type": each.type, "message": each.message}
