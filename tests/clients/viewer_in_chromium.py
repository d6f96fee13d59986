"""The canvas of examples/viewer in headless Chromium shows the pixels that pydicom reads in the source.

`make viewer` runs this. Its name keeps it out of `make test`, which needs no browser.
"""

import base64
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from local_aws import LocalAws
from pydicom import Dataset
from sample_files import sample_dataset
from viewer_files import NOT_SHOWN, SHOWN, Array, Imported, frames_of, imported, run_node

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    """Where the page is served, as docs/guides/viewer.md serves it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=ROOT))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/examples/viewer/"
    server.shutdown()


@pytest.fixture(scope="module")
def files(aws: LocalAws) -> Imported:
    return imported(aws)


@pytest.fixture(scope="module")
def shown(aws: LocalAws, files: Imported, page: str) -> Any:
    executable = shutil.which("chromium")
    assert executable, "chromium is not installed: on Debian, `apt-get install chromium`"
    asked = {
        "executable": executable,
        "url": page,
        "endpoint": aws.endpoint,
        "datastore": files.store.id,
        "imageSets": list(files.image_sets.values()),
    }
    return run_node("viewer_in_chromium.mjs", asked, aws)


def on_screen(dataset: Dataset, frame: Array) -> Array:
    """The frame in 256 shades by PS3.3 C.11.2.1.2, or its colours in as many."""
    if frame.ndim == 3:
        return np.floor(frame * 255.0 / (2**dataset.BitsStored - 1) + 0.5)
    values = frame * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
    least, most = values.min(), values.max()
    centre = float(dataset.get("WindowCenter", (least + most + 1) / 2)) - 0.5
    width = float(dataset.get("WindowWidth", most - least + 1)) - 1
    shades = np.floor(np.clip(((values - centre) / width + 0.5) * 255, 0, 255) + 0.5)
    grey = 255 - shades if dataset.PhotometricInterpretation == "MONOCHROME1" else shades
    return np.repeat(grey[..., np.newaxis], 3, axis=2)


def colours(png: str) -> Array:
    """The red, green and blue of a canvas on which nothing is transparent."""
    rgba = imagecodecs.png_decode(base64.b64decode(png.removeprefix("data:image/png;base64,")))
    assert (rgba[..., 3] == 255).all()
    found: Array = rgba[..., :3]
    return found


@pytest.mark.parametrize("name", SHOWN)
def test_the_canvas_shows_the_pixels_that_pydicom_reads(name: str, files: Imported, shown: Any) -> None:
    dataset, expected = sample_dataset(name), frames_of(name)
    found = shown[files.image_sets[name]]

    assert len(found) == len(expected)
    for number, (told, pixels) in enumerate(zip(found, expected, strict=True), start=1):
        height, width = pixels.shape[:2]
        said = f"frame {number} of {len(expected)}, {width} x {height}, its pixels as they were stored"
        assert told["said"] == said
        np.testing.assert_array_equal(colours(told["png"]), on_screen(dataset, pixels))


@pytest.mark.parametrize(("name", "reason"), NOT_SHOWN.items())
def test_the_page_says_why_it_shows_nothing(name: str, reason: str, files: Imported, shown: Any) -> None:
    (told,) = shown[files.image_sets[name]]
    assert told == {"said": reason, "png": "data:,"}
