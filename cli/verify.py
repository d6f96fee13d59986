"""Does each sample have the fate it should, and does HealthImaging really hold it?"""

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pydicom
from pydicom.dataset import Dataset

from cli.deployed import Deployed
from cli.files import all_files
from cli.samples import Sample
from lambdas.importing.files import File

AT_ONCE = 8


def problems(found: Deployed, imaging: Any, samples: list[Sample]) -> list[str]:
    """What is not as it should be, a sentence each; empty when all is well.

    Who reads the ledger as `found` need not be who reads image sets as `imaging`.
    """
    fates = {file.key: file for file in all_files(found.ledger)}

    def wrong(sample: Sample) -> list[str]:
        file = fates.get(sample.key)
        if file is None or not as_expected(sample, file):
            return [
                f"{sample.key} is {file.status if file else 'unknown'}: {file.reason if file else 'no row'}"
            ]
        if file.image_set_id is None or file.store is None:
            return []
        datastore = found.outputs[f"Datastore{file.store.capitalize()}Id"]
        return [f"{sample.key}: {line}" for line in missing(imaging, datastore, file.image_set_id, sample)]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [line for lines in pool.map(wrong, samples) for line in lines]


def as_expected(sample: Sample, file: File) -> bool:
    """Whether a good file is in an image set, and a bad one failed for its reason."""
    if sample.reason is None:
        return file.status == "IMPORTED" and file.image_set_id is not None
    return file.status == "FAILED" and sample.reason in (file.reason or "")


def missing(imaging: Any, datastore: str, image_set: str, sample: Sample) -> Iterator[str]:
    """What the image set of a sample lacks of it."""
    source = pydicom.dcmread(sample.source)
    if image_set not in searched(imaging, datastore, source.StudyInstanceUID):
        yield f"a search for its study does not find image set {image_set}"
    where = {"datastoreId": datastore, "imageSetId": image_set}
    answer = imaging.get_image_set_metadata(**where)
    metadata = json.loads(gzip.decompress(answer["imageSetMetadataBlob"].read()))
    series = metadata["Study"]["Series"].get(source.SeriesInstanceUID, {"Instances": {}})
    instance = series["Instances"].get(source.SOPInstanceUID)
    if instance is None:
        yield f"image set {image_set} does not hold it"
        return
    frames = instance.get("ImageFrames", [])
    if len(frames) != number_of_frames(source):
        yield f"it has {number_of_frames(source)} frames, and image set {image_set} holds {len(frames)}"
    for frame in frames:
        got = imaging.get_image_frame(**where, imageFrameInformation={"imageFrameId": frame["ID"]})
        if not got["imageFrameBlob"].read():
            yield f"frame {frame['ID']} is empty"


def searched(imaging: Any, datastore: str, study: str) -> set[str]:
    """The image sets of one study."""
    criteria = {"filters": [{"values": [{"DICOMStudyInstanceUID": study}], "operator": "EQUAL"}]}
    pages = imaging.get_paginator("search_image_sets").paginate(
        datastoreId=datastore, searchCriteria=criteria
    )
    return {one["imageSetId"] for page in pages for one in page["imageSetsMetadataSummaries"]}


def number_of_frames(source: Dataset) -> int:
    return int(source.get("NumberOfFrames") or 1) if "PixelData" in source else 0
