"""What a worker process does for STOW-RS: read one part of a request and import it.

Imported in worker processes only: pydicom, numpy and the codecs are slow to load.
"""

import json
import logging
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import pydicom

from emulator.dicomweb.uploads import CANNOT_UNDERSTAND, NOT_OF_THE_STUDY, Failed, Stored, Upload
from emulator.imports.importing import import_instance
from emulator.p10.parsing import InvalidDicom
from emulator.p10.reading import read_instance

# What pydicom says of a file that it can read nevertheless may quote an element.
logging.getLogger("pydicom").disabled = True
warnings.filterwarnings("ignore", module="pydicom")


def store_part(upload: Upload) -> Stored | Failed:
    """Import the part, or tell why it is not imported."""
    data = _read(upload)
    try:
        instance = read_instance(data)
        if upload.study_instance_uid not in (None, instance.study_instance_uid):
            return Failed(*_uids(data), NOT_OF_THE_STUDY)
        imported = import_instance(
            instance,
            upload.key,
            job_id=upload.request_id,
            frames=upload.frames,
            lossless_format=upload.lossless_format,
            transcode=upload.transcode,
        )
    except InvalidDicom:
        return Failed(*_uids(data), CANNOT_UNDERSTAND)
    attributes = json.loads(zlib.decompress(imported.metadata))["DICOM"]
    return Stored(attributes["SOPClassUID"], imported)


def _read(upload: Upload) -> bytes:
    with Path(upload.file).open("rb") as file:
        file.seek(upload.start)
        return file.read(upload.size)


def _uids(data: bytes) -> tuple[str | None, str | None]:
    """SOP Class and Instance UID of a file that is refused, as far as it can be read."""
    try:
        dataset = pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
        found = [dataset.get(name) for name in ("SOPClassUID", "SOPInstanceUID")]
    except Exception:
        # pydicom raises of every kind on a broken file.
        return None, None
    texts = [str(uid) if uid else None for uid in found]
    return texts[0], texts[1]
