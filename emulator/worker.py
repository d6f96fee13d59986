"""What a worker process does: fetch one object, read it, encode its frames, write them.

Imported in worker processes only: pydicom, numpy and the codecs are slow to load.
"""

import functools
import hashlib
import logging
import warnings
from pathlib import Path
from typing import Any

from emulator.aws import S3Refused
from emulator.dicom import InvalidDicom, read_instance
from emulator.frames import StoredPixels, image_frames_metadata, stored_pixels
from emulator.metadata import instance_json
from emulator.outcomes import CUSTOMER_ERROR, Denied, Imported, Outcome, Refused, Source, StoredFrame
from emulator.role_s3 import DENIED, RoleS3

# What pydicom says of a file that it can read nevertheless may quote an element.
logging.getLogger("pydicom").disabled = True
warnings.filterwarnings("ignore", module="pydicom")


def import_object(task: tuple[Source, str]) -> Outcome:
    """Import the object of that key."""
    source, key = task
    try:
        return _import(source, key, _s3(source).get(key))
    except S3Refused as error:
        if str(error) in DENIED:
            return Denied(message=f"the role is denied s3:GetObject on the input ({error})")
        message = f"S3 refused to hand out the object: {error}"
        return Refused(key=key, exception_type=CUSTOMER_ERROR, message=message)
    except InvalidDicom as error:
        return Refused(key=key, exception_type=CUSTOMER_ERROR, message=str(error))


def _import(source: Source, key: str, data: bytes) -> Imported:
    instance = read_instance(data)
    pixels = stored_pixels(instance.dataset, source.lossless_format)
    name = hashlib.sha256(f"{source.job_id}/{key}".encode()).hexdigest()[:32]
    frames = _write_frames(Path(source.frames), name, pixels)
    described = [image_frames_metadata(at.id, frame) for at, frame in zip(frames, pixels.frames, strict=True)]
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
        frames=frames,
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


@functools.lru_cache(maxsize=4)
def _s3(source: Source) -> RoleS3:
    return RoleS3(source)
