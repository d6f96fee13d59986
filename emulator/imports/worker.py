"""What a worker process does: fetch one object, read it, encode its frames, write them.

Imported in worker processes only: pydicom, numpy and the codecs are slow to load.
"""

import functools
import logging
import warnings

from emulator.aws import S3Refused
from emulator.imports.importing import import_instance
from emulator.imports.outcomes import CUSTOMER_ERROR, Denied, Imported, Outcome, Refused, Source
from emulator.imports.role_s3 import DENIED, RoleS3
from emulator.p10.overrides import Override, parse_override
from emulator.p10.parsing import InvalidDicom
from emulator.p10.reading import read_instance

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
    return import_instance(
        read_instance(data, functools.partial(_overrides, source)),
        key,
        job_id=source.job_id,
        frames=source.frames,
        lossless_format=source.lossless_format,
        transcode=source.transcode,
    )


def _overrides(source: Source, study_instance_uid: str, series_instance_uid: str) -> list[Override]:
    """What is mapped to the study, and then what is mapped to the series and so goes over it."""
    of_study = [each for each in source.mappings if each.study_instance_uid == study_instance_uid]
    wanted = [each for each in of_study if each.series_instance_uid in (None, series_instance_uid)]
    in_order = sorted(wanted, key=lambda each: each.series_instance_uid is not None)
    return [_override(source, each.key) for each in in_order]


@functools.lru_cache(maxsize=64)
def _override(source: Source, key: str) -> Override:
    try:
        return parse_override(_s3(source).get(key))
    except S3Refused as error:
        if str(error) in DENIED:
            raise
        raise InvalidDicom(f"the metadata file mapped to its study cannot be read: {error}") from error


@functools.lru_cache(maxsize=4)
def _s3(source: Source) -> RoleS3:
    return RoleS3(source)
