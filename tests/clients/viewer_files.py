"""What the tests of examples/viewer import, what pydicom reads in it, and the Node that runs them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from local_aws import LocalAws, Store
from sample_files import sample, sample_dataset

from cli.node import node_folder

HERE = Path(__file__).parent
# Signed and not, 8 to 16 bits, one frame and ten, grey, turned round and coloured.
SHOWN = (
    "CT_small.dcm",
    "MR_small.dcm",
    "693_UNCR.dcm",
    "6247",
    "emri_small.dcm",
    "SC_rgb_16bit.dcm",
    "color-pl.dcm",
)
NOT_SHOWN = {
    "OBXXXX1A.dcm": "the photometric interpretation is PALETTE COLOR,"
    " and only MONOCHROME1, MONOCHROME2, RGB are shown",
    "rtdose_1frame.dcm": "the samples have 32 bits, and only up to 16 are decoded here",
    "SC_rgb_jpeg.dcm": "the frame is stored as 1.2.840.10008.1.2.4.50, and only HTJ2K is decoded here",
}

Array = np.ndarray[Any, np.dtype[Any]]


class Imported(NamedTuple):
    """A data store with those files, and the image set of each."""

    store: Store
    image_sets: dict[str, str]


def imported(aws: LocalAws) -> Imported:
    store = Store(aws)
    files = {sample_dataset(name).SOPInstanceUID: name for name in (*SHOWN, *NOT_SHOWN)}
    store.import_files({f"{uid}.dcm": sample(name) for uid, name in files.items()})
    image_sets = {}
    for found in store.search():
        (series,) = store.metadata(found["imageSetId"])["Study"]["Series"].values()
        image_sets |= {files[uid]: found["imageSetId"] for uid in series["Instances"]}
    assert image_sets.keys() == {*SHOWN, *NOT_SHOWN}
    return Imported(store, image_sets)


def frames_of(name: str) -> Array:
    """Each frame of the file as pydicom decodes it."""
    dataset = sample_dataset(name)
    pixels = dataset.pixel_array
    return pixels if int(dataset.get("NumberOfFrames") or 1) > 1 else pixels[np.newaxis]


def run_node(script: str, asked: Any, aws: LocalAws) -> Any:
    """What the script of this folder, which trusts `aws`, answers to `asked`."""
    answered = subprocess.run(
        [node_folder() / "node", HERE / script],
        input=json.dumps(asked),
        env={**os.environ, "NODE_EXTRA_CA_CERTS": aws.verify},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answered.returncode == 0, answered.stderr
    return json.loads(answered.stdout)
